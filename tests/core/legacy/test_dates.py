"""Dates as hospital systems write them."""

from __future__ import annotations

import datetime as dt

import pytest

from core.legacy.dates import read_dates


@pytest.mark.parametrize(
    "cell",
    ["3 Apr 2019", "03-Apr-19", "3. April 2019", "April 3, 2019", "20190403", "2019-04-03T10:30", "3APR2019"],
)
def test_a_date_with_its_month_by_name_or_without_signs(cell: str) -> None:
    assert read_dates([cell]) == [dt.date(2019, 4, 3)]


@pytest.mark.parametrize("cell", ["31 Feb 2019", "3 Foo 2019", "20191403", "April 2019", ""])
def test_what_is_no_date_is_none(cell: str) -> None:
    assert read_dates([cell]) == [None]
