"""Each rule of validation, on both sides of its border."""

from __future__ import annotations

from typing import Any

import pytest

from core.text.description import size_change_warning, validate
from core.text.rules import is_required
from core.text.vocabulary import load

COMPLETE: dict[str, Any] = {
    "state": "polyp", "segment": "sigmoid", "size_mm": 8, "size_method": "eye", "paris": "Is",
    "imaging": "white light", "action": "left in situ",
}  # fmt: skip
REMOVED = {"action": "cold snare", "en_bloc": "en bloc", "complete": "yes", "retrieved": "yes"}


def found(finalise: bool = True, **values: Any) -> set[tuple[str, str]]:
    kept = {key: value for key, value in (COMPLETE | values).items() if value is not None}
    return {(problem.key, problem.severity) for problem in validate(kept, finalise)}


def test_a_complete_description_has_no_problem() -> None:
    assert found() == set()
    assert found(**REMOVED) == set()


@pytest.mark.parametrize("key", COMPLETE)
def test_required_fields_are_missed_only_when_finalising(key: str) -> None:
    assert (key, "error") in found(**{key: None})
    assert (key, "error") not in found(finalise=False, **{key: None})


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"size_mm": 9, "lst": "G-H"}, ("lst", "error")),
        ({"size_mm": 10, "paris": "IIa"}, ("lst", "error")),
        ({"state": "LST", "size_mm": 9}, ("state", "error")),
        ({"state": "LST", "size_mm": 20, "lst": "none"}, ("lst", "error")),
        ({"paris": "Is", "stalk": "short"}, ("stalk", "error")),
        ({"paris": "Ip"}, ("stalk", "error")),
        ({"paris": "Ip", "stalk": "none", "stalk_mm": 5}, ("stalk_mm", "error")),
        ({"jnet": "2A"}, ("jnet", "warning")),
        ({"kudo": "IIIs", "imaging": "NBI"}, ("kudo", "warning")),
        ({"kudo": "IIIs", "magnified": False}, ("kudo", "warning")),
        ({"state": "scar", "paris": "Is"}, ("paris", "error")),
        ({"paris": "n/a"}, ("paris", "error")),
        ({**REMOVED, "complete": None}, ("complete", "error")),
        ({**REMOVED, "en_bloc": None}, ("en_bloc", "error")),
        ({**REMOVED, "retrieved": None}, ("retrieved", "error")),
        ({**REMOVED, "en_bloc": "piecemeal"}, ("pieces", "error")),
        ({**REMOVED, "pieces": 3}, ("pieces", "error")),
        ({"complete": "yes"}, ("complete", "error")),
        ({"margin": "R0"}, ("margin", "error")),
        ({**REMOVED, "retrieved": "no", "pot_no": 1}, ("pot_no", "warning")),
        ({"wall_clock": 3}, ("patient_position", "error")),
        ({"size_2_mm": 9}, ("size_2_mm", "warning")),
        ({"tattoo": "none", "tattoo_distal_cm": 2}, ("tattoo_distal_cm", "error")),
        ({"surface": ["smooth", "not assessable"]}, ("surface", "error")),
        ({"dist_av_cm": 3.25}, ("dist_av_cm", "error")),
        ({"size_mm": 151}, ("size_mm", "error")),
        ({"size_mm": True}, ("size_mm", "error")),
        ({"colour": "purple"}, ("colour", "error")),
        ({"free_text": "x" * 401}, ("free_text", "error")),
        ({"free_text": 7}, ("free_text", "error")),
        ({"free_text": "Seen by Dr Smith."}, ("free_text", "warning")),
        ({"free_text": "Last exam 12.03.2021."}, ("free_text", "warning")),
        ({"nonsense": 1}, ("nonsense", "error")),
    ],
)  # fmt: skip
def test_rule_speaks(values: dict[str, Any], problem: tuple[str, str]) -> None:
    assert problem in found(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"size_mm": 10, "lst": "G-H", "paris": "IIa"}, {"size_mm": 10, "lst": "none"},
        {"state": "LST", "size_mm": 10, "lst": "NG-PD", "paris": "IIa"}, {"size_mm": 9, "lst": "none"},
        {"paris": "Isp", "stalk": "short", "stalk_mm": 5}, {"paris": "Ip", "stalk": "none"},
        {"paris": "Is", "stalk": "none"}, {"jnet": "2A", "magnified": True},
        {"kudo": "IIIs", "imaging": "chromo crystal violet"}, {"jnet": "not assessed"},
        {"state": "scar", "paris": "n/a"}, {"state": "recurrence at scar", "paris": "n/a"},
        {**REMOVED, "en_bloc": "piecemeal", "pieces": 3}, {**REMOVED, "pot_no": 1},
        {"wall_clock": 3, "patient_position": "supine"}, {"size_2_mm": 8}, {"dist_av_cm": 3.5},
        {"tattoo": "carbon", "tattoo_distal_cm": 2, "tattoo_walls": ["left"]},
        {"free_text": "Paris Is, Kudo IIIs."},
    ],
)  # fmt: skip
def test_rule_is_silent(values: dict[str, Any]) -> None:
    assert found(**values) == set()


def test_a_draft_only_warns_of_what_other_values_ask_for() -> None:
    assert ("complete", "warning") in found(finalise=False, **{**REMOVED, "complete": None})


def test_messages_are_sentences_in_the_order_of_the_form() -> None:
    problems = validate({"segment": "x", "state": "y", "size_mm": 0}, finalise=True)
    place = list(load().by_key)
    assert [p.key for p in problems] == sorted((p.key for p in problems), key=place.index)
    assert all(p.message.endswith(".") and len(p.message) < 160 for p in problems)


@pytest.mark.parametrize(
    ("a", "b", "warns"), [(5, 10, False), (5, 11, True), (21, 10, True), (20, 10, False)]
)
def test_size_change_between_linked_findings(a: int, b: int, warns: bool) -> None:
    assert (size_change_warning({"size_mm": a}, {"size_mm": b}) is not None) is warns


def test_size_change_is_not_asked_of_scars_or_without_sizes() -> None:
    assert size_change_warning({"size_mm": 30}, {"size_mm": 5, "state": "scar"}) is None
    assert size_change_warning({"size_mm": 30}, {}) is None


def test_is_required_follows_the_other_values() -> None:
    complete = load().by_key["complete"]
    assert is_required(complete, {"action": "EMR"})
    assert not is_required(complete, {"action": "biopsy only"})
