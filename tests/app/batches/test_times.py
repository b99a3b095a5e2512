"""When a schedule is due: right over changes of the clock, on the day that was asked for."""

from datetime import UTC, datetime

import pytest

from app.batches.times import next_time

LONDON = "Europe/London"


@pytest.mark.parametrize(
    ("after", "at", "zone", "weekday", "due"),
    [
        ("2026-01-10T01:59", "02:00", LONDON, None, "2026-01-10T02:00"),
        ("2026-01-10T02:00", "02:00", LONDON, None, "2026-01-11T02:00"),
        ("2026-07-10T12:00", "02:00", LONDON, None, "2026-07-11T01:00"),
        # The clocks go forward from 01:00 to 02:00, so there is no 01:30.
        ("2026-03-28T12:00", "01:30", LONDON, None, "2026-03-29T01:30"),
        ("2026-03-29T01:30", "01:30", LONDON, None, "2026-03-30T00:30"),
        # They go back from 02:00 to 01:00, so 01:30 is twice: it is due once.
        ("2026-10-24T12:00", "01:30", LONDON, None, "2026-10-25T00:30"),
        ("2026-10-25T00:30", "01:30", LONDON, None, "2026-10-26T01:30"),
        ("2026-01-10T12:00", "02:00", LONDON, 0, "2026-01-12T02:00"),
        ("2026-01-12T02:00", "02:00", LONDON, 0, "2026-01-19T02:00"),
        ("2026-01-10T12:00", "02:00", "Pacific/Auckland", None, "2026-01-10T13:00"),
    ],
)
def test_the_next_time(after: str, at: str, zone: str, weekday: int | None, due: str) -> None:
    """The first moment at which clocks there show that time, and one later moment after it."""
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert next_time(moment, at, zone, weekday) == datetime.fromisoformat(due).replace(tzinfo=UTC)
