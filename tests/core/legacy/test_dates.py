"""Dates as hospital systems write them."""

from __future__ import annotations

import datetime as dt

import pytest

from core.legacy.dates import read_dates, short_years


@pytest.mark.parametrize(
    "cell",
    ["3 Apr 2019", "03-Apr-19", "3. April 2019", "April 3, 2019", "20190403", "2019-04-03T10:30", "3APR2019"],
)
def test_a_date_with_its_month_by_name_or_without_signs(cell: str) -> None:
    assert read_dates([cell]) == [dt.date(2019, 4, 3)]


@pytest.mark.parametrize("cell", ["31 Feb 2019", "3 Foo 2019", "20191403", "April 2019", ""])
def test_what_is_no_date_is_none(cell: str) -> None:
    assert read_dates([cell]) == [None]


def test_years_of_two_digits_are_read_and_told() -> None:
    cells = ["03.04.21", "28.12.98", "2020-01-02"]
    assert read_dates(cells) == [dt.date(2021, 4, 3), dt.date(1998, 12, 28), dt.date(2020, 1, 2)]
    assert "1970 to 2069" in short_years(cells)
    assert short_years(["03.04.2021", "2020-01-02", "3 Apr 19", "x"]) == ""
