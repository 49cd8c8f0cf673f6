"""Where lesions lie and what they look like: the true anatomy of an invented patient.

Sizes follow screening colonoscopy, where most polyps are small: about three quarters are at most 10 mm here.
Sites follow the usual shares (the sigmoid leads, serrated lesions lie more to the right). Paris class depends
on size, and large flat lesions are laterally spreading tumours (Paris 2003; Kudo 2008).
"""

from __future__ import annotations

import math

from core.phantom.colon import segment_at, segment_span, shape_of
from core.phantom.scene import PhantomColon, PhantomLesion
from core.phantom.seeding import Rng, draw_seed, pick

_SITE_ADENOMA = {
    "rectum": 14.0, "rectosigmoid": 6.0, "sigmoid": 30.0, "descending": 10.0, "splenic flexure": 3.0,
    "transverse": 14.0, "hepatic flexure": 4.0, "ascending": 13.0, "caecum": 6.0,
}  # fmt: skip
_SITE_SERRATED = {
    "rectum": 12.0, "rectosigmoid": 7.0, "sigmoid": 22.0, "descending": 7.0, "splenic flexure": 3.0,
    "transverse": 18.0, "hepatic flexure": 6.0, "ascending": 18.0, "caecum": 7.0,
}  # fmt: skip
_PARIS_SMALL = {"Is": 0.62, "IIa": 0.31, "Isp": 0.05, "IIb": 0.02}
_PARIS_MIDDLE = {"Is": 0.48, "IIa": 0.24, "Isp": 0.17, "Ip": 0.11}
_PARIS_LARGE = {"Ip": 0.38, "Isp": 0.26, "Is": 0.26, "IIa": 0.10}
_PARIS_SERRATED = {"IIa": 0.68, "Is": 0.27, "IIb": 0.05}
_LST = {"G-H": 0.42, "G-NM": 0.25, "NG-FE": 0.25, "NG-PD": 0.08}
_LST_PARIS = {"G-H": "IIa", "G-NM": "IIa+Is", "NG-FE": "IIa", "NG-PD": "IIa+IIc"}
_LST_SURFACE = {"G-H": ("granular",), "G-NM": ("granular", "nodular"), "NG-FE": ("smooth",),
                "NG-PD": ("smooth", "depressed")}  # fmt: skip
_COLOUR_ADENOMA = {"red": 0.45, "as mucosa": 0.27, "mixed": 0.14, "brown": 0.06, "pale": 0.08}
_COLOUR_SERRATED = {"pale": 0.55, "as mucosa": 0.35, "white": 0.10}
_HEIGHT = {"Ip": 0.85, "Isp": 0.75, "Is": 0.52}
_CLEARANCE_MM = 45.0


def is_serrated(lesion: PhantomLesion) -> bool:
    """Whether the lesion is of the serrated kind: pale or mucosa-like, flat or sessile, never an LST."""
    pale = (
        lesion.colour in ("pale", "white") or "cloud-like" in lesion.surface or "mucus cap" in lesion.surface
    )
    return pale and lesion.paris in ("IIa", "Is", "IIb") and lesion.lst == "none"


def colon_of(rng: Rng) -> PhantomColon:
    """An empty colon of 70–90 cm: its length on withdrawal, when it lies straightened on the scope."""
    return PhantomColon(seed=draw_seed(rng), length_mm=round(float(rng.uniform(700, 900)), 1), lesions=())


def new_lesion(rng: Rng, key: str, colon: PhantomColon, others: tuple[PhantomLesion, ...]) -> PhantomLesion:
    """A lesion that keeps clear of ``others``; now and then it resembles one of them in site and shape.

    Patients with several polyps often carry look-alikes close together, and these make identity hard.
    """
    if others and rng.random() < 0.4:
        return _look_alike(rng, key, colon, others)
    serrated = bool(rng.random() < 0.24)
    size = _between(6.2 * math.exp(0.55 * float(rng.standard_normal())), 3.0, 28.0, rng)
    lst = "none"
    if not serrated and rng.random() < 0.09:
        lst, size = pick(rng, _LST), float(rng.uniform(12, 38))
    return _shape(rng, key, colon, others, serrated, size, lst, _paris(rng, size, serrated, lst), None)


