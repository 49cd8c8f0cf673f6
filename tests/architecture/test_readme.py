"""What README says of the shipped search model is what the model's own figures say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.paths import resource

ROWS = {
    "common space and codes": "common space and codes",
    "common space alone": "common space alone",
    "codes alone": "codes alone",
    "string matching (rapidfuzz)": "string matching (rapidfuzz)",
    "text encoder of the starter model": "raw text encoder, descriptions",
    "common space, pictures alone": "common space, pictures alone",
}
"""Rows of the table, and what the figures call them."""


def with_interval(figures: dict[str, Any], before: str = "") -> str:
    low, high = figures[f"{before}mAP_interval"]
    return f"{figures[f'{before}mAP']:.3f} [{low:.3f}, {high:.3f}] / {figures[f'{before}hit_1']:.3f}"


@pytest.mark.parametrize("row", ROWS)
def test_the_table_of_the_search_model_is_its_own(row: str) -> None:
    manifest = json.loads((resource("models", "search") / "manifest.json").read_text("utf-8"))
    figures = {question: ways.get(ROWS[row]) for question, ways in manifest["metrics"]["search"].items()}
    short = figures["one or two words -> clip"]
    wanted = [
        with_interval(figures["text -> clip"]),
        f"{short['mAP']:.3f} / {short['hit_1']:.3f}" if short else "–",
        with_interval(figures["clip -> report"]),
        with_interval(figures["clip -> report"], "own_patient_"),
    ]
    readme = (resource().parent / "README.md").read_text("utf-8").replace("**", "")
    (line,) = (one for one in readme.splitlines() if one.startswith(f"| {row} |"))
    assert [cell.strip() for cell in line.split("|")[2:-1]] == wanted
