"""One finding as a sentence names it."""

from __future__ import annotations

import msgspec

ORDINALS = ("first", "second", "third", "fourth")
OF_TWO = {"former": 0, "latter": 1, "smaller": 0, "larger": 1, "bigger": 1}
"""Which one of two is meant; of those that are told by their size, in the order of their sizes."""
BY_SIZE = frozenset({"smaller", "larger", "bigger"})


class Mention(msgspec.Struct, frozen=True):
    """A finding as named.

    Args:
        name: tokens of its name, the second behind the end.
        state: of the description.
        count: how many; None where nobody says.
        span: tokens whose words are its own.
        says: fields that its name says, with their values.
        elliptic: its noun is left out: “… and 7 mm in the rectum”.
        part: it is one of several that were named before: “one 4 mm, the other 12 mm”.
        inherits: tokens of the name that it has in common with others: “sessile polyps: 4 mm in …”.
        of: what follows is what was there before: “scar of the 20 mm polyp”.
        past: those tokens.
        again: “the 12 mm polyp”: it may have been named before.
        nth: “the second”: which of several it may be, from 0.
        shares: what stands behind the next one's name is said of it, too: “a 5 mm and an 8 mm polyp in …”.
    """

    name: tuple[int, int]
    state: str
    count: int | None
    span: tuple[int, int] = (0, 0)
    says: dict[str, str] = {}
    elliptic: bool = False
    part: bool = False
    inherits: tuple[int, int] = (0, 0)
    of: bool = False
    past: tuple[int, int] = (0, 0)
    again: bool = False
    nth: int | None = None
    shares: bool = False

    @property
    def refers(self) -> bool:
        """Whether it may mean a finding that was named before."""
        return self.again or self.nth is not None

    def owns(self, at: int) -> bool:
        """Whether the word at this token says something of it."""
        inherited = self.inherits[0] <= at < self.inherits[1]
        return inherited or (self.span[0] <= at < self.span[1] and not self.past[0] <= at < self.past[1])
