"""CUHK03 under the new protocol (767 persons for training, 700 for testing; Zhong 2017), labelled boxes.

Three trees are read, the first that is there:

- ``labeled`` (or the folder itself) with ``bounding_box_train``, ``query`` and ``bounding_box_test``;
- ``cuhk03_new_protocol_config_labeled.mat`` (``train_idx, query_idx, gallery_idx, labels, camId, filelist``,
  counted from 1) beside the pictures in ``images_labeled``;
- ``splits_new_labeled.json`` beside ``images_labeled``, as common person re-identification code writes it.

Pictures in ``images_labeled`` are named camera pair, person, camera, number: ``1_001_1_01.png``. Each person
was seen by two cameras; pictures of a query's own camera are left out of its ranking.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.data.layouts.data_set import missing_folder, subfolder
from core.data.layouts.persons import (
    CUHK03_FOLDERS,
    FOLDERS,
    STRETCHED,
    person_row,
    person_rows,
    size_notes,
)
from core.data.manifest import Row
from core.data.mat_file import load_mat
from core.errors import PolypTraceError

CONFIG, SPLITS_JSON, PICTURES = (
    "cuhk03_new_protocol_config_labeled.mat",
    "splits_new_labeled.json",
    "images_labeled",
)
_PARTS = {"train": "train", "query": "query", "gallery": "gallery"}
_NAME = re.compile(r"(?P<person>\d+_\d+)_(?P<camera>[12])_\d+")
_NEEDED = ("train_idx", "query_idx", "gallery_idx", "labels", "camId", "filelist")
_UNPACK = (
    f"Take the pictures out of cuhk-03.mat (a MATLAB 7.3 file) into {PICTURES}, named 1_001_1_01.png: common "
    "person re-identification code does so at its first use."
)


def cuhk03_rows(root: Path) -> tuple[list[Row], list[str]]:
    """The rows of whichever tree is there, and notes.

    Raises:
        PolypTraceError: ``layout-folder``, ``layout-names``, ``layout-pictures`` or ``layout-split-file``.
    """
    title, sizes = CUHK03_FOLDERS.title, CUHK03_FOLDERS.sizes
    for folder in (subfolder(root, "labeled"), root):
        if folder is not None and any(subfolder(folder, name) for name in FOLDERS):
            return person_rows(folder, CUHK03_FOLDERS)
    config, splits = root / CONFIG, root / SPLITS_JSON
    if config.is_file() or splits.is_file():
        rows = _from_config(root, config) if config.is_file() else _from_json(root, splits)
        return rows, [*size_notes(rows, title, sizes), STRETCHED]
    packed = [*root.glob("cuhk-03.mat"), *root.glob("*/cuhk-03.mat")]
    hint = f"Put {CONFIG} beside {PICTURES}. " + (_UNPACK if packed else "")
    raise missing_folder(root, ["labeled"], title, hint.strip())


def _from_config(root: Path, file: Path) -> list[Row]:
    content = _load(file)
    labels, cameras = content["labels"].ravel(), content["camId"].ravel()
    names = [_plain_name(one) for one in content["filelist"].ravel()]
    if not len(labels) == len(cameras) == len(names):
        raise _bad_split(file, "labels, camId and filelist have different lengths")
    files = _Pictures(root)
    rows = []
    for part, split in _PARTS.items():
        for at in _places(file, content[f"{part}_idx"], len(names)):
            path = files.path_of(names[at])
            rows.append(person_row(root, path, f"{int(labels[at]):04d}", int(cameras[at]), split))
    files.refuse_missing()
    return rows


def _from_json(root: Path, file: Path) -> list[Row]:
    try:
        content = json.loads(file.read_text("utf-8"))
        first = content[0] if isinstance(content, list) else content
        parts = {split: [str(entry[0]) for entry in first[part]] for part, split in _PARTS.items()}
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise _bad_split(file, "it isn't a list of one split with train, query and gallery") from error
    files = _Pictures(root)
    rows = []
    for split, paths in parts.items():
        for recorded in paths:
            # Paths are those of the computer that wrote the file; its person numbers count anew for training.
            name = recorded.replace("\\", "/").rsplit("/", 1)[-1]
            named = _NAME.fullmatch(Path(name).stem)
            if named is None:
                raise _bad_split(file, f"it names “{name[:60]}”, which isn't like 1_001_1_01.png")
            rows.append(person_row(root, files.path_of(name), named["person"], int(named["camera"]), split))
    files.refuse_missing()
    return rows


class _Pictures:
    """The pictures of ``images_labeled`` by name; counts those that are asked for and aren't there."""

    def __init__(self, root: Path) -> None:
        folder = subfolder(root, PICTURES)
        if folder is None:
            raise missing_folder(root, [PICTURES], CUHK03_FOLDERS.title, _UNPACK)
        self._folder = folder
        self._there = {one.name for one in folder.iterdir()}
        self._missing: list[str] = []
        self._asked = 0

    def path_of(self, name: str) -> Path:
        self._asked += 1
        if name not in self._there:
            self._missing.append(name)
        return self._folder / name

    def refuse_missing(self) -> None:
        if self._missing:
            raise PolypTraceError(
                "layout-pictures",
                f"{len(self._missing)} of {self._asked} pictures that the split names aren't in {PICTURES}, "
                f"{self._missing[0][:60]} among them.",
                _UNPACK,
            )


def _load(file: Path) -> Mapping[str, npt.NDArray[Any]]:
    try:
        content = load_mat(file)
    except ValueError as error:
        raise _bad_split(file, "it isn't a MATLAB file up to version 7") from error
    if missing := [name for name in _NEEDED if name not in content]:
        raise _bad_split(file, f"it has no {', '.join(missing)}")
    return {name: np.asarray(content[name]) for name in _NEEDED}


def _places(file: Path, numbers: npt.NDArray[Any], count: int) -> list[int]:
    """Numbers that count from 1 as places."""
    try:
        places = [int(number) - 1 for number in numbers.ravel()]
    except (TypeError, ValueError) as error:
        raise _bad_split(file, "its indices aren't numbers") from error
    if any(not 0 <= place < count for place in places):
        raise _bad_split(file, f"its indices leave 1…{count}")
    return places


def _plain_name(cell: Any) -> str:
    """A cell of a MATLAB cell array of names: a string inside arrays."""
    while isinstance(cell, np.ndarray) and cell.size:
        cell = cell.ravel()[0]
    return str(cell).replace("\\", "/").rsplit("/", 1)[-1].strip()


def _bad_split(file: Path, what: str) -> PolypTraceError:
    return PolypTraceError(
        "layout-split-file",
        f"{file.name} doesn't fit: {what}.",
        "Fetch it again from where the new protocol of CUHK03 is published.",
    )
