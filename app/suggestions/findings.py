"""Where a school's figures stand out from those of similar schools."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import select

from app.database import ReadSession, WriteSession
from app.register.measure_table import label_of, measured_on, period_words
from app.suggestions.finding import Finding, School, applies, dated, described, shown, years_before
from app.suggestions.grades import by_grade
from app.suggestions.rules import Criterion, Rule, SuggestRules
from app.suggestions.similar import Floats, Indices, compare, similar_schools, standardise
from app.wording import counted, on_day
from models.register import Institution, Measure
from models.vocabulary import Phase

SCHOOL_PHASES = (Phase.PRIMARY, Phase.SECONDARY)
"""Phases that make schools comparable; a nursery class or sixth form does not part them."""


@dataclass(frozen=True, slots=True)
class Held:
    """The newest period of a measure that may be used, and every school's figure for it."""

    measure: str
    period: str
    measured_on: date
    values: Mapping[int, float]


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
    held, notes = _held(session, rules, today, include_old=include_old)
    groups: dict[tuple[object, ...], list[School]] = defaultdict(list)
    for school in _schools(session):
        if school.fee_paying and not include_fee_paying:
            continue
        phases = tuple(phase for phase in SCHOOL_PHASES if phase in school.phases)
        kind = (school.specialist, school.alternative_provision, school.fee_paying)
        groups[(phases, *kind, school.selective)].append(school)
    everybody = [school for group in groups.values() for school in group]
    found, of_grades = by_grade(session, rules, everybody, today, include_old=include_old)
    notes += of_grades
    schools = len(everybody)
    done = 0
    for key in sorted(groups, key=str):
        group = groups[key]
        on_progress("Comparing similar schools", done / max(1, schools))
        found += _stand_out(group, rules, held)
        done += len(group)
    return _one_each(rules, found, subjects), notes


def _one_each(
    rules: SuggestRules, found: Sequence[Finding], subjects: frozenset[int] | None
) -> list[Finding]:
    """One suggestion of an expertise for a school: the most urgent, that says the others too."""
    order = {rule.id: place for place, rule in enumerate(rules.both)}
    first: dict[tuple[int, bool, str], Finding] = {}
    for each in sorted(found, key=lambda each: (each.urgency, order[each.rule.id])):
        if subjects is not None and each.school.participant_id not in subjects:
            continue
        key = (each.school.participant_id, each.worse, each.draft.expertise)
        before = first.setdefault(key, each)
        if before is not each:
            before.detail.setdefault("also", []).append(each.detail["statement"])
    return sorted(first.values(), key=lambda each: (order[each.rule.id], each.school.urn))


def _stand_out(
    group: Sequence[School], rules: SuggestRules, held: Mapping[str, Held]
) -> Iterator[Finding]:
    """Findings among comparable schools, by each rule whose measure is held."""
    criteria = [criterion for criterion in rules.criteria if criterion.measure in held]
    nearest: dict[tuple[object, ...], Indices] = {}
    for rule in rules.rules:
        if rule.measure not in held:
            continue
        # Schools that are alike in the very figure could not stand out by it.
        by = [criterion for criterion in criteria if criterion.measure != rule.measure]
        figures = held[rule.measure].values
        measured = [s for s in group if applies(rule, s) and s.urn in figures]
        if len(by) < rules.minimum_criteria or len(measured) <= rules.minimum_similar:
            continue
        key = (*(c.measure for c in by), *(school.urn for school in measured))
        if key not in nearest:
            nearest[key] = similar_schools(
                standardise(_columns(measured, by, held)),
                np.array([criterion.weight for criterion in by]),
                count=rules.similar_schools,
                minimum_criteria=rules.minimum_criteria,
            )
        yield from _by_rule(rule, rules, measured, by, held, nearest[key])


def _by_rule(
    rule: Rule,
    rules: SuggestRules,
    schools: Sequence[School],
    criteria: Sequence[Criterion],
    held: Mapping[str, Held],
    nearest: Indices,
) -> Iterator[Finding]:
    outcome = held[rule.measure]
    values = np.array([outcome.values[school.urn] for school in schools])
    count, mean, spread = compare(values, nearest)
    ahead = (values - mean) * (1 if rule.better == "higher" else -1)
    far = np.maximum(rule.spreads * spread, rule.gap)
    comparable = (count >= rules.minimum_similar) & (ahead != 0)
    for i in np.flatnonzero(comparable & (np.abs(ahead) >= far)).tolist():
        school, worse = schools[i], bool(ahead[i] < 0)
        draft = rule.need if worse else rule.offer
        if draft is None or (school.selective and not worse):
            continue
        detail = described(rule, rules, outcome.period, outcome.measured_on) | {
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
        yield Finding(rule, school, draft, detail)


def _sentence(rule: Rule, detail: dict[str, Any], *, worse: bool) -> str:
    side = "below" if worse == (rule.better == "higher") else "above"
    return (
        f"{detail['label']} was {shown(rule.measure, detail['value'])} "
        f"{dated(detail)}. This is well {side} the mean of "
        f"{detail['similar_mean']:,.1f} (standard deviation {detail['similar_spread']:,.1f}) of "
        f"{detail['similar_schools']} similar schools"
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
    session: ReadSession | WriteSession, rules: SuggestRules, today: date, *, include_old: bool
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
    absent: list[str] = []
    for name in names:
        dated = sorted((day, period) for period in periods[name] if (day := measured_on(period)))
        years = rules.oldest_years_of(name)
        oldest = date.min if include_old else years_before(today, years)
        usable = [(day, period) for day, period in dated if oldest <= day <= today]
        if not dated:
            absent.append(label_of(name))
        elif not usable:
            day, period = dated[-1]
            notes.append(
                f"{label_of(name)} was left out: its newest figures, {period_words(period)}, date "
                f"from {on_day(day)}, over {counted(years, 'year')} ago. To use them, add "
                "--include-old."
            )
        else:
            day, period = usable[-1]
            rows = select(Measure.urn, Measure.value).where(
                Measure.name == name, Measure.period == period, Measure.value.is_not(None)
            )
            values = {urn: value for urn, value in session.execute(rows) if value is not None}
            held[name] = Held(name, period, day, values)
    if absent:
        notes.append(f"Not compared, because there are no figures: {'; '.join(sorted(absent))}.")
    return held, notes
