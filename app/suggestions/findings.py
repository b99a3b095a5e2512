"""Where a school's figures stand out from those of similar schools."""

import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import select

from app.database import ReadSession, WriteSession
from app.suggestions.rules import Criterion, Rule, SuggestRules
from app.suggestions.similar import Floats, compare, similar_schools, standardise
from models.register import Institution, Measure
from models.vocabulary import Phase

SCHOOL_PHASES = (Phase.PRIMARY, Phase.SECONDARY)
"""Phases that make schools comparable; a nursery class or sixth form does not part them."""


class School(NamedTuple):
    participant_id: int
    urn: int
    phases: list[str]
    specialist: bool
    alternative_provision: bool
    fee_paying: bool
    admissions_policy: str | None

    @property
    def selective(self) -> bool:
        return (self.admissions_policy or "").casefold() == "selective"


@dataclass(frozen=True, slots=True)
class Held:
    """The newest period of a measure that may be used, and every school's figure for it."""

    measure: str
    period: str
    measured_on: date
    values: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Finding:
    """One school's figure that stands out, on the worse side or on the better."""

    rule: Rule
    school: School
    worse: bool
    detail: dict[str, Any]
    """What the suggestion says of itself: rule, figures and their dates."""


def measured_on(period: str) -> date | None:
    """The last day a period stands for: a month's (2025-01), a school year's (2025, 2024-25)."""
    if month := re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", period):
        number = int(month[2])
        return date(int(month[1]), number, monthrange(int(month[1]), number)[1])
    if year := re.fullmatch(r"(\d{4})(?:[-/]\d\d)?", period):
        return date(int(year[1]) + (len(period) > 4), 8, 31)
    return None


def years_before(day: date, years: int) -> date:
    """The same day some years earlier; 28 February where there is none."""
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28)
    return day.replace(year=day.year - years)


def find(
    session: ReadSession | WriteSession,
    rules: SuggestRules,
    *,
    today: date,
    subjects: frozenset[int] | None,
    include_old: bool,
    include_fee_paying: bool,
    on_progress: Callable[[str, float], None],
) -> tuple[list[Finding], list[str]]:
    """What stands out among `subjects` (participant ids; none: all), and what could not be used."""
    oldest = date.min if include_old else years_before(today, rules.oldest_years)
    held, notes = _held(session, rules, today, oldest)
    groups: dict[tuple[object, ...], list[School]] = defaultdict(list)
    for school in _schools(session):
        if school.fee_paying and not include_fee_paying:
            continue
        phases = tuple(phase for phase in SCHOOL_PHASES if phase in school.phases)
        kind = (school.specialist, school.alternative_provision, school.fee_paying)
        groups[(phases, *kind, school.selective)].append(school)
    found: list[Finding] = []
    schools = sum(map(len, groups.values()))
    done = 0
    for key in sorted(groups, key=str):
        group = groups[key]
        on_progress("Comparing similar schools", done / max(1, schools))
        found += _stand_out(group, rules, held, subjects)
        done += len(group)
    return found, notes


def _stand_out(
    group: Sequence[School],
    rules: SuggestRules,
    held: Mapping[str, Held],
    subjects: frozenset[int] | None,
) -> Iterator[Finding]:
    """Findings among comparable schools, by each rule whose measure is held."""
    criteria = [criterion for criterion in rules.criteria if criterion.measure in held]
    if len(criteria) < rules.minimum_criteria:
        return
    for rule in rules.rules:
        if rule.measure not in held:
            continue
        figures = held[rule.measure].values
        measured = [s for s in group if rule.phase in s.phases and s.urn in figures]
        if len(measured) > rules.minimum_similar:
            yield from _by_rule(rule, rules, measured, criteria, held, subjects)


