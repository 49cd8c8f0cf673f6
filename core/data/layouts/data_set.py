"""What every layout's reader hands out, and the checks that all of them need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from core.data.layouts.published import Published
from core.data.manifest import Manifest, Row
from core.errors import PolypTraceError

PICTURE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"})


class DataSet(msgspec.Struct, frozen=True, kw_only=True):
    """A data set as read.

    Args:
        name: of the layout, as on the command line.
        title: of the data, for people.
        manifest: its rows, with the rule of its rankings; ``path`` is the data's folder.
        notes: sentences on what was found, left out or missing.
        published: figures that others reported on these data.
    """

    name: str
    title: str
    manifest: Manifest
    notes: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()


def checked_root(root: Path, title: str) -> Path:
    """The data's folder, absolute.

    Raises:
        PolypTraceError: ``layout-root``.
    """
    if not root.is_dir():
        raise PolypTraceError(
            "layout-root",
            f"There is no folder {root.name or root}, so {title} can't be read.",
            "Give the folder that the data were unpacked to.",
        )
    return root.absolute()


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, numbers in their names in order; hidden files and others are passed over."""
    found = [
        file
        for file in folder.iterdir()
        if file.suffix.lower() in PICTURE_ENDINGS and not file.name.startswith(".") and file.is_file()
    ]
    return sorted(found, key=lambda file: in_order(file.name))


def in_order(name: str) -> list[tuple[int, str]]:
    """A key that sorts ``frame 9`` before ``frame 10``."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def subfolder(root: Path, name: str) -> Path | None:
    """The folder of this name, capitals or not, or None."""
    exact = root / name
    if exact.is_dir():
        return exact
    return next((one for one in root.iterdir() if one.is_dir() and one.name.lower() == name.lower()), None)


def missing_folder(root: Path, missing: Sequence[str], title: str, hint: str = "") -> PolypTraceError:
    """The error for a tree without its folders; says where they are when they lie one folder deeper."""
    deeper = [
        one.name
        for one in sorted(root.iterdir())
        if one.is_dir() and all(subfolder(one, name) for name in missing)
    ]
    where = f"They lie in {root.name}/{deeper[0]}: give that folder." if deeper else hint
    words = "folder" if len(missing) == 1 else "folders"
    return PolypTraceError(
        "layout-folder",
        f"{root.name} has no {words} {' and '.join(missing)}, so it isn't {title} as published.",
        where or "Give the folder that the data were unpacked to.",
    )


def refuse_shared_identities(rows: Iterable[Row], title: str) -> None:
    """Refuses data that train on identities which they test.

    Raises:
        PolypTraceError: ``layout-overlap``.
    """
    seen: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}
    for row in rows:
        if row.identity is not None:
            seen[row.split in ("train", "val")].add(row.identity)
    if both := len(seen[True] & seen[False]):
        raise PolypTraceError(
            "layout-overlap",
            f"{both} identities of {title} are in both the training and the test part.",
            "Unpack the data anew: figures on identities seen in training say nothing.",
        )


def refuse_empty_sides(rows: Iterable[Row], title: str) -> None:
    """Refuses data without queries, without gallery or without a query that knows whom it shows.

    Raises:
        PolypTraceError: ``layout-empty``.
    """
    known = {row.split for row in rows if row.identity is not None}
    for split, words in (("query", "query"), ("gallery", "gallery")):
        if split not in known:
            raise PolypTraceError(
                "layout-empty",
                f"{title} has no {words} picture with a known identity here.",
                "Unpack the data anew; nothing can be ranked without it.",
            )


def with_texts(rows: Sequence[Row], texts: Sequence[str]) -> list[Row]:
    """The rows with these texts, one each."""
    return [msgspec.structs.replace(row, text=text) for row, text in zip(rows, texts, strict=True)]
