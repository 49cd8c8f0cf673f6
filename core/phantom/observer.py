"""How endoscopists err when they describe a lesion: one function a measure, with the study it follows.

The figures are targets of the simulation, checked by tests over many simulated lesions; the matrices behind
them are our own choice, since the studies publish agreement and not confusion tables.
"""

from __future__ import annotations

import math

from core.phantom.colon import neighbours, segment_at, segment_span
from core.phantom.scene import PhantomLesion
from core.phantom.seeding import Rng, pick

SIZE_SPREAD = 0.37
SIZE_BIAS = 0.04

_PARIS: dict[str, dict[str, float]] = {
    "Ip": {"Ip": 0.83, "Isp": 0.15, "Is": 0.02},
    "Isp": {"Isp": 0.62, "Is": 0.23, "Ip": 0.14, "IIa": 0.01},
    "Is": {"Is": 0.85, "IIa": 0.10, "Isp": 0.04, "IIb": 0.01},
    "IIa": {"IIa": 0.84, "Is": 0.12, "IIb": 0.03, "IIa+IIc": 0.01},
    "IIb": {"IIb": 0.57, "IIa": 0.41, "IIc": 0.02},
    "IIa+Is": {"IIa+Is": 0.57, "IIa": 0.25, "Is": 0.18},
    "IIa+IIc": {"IIa+IIc": 0.57, "IIa": 0.30, "IIc+IIa": 0.13},
}
_LST: dict[str, dict[str, float]] = {
    "G-H": {"G-H": 0.84, "G-NM": 0.11, "NG-FE": 0.05},
    "G-NM": {"G-NM": 0.82, "G-H": 0.16, "NG-PD": 0.02},
    "NG-FE": {"NG-FE": 0.82, "G-H": 0.08, "NG-PD": 0.10},
    "NG-PD": {"NG-PD": 0.70, "NG-FE": 0.28, "G-NM": 0.02},
}
_SEGMENT_RIGHT = {
    "rectum": 0.95, "rectosigmoid": 0.75, "sigmoid": 0.88, "descending": 0.56, "splenic flexure": 0.75,
    "transverse": 0.84, "hepatic flexure": 0.75, "ascending": 0.77, "caecum": 1.0,
}  # fmt: skip
_COLOUR: dict[str, dict[str, float]] = {
    "red": {"red": 0.74, "mixed": 0.12, "as mucosa": 0.14},
    "as mucosa": {"as mucosa": 0.68, "pale": 0.16, "red": 0.16},
    "pale": {"pale": 0.70, "as mucosa": 0.22, "white": 0.08},
    "white": {"white": 0.66, "pale": 0.34},
    "brown": {"brown": 0.62, "red": 0.28, "mixed": 0.10},
    "mixed": {"mixed": 0.56, "red": 0.34, "as mucosa": 0.10},
}
_SURFACE: dict[str, dict[str, float]] = {
    "smooth": {"smooth": 0.84, "granular": 0.12, "lobulated": 0.04},
    "granular": {"granular": 0.72, "smooth": 0.10, "nodular": 0.18},
    "nodular": {"nodular": 0.66, "lobulated": 0.24, "granular": 0.10},
    "lobulated": {"lobulated": 0.74, "nodular": 0.18, "smooth": 0.08},
    "villous": {"villous": 0.68, "lobulated": 0.22, "granular": 0.10},
    "cloud-like": {"cloud-like": 0.70, "smooth": 0.20, "mucus cap": 0.10},
    "mucus cap": {"mucus cap": 0.70, "cloud-like": 0.20, "smooth": 0.10},
    "depressed": {"depressed": 0.72, "smooth": 0.28},
}
_WALLS = ("right", "anterior", "left", "posterior")
"""Walls in the order of the angle around the lumen: 0 is right, a quarter turn on is up (anterior)."""


def judged_size(rng: Rng, size_mm: float, method: str = "eye") -> int:
    """The size an endoscopist writes down, whole millimetres.

    The error is multiplicative. Beukema 2022 (Clin Endosc 55:540): intraclass correlation 0.66 between 15
    endoscopists in a colon model; here about 0.70. Of 2 812 estimates by 873 endoscopists (Gastrointest
    Endosc 2014;80:652) 48 % were within 20 % of the truth, 32 % above and 20 % below; here about 39, 35 and
    26 %, since most lesions here are so small that rounding alone is 20 %. Half of the estimates by eye are
    rounded to 5, 10, 15 … mm. An open forceps or snare beside the lesion halves the error (practice).
    """
    spread = SIZE_SPREAD if method == "eye" else SIZE_SPREAD / 2
    seen = size_mm * math.exp(SIZE_BIAS + spread * float(rng.standard_normal()))
    if method == "eye" and rng.random() < 0.5:
        step = 5.0 if seen >= 3.5 else 1.0
        return max(2, round(round(seen / step) * step))
    if seen >= 11 and rng.random() < 0.6:
        return 2 * round(seen / 2)
    return max(2, round(seen))


