"""Files that nothing may be learnt from, known by their path and by their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


class ApartFiles:
    """The pictures and videos of those who are validated or tested on; ``path in files`` asks for one.

    A copy to the byte under another name is one of them too. Files are only read where another has their
    size.

    Args:
        paths: of the files; repeats don't matter, and one that is missing only counts by its path.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = {path.resolve() for path in set(paths)}
        self._by_size: dict[int, list[Path]] = {}
        self._hashes: dict[Path, bytes] = {}
        for path in self._paths:
            if path.is_file():
                self._by_size.setdefault(path.stat().st_size, []).append(path)

    def __contains__(self, path: Path) -> bool:
        whole = path.resolve()
        if whole in self._paths:
            return True
        alike = self._by_size.get(whole.stat().st_size, []) if whole.is_file() else []
        return bool(alike) and self._hash(whole) in {self._hash(other) for other in alike}

    def _hash(self, path: Path) -> bytes:
        if path not in self._hashes:
            with path.open("rb") as file:
                self._hashes[path] = hashlib.file_digest(file, "sha256").digest()
        return self._hashes[path]
