"""When something is due that is done at a time of day of a time zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
ONE_DAY: Final = timedelta(days=1)


def is_time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None


def is_zone(name: str) -> bool:
    return name in available_timezones()


def next_time(after: datetime, at: str, zone: str, weekday: int | None) -> datetime:
    """The first moment after `after`, in UTC, at which clocks of the zone show `at`.

    `weekday`: on that day of the week alone, 0 for Monday. Where clocks go forward over the time,
    it is as long after midnight as on any other day; where they go back over it, the first of the
    two moments counts.
    """
    here = ZoneInfo(zone)
    clock = time.fromisoformat(at)
    day = after.astimezone(here).date()
    while True:
        if weekday is None or day.weekday() == weekday:
            due = datetime.combine(day, clock, here).astimezone(UTC)
            if due > after:
                return due
        day += ONE_DAY


def begin_of(day: date, zone: str) -> datetime:
    """Just before a day begins in the zone."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) - timedelta(microseconds=1)


def today_in(zone: str, now: datetime) -> date:
    return now.astimezone(ZoneInfo(zone)).date()
