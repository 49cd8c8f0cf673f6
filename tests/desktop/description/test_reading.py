"""What the form tells of values, without a window."""

from __future__ import annotations

import numpy as np
import pytest

from core.text.render import report_text
from core.text.sampling import random_description
from core.text.vocabulary import load
from desktop.views.description.mnemonics import with_mnemonics
from desktop.views.description.reading import read


def test_nothing_recorded_needs_the_fields_that_always_are() -> None:
    reading = read({})
    assert list(reading.missing) == [field.key for field in load().editable if field.required == "always"]
    assert reading.sentence == ""
    assert reading.blocked == ""
    assert not reading.problems


def test_a_removal_asks_for_more_and_opens_its_fields() -> None:
    before, after = read({"action": "biopsy only"}), read({"action": "cold snare"})
    assert not {"en_bloc", "complete", "retrieved", "margin"} & before.relevant
    assert {"en_bloc", "complete", "retrieved", "margin"} <= after.relevant
    assert set(after.missing) - set(before.missing) == {"en_bloc", "complete", "retrieved"}


def test_a_wrong_value_is_missing_and_keeps_the_sentence_from_being_written() -> None:
    reading = read({"size_mm": "many", "state": "polyp"})
    assert "size_mm" in reading.missing
    assert reading.sentence == ""
    assert "Largest diameter" in reading.blocked


@pytest.mark.parametrize("seed", range(20))
def test_a_full_description_is_complete(seed: int) -> None:
    values = random_description(np.random.default_rng(seed))
    reading = read(values, finalise=True)
    assert reading.missing == ()
    assert reading.errors == ()
    assert reading.obstacles() == ""
    assert reading.sentence == report_text(values)
    assert set(values) - {"lst", "stalk"} <= reading.relevant


def test_obstacles_name_everything_at_once() -> None:
    said = read({"state": "polyp", "size_mm": 900}, finalise=True).obstacles()
    assert said.startswith("Still needed: Segment, Size measured by, Paris, LST type, Imaging and Action. ")
    assert said.endswith(" To be put right: Largest diameter.")


def test_each_important_label_has_a_letter_of_its_own() -> None:
    labels = {field.key: field.label for field in load().editable}
    important = [field.key for field in load().editable if field.required == "always"]
    marked = with_mnemonics(labels, important)
    letters = [marked[key].partition("&")[2][:1].casefold() for key in important]
    assert all(letters)
    assert len(set(letters)) == len(letters)
    assert {marked[key].replace("&", "") for key in labels} == set(labels.values())
