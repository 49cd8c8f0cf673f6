"""Free text of an earlier report read into the fields of the description, each with how sure it is.

Rules over words, no model: what they read can be shown word by word, and nothing is final until accepted.
"""

from __future__ import annotations

from core.text.legacy.following import goes_on, names_again
from core.text.legacy.read_finding import ReadFinding, with_more
from core.text.legacy.sections import told
from core.text.legacy.sentence import read_sentence

__all__ = ["ReadFinding", "read_findings"]


def read_findings(text: str) -> tuple[ReadFinding, ...]:
    """The findings that a text names, in its order; none of those that it says aren't there.

    What a later sentence says of a finding (“It was removed with a snare”) is among its fields, less sure.
    """
    found: list[ReadFinding] = []
    last: list[int] = []
    for one in told(text):
        if one.summary and found:
            continue
        read = read_sentence(one.sentence, one.start, text)
        again = names_again(read, found)
        if again is None:
            more = read.rest
            at = goes_on(read, found, last)
        else:
            more, at = read.findings[0].fields, [again]
        for place in at:
            found[place] = with_more(found[place], more, one.sentence.strip())
        if at:
            last = at
        elif read.findings:
            if read.unnamed and found and found[-1].only_announces:
                found.pop()
            last = list(range(len(found), len(found) + len(read.findings)))
            found += read.findings
        else:
            last = []
    return tuple(found)
