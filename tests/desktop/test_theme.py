"""The theme's contrasts, computed (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re

import pytest

from desktop.theme import colours as c
from desktop.theme.style import style_sheet


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Ratio in 1…21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_is_the_standards() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("paper", [c.WINDOW, c.PANEL, c.RAISED])
@pytest.mark.parametrize("ink", [c.TEXT, c.QUIET, c.ACCENT, c.GOOD, c.WARN, c.BAD])
def test_every_text_can_be_read(ink: str, paper: str) -> None:
    assert contrast(ink, paper) >= 4.5


def test_banner_and_checked_buttons_can_be_read() -> None:
    assert contrast("#ffffff", c.BANNER) >= 4.5
    assert contrast(c.WINDOW, c.ACCENT) >= 4.5


def test_the_style_sheet_has_no_colour_of_its_own() -> None:
    named = {value for name, value in vars(c).items() if name.isupper()}
    assert set(re.findall(r"#[0-9a-fA-F]{6}", style_sheet())) <= named | {"#ffffff"}
