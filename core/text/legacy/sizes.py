"""Several sizes of several findings: “two polyps of 4 and 6 mm”."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from core.text.legacy.mark import Mark
from core.text.legacy.mention import Mention
from core.text.legacy.tokens import Token

_JOINS = frozenset({",", "and", "&", "+", "/", "(", ")", "-", "the", "a", "one", "other", "of"})


def sizes_of_several(words: Sequence[Token], own: Sequence[Mark], mention: Mention) -> list[Mark]:
    """The sizes that follow each other, where there is one for each of the findings; else none.

    Args:
        own: the mention's marks.
    """
    run: list[Mark] = []
    for mark in own:
        if mark.kind != "size":
            continue
        if run and not all(token.word in _JOINS for token in words[run[-1].last : mark.first]):
            break
        run.append(mark)
    if len(run) > 1 and mention.count == 1:  # “a 12 mm and 4 mm polyp”
        inside = all(mention.name[0] <= mark.first < mention.name[1] for mark in run)
        between = [
            [token.word for token in words[one.last : two.first]] for one, two in itertools.pairwise(run)
        ]
        return run if inside and all(each in (["and"], ["&"]) for each in between) else []
    fits = mention.count is None or mention.count == len(run)
    return run if len(run) > 1 and fits else []
