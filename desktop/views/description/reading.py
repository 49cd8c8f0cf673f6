"""What a description in the form amounts to: what it lacks, what is wrong, its report sentence. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from core.errors import PolypTraceError
from core.text.normal import normalise
from core.text.rules import Problem, holds, is_required, validate, value_fault
from core.text.vocabulary import Field, load


class Reading(msgspec.Struct, frozen=True):
    """One look at the values of the form.

    ``required`` and ``missing`` are keys in the order of the form; a required field with a wrong value is
    missing too. ``relevant`` are the fields that apply. ``blocked`` says what keeps ``sentence`` from being
    written.
    """

    values: dict[str, Any]
    problems: tuple[Problem, ...]
    required: tuple[str, ...]
    missing: tuple[str, ...]
    relevant: frozenset[str]
    sentence: str
    blocked: str

    def about(self, key: str) -> tuple[Problem, ...]:
        """The problems of one field."""
        return tuple(problem for problem in self.problems if problem.key == key)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps the description from being final, as far as it was looked for."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    def obstacles(self) -> str:
        """All that keeps the description from being final, in one or two sentences; empty for nothing."""
        keys = list(dict.fromkeys(problem.key for problem in self.errors))
        missing = _listed([key for key in keys if key not in self.values])
        wrong = _listed([key for key in keys if key in self.values])
        said = [f"Still needed: {missing}."] if missing else []
        return " ".join([*said, f"To be put right: {wrong}."] if wrong else said)


NOTHING = Reading({}, (), (), (), frozenset(), "", "")
"""Before any description was looked at."""


def read(values: Mapping[str, Any], finalise: bool = False) -> Reading:
    """Looks at a description: some milliseconds, so that it can be done at each keystroke."""
    clean = normalise(values)
    fields = load().editable
    required = tuple(field.key for field in fields if is_required(field, clean))
    sentence, blocked = _sentence(clean)
    return Reading(
        values=clean,
        problems=tuple(validate(clean, finalise)),
        required=required,
        missing=tuple(key for key in required if not _is_right(load().by_key[key], clean)),
        relevant=frozenset(field.key for field in fields if _applies(field, clean)),
        sentence=sentence,
        blocked=blocked,
    )


def warm() -> None:
    """Loads word lists, templates and libraries, so that the first keystroke is as quick as the others.

    Takes about 0.1 s: for a background thread, after the first paint.
    """
    read({"size_mm": 5, "free_text": "Seen by Dr Meier."})


def _listed(keys: list[str]) -> str:
    labels = [load().by_key[key].label if key in load().by_key else key for key in keys]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)


def _applies(field: Field, values: Mapping[str, Any]) -> bool:
    return all(holds(condition, values) for condition in field.only_when)


def _is_right(field: Field, values: Mapping[str, Any]) -> bool:
    value = values.get(field.key)
    return value is not None and value_fault(field, value) is None


def _sentence(values: Mapping[str, Any]) -> tuple[str, str]:
    from core.text.render import report_text  # loads the tokenizers: after the first paint

    try:
        return report_text(values), ""
    except PolypTraceError as error:
        return "", error.message