def _look_alike(rng: Rng, key: str, colon: PhantomColon, others: tuple[PhantomLesion, ...]) -> PhantomLesion:
    twin = others[int(rng.integers(len(others)))]
    serrated = is_serrated(twin)
    size = _between(twin.size_mm * math.exp(0.25 * float(rng.standard_normal())), 3.0, 38.0, rng)
    lst = twin.lst if size >= 10 else "none"
    paris = twin.paris if rng.random() < 0.65 and (lst != "none" or "+" not in twin.paris) else None
    return _shape(
        rng, key, colon, others, serrated, size, lst, paris or _paris(rng, size, serrated, lst), twin
    )


def _between(size: float, least: float, most: float, rng: Rng) -> float:
    """The size itself, or where it is out of range some size just inside it, so that none is favoured."""
    if least <= size <= most:
        return size
    return float(rng.uniform(least, 1.4 * least) if size < least else rng.uniform(0.75 * most, most))


def _paris(rng: Rng, size: float, serrated: bool, lst: str) -> str:
    if lst != "none":
        return _LST_PARIS[lst]
    if serrated:
        return pick(rng, _PARIS_SERRATED)
    table = _PARIS_SMALL if size < 6 else _PARIS_MIDDLE if size < 10 else _PARIS_LARGE
    return pick(rng, table)


def _shape(
    rng: Rng,
    key: str,
    colon: PhantomColon,
    others: tuple[PhantomLesion, ...],
    serrated: bool,
    size: float,
    lst: str,
    paris: str,
    twin: PhantomLesion | None,
) -> PhantomLesion:
    station, angle = _free_place(rng, colon, others, serrated, twin)
    flat = paris not in _HEIGHT
    height = min(0.2 * size, 2.1) if flat else _HEIGHT[paris] * size
    if paris == "IIb":
        height = 0.4
    if lst in ("G-NM", "G-H"):
        height = 5.0 if lst == "G-NM" else 2.1
    stalk = {"Ip": float(rng.uniform(4, 12)), "Isp": float(rng.uniform(1.5, 3.5))}.get(paris, 0.0)
    return PhantomLesion(
        key=key,
        seed=draw_seed(rng),
        segment=segment_at(colon.length_mm, station),
        station_mm=station,
        angle=angle,
        state="polyp" if lst == "none" else "LST",
        paris=paris,
        lst=lst,
        size_mm=round(size, 1),
        size_2_mm=round(size * float(rng.uniform(0.7, 0.98)), 1),
        height_mm=round(height * float(rng.uniform(0.88, 1.12)), 2),
        stalk_mm=round(stalk, 1),
        colour=pick(rng, _COLOUR_SERRATED if serrated else _COLOUR_ADENOMA),
        surface=_surface(rng, paris, lst, size, serrated),
    )


def _surface(rng: Rng, paris: str, lst: str, size: float, serrated: bool) -> tuple[str, ...]:
    if lst != "none":
        return _LST_SURFACE[lst]
    if serrated:
        words = {"smooth": 0.6, "cloud-like": 0.25, "mucus cap": 0.15}
    elif paris in ("Ip", "Isp"):
        words = {"lobulated": 0.34, "smooth": 0.52, "nodular": 0.07, "villous": 0.07}
    elif size < 6:
        words = {"smooth": 0.9, "granular": 0.1}
    else:
        words = {"smooth": 0.68, "lobulated": 0.16, "granular": 0.09, "nodular": 0.07}
    return (pick(rng, words),)


def _free_place(
    rng: Rng,
    colon: PhantomColon,
    others: tuple[PhantomLesion, ...],
    serrated: bool,
    twin: PhantomLesion | None,
) -> tuple[float, float]:
    """Station and angle at least 45 mm off every other lesion, so that one clip shows one lesion.

    Places behind a fold are mostly drawn anew: such lesions are hard to see on withdrawal and often missed.
    """
    anatomy = shape_of(colon.seed, colon.length_mm)
    low, high = 0.045 * colon.length_mm, 0.985 * colon.length_mm
    station, angle = low, 0.0
    for attempt in range(300):
        if twin is not None and attempt < 40:
            station = twin.station_mm + float(rng.choice([-1.0, 1.0]) * rng.uniform(_CLEARANCE_MM, 130))
        else:
            site = pick(rng, _SITE_SERRATED if serrated else _SITE_ADENOMA)
            station = float(rng.uniform(*segment_span(colon.length_mm, site)))
        station, angle = round(station, 1), round(float(rng.uniform(-math.pi, math.pi)), 4)
        clear = all(abs(station - other.station_mm) >= _CLEARANCE_MM for other in others)
        hidden = anatomy.fold_relation(station, angle) == "behind fold" and rng.random() < 0.85
        if low <= station <= high and clear and not hidden:
            break
    return station, angle
