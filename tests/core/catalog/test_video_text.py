"""Where burned-in text is: found at import, corrected by a user, and back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.errors import PolypTraceError

A = "tester"
FOUND = ((6, 20, 120, 18), (6, 460, 80, 16))


@pytest.fixture
def video(catalog: Catalog, make_video: Any) -> int:
    """A video in which two lines of text were found."""
    return _import(catalog, msgspec.structs.replace(make_video("lettered"), text_found=FOUND))


def _import(catalog: Catalog, video: Any, day: int = 1) -> int:
    date = dt.date(2024, 1, day)
    done = operations.import_video(catalog, video, patient_code="P-1", exam_date=date, author=A)
    assert done.subject is not None
    return done.subject


def test_what_was_found_holds_until_a_user_says_otherwise(catalog: Catalog, video: int) -> None:
    known = queries.video(catalog, video)
    assert (known.text_boxes, known.text_corrected) == (FOUND, None)
    changes = operations.set_text_boxes(catalog, video, [(10, 90, 5, 5), (1, 2, 3, 4)], author=A)
    assert (changes.videos, changes.undoable) == ((video,), True)
    known = queries.video(catalog, video)
    assert known.text_boxes == ((1, 2, 3, 4), (10, 90, 5, 5))
    assert known.text_found == FOUND
    operations.set_text_boxes(catalog, video, [], author=A)
    assert queries.video(catalog, video).text_boxes == ()
    operations.set_text_boxes(catalog, video, None, author=A)
    assert queries.video(catalog, video).text_boxes == FOUND


def test_undo_and_redo(catalog: Catalog, video: int) -> None:
    operations.set_text_boxes(catalog, video, [(1, 2, 3, 4)], author=A)
    operations.set_text_boxes(catalog, video, [], author=A)
    for wanted in (((1, 2, 3, 4),), FOUND):
        assert operations.undo(catalog, author=A).videos == (video,)
        assert queries.video(catalog, video).text_boxes == wanted
    operations.redo(catalog, author=A)
    assert queries.video(catalog, video).text_corrected == ((1, 2, 3, 4),)


def test_importing_again_keeps_a_correction(catalog: Catalog, video: int, make_video: Any) -> None:
    operations.set_text_boxes(catalog, video, [(1, 2, 3, 4)], author=A)
    again = msgspec.structs.replace(make_video("lettered"), text_found=())
    assert _import(catalog, again, day=2) == video
    known = queries.video(catalog, video)
    assert (known.text_corrected, known.text_found) == (((1, 2, 3, 4),), FOUND)


def test_the_same_again_changes_nothing(catalog: Catalog, video: int) -> None:
    assert operations.set_text_boxes(catalog, video, None, author=A).nothing
    operations.set_text_boxes(catalog, video, [(1, 2, 3, 4)], author=A)
    noted = len(queries.audit_events(catalog))
    assert operations.set_text_boxes(catalog, video, [(1, 2, 3, 4)] * 2, author=A).nothing
    assert len(queries.audit_events(catalog)) == noted


@pytest.mark.parametrize("box", [(-1, 0, 9, 9), (0, 0, 0, 9), (555, 0, 9, 9), (0, 475, 9, 9)])
def test_a_box_outside_the_picture_is_refused(catalog: Catalog, video: int, box: Any) -> None:
    with pytest.raises(PolypTraceError) as caught:
        operations.set_text_boxes(catalog, video, [box], author=A)
    assert caught.value.code == "text-box"
    assert queries.video(catalog, video).text_boxes == FOUND


def test_more_boxes_than_anybody_draws_are_refused(catalog: Catalog, video: int) -> None:
    many = [(x, y, 1, 1) for x in range(20) for y in range(11)]
    with pytest.raises(PolypTraceError, match="200"):
        operations.set_text_boxes(catalog, video, many, author=A)


def test_an_unknown_video(catalog: Catalog) -> None:
    with pytest.raises(PolypTraceError, match="no video 99"):
        operations.set_text_boxes(catalog, 99, [], author=A)
