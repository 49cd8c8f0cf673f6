"""How well free text is read: sentences of real reports that were labelled by hand, or composed ones.

``python tests/core/text/legacy/accuracy.py FindingsTextColon.txt|composed.json|reports.json [--wrong]``

``labels.json`` holds line, SHA-256 and labels, never the text; ``composed.json`` and ``reports.json``
sentences and reports that were composed and labelled without knowledge of the rules. A label is a value, a
list of values that are all right, or "?" where nobody can tell; a field that isn't there isn't said.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.text.legacy.reading import ReadFinding, read_findings

LABELS = Path(__file__).with_name("labels.json")
COMPOSED, REPORTS = (Path(__file__).with_name(name) for name in ("composed.json", "reports.json"))
FIELDS = (
    "count", "segment", "sub_segment", "size_mm", "paris", "action", "lifting", "retrieved", "dist_av_cm",
)  # fmt: skip
ANY = "?"


def labelled(file: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Labelled sentences of the file with their findings; other bytes than were labelled are left out."""
    if file.suffix == ".json":
        yield from ((one["text"], one["findings"]) for one in json.loads(file.read_text("utf-8")))
        return
    lines = file.read_text("utf-8", errors="replace").splitlines()
    for one in json.loads(LABELS.read_text("utf-8")):
        text = lines[one["line"] - 1].strip().strip('"')
        if hashlib.sha256(text.encode()).hexdigest() == one["sha256"]:
            yield text, one["findings"]


def score(file: Path) -> dict[str, Any]:
    """By field: ``right`` of ``all`` findings, ``said`` by the label, ``read``, and ``both`` and right."""
    table = {field: dict.fromkeys(("all", "right", "said", "read", "both"), 0) for field in FIELDS}
    sentences, whole, wrong = 0, 0, []
    for text, wanted in labelled(file):
        sentences += 1
        found = read_findings(text)
        faults = [] if len(found) == len(wanted) else [f"{len(found)} findings instead of {len(wanted)}"]
        for at, label in enumerate(wanted):
            faults += _compare(table, label, found[at] if at < len(found) else None)
        whole += not faults
        if faults:
            wrong.append((text, faults))
    return {"sentences": sentences, "whole": whole, "fields": table, "wrong": wrong}


def _compare(table: dict[str, dict[str, int]], label: dict[str, Any], found: ReadFinding | None) -> list[str]:
    faults = []
    for field in FIELDS:
        expected = label.get(field)
        if expected == ANY:
            continue
        accepted = expected if isinstance(expected, list) else [expected]
        value = _value(found, field)
        row = table[field]
        right = found is not None and value in accepted
        row["all"] += 1
        row["right"] += right
        row["said"] += expected is not None
        row["read"] += value is not None
        row["both"] += right and value is not None
        if not right:
            faults.append(f"{field}: {value} instead of {expected}")
    return faults


def _value(found: ReadFinding | None, field: str) -> Any:
    if found is None:
        return None
    if field == "count":
        return found.count
    read = found.fields.get(field)
    return None if read is None else read.value


def main() -> None:
    figures = score(Path(sys.argv[1]))
    print(f"{figures['whole']} of {figures['sentences']} sentences read without a fault")
    print("| field | right of all findings | precision | recall |\n|---|---|---|---|")
    for field, row in figures["fields"].items():
        precision = row["both"] / row["read"] if row["read"] else 0.0
        recall = row["both"] / row["said"] if row["said"] else 0.0
        share = f"{row['right']}/{row['all']} ({row['right'] / row['all']:.3f})"
        print(f"| {field} | {share} | {precision:.3f} | {recall:.3f} |")
    if "--wrong" in sys.argv:
        for text, faults in figures["wrong"]:
            print(f"{text}\n    {'; '.join(faults)}")


if __name__ == "__main__":
    main()
