"""The crops of all tracklets in one file, cut once: training then reads no video any more."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.data.tracklets.values import Cut, Tracklet
from core.errors import PolypTraceError
from core.inference.preprocess import to_square

CROPS, LIST = "crops.u8", "tracklets.jsonl"


class CropFile:
    """Square crops in a file, mapped into memory: what isn't looked at stays on the disk.

    Args:
        path: of the file.
        side: of the squares, pixels.
    """

    def __init__(self, path: Path, side: int) -> None:
        count = path.stat().st_size // (side * side * 3)
        self._all = np.memmap(path, dtype=np.uint8, mode="r", shape=(count, side, side, 3)) if count else None

    def square(self, place: int) -> NDArray[np.uint8]:
        """(side, side, 3) uint8 RGB; not to be written to."""
        if self._all is None:
            raise IndexError(place)
        return np.asarray(self._all[place])


class TrackletStore:
    """Tracklets and their crops in a folder, written piece by piece; a killed writer goes on.

    Args:
        folder: of the two files.
        plan: what is to be cut, as a hash: a store begun for another plan is begun anew. None takes what is
            there, whatever its plan was.
        side: of the square crops, pixels.
    """

    def __init__(self, folder: Path, plan: str | None, side: int) -> None:
        self._folder, self._side = folder, side
        self._plan = plan
        self.tracklets: list[Tracklet] = []
        self.pieces = 0
        self.notes: list[str] = []
        self.complete = False
        folder.mkdir(parents=True, exist_ok=True)
        if not self._read():
            self._begin()

    @property
    def crops(self) -> CropFile:
        """The crops that were written."""
        return CropFile(self._folder / CROPS, self._side)

    def add(self, cuts: Sequence[Cut], note: str = "") -> None:
        """Adds what one more piece of the plan gave, maybe nothing; ``note`` says why in a sentence.

        Raises:
            PolypTraceError: ``tracklets-unwritable``.
        """
        new = []
        try:
            with (self._folder / CROPS).open("ab") as file:
                for cut in cuts:
                    first = file.tell() // self._bytes
                    for crop in cut.crops:
                        file.write(to_square(crop, self._side).tobytes())
                    times = cut.start, cut.end
                    new.append(Tracklet(cut.film, *times, cut.identity, first, len(cut.crops), cut.marked))
            self._log({"tracklets": msgspec.to_builtins(new), "note": note})
        except OSError as error:
            raise _unwritable() from error
        self._take(new, note)

    def finish(self) -> None:
        """Says that every piece was looked at."""
        self._log({"complete": True})
        self.complete = True

    def remove(self) -> None:
        """Deletes both files."""
        for name in (LIST, CROPS):
            (self._folder / name).unlink(missing_ok=True)

    @property
    def _bytes(self) -> int:
        return self._side * self._side * 3

    def _take(self, new: Sequence[Tracklet], note: str) -> None:
        self.tracklets += new
        self.pieces += 1
        if note:
            self.notes.append(note)

    def _begin(self) -> None:
        try:
            self.remove()
            (self._folder / CROPS).touch()
            self._log({"plan": self._plan, "side": self._side})
        except OSError as error:
            raise _unwritable() from error

    def _log(self, line: dict[str, Any]) -> None:
        with (self._folder / LIST).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> bool:
        """Takes over what a stopped writer left; False where there is nothing to go on from."""
        try:
            text = (self._folder / LIST).read_bytes()
            size = (self._folder / CROPS).stat().st_size
        except OSError:
            return False
        whole = text[: text.rfind(b"\n") + 1]  # a kill may have cut off the last line
        lines = [json.loads(line) for line in whole.splitlines()]
        if not lines or lines[0]["side"] != self._side or self._plan not in (None, lines[0]["plan"]):
            return False
        for line in lines[1:]:
            if line.get("complete"):
                self.complete = True
                continue
            self._take(msgspec.convert(line["tracklets"], list[Tracklet]), line["note"])
        end = sum(tracklet.count for tracklet in self.tracklets) * self._bytes
        if size < end:
            self.tracklets, self.notes, self.pieces, self.complete = [], [], 0, False
            return False
        os.truncate(self._folder / CROPS, end)
        with (self._folder / LIST).open("rb+") as file:
            file.truncate(len(whole))
        return True


def _unwritable() -> PolypTraceError:
    return PolypTraceError(
        "tracklets-unwritable",
        "The crops of the tracklets can't be written into the run's folder.",
        "Check that its disk has space, or let fewer crops be kept (cache_bytes).",
    )
