"""How figures of both schools of a partnership changed, beside similar schools without support.

An observation and no proof: schools are not chosen at random, and much else happens in a year.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.partnerships.partnership_queries import Whole
from app.register.measure_table import NUMERIC, declared_measures, measured_on
from app.suggestions.similar import standardise
from models.partnerships import Support
from models.register import Institution, Measure
from models.vocabulary import Side

SIMILAR: Final = 30
"""Schools that one is compared with."""
FEWEST: Final = 5
"""Of fewer with both figures, nothing is said."""
Figures = Mapping[tuple[int, str], Mapping[str, float]]
"""Values by period, by URN and measure."""


@dataclass(frozen=True, slots=True)
class Figure:
    value: float
    period: str
    measured_on: date


@dataclass(frozen=True, slots=True)
class Observed:
    """A figure of one side before the start and after it, and the change of similar schools."""

    side: Side
    measure: str
    label: str
    before: Figure
    after: Figure
    shown_before: str
    shown_after: str
    similar_change: float | None
    """Mean change between the same periods; none where too few have both figures."""
    similar_schools: int

    @property
    def change(self) -> float:
        return round(self.after.value - self.before.value, 4)


def observed(session: Session, principal: Principal, whole: Whole, today: date) -> list[Observed]:
    """Every declared figure that each side has from before the start and from after it.

    Compared are the `SIMILAR` schools of the same phases and kind that are nearest in size and
    disadvantage, and had no support while the partnership ran.
    """
    authorise(principal, Action.READ)
    partnership, full = whole.summary.partnership, whole.summary.full
    until = partnership.over_on or today
    sides = {Side.TAKER: full.taker.id, Side.GIVER: full.giver.id}
    found = []
    for side, participant_id in sides.items():
        school = session.get(Institution, participant_id)
        if school is None:
            continue
        own = _figures(session, [school.urn])
        spans = {
            name: span
            for (_, name), values in own.items()
            if (span := _span(values, partnership.starts)) is not None
        }
        if not spans:
            continue
        urns = _similar(session, school, partnership.starts, until, set(sides.values()))
        of_others = _figures(session, urns)
        for name, (before, after) in sorted(spans.items()):
            declared = declared_measures()[name]
            changes = _changes(of_others, urns, name, before.period, after.period)
            found.append(
                Observed(
                    side,
                    name,
                    declared.label,
                    before,
                    after,
                    declared.shown(before.value),
                    declared.shown(after.value),
                    round(float(np.mean(changes)), 4) if len(changes) >= FEWEST else None,
                    len(changes),
                )
            )
    return found


def _figures(session: Session, urns: Sequence[int]) -> Figures:
    numeric = [name for name, each in declared_measures().items() if each.kind in NUMERIC]
    query = select(Measure).where(
        Measure.urn.in_(urns), Measure.name.in_(numeric), Measure.value.is_not(None)
    )
    found: dict[tuple[int, str], dict[str, float]] = defaultdict(dict)
    for each in session.scalars(query):
        if each.value is not None and measured_on(each.period) is not None:
            found[each.urn, each.name][each.period] = each.value
    return found


def _span(values: Mapping[str, float], starts: date) -> tuple[Figure, Figure] | None:
    """The last figure from before the start, and the newest from after it."""
    figures = sorted(
        (
            Figure(value, period, day)
            for period, value in values.items()
            if (day := measured_on(period)) is not None
        ),
        key=lambda each: (each.measured_on, each.period),
    )
    before = [each for each in figures if each.measured_on <= starts]
    after = [each for each in figures if each.measured_on > starts]
    return (before[-1], after[-1]) if before and after else None


def _similar(
    session: Session, school: Institution, starts: date, until: date, sides: set[int]
) -> list[int]:
    """URNs of schools like one, nearest first, without support from `starts` to `until`."""
    supported = select(Support.taker_id).where(
        or_(Support.starts.is_(None), Support.starts <= until),
        or_(Support.ends.is_(None), Support.ends >= starts),
    )
    columns = (
        Institution.urn,
        Institution.phases,
        Institution.pupils,
        Institution.free_school_meals_percent,
    )
    query = select(*columns).where(
        Institution.in_scope,
        Institution.specialist == school.specialist,
        Institution.alternative_provision == school.alternative_provision,
        Institution.fee_paying == school.fee_paying,
        Institution.participant_id.not_in(supported),
        Institution.participant_id.not_in(sides),
    )
    rows = [row for row in session.execute(query) if set(row[1]) == set(school.phases)]
    mine = (school.pupils, school.free_school_meals_percent)
    figures = np.array([mine, *((row[2], row[3]) for row in rows)], dtype=np.float64)
    apart = (standardise(figures) - standardise(figures)[0]) ** 2
    known = ~np.isnan(apart)
    shared = known[1:].sum(axis=1)
    distance = np.where(known[1:], apart[1:], 0.0).sum(axis=1) / np.maximum(shared, 1)
    urns = np.array([row[0] for row in rows], np.int64)
    order = np.lexsort((urns, np.where(shared > 0, distance, np.inf)))
    return [int(urns[at]) for at in order if shared[at]][:SIMILAR]


def _changes(
    figures: Figures, urns: Sequence[int], name: str, before: str, after: str
) -> list[float]:
    both = (figures.get((urn, name), {}) for urn in urns)
    return [each[after] - each[before] for each in both if before in each and after in each]
