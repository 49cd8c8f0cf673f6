"""Findings that are written as a form: “Location: sigmoid; Size (mm): 6; Method: cold snare”."""

from __future__ import annotations

import re

_KEYS = frozenset({
    "location", "site", "segment", "position", "size", "diameter", "morphology", "paris", "shape", "method",
    "technique", "retrieved", "retrieval", "resection", "removal", "type", "number", "count", "lifting",
    "treatment", "therapy", "action", "polyp", "finding", "lesion", "kudo", "nice", "jnet", "tattoo",
})  # fmt: skip
_ENTRY = r"([A-Za-z]+)(?: [a-z]+)?(?: ?\([a-z]+\))? ?[:=]"
_KEY, _NEXT = re.compile(rf"(?:^|[;\n,])\s*{_ENTRY}"), re.compile(_ENTRY)


def goes_on_in_form(text: str, start: int, gap: re.Match[str]) -> bool:
    """Whether what stands behind the gap is the next entry of the form that began before it.

    Args:
        start: where the sentence before the gap began.
    """
    before = [one.lower() for one in _KEY.findall(text[start : gap.start()])]
    following = _NEXT.match(text, gap.end())
    name = following[1].lower() if following else ""
    return bool(before) and {*before, name} <= _KEYS and name not in before
