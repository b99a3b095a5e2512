"""The charts of a plan as data: labels, lengths and figures; `charts.html` draws them.

A page draws them itself because only the browser knows how wide its text is: a library that drew
pictures here measured labels in another font and cut them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from math import ceil

from app.insight.labels import LADDER_NAMES
from app.insight.report import Figures, ReportData, Symbol, needs_of
from app.wording import counted, number

MOST_EXPERTISE = 14
MILES_PER_BAND = 2
LAST_BAND = 30
MOST_STEPS = 5
"""So few numbers stand on an axis that they keep apart on a phone, in any font."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: what it is of, the parts of its bar, and its figures as text."""

    label: str
    parts: tuple[tuple[str, float], ...]
    """Each by its colour, which is a class in `charts.css`, and its length."""
    figures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """Schools that give and receive the same number of days."""

    given: float
    received: float
    schools: int


@dataclass(frozen=True, slots=True)
class Plot:
    """Days given across, days received upwards, both on the same scale."""

    ticks: tuple[int, ...]
    """Evenly spaced from 0; nothing lies beyond the last."""
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A table whose rows have bars, and above it a plot where two measures meet."""

    title: str
    statement: str
    columns: tuple[str, ...]
    """The heads of the labels and of each figure."""
    bars: tuple[Bar, ...]
    full: float
    """The length of a bar that takes all the room."""
    folded: tuple[Bar, ...] = ()
    """More rows, which are shown when asked for."""
    key: tuple[tuple[str, str], ...] = ()
    """Colours and what they mean, where a bar has several parts."""
    plot: Plot | None = None
    histogram: bool = False
    """The rows are bands of one measure, in its order."""
    wide: bool = False


def _longest(bars: Iterable[Bar]) -> float:
    return max(sum(length for _, length in bar.parts) for bar in bars) or 1.0


def _ladder(figures: Figures) -> Chart | None:
    if not figures.days_by_ladder:
        return None
    total = figures.days_planned or 1
    bars = tuple(
        Bar(LADDER_NAMES[step], ((step.value, days),), (number(days), f"{days / total:.0%}"))
        for step, days in figures.days_by_ladder
    )
    step, days = max(figures.days_by_ladder, key=lambda each: each[1])
    return Chart(
        "Where support comes from",
        f"Largest source: {LADDER_NAMES[step].lower()}, {counted(days, 'day')}, "
        f"{days / total:.0%} of all days planned.",
        ("Source, nearest first", "Days", "Share"),
        bars,
        _longest(bars),
    )


def _travel(data: ReportData) -> Chart | None:
    miles = [
        p.distance_miles for p in data.pairings if p.distance_miles is not None and not p.remote
    ]
    if not miles:
        return None
    bands = Counter(min(int(each // MILES_PER_BAND) * MILES_PER_BAND, LAST_BAND) for each in miles)

    def named(low: int) -> str:
        if low == LAST_BAND:
            return f"{low} miles or more"
        high = low + MILES_PER_BAND
        return f"{low} to {high} miles" if low else f"Under {high} miles"

    bars = tuple(
        Bar(named(low), (("main", bands[low]),), (f"{bands[low]:,}",))
        for low in range(0, max(bands) + 1, MILES_PER_BAND)
    )
    near = sum(each <= 10 for each in miles)
    return Chart(
        "How far support travels",
        f"{near:,} of {len(miles):,} pairings on site are within 10 miles.",
        ("Distance", "Pairings"),
        bars,
        _longest(bars),
        histogram=True,
    )


def _ticks(highest: float) -> tuple[int, ...]:
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(each for each in steps if highest <= MOST_STEPS * each)
    return tuple(range(0, max(1, ceil(highest / step)) * step + 1, step))


def _balance(data: ReportData, figures: Figures) -> Chart | None:
    schools = {p.reference for p in data.participants if p.symbol is not Symbol.ORGANISATION}
    spots = Counter((b.given, b.taken) for b in figures.balances if b.reference in schools)
    if not spots:
        return None
    groups = {
        "Gives more than it receives": sum(n for (g, t), n in spots.items() if g > t),
        "Gives as much as it receives": sum(n for (g, t), n in spots.items() if g == t),
        "Receives more than it gives": sum(n for (g, t), n in spots.items() if g < t),
    }
    bars = tuple(Bar(name, (("main", n),), (f"{n:,}",)) for name, n in groups.items())
    return Chart(
        "Giving and receiving",
        "Each circle is one school, or several with the same days: the larger, the more schools. "
        "A school on the dashed line gives as many days as it receives.",
        ("What a school does in this plan", "Schools"),
        bars,
        _longest(bars),
        plot=Plot(
            _ticks(max(max(spot) for spot in spots)),
            # Small circles lie upon large ones.
            tuple(Spot(g, t, n) for (g, t), n in sorted(spots.items(), key=lambda s: (-s[1], s))),
        ),
    )


def _expertise(data: ReportData) -> Chart | None:
    met: defaultdict[str, set[str]] = defaultdict(set)
    for pairing in data.pairings:
        met[pairing.expertise].add(pairing.need)
    unmet = Counter(need.expertise for need in data.unmet)
    total = {name: len(met[name]) + unmet[name] for name in met.keys() | unmet.keys()}
    if not total:
        return None
    order = sorted(total, key=lambda name: (-total[name], name))
    bars = tuple(
        Bar(
            name,
            (("main", len(met[name])), ("rest", unmet[name])),
            (f"{total[name]:,}", f"{len(met[name]):,}", f"{unmet[name]:,}"),
        )
        for name in order
    )
    short = max(order, key=lambda name: unmet[name])
    return Chart(
        "Needs by expertise",
        f"Most often not met: {short}, {unmet[short]:,} of {total[short]:,} needs."
        if unmet
        else "Every need is met.",
        ("Expertise", "Needs", "Met", "Not met"),
        bars[:MOST_EXPERTISE],
        _longest(bars),
        folded=bars[MOST_EXPERTISE:],
        key=(("main", "Met"), ("rest", "Not met")),
        wide=True,
    )


def _disadvantage(data: ReportData) -> Chart | None:
    """Schools in need in four groups of equal number, by the disadvantage that they serve."""
    needed: defaultdict[str, float] = defaultdict(float)
    planned: defaultdict[str, float] = defaultdict(float)
    for need in needs_of(data):
        needed[need.taker] += need.days_needed
    for pairing in data.pairings:
        planned[pairing.taker] += pairing.days
    percent = {p.reference: p.disadvantage_percent for p in data.participants}
    known = [(share, taker) for taker in needed if (share := percent[taker]) is not None]
    if len(known) < 8 or not sum(planned.values()):
        return None
    known.sort()
    bars = []
    for part in range(4):
        quarter = known[part * len(known) // 4 : (part + 1) * len(known) // 4]
        asked = sum(needed[taker] for _, taker in quarter)
        got = sum(planned[taker] for _, taker in quarter)
        share = got / asked if asked else 0.0
        bars.append(
            Bar(
                f"{quarter[0][0]:.0f}% to {quarter[-1][0]:.0f}%",
                (("main", share), ("rest", max(0.0, 1 - share))),
                (number(asked), number(got), f"{share:.0%}" if asked else "–"),
            )
        )
    return Chart(
        "Support by disadvantage",
        "How much of what they asked for is planned for schools receiving support, in four groups "
        "of the same number of schools by pupils eligible for free school meals.",
        ("Eligible for free school meals", "Days asked for", "Days planned", "Share"),
        tuple(bars),
        1.0,
        key=(("main", "Planned"), ("rest", "Not planned")),
    )


def charts(data: ReportData, figures: Figures) -> list[Chart]:
    """Every chart that the plan has figures for, those of like height side by side."""
    made = (
        _ladder(figures),
        _disadvantage(data),
        _balance(data, figures),
        _travel(data),
        _expertise(data),
    )
    return [chart for chart in made if chart is not None]
