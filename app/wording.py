"""Numbers, dates and codes as people read them, the same on every page, map and report.

Days and distances are in `models.vocabulary` (`in_days`, `days_text`, `miles_text`), which the
solver may import too.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from math import ceil, isfinite
from typing import Final

from models.vocabulary import METRES_PER_MILE, Channel, miles_text

STOPPED_EARLY: Final = 0.1
"""With a wider gap a plan is called stopped early: that it can be doubled proves nothing of it."""

CHANNELS: Final[Mapping[Channel, str]] = {
    Channel.IN_SERVICE: "in the service",
    Channel.IN_PERSON: "in person",
    Channel.TELEPHONE: "by telephone",
    Channel.VIDEO_CALL: "by video call",
    Channel.EMAIL: "by email",
    Channel.LETTER: "by letter",
}
TOLD_HOW: Final = "in person, by telephone, by video call, by email or by letter"
"""Ways in which somebody tells what another records: all but the service itself."""


def number(value: float | None) -> str:
    """With thousands separators, and a decimal where there is one: "1,234", "2.5"."""
    return "" if value is None else f"{value:,.1f}".removesuffix(".0")


def counted(value: float, one: str, many: str | None = None) -> str:
    """A number with what it counts: "1 need", "1,200 needs"."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def percent(fraction: float | None) -> str:
    return "not known" if fraction is None else f"{fraction:.0%}"


def at_most(gap: float, decimals: int = 1) -> str:
    """A gap as a percentage, rounded up: what is proven is never overstated."""
    scale = 10**decimals
    # Less what multiplying adds: 0.07 times 100 is above 7.
    up = ceil(gap * 100 * scale - 1e-9) / scale
    return f"{up:,.{decimals}f}".removesuffix(".0") + "%"


def how_good(gap: float | None) -> str:
    """How much better a plan could be, as far as that is proven: a sentence."""
    if gap is None or not isfinite(gap):
        return "How much better a plan could be is not known."
    if gap <= 0:
        return "Proven optimal: no plan within these rules is better."
    if gap > STOPPED_EARLY:
        return f"Stopped early: a better plan may exist, up to {at_most(gap)} better."
    return f"No plan within these rules can be more than {at_most(gap)} better."


def could_improve(gap: float | None) -> str:
    """The same in a few words, for tables."""
    if gap is None or not isfinite(gap):
        return "Not known"
    if gap <= 0:
        return "Proven optimal"
    return f"{'Stopped early: up to' if gap > STOPPED_EARLY else 'At most'} {at_most(gap)}"


def nothing_changed(run_id: int) -> str:
    """What is said of a run that kept the plan of an earlier one."""
    return f"Nothing has changed since run {run_id}: its plan is kept."


def given_up(parts: int) -> str:
    """What it means that processes died over parts of a search: a sentence and what to do."""
    return (
        f"{counted(parts, 'part')} of the search had no result, because the processes ended "
        "unexpectedly, often for lack of memory. What was found is valid all the same. For a "
        "better plan, free some memory or use fewer workers, and solve again."
    )


def miles(metres: float | None) -> str:
    """For a column of miles, whose numbers all have their decimal."""
    return "" if metres is None else f"{metres / METRES_PER_MILE:,.1f}"


def distance(metres: float | None) -> str:
    """For sentences: "1 mile", "1.5 miles"."""
    return "" if metres is None else miles_text(metres / METRES_PER_MILE)


def on_day(day: date | None) -> str:
    """A date: "1 September 2026"."""
    return "" if day is None else f"{day.day} {day:%B %Y}"


def last_day(until: datetime | None) -> str:
    """The last day on which something works that ends at a moment, such as midnight."""
    return "" if until is None else on_day(until.astimezone(UTC) - timedelta(microseconds=1))


def at_moment(moment: datetime | None) -> str:
    """A date with its time: "1 September 2026, 09:30 UTC"."""
    if moment is None:
        return ""
    at = moment.astimezone(UTC)
    return f"{on_day(at)}, {at:%H:%M} UTC"


def capital(text: str) -> str:
    """The same beginning with a capital; what follows stays as it is."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """The detail of an error as a sentence of its own."""
    return capital(text) + ("" if text.endswith((".", "?", "!")) else ".")


def from_code(code: str) -> str:
    """A code that is data, such as a measure's or circumstance's: "new_head" as "New head".

    Only for what has no name in the data. Members of enums have labels (app.portal.labels).
    """
    return capital(code.replace("_", " ").replace("-", " "))


def pounds(pence: int | None) -> str:
    """A sum of a pot or a claim to the penny: "£1,250.00"."""
    if pence is None:
        return "not set"
    sign = "-" if pence < 0 else ""
    return f"{sign}£{abs(pence) // 100:,}.{abs(pence) % 100:02}"


def money(pounds: int | None) -> str:
    """Public money in all, "£1,800"."""
    if pounds is None:
        return "not recorded"
    return f"£{number(pounds)}" if pounds else "none"
