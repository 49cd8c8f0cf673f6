"""Says of reports that they seem to hold somebody's name or number, without saying which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from core.counting import count
from core.privacy import KINDS, scan


def text_warnings(texts: Iterable[str]) -> list[str]:
    """One sentence on how many reports seem to hold a name, a date, a record number …; else nothing."""
    found = Counter(kind for text in texts for kind in {one.kind for one in scan(text)})
    said = [
        f"{count(found[kind], 'report seems', 'reports seem')} to hold {words}"
        for kind, words in KINDS.items()
        if found[kind]
    ]
    return [f"{'; '.join(said)}. It is kept as typed but hidden from the models."] if said else []


def code_warnings(codes: Iterable[str]) -> list[str]:
    """One sentence on how many patients' codes look like a name, a date or a number; else nothing."""
    alike = sum(bool(scan(code)) for code in dict.fromkeys(codes))
    if not alike:
        return []
    looks = count(alike, "patient's code looks", "patients' codes look")
    return [f"{looks} like a name, a date or a number: only pseudonyms belong into the catalogue."]
