"""Suggested needs and prompts to ask, kept in step with what the measures support."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import or_, select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for
from app.catalogue.calendar import year_on
from app.catalogue.naming import expertise_names, not_named
from app.catalogue.queries import get_period
from app.database import WriteSession
from app.errors import Fault, FaultyFile
from app.events import audit
from app.exchange.queries import find_area, in_area
from app.import_kit.upsert import Row, upsert
from app.progress import Progress, silent
from app.suggestions.finding import Finding, years_before
from app.suggestions.findings import find
from app.suggestions.rules import PACKAGED, NeedDraft, OfferDraft, SuggestRules, read_rules
from app.wording import counted
from models.exchange import Expertise, Need, Offer, Period
from models.register import Area, Circumstance, Participant
from models.vocabulary import AreaKind, Availability, NeedEvidence, NeedState

Item = TypeVar("Item", Need, Offer)

PREFIX = "suggested/"
NEW_HEAD = "new_head"
"""The circumstance of a school in its head teacher's first year."""
WITHDRAWN = "withdrawn"
"""Marks, in a suggestion, that the rule took it back; what a person closed stays closed."""


@dataclass(slots=True)
class SuggestCounts:
    """`said` are those that the school has already spoken on: they are left alone."""

    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    said: int = 0


@dataclass(slots=True)
class SuggestReport:
    period: str
    rules_version: str
    rules_digest: str
    area: str | None
    preview: bool
    needs: SuggestCounts = field(default_factory=SuggestCounts)
    offers: SuggestCounts = field(default_factory=SuggestCounts)
    notes: list[str] = field(default_factory=list)
    by_rule: dict[str, dict[str, int]] = field(default_factory=dict)
    """How many needs and offers each rule supports now."""
    suggestions: list[dict[str, Any]] = field(default_factory=list)
    """Everything the measures support now, whether new or not."""

    @property
    def any_change(self) -> bool:
        return any(c.added or c.changed or c.withdrawn for c in (self.needs, self.offers))


def suggest(
    session: WriteSession,
    principal: Principal,
    rules_path: Path = PACKAGED,
    *,
    period_code: str | None = None,
    area_named: str | None = None,
    include_old: bool = False,
    include_fee_paying: bool = False,
    include_new_heads: bool = False,
    preview: bool = False,
    today: date | None = None,
    on_progress: Progress = silent,
) -> SuggestReport:
    """Compare schools with similar ones and keep suggestions of the period as the rules say.

    Suggestions that nobody has spoken on follow the measures: new ones are added, those no
    longer supported withdrawn. The period is by default the academic year of `today`.
    """
    authorise(principal, Action.SUGGEST)
    rules, digest = read_rules(rules_path)
    _check_expertise(session, rules_path, rules)
    today = today or datetime.now(UTC).date()
    period = get_period(session, principal, period_code) if period_code else year_on(session, today)
    area = find_area(session, area_named) if area_named else None
    subjects = _subjects(session, area)
    if subjects is None:
        authorise(principal, Action.SUGGEST, everywhere=True)
    else:
        authorise_for(session, principal, Action.SUGGEST, subjects)
    found, notes = find(
        session,
        rules,
        today=today,
        subjects=subjects,
        include_old=include_old,
        include_fee_paying=include_fee_paying,
        on_progress=on_progress,
    )
    if not include_new_heads:
        found, left_out = _without_new_heads(session, found, today)
        notes += left_out
    report = SuggestReport(
        period.code, rules.version, digest, area.name if area else None, preview, notes=notes
    )
    report.suggestions = [
        {"kind": "need" if each.worse else "offer", "urn": each.school.urn, **each.detail}
        for each in found
    ]
    report.by_rule = _by_rule(rules, found)
    on_progress("Saving suggestions", 0.99)
    run = _Run(session, period, rules, subjects, today, preview)
    _keep(run, Need, [each for each in found if each.worse], report.needs)
    _keep(run, Offer, [each for each in found if not each.worse], report.offers)
    if report.any_change and not preview:
        audit.record(
            session,
            actor=principal.name,
            action="suggest",
            subject=f"period:{period.code}",
            digest=digest,
            rules_version=rules.version,
            area=f"{area.kind}:{area.code}" if area else None,
            needs=asdict(report.needs),
            offers=asdict(report.offers),
        )
    return report


def _without_new_heads(
    session: WriteSession, found: Sequence[Finding], today: date
) -> tuple[list[Finding], list[str]]:
    """Leave out schools in the first year of a new head, who is to look first."""
    new = set(
        session.scalars(
            select(Circumstance.participant_id).where(
                Circumstance.kind == NEW_HEAD,
                Circumstance.starts <= today,
                Circumstance.starts > years_before(today, 1),
                or_(Circumstance.ends.is_(None), Circumstance.ends >= today),
            )
        )
    )
    kept = [each for each in found if each.school.participant_id not in new]
    left_out = {each.school.participant_id for each in found} & new
    if not left_out:
        return kept, []
    note = (
        f"{counted(len(left_out), 'school')} left out, because the head teacher is in the first "
        "year. To include them, add --include-new-heads."
    )
    return kept, [note]


def _by_rule(rules: SuggestRules, found: Sequence[Finding]) -> dict[str, dict[str, int]]:
    counts = {rule.id: {"needs": 0, "offers": 0} for rule in rules.both}
    for each in found:
        counts[each.rule.id]["needs" if each.worse else "offers"] += 1
    return {rule: said for rule, said in counts.items() if any(said.values())}


def reference(rule_id: str, period: Period, urn: int) -> str:
    return f"{PREFIX}{rule_id}/{period.code}/{urn}"