def judged_paris(rng: Rng, paris: str) -> str:
    """Paris class as one endoscopist sees it.

    van Doorn 2015 (Am J Gastroenterol 110:180): seven experts, 85 video clips: Fleiss kappa 0.42, mean
    pairwise agreement 67 %, and no better after training.
    """
    return pick(rng, _PARIS[paris])


def judged_lst(rng: Rng, lst: str) -> str:
    """Type of a laterally spreading tumour (CONECCT study 2022, PMC8759940: Krippendorff's alpha 0.60)."""
    return pick(rng, _LST[lst]) if lst in _LST else "none"


def judged_segment(rng: Rng, length_mm: float, station_mm: float) -> str:
    """Segment where the endoscopist believes the lesion is; when wrong, the next one.

    O'Connor 2016 (Endosc Int Open 4:E642, against magnetic imaging): 85 % right overall; caecum 100 %,
    ascending 77 %, transverse 84 %, descending 56 %, sigmoid 88 %. Moug 2017 (Surg Endosc 31:2959): 82 %
    against surgery. The figures for flexures, rectosigmoid and rectum are our choice.
    """
    name = segment_at(length_mm, station_mm)
    if rng.random() < _SEGMENT_RIGHT.get(name, 0.75):
        return name
    begin, end = segment_span(length_mm, name)
    upwards = rng.random() < (station_mm - begin) / (end - begin)  # the nearer border is crossed more often
    beside = [word for word in neighbours(name) if word not in ("anal canal", "ileocaecal valve")]
    return beside[-1] if upwards else beside[0]


def judged_distance(rng: Rng, station_mm: float) -> float:
    """Distance from the anal verge in cm as read from the shaft: loops and stretch make it 10 % uncertain.

    Mostly rounded to 5 cm beyond the rectum (practice), else to whole or half centimetres.
    """
    seen = station_mm / 10 * math.exp(0.10 * float(rng.standard_normal())) + float(rng.normal(0, 0.7))
    if seen > 15 and rng.random() < 0.75:
        return float(max(5, 5 * round(seen / 5)))
    return max(0.5, round(seen * 2) / 2 if seen < 15 else float(round(seen)))


def judged_wall(rng: Rng, angle: float) -> str:
    """Wall of the bowel; one in six is called by its neighbour (our choice)."""
    at = round(angle / (math.pi / 2))
    if rng.random() < 1 / 6:
        at += 1 if rng.random() < 0.5 else -1
    return _WALLS[at % 4]


def judged_colour(rng: Rng, colour: str) -> str:
    """Colour word; about seven in ten are right (our choice: no study counts it)."""
    return pick(rng, _COLOUR[colour])


def judged_surface(rng: Rng, surface: tuple[str, ...]) -> list[str]:
    """Surface words; two are sometimes shortened to one (our choice, as for colour)."""
    words = [pick(rng, _SURFACE[word]) for word in surface]
    if len(words) > 1 and rng.random() < 0.4:
        words = words[:1]
    return list(dict.fromkeys(words))


def judged_nice(rng: Rng, serrated: bool, size_mm: float) -> str:
    """NICE type under narrow-band light.

    DISCARD 2 (PMC5531217): 76 % sensitivity for adenoma by optical diagnosis in routine practice; CONECCT
    study 2022: alpha 0.56 for NICE.
    """
    if rng.random() < 0.08:
        return "not assessed"
    if serrated:
        return "1" if rng.random() < 0.82 else "2"
    if size_mm >= 20 and rng.random() < 0.05:
        return "3"
    return "2" if rng.random() < (0.80 if size_mm < 10 else 0.95) else "1"


def judged_stalk(rng: Rng, lesion: PhantomLesion, paris: str) -> tuple[str, int | None]:
    """Word and, now and then, length of the stalk for a lesion that is called ``paris`` (Ip or Isp)."""
    seen = lesion.stalk_mm * math.exp(0.3 * float(rng.standard_normal()))
    if paris == "Isp":
        return ("short" if seen >= 1.5 else "none"), None
    word = "long" if seen >= 8 else "short"
    return word, (max(1, round(seen)) if seen >= 3 and rng.random() < 0.35 else None)
