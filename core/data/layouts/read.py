"""Reads a data set by the name of its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.data.layouts import published
from core.data.layouts.colo_pair import TITLE, colo_pair_rows
from core.data.layouts.cuhk03 import cuhk03_rows
from core.data.layouts.data_set import (
    DataSet,
    checked_root,
    refuse_empty_sides,
    refuse_shared_identities,
)
from core.data.layouts.persons import CUHK03_FOLDERS, DUKE, MARKET1501, NameRule, person_rows
from core.data.layouts.texts import add_texts, read_texts
from core.data.manifest import Manifest, Row
from core.data.rules import PAIRED_EXAMS, PERSONS
from core.errors import PolypTraceError

LAYOUTS = ("colopair", "market1501", "duke", "cuhk03")
_PUBLISHED = {
    "market1501": published.MARKET1501,
    "duke": published.DUKE,
    "cuhk03": published.CUHK03,
}
_NAMES = {rule.layout: rule for rule in (MARKET1501, DUKE, CUHK03_FOLDERS)}


def read_layout(layout: str, root: Path, texts: Path | None = None, fold: int | None = None) -> DataSet:
    """A data set in the folders that it is published in.

    Args:
        layout: one of :data:`LAYOUTS`.
        root: the folder of the data.
        texts: a sheet or JSON with texts, by picture or identity.
        fold: of Colo-Pair: which of its four folds is tested; the others are for training.

    Raises:
        PolypTraceError: what is wrong with the tree or the texts, in words.
        ValueError: an unknown layout.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"unknown layout: {layout}")
    if layout == "colopair":
        return _colo_pair(root, texts, fold)
    if fold is not None:
        raise PolypTraceError(
            "layout-fold",
            f"{_NAMES[layout].title} has one training and one test part, no folds.",
            "Leave --fold out; it is for Colo-Pair.",
        )
    return _persons(layout, root, texts)


def _colo_pair(root: Path, texts: Path | None, fold: int | None) -> DataSet:
    folder = checked_root(root, TITLE)
    rows, notes = colo_pair_rows(folder, texts, fold)
    refuse_empty_sides(rows, TITLE)
    refuse_shared_identities(rows, TITLE)
    return DataSet(
        name="colopair",
        title=TITLE,
        manifest=Manifest(folder, rows, PAIRED_EXAMS),
        notes=tuple(notes),
        published=published.COLO_PAIR,
    )


def _persons(layout: str, root: Path, texts: Path | None) -> DataSet:
    rule = _NAMES[layout]
    folder = checked_root(root, rule.title)
    rows, notes = _person_rows(layout, rule)(folder)
    refuse_empty_sides(rows, rule.title)
    refuse_shared_identities(rows, rule.title)
    described, more = add_texts(rows, folder, read_texts(texts) if texts else None)
    return DataSet(
        name=layout,
        title=rule.title,
        manifest=Manifest(folder, described, PERSONS),
        notes=(*notes, *more),
        published=_PUBLISHED[layout],
    )


def _person_rows(layout: str, rule: NameRule) -> Callable[[Path], tuple[list[Row], list[str]]]:
    return cuhk03_rows if layout == "cuhk03" else lambda folder: person_rows(folder, rule)
