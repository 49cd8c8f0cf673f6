"""What is said of reports that are kept."""

from __future__ import annotations

import datetime as dt

from core.catalog.values import LegacyReport
from core.legacy.filing import doubled_words

DAY = dt.date(2019, 4, 3)


def test_a_second_report_of_an_exam_is_told() -> None:
    kept = [
        LegacyReport(1, "P17", DAY, "5 mm polyp, cold snare.", ()),
        LegacyReport(2, "p17", DAY, "5 mm polyp, hot snare.", ()),
        LegacyReport(3, "P18", DAY, "No polyps.", ()),
    ]
    assert doubled_words(kept, [2, 3]) == "1 exam has more than one report now: p17, 2019-04-03."
    assert doubled_words(kept, [3]) == ""
    assert doubled_words(kept[:1], [1]) == ""
