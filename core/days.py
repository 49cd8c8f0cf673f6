"""Days of exams: none lies ahead."""

from __future__ import annotations

import datetime as dt

from core.errors import PolypTraceError


def lies_ahead(day: dt.date) -> bool:
    """Whether a day is in the future. Tomorrow isn't yet: elsewhere on earth it has begun."""
    return day > dt.date.today() + dt.timedelta(days=1)


def checked_exam_day(day: dt.date) -> dt.date:
    """The day of an exam as it is.

    Raises:
        PolypTraceError: ``exam-date`` when it lies in the future.
    """
    if lies_ahead(day):
        raise PolypTraceError("exam-date", f"The exam's date {day} lies in the future.", "Check the year.")
    return day


def exam_day(text: str) -> dt.date:
    """The day of an exam as typed.

    Raises:
        PolypTraceError: ``exam-date`` when it isn't a day, or lies in the future.
    """
    try:
        day = dt.date.fromisoformat(text.strip())
    except ValueError:
        raise PolypTraceError("exam-date", f"“{text}” is not a date.", "Write it as 2025-03-31.") from None
    return checked_exam_day(day)
