"""A catalogue that a worker opens: to read, never to write."""

from __future__ import annotations

from typing import NoReturn, Self

from core.catalog.engine import BUSY_TIMEOUT_S, Catalog
from core.errors import PolypTraceError
from core.paths import DataDir


class ReadingCatalog(Catalog):
    """Refuses every write, that of making or renewing the catalogue included."""

    @classmethod
    def open(cls, data_dir: DataDir, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Self:
        """As :meth:`core.catalog.engine.Catalog.open`, for a catalogue that is there and up to date.

        Raises:
            PolypTraceError: ``catalogue-missing``, ``catalogue-reading``, or as the other one.
        """
        if not data_dir.catalogue.exists():
            raise PolypTraceError(
                "catalogue-missing", "There is no catalogue in the data folder.", "Open it again, or another."
            )
        return super().open(data_dir, busy_timeout_s)

    def write(self) -> NoReturn:
        """Raises:
        PolypTraceError: ``catalogue-reading``, always.
        """
        raise PolypTraceError(
            "catalogue-reading", "A worker tried to write the catalogue.", "Please report this line."
        )