def _check_expertise(session: WriteSession, path: Path, rules: SuggestRules) -> None:
    """Refuse rules that name expertise which the taxonomy has not, or has retired."""
    in_use = set(session.scalars(select(Expertise.code).where(~Expertise.retired)))
    names = expertise_names(session)
    faults = [
        Fault(
            path.name,
            None,
            f"{where}.{place}.{kind}.expertise",
            draft.expertise,
            not_named(draft.expertise, names),
        )
        for where, listed in (("rules", rules.rules), ("grades", rules.grades))
        for place, rule in enumerate(listed)
        for kind, draft in (("need", rule.need), ("offer", rule.offer))
        if draft is not None and draft.expertise not in in_use
    ]
    if faults:
        raise FaultyFile(faults)


def _subjects(session: WriteSession, area: Area | None) -> frozenset[int] | None:
    if area is None:
        return None
    here = in_area(AreaKind(area.kind), area.code)
    return frozenset(session.scalars(select(Participant.id).where(here)))


@dataclass(frozen=True, slots=True)
class _Run:
    session: WriteSession
    period: Period
    rules: SuggestRules
    subjects: frozenset[int] | None
    today: date
    preview: bool


def _keep(run: _Run, model: type[Item], found: Sequence[Finding], counts: SuggestCounts) -> None:
    """Add, change and take back suggestions of one kind, past none that somebody spoke on."""
    stored = _stored(run.session, model, run.period)
    own = {(i.participant_id, i.expertise_code) for i in stored if _spoken_on(i, run.period)}
    before = {item.reference: item for item in stored}
    rows: list[Row] = []
    for each in found:
        draft = each.draft
        known = before.get(reference(each.rule.id, run.period, each.school.urn))
        if (each.school.participant_id, draft.expertise) in own or (known and not _follows(known)):
            counts.said += 1
        else:
            rows.append(_row(run, each, draft, known))
    supported = {row["reference"] for row in rows}
    for item in _unsupported(run, stored, supported):
        counts.withdrawn += 1
        if not run.preview:
            _take_back(item, run.today)
    for row in rows:
        known = before.get(row["reference"])
        if known is None:
            counts.added += 1
        elif all(getattr(known, name) == value for name, value in row.items()):
            counts.unchanged += 1
        else:
            counts.changed += 1
    if not run.preview:
        run.session.flush()
        suggestions = model.reference.startswith(PREFIX)
        upsert(run.session, model, ("reference",), rows, among=suggestions)
        run.session.expire_all()


def _row(
    run: _Run, finding: Finding, draft: NeedDraft | OfferDraft, known: Need | Offer | None
) -> Row:
    """The columns of a suggestion; a prompt keeps the day on which it was first made."""
    row: Row = {
        "reference": reference(finding.rule.id, run.period, finding.school.urn),
        "participant_id": finding.school.participant_id,
        "expertise_code": draft.expertise,
        "period_code": run.period.code,
        "half_days": draft.half_days,
        "mode": draft.mode.value,
        "window_starts": run.period.starts,
        "window_ends": run.period.ends,
        "suggestion": finding.detail,
    }
    if isinstance(draft, NeedDraft):
        return row | {
            "half_days_min": draft.half_days_min,
            "priority": draft.priority,
            "evidence": NeedEvidence.DATA_TRIGGER.value,
            "state": NeedState.SUGGESTED.value,
            "max_givers": 1,
        }
    return row | {
        "max_pairings": draft.max_pairings,
        "phases": finding.phases,
        "availability": Availability.NOT_ANSWERED.value,
        "availability_updated": (
            known.availability_updated if isinstance(known, Offer) else run.today
        ),
        "withdrawn": False,
    }


def _stored(session: WriteSession, model: type[Item], period: Period) -> Sequence[Item]:
    """What is held for the period and, for a term, for its year."""
    codes = [period.code, period.year_code] if period.year_code else [period.code]
    return session.scalars(select(model).where(model.period_code.in_(codes))).all()


def _stands(item: Need | Offer) -> bool:
    return item.state != NeedState.CLOSED if isinstance(item, Need) else not item.withdrawn


def _follows(item: Need | Offer) -> bool:
    """Whether it is still its rule's: nobody spoke on it, or the rule itself took it back."""
    if item.suggestion is None:
        return False
    unspoken = (
        item.state == NeedState.SUGGESTED
        if isinstance(item, Need)
        else item.availability == Availability.NOT_ANSWERED and not item.withdrawn
    )
    return unspoken or WITHDRAWN in item.suggestion


def _spoken_on(item: Need | Offer, period: Period) -> bool:
    """Whether a school has its say in this, or a suggestion of the year stands for its term."""
    return not _follows(item) or (item.period_code != period.code and _stands(item))


def _unsupported(run: _Run, stored: Sequence[Item], supported: set[str]) -> list[Item]:
    """What rules of this file suggested, for schools looked at, and no longer do."""
    ids = {rule.id for rule in run.rules.both}
    return [
        item
        for item in stored
        if item.period_code == run.period.code
        and item.suggestion is not None
        and item.suggestion.get("rule") in ids
        and _follows(item)
        and _stands(item)
        and (run.subjects is None or item.participant_id in run.subjects)
        and item.reference not in supported
    ]


def _take_back(item: Need | Offer, today: date) -> None:
    assert item.suggestion is not None
    item.suggestion = item.suggestion | {WITHDRAWN: today.isoformat()}
    item.version += 1
    item.updated_at = datetime.now(UTC)
    if isinstance(item, Need):
        item.state = NeedState.CLOSED
    else:
        item.withdrawn = True
