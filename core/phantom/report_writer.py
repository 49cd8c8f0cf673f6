"""Writes a finding the way reports were typed before there was a form: short, by hand, with slips of the pen.

The words follow no form and aren't all known to :mod:`core.text.legacy`, which has to read such reports: what
it can't read is part of what the phantom measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from core.phantom.seeding import Rng

_PLACES = {
    "terminal ileum": ("terminal ileum", "TI"),
    "ileocaecal valve": ("ileocaecal valve", "IC valve", "IC-valve"),
    "caecum": ("caecum", "cecum", "caecal pole", "base of the caecum"),
    "ascending": ("ascending colon", "ascending", "right colon", "asc. colon"),
    "hepatic flexure": ("hepatic flexure", "right flexure", "hep flexure"),
    "transverse": ("transverse colon", "transverse", "mid transverse", "trans colon"),
    "splenic flexure": ("splenic flexure", "left flexure", "spl flexure"),
    "descending": ("descending colon", "descending", "desc colon"),
    "sigmoid": ("sigmoid colon", "sigmoid", "distal sigmoid", "sig"),
    "rectosigmoid": ("rectosigmoid", "rectosigmoid junction", "RS junction"),
    "rectum": ("rectum", "lower rectum", "mid rectum"),
    "anal canal": ("anal canal", "anus"),
}
_FORMS = {
    "Ip": ("pedunculated", "stalked", "long-stalked", "Paris Ip", "0-Ip"),
    "Isp": ("semipedunculated", "subpedunculated", "short-stalked", "Paris Isp"),
    "Is": ("sessile", "broad-based", "dome shaped", "Paris Is"),
    "IIa": ("flat elevated", "slightly elevated", "plaque-like", "flat", "Paris IIa"),
    "IIb": ("flat", "completely flat", "Paris IIb"),
    "IIc": ("depressed", "Paris IIc"),
    "IIa+Is": ("flat with a sessile nodule", "mixed flat and sessile", "Paris IIa + Is"),
    "IIa+IIc": ("flat with central depression", "Paris IIa+IIc"),
    "IIc+IIa": ("depressed with a raised rim", "Paris IIc+IIa"),
}
_KINDS = {
    "polyp": ("polyp", "polyp", "lesion", "adenoma"),
    "LST": ("LST", "laterally spreading lesion", "laterally spreading polyp"),
    "scar": ("scar", "polypectomy scar", "EMR scar"),
    "recurrence at scar": ("residual adenoma at scar", "recurrent polyp at the scar", "residual polyp"),
    "suspected cancer": ("suspicious mass", "tumour"),
    "other": ("lesion",),
}
_LOOKS = {
    "pale": ("pale",), "red": ("reddish", "red", "erythematous"), "brown": ("brownish",),
    "white": ("whitish", "white"), "mixed": ("of mixed colour",), "granular": ("granular",),
    "nodular": ("nodular",), "lobulated": ("lobulated", "lobular"), "villous": ("villous", "villous surface"),
    "ulcerated": ("ulcerated",), "depressed": ("central depression",), "cloud-like": ("cloudy surface",),
    "mucus cap": ("with mucus cap", "covered by a mucus cap"), "smooth": ("smooth",),
}  # fmt: skip
_DONE = {
    "cold snare": ("Cold snared and retrieved.", "cold snare polypectomy", "Removed with cold snare."),
    "hot snare": ("Hot snared.", "snare polypectomy with diathermy", "Removed by hot snare, retrieved."),
    "EMR": ("Lifted and removed by EMR.", "EMR piecemeal", "EMR done."),
    "ESD": ("Removed by ESD.",),
    "biopsy only": ("Biopsied.", "biopsies taken"),
    "left in situ": ("Left in place.", "not removed today"),
}
_SAID = {"paris": 0.65, "size_mm": 0.9, "segment": 0.95, "look": 0.35, "action": 0.6}
"""How often old reports say it at all (our choice)."""
_SLIP = 0.06
_TINY, _LARGE = 5, 20


class OldReport(msgspec.Struct, frozen=True):
    """One finding as somebody typed it.

    Args:
        text: the words.
        said: what of the description they say, by its keys.
    """

    text: str
    said: dict[str, Any]


def old_report(values: Mapping[str, Any], rng: Rng) -> OldReport:
    """One finding as somebody typed it, from what an observer saw (:func:`exam_words`).

    Args:
        values: a description; the report says less than it.
        rng: of this report alone.
    """
    said: dict[str, Any] = {"state": values["state"]} if "state" in values else {}
    kind = _one(rng, _KINDS.get(str(values.get("state")), ("polyp",)))
    words = {"paris": "", "size_mm": "", "segment": "", "action": ""}
    for key, ways in (("paris", _FORMS), ("size_mm", None), ("segment", _PLACES), ("action", _DONE)):
        if not rng.random() < _SAID[key]:
            continue
        value = values.get(key)
        words[key] = _size(rng, value) if ways is None else _one(rng, ways.get(str(value), ("",)))
        if words[key]:
            said[key] = value
    look = _look(rng, values, said) if rng.random() < _SAID["look"] else ""
    written = _written(rng, kind, words["paris"], words["size_mm"], words["segment"], look, words["action"])
    return OldReport(_with_slips(rng, written), said)


def _written(rng: Rng, kind: str, form: str, size: str, place: str, look: str, done: str) -> str:
    noun = " ".join(part for part in (form, kind) if part)
    way = int(rng.integers(4))
    if way == 0:
        text = " ".join(part for part in (size, noun, f"in {_the(place)}" if place else "") if part)
        text = ", ".join(part for part in (text, look) if part)
    elif way == 1:
        text = ", ".join(part for part in (" ".join(p for p in (size, noun) if p), look) if part)
        text = f"{place.upper()}: {text}" if place else text
    elif way == 2:
        text = ", ".join(part for part in (noun, size, look, f"in {_the(place)}" if place else "") if part)
    else:
        text = " ".join(part for part in (place, "-" if place else "", size, look, noun) if part)
    text = f"{text[0].upper()}{text[1:]}."
    return f"{text} {done}".strip()


def _the(place: str) -> str:
    return place if place in ("TI", "sig", "ascending") else f"the {place}"


def _size(rng: Rng, mm: Any) -> str:
    if not isinstance(mm, int | float):
        return ""
    ways = [f"{mm:g}mm", f"{mm:g} mm", f"approx {mm:g} mm"]
    if mm >= 10:
        ways += [f"{mm / 10:g} cm", f"{mm / 10:g}cm"]
    if mm <= _TINY:
        ways += ["tiny", "diminutive", f"< {_TINY} mm"]
    if mm >= _LARGE:
        ways += ["large"]
    return _one(rng, ways)


def _look(rng: Rng, values: Mapping[str, Any], said: dict[str, Any]) -> str:
    """Words for colour or surface, which are added to what is said."""
    surface = values.get("surface")
    known = [("colour", values.get("colour"))]
    known += [("surface", one) for one in (surface if isinstance(surface, list | tuple) else [surface])]
    known = [(key, value) for key, value in known if str(value) in _LOOKS]
    if not known:
        return ""
    key, value = known[int(rng.integers(len(known)))]
    said[key] = [value] if key == "surface" else value
    return _one(rng, _LOOKS[str(value)])


def _with_slips(rng: Rng, text: str) -> str:
    """Two letters of a longer word change places, now and then."""
    words = text.split(" ")
    for at, word in enumerate(words):
        if len(word) > 6 and word.isalpha() and rng.random() < _SLIP:
            k = int(rng.integers(1, len(word) - 2))
            words[at] = word[:k] + word[k + 1] + word[k] + word[k + 2 :]
    return " ".join(words)


def _one(rng: Rng, ways: tuple[str, ...] | list[str]) -> str:
    return ways[int(rng.integers(len(ways)))]
