"""Where things lie: shipped resources and the user's data folder."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Path of a shipped resource, in a checkout (``resources/``) or an installed wheel.

    Raises:
        FileNotFoundError: the resource isn't shipped.
    """
    for root in (_PACKAGE.parent / "resources", _PACKAGE / "_resources"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError("/".join(parts))


def default_data_dir() -> Path:
    """``POLYPTRACE_DATA_DIR`` or the platform's folder for application data; may not exist yet."""
    chosen = os.environ.get("POLYPTRACE_DATA_DIR")
    if chosen:
        return Path(chosen)
    import platformdirs  # some milliseconds that a start with a folder of its own doesn't need

    return Path(platformdirs.user_data_dir("polyptrace", appauthor=False))


class DataDir:
    """The layout of a data folder. Making one creates nothing; the properties are only paths."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def catalogue(self) -> Path:
        """The SQLite file."""
        return self.root / "catalogue.sqlite"

    @property
    def vectors(self) -> Path:
        """Folder of the memory-mapped embeddings, one file a model version."""
        return self.root / "vectors"

    @property
    def thumbnails(self) -> Path:
        """Folder of thumbnails, one folder a video (by content hash)."""
        return self.root / "thumbnails"

    @property
    def frame_indexes(self) -> Path:
        """Folder of pts tables, one file a video (by content hash)."""
        return self.root / "frames"

    @property
    def jobs(self) -> Path:
        """Folder of lock files, one for each job that runs."""
        return self.root / "jobs"

    @property
    def explanations(self) -> Path:
        """Pictures of the explanations that a window has shown since it was opened."""
        return self.cache / "explanations"

    @property
    def window_lock(self) -> Path:
        """Locked while a window has the folder open."""
        return self.root / "window.lock"

    @property
    def models(self) -> Path:
        """Folder of model bundles that were imported or trained here."""
        return self.root / "models"

    @property
    def runs(self) -> Path:
        """Folder of training runs; ``POLYPTRACE_RUNS`` overrides it."""
        return Path(os.environ.get("POLYPTRACE_RUNS") or self.root / "runs")

    @property
    def cache(self) -> Path:
        """Derived files that can be made again (ONNX files, overlays)."""
        return self.root / "cache"
