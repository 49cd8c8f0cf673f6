"""A finding in a few words: fields by the names that people know."""

from __future__ import annotations

from core.text.place import field_names, said


def test_fields_have_the_names_of_the_form() -> None:
    assert field_names(["size_mm", "paris", "nice", "lst"]) == "largest diameter, Paris, NICE, LST type"


def test_values_come_with_their_units() -> None:
    values = {"size_mm": 5, "paris": ["IIa", "Is"], "magnified": True}
    assert said(values) == "largest diameter 5 mm, Paris IIa + Is, magnified yes"
