"""What is saved, on its way, lost: the bookkeeping without a window."""

from __future__ import annotations

from core.errors import PolypTraceError
from desktop.views.description.saving import Saves

ERROR = PolypTraceError("catalog-busy", "The catalogue is busy.", "Try again.")


def begun(values: dict[str, object] | None = None, record: object = 1) -> Saves:
    saves = Saves()
    saves.begin(record, values or {}, True, 3)
    return saves


def test_dirty_ends_only_with_a_save_that_succeeded() -> None:
    saves = begun()
    saves.ask({"size_mm": 8})
    assert saves.is_dirty({"size_mm": 8})
    assert not saves.is_unasked({"size_mm": 8})
    saves.answered(4)
    assert not saves.is_dirty({"size_mm": 8})
    assert saves.number == 4


def test_what_was_typed_during_a_save_is_not_saved_by_it() -> None:
    saves = begun()
    saves.ask({"size_mm": 8})
    saves.answered(4)
    assert saves.is_unasked({"size_mm": 82})


def test_a_failed_save_is_asked_for_again() -> None:
    saves = begun()
    saves.ask({"size_mm": 8})
    assert saves.failed(ERROR)
    assert saves.error is ERROR
    assert saves.is_unasked({"size_mm": 8})


def test_an_answer_to_another_record_changes_nothing_here() -> None:
    saves = begun(record=1)
    saves.ask({"size_mm": 8})
    saves.begin(2, {}, True, 9)
    saves.ask({"size_mm": 5})
    assert not saves.answered(4)
    assert saves.number == 9
    assert saves.is_dirty({"size_mm": 5})
    assert saves.answered(10)
    assert not saves.is_dirty({"size_mm": 5})


def test_what_another_record_could_not_save_comes_back_with_it() -> None:
    saves = begun(record=1)
    saves.ask({"size_mm": 8})
    saves.begin(2, {}, True, 0)
    assert not saves.failed(ERROR)
    assert saves.error is None
    assert saves.begin(1, {}, True, 3) == {"size_mm": 8}
    assert saves.is_unasked({"size_mm": 8})


def test_our_own_state_coming_back_keeps_what_was_typed_since() -> None:
    saves = begun()
    saves.ask({"size_mm": 8, "colour": "red"})
    shown = saves.refresh({"size_mm": 82}, {"size_mm": 8, "colour": "red"}, True, 4)
    assert shown == {"size_mm": 82}
    assert saves.is_unasked(shown) is True


def test_another_change_is_merged_field_by_field() -> None:
    saves = begun({"size_mm": 8, "colour": "red"})
    shown = saves.refresh({"size_mm": 9, "colour": "red"}, {"size_mm": 8, "nice": "2"}, True, 5)
    assert shown == {"size_mm": 9, "nice": "2"}


def test_an_older_answer_is_left_aside() -> None:
    saves = begun()
    saves.ask({"size_mm": 8})
    saves.answered(4)
    assert saves.refresh({"size_mm": 8}, {}, True, 3) == {"size_mm": 8}
    assert saves.number == 4


def test_final_and_draft_follow_the_saves() -> None:
    saves = begun()
    saves.ask({"size_mm": 8}, final=True)
    saves.answered(4)
    assert not saves.draft
    saves.ask({"size_mm": 9})
    saves.answered(5)
    assert saves.draft
