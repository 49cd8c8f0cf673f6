"""The table of actions: every one can be reached, none gets in another's way."""

from __future__ import annotations

from collections import Counter

from PySide6.QtGui import QKeySequence

from desktop import actions
from desktop.action_table import TABLE
from desktop.views.description.mnemonics import MENUS


def test_ids_and_keys_are_unique() -> None:
    assert max(Counter(spec.id for spec in TABLE).values()) == 1
    keys = Counter(QKeySequence(key).toString() for spec in TABLE for key in spec.keys)
    assert "" not in keys
    assert not [key for key, times in keys.items() if times > 1]


def test_mnemonics_are_unique_within_a_menu() -> None:
    for menu, specs in actions.menus(TABLE).items():
        letters = Counter(spec.text[spec.text.index("&") + 1].lower() for spec in specs if "&" in spec.text)
        assert max(letters.values()) == 1, (menu, letters)
        assert all("&" in spec.text for spec in specs), menu


def test_the_menus_letters_are_their_own() -> None:
    letters = [menu[menu.index("&") + 1].lower() for menu in actions.menus(TABLE)]
    assert len(set(letters)) == len(letters)
    assert set(letters) == MENUS


def test_single_letters_belong_to_the_player() -> None:
    """Elsewhere they are typed."""
    for spec in TABLE:
        for key in spec.keys:
            plain = "+" not in key and not key.startswith("F")
            assert not plain or spec.of_player, spec.id


def test_nothing_but_the_frame_is_usable_before_a_catalogue_is_open() -> None:
    closed = actions.State()
    usable = {spec.id for spec in TABLE if spec.when(closed)}
    assert usable == {
        "open", "quit", "library", "player", "form", "matches", "reports", "notices-close", "reset",
        "shortcuts", "about",
    }  # fmt: skip


def test_matches_wait_for_the_description() -> None:
    match = next(spec for spec in TABLE if spec.id == "match")
    assert not match.when(actions.State(open=True, clip=True))
    assert match.when(actions.State(open=True, clip=True, described=True))
    assert not match.when(actions.State(open=True, clip=True, described=True, busy=True))
