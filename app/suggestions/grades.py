"""What the words of a scale suggest, such as an inspection's grade: each school's newest."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from sqlalchemy import select

from app.database import ReadSession, WriteSession
from app.register.measure_table import label_of, measured_on
from app.suggestions.finding import Finding, School, applies, dated, described, years_before
from app.suggestions.rules import GradeRule, NeedDraft, OfferDraft, SuggestRules
from app.wording import counted
from models.register import Measure

MOST_URGENT = 1
Grades = dict[str, dict[int, tuple[date, str, str]]]
"""By measure and URN: the day, period and word of the newest."""


def by_grade(
    session: ReadSession | WriteSession,
    rules: SuggestRules,
    schools: Sequence[School],
    today: date,
    *,
    include_old: bool,
) -> tuple[list[Finding], list[str]]:
    """What the newest grades of these schools suggest, and how many were too old."""
    measures = {rule.measure for rule in rules.grades}
    newer = {name for rule in rules.grades for name in rule.superseded_by}
    grades = _newest(session, measures | newer, today)
    found: list[Finding] = []
    old: Counter[str] = Counter()
    for rule in rules.grades:
        oldest = years_before(today, rules.oldest_years_of(rule.measure))
        for school in schools:
            held = grades.get(rule.measure, {}).get(school.urn)
            if held is None or not applies(rule, school):
                continue
            day, period, word = held
            if any(
                later[0] > day
                for name in rule.superseded_by
                if (later := grades.get(name, {}).get(school.urn))
            ):
                continue
            if (draft := _draft(rule, word)) is None:
                continue
            if day < oldest and not include_old:
                old[rule.measure] += 1
                continue
            detail = described(rule, rules, period, day) | {"word": word}
            detail["statement"] = f"{detail['label']} was {word} {dated(detail)}"
            found.append(Finding(rule, school, draft, detail))
    return found, list(_notes(rules, measures, grades, old))


def _newest(session: ReadSession | WriteSession, measures: Iterable[str], today: date) -> Grades:
    newest: Grades = {}
    rows = select(Measure.name, Measure.urn, Measure.period, Measure.text).where(
        Measure.name.in_(sorted(measures)), Measure.text.is_not(None)
    )
    for name, urn, period, word in session.execute(rows):
        day = measured_on(period)
        if day is None or day > today or word is None:
            continue
        of_measure = newest.setdefault(name, {})
        of_measure[urn] = max(of_measure.get(urn, (date.min, "", "")), (day, period, word))
    return newest


def _draft(rule: GradeRule, word: str) -> NeedDraft | OfferDraft | None:
    if word in rule.urgent_when and rule.need is not None:
        return rule.need.model_copy(update={"priority": MOST_URGENT})
    if word in rule.need_when:
        return rule.need
    return rule.offer if word in rule.offer_when else None


def _notes(
    rules: SuggestRules, measures: set[str], grades: Grades, old: Counter[str]
) -> Iterator[str]:
    absent = sorted(label_of(name) for name in measures - set(grades))
    if absent:
        yield f"Not looked at, because there are no grades: {'; '.join(absent)}."
    for name, count in sorted(old.items()):
        years = counted(rules.oldest_years_of(name), "year")
        yield (
            f"{label_of(name)}: {counted(count, 'grade')} over {years} old left out. To use them, "
            "add --include-old."
        )
