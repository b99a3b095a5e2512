"""Dates as people write them."""

from datetime import date

import pytest

from app.files.values import parse_date
from app.wording import on_day

THE_DAY = date(2026, 9, 3)


@pytest.mark.parametrize(
    "written", ["3/9/2026", "03-09-2026", "2026-09-03", "3 September 2026", "3 sep 2026"]
)
def test_a_date_is_read_as_people_write_it(written: str) -> None:
    """In figures, and as our own pages show it."""
    assert parse_date(written) == THE_DAY
    assert parse_date(on_day(THE_DAY)) == THE_DAY


@pytest.mark.parametrize("written", ["3 Septembers 2026", "3 S 2026", "31 June 2026", "September"])
def test_what_is_no_date_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="date"):
        parse_date(written)
