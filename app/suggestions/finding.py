"""What is found of a school, and how it is told: with its unit, date and source."""

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from app.register.measure_table import declared_measures, label_of, period_words
from app.suggestions.rules import GradeRule, NeedDraft, OfferDraft, Rule, SuggestRules


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
class Finding:
    """One school's figure that stands out, on the worse side or on the better."""

    rule: Rule | GradeRule
    school: School
    draft: NeedDraft | OfferDraft
    """What is suggested: a need on the worse side, an offer on the better."""
    detail: dict[str, Any]
    """What the suggestion says of itself: rule, figures and their dates."""

    @property
    def worse(self) -> bool:
        return isinstance(self.draft, NeedDraft)

    @property
    def urgency(self) -> int:
        return self.draft.priority if isinstance(self.draft, NeedDraft) else 0

    @property
    def phases(self) -> list[str]:
        return [self.rule.phase.value] if self.rule.phase else self.school.phases


def years_before(day: date, years: int) -> date:
    """The same day some years earlier; 28 February where there is none."""
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28)
    return day.replace(year=day.year - years)


def applies(rule: Rule | GradeRule, school: School) -> bool:
    """Whether a rule is for schools of this phase and kind."""
    if rule.mainstream_only and (school.specialist or school.alternative_provision):
        return False
    return rule.phase is None or rule.phase in school.phases


def described(
    rule: Rule | GradeRule, rules: SuggestRules, period: str, day: date
) -> dict[str, Any]:
    """What every suggestion says of itself."""
    declared = declared_measures().get(rule.measure)
    return {
        "rule": rule.id,
        "rules_version": rules.version,
        "measure": rule.measure,
        "label": label_of(rule.measure),
        "period": period,
        "measured_on": day.isoformat(),
        "unit": declared.shown_unit if declared else "",
        "source": declared.source if declared else None,
    }


def dated(detail: dict[str, Any]) -> str:
    """When a figure is of and who published it."""
    source = f" (source: {detail['source']})" if detail["source"] else ""
    return f"{period_words(detail['period'])}{source}"


def shown(measure: str, value: float) -> str:
    declared = declared_measures().get(measure)
    return declared.shown(value) if declared else f"{value:,.10g}"
