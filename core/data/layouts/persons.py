"""Market-1501, DukeMTMC-reID and everything else in their three folders, whose file names hold the truth.

``bounding_box_train`` is for training, ``query`` asks, ``bounding_box_test`` answers. A name begins with the
person's number and the camera's: ``0002_c1s1_000451_03.jpg`` (Market-1501), ``0005_c2_f0046985.jpg``
(DukeMTMC-reID), ``0003_c1_21.png`` (CUHK03, new protocol, as its authors unpack it). Person ``-1`` is junk
and stands in no ranking, person ``0000`` is a distractor: nobody asks for it.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from core.counting import count
from core.data.layouts.data_set import missing_folder, pictures_in, subfolder
from core.data.manifest import Row
from core.errors import PolypTraceError

FOLDERS = {"bounding_box_train": "train", "query": "query", "bounding_box_test": "gallery"}
JUNK, DISTRACTOR = "-1", "0000"
STRETCHED = (
    "Pictures of persons are about twice as high as wide; they are stretched to the network's square, as "
    "every crop is."
)


class NameRule(msgspec.Struct, frozen=True):
    """How a data set names its pictures.

    Args:
        title: of the data set.
        layout: its name on the command line.
        pattern: of a file's name without its ending; groups ``person`` and ``camera``.
        example: such a name.
        sizes: pictures for training, asking and answering, as published.
    """

    title: str
    layout: str
    pattern: str
    example: str
    sizes: tuple[int, int, int]


# Some pictures of Market-1501 end in .jpg.jpg.
MARKET1501 = NameRule(
    "Market-1501",
    "market1501",
    r"(?P<person>-1|\d{4})_c(?P<camera>[1-6])s\d+_\d+_\d+(\.jpg)?",
    "0002_c1s1_000451_03.jpg",
    (12936, 3368, 19732),
)
DUKE = NameRule(
    "DukeMTMC-reID",
    "duke",
    r"(?P<person>-1|\d{4})_c(?P<camera>[1-8])_f\d+",
    "0005_c2_f0046985.jpg",
    (16522, 2228, 17661),
)
CUHK03_FOLDERS = NameRule(
    "CUHK03 (new protocol, labelled)",
    "cuhk03",
    r"(?P<person>-1|\d{4})_c(?P<camera>[12])_\d+",
    "0003_c1_21.png",
    (7368, 1400, 5328),
)


def person_rows(root: Path, rule: NameRule) -> tuple[list[Row], list[str]]:
    """The rows of all three folders, and notes on what was left out.

    Raises:
        PolypTraceError: ``layout-folder`` or ``layout-names``.
    """
    folders = {name: subfolder(root, name) for name in FOLDERS}
    if missing := [name for name, folder in folders.items() if folder is None]:
        raise missing_folder(root, missing, rule.title)
    rows: list[Row] = []
    notes: list[str] = []
    for name, folder in folders.items():
        assert folder is not None
        found, strange = _rows_of(root, folder, FOLDERS[name], rule)
        rows += found
        if strange:
            notes.append(
                f"{count(strange, 'picture')} in {folder.name} left out: not named like {rule.example}."
            )
    return rows, [*notes, *size_notes(rows, rule.title, rule.sizes), STRETCHED]


def person_row(root: Path, path: Path, person: str, camera: int, split: str) -> Row:
    """One picture of a person: a clip of its own, with its camera as the exam.

    So whatever asks with the last exam and answers with the others (validation while training) crosses
    cameras, and pictures of one camera are never each other's match.
    """
    known = None if person in (JUNK, DISTRACTOR) else person
    clip = path.relative_to(root).as_posix()
    taken = {"camera": str(camera), "junk": person == JUNK}
    return Row(clip, path, None, person, known, camera, split, "", **taken)  # type: ignore[arg-type]


def size_notes(rows: list[Row], title: str, sizes: tuple[int, int, int]) -> list[str]:
    """A sentence where a tree isn't as large as published: a part of it, or an unpacking that broke off."""
    have = tuple(sum(row.split == split for row in rows) for split in FOLDERS.values())
    if have == sizes:
        return []
    here, there = ("{} for training, {} asking, {} answering".format(*counts) for counts in (have, sizes))
    return [f"These are not all pictures of {title}: {here}; published: {there}."]


def _rows_of(root: Path, folder: Path, split: str, rule: NameRule) -> tuple[list[Row], int]:
    pattern = re.compile(rule.pattern)
    rows, pictures = [], pictures_in(folder)
    for picture in pictures:
        if named := pattern.fullmatch(picture.stem):
            rows.append(person_row(root, picture, named["person"], int(named["camera"]), split))
    if not rows:
        raise _no_names(folder, pictures, rule)
    return rows, len(pictures) - len(rows)


def _no_names(folder: Path, pictures: list[Path], rule: NameRule) -> PolypTraceError:
    if not pictures:
        what = f"The folder {folder.name} holds no picture"
    else:
        what = f"None of the {len(pictures)} pictures in {folder.name} is named like {rule.example}"
    others = [
        other
        for other in (MARKET1501, DUKE, CUHK03_FOLDERS)
        if other is not rule and any(re.fullmatch(other.pattern, picture.stem) for picture in pictures)
    ]
    hint = f"They are named as in {others[0].title}: try --layout {others[0].layout}." if others else ""
    return PolypTraceError(
        "layout-names",
        f"{what}, so it isn't {rule.title} as published.",
        hint or "The names hold person and camera; unpack the data anew without renaming.",
    )