def _by_rule(
    rule: Rule,
    rules: SuggestRules,
    schools: Sequence[School],
    criteria: Sequence[Criterion],
    held: Mapping[str, Held],
    subjects: frozenset[int] | None,
) -> Iterator[Finding]:
    outcome = held[rule.measure]
    nearest = similar_schools(
        standardise(_columns(schools, criteria, held)),
        np.array([criterion.weight for criterion in criteria]),
        count=rules.similar_schools,
        minimum_criteria=rules.minimum_criteria,
    )
    values = np.array([outcome.values[school.urn] for school in schools])
    count, mean, spread = compare(values, nearest)
    ahead = (values - mean) * (1 if rule.better == "higher" else -1)
    far = np.maximum(rule.spreads * spread, rule.gap)
    comparable = (count >= rules.minimum_similar) & (ahead != 0)
    for i in np.flatnonzero(comparable & (np.abs(ahead) >= far)).tolist():
        school, worse = schools[i], bool(ahead[i] < 0)
        if subjects is not None and school.participant_id not in subjects:
            continue
        if (rule.need if worse else rule.offer) is None or (school.selective and not worse):
            continue
        detail = {
            "rule": rule.id,
            "rules_version": rules.version,
            "measure": rule.measure,
            "period": outcome.period,
            "measured_on": outcome.measured_on.isoformat(),
            "value": round(float(values[i]), 4),
            "similar_schools": int(count[i]),
            "similar_mean": round(float(mean[i]), 4),
            "similar_spread": round(float(spread[i]), 4),
            "most_similar": [schools[j].urn for j in nearest[i][:5] if j >= 0],
            "criteria": [
                {
                    "measure": criterion.measure,
                    "period": held[criterion.measure].period,
                    "value": held[criterion.measure].values.get(school.urn),
                }
                for criterion in criteria
            ],
        }
        detail["statement"] = _sentence(rule, detail, worse=worse)
        yield Finding(rule, school, worse, detail)


def _sentence(rule: Rule, detail: Mapping[str, Any], *, worse: bool) -> str:
    return (
        f"{rule.measure} of {detail['period']} is {detail['value']:g}, "
        f"well {'below' if worse == (rule.better == 'higher') else 'above'} the mean of "
        f"{detail['similar_mean']:.1f} (standard deviation {detail['similar_spread']:.1f}) of "
        f"{detail['similar_schools']} similar schools, by rule {rule.id}"
    )


def _columns(
    schools: Sequence[School], criteria: Sequence[Criterion], held: Mapping[str, Held]
) -> Floats:
    columns = np.full((len(schools), len(criteria)), np.nan)
    for place, criterion in enumerate(criteria):
        values = held[criterion.measure].values
        columns[:, place] = [values.get(school.urn, np.nan) for school in schools]
        if criterion.scale == "log":
            positive = np.where(columns[:, place] > 0, columns[:, place], np.nan)
            columns[:, place] = np.log(positive)
    return columns


def _schools(session: ReadSession | WriteSession) -> list[School]:
    columns = (getattr(Institution, name) for name in School._fields)
    rows = session.execute(
        select(*columns).where(Institution.in_scope).order_by(Institution.urn)
    ).all()
    return [School(*row) for row in rows]


def _held(
    session: ReadSession | WriteSession, rules: SuggestRules, today: date, oldest: date
) -> tuple[dict[str, Held], list[str]]:
    """The newest usable period of each measure the rules name; one period for all schools."""
    names = sorted({c.measure for c in rules.criteria} | {r.measure for r in rules.rules})
    periods: dict[str, list[str]] = {name: [] for name in names}
    known = select(Measure.name, Measure.period).where(
        Measure.name.in_(names), Measure.value.is_not(None)
    )
    for name, period in session.execute(known.distinct()):
        periods[name].append(period)
    held: dict[str, Held] = {}
    notes: list[str] = []
    for name in names:
        dated = sorted((day, period) for period in periods[name] if (day := measured_on(period)))
        usable = [(day, period) for day, period in dated if oldest <= day <= today]
        if not dated:
            notes.append(f"There are no figures for {name}, so schools were not compared by it.")
        elif not usable:
            day, period = dated[-1]
            notes.append(
                f"{name} was left out: its newest figures, for {period}, date from {day}, over "
                f"{rules.oldest_years} years ago. To use them, add --include-old."
            )
        else:
            day, period = usable[-1]
            rows = select(Measure.urn, Measure.value).where(
                Measure.name == name, Measure.period == period, Measure.value.is_not(None)
            )
            values = {urn: value for urn, value in session.execute(rows) if value is not None}
            held[name] = Held(name, period, day, values)
    return held, notes
