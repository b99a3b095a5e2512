"""A case as it was on any day: a need, its proposals, and what was said and decided by then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, String, Table, cast, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.access.policy import Principal
from app.cases.requests import RequestThen, request_then
from app.cases.states import state_after
from app.database import ReadSession
from app.errors import NotFound
from app.exchange.limits import named
from app.exchange.queries import get_need
from app.wording import on_day
from models.access import AuditEvent
from models.consent import ConsentRequest
from models.history import NEED_VERSION, OFFER_VERSION
from models.matching import (
    Agreement,
    Decision,
    Proposal,
    ProposalFlag,
    PublicationConsent,
    RuleException,
    Run,
)
from models.vocabulary import ProposalState

Version = Any
"""A version of a need or an offer, with the columns of its table as attributes."""


@dataclass(frozen=True, slots=True)
class Side:
    """Whose a need or an offer was then: the cell that names it, and its name of today."""

    cell: str
    name: str


@dataclass(frozen=True, slots=True)
class ProposalThen:
    """A proposal with all that had happened to it by then."""

    proposal: Proposal
    offer: Version
    giver: Side
    state: ProposalState
    made_at: datetime
    public_money_pounds: int | None
    """What public funds were to pay for it in all; 0: nothing; none: not recorded."""
    decisions: Sequence[Decision]
    agreements: Sequence[Agreement]
    exceptions: Sequence[RuleException]
    consents: Sequence[PublicationConsent]
    flags: Sequence[ProposalFlag]
    requests: Sequence[RequestThen]
    """Who was asked by a link, the oldest first."""


@dataclass(frozen=True, slots=True)
class Case:
    """Of a need at the end of a day, by UTC."""

    on: date
    until: datetime
    """What happened before this moment is in it; marks of later ones are to be left out."""
    need: Version
    taker: Side
    versions: Sequence[Version]
    """All of the need by then, the oldest first."""
    proposals: Sequence[ProposalThen]

    @property
    def actors(self) -> set[str]:
        """Who decided, recorded or allowed something, as the audit calls them."""
        found: set[str] = set()
        for each in self.proposals:
            found.update(one.author for one in each.decisions)
            found.update(one.author for one in each.exceptions)
            found.update(one.recorded_by for one in each.agreements)
            found.update(one.asked_by for one in each.requests)
        return found

    def by_then(self, moment: datetime | None) -> datetime | None:
        """A moment if it had come by then: what was voided later still stood."""
        return moment if moment is not None and moment < self.until else None


DAY: Final = timedelta(days=1)
LAST: Final = date.max - DAY


def end_of(day: date) -> datetime:
    """The moment at which a day ends by UTC, or that before the last day of the calendar."""
    return datetime.combine(min(day, LAST), time(), UTC) + DAY


def case_on(session: ReadSession, principal: Principal, reference: str, on: date) -> Case:
    """A need and everything about it as it was at the end of a day.

    Raises `NotFound` where the need was not there yet, or its versions were not kept yet.
    """
    need = get_need(session, principal, reference)
    until = end_of(on)
    versions = _versions(session, NEED_VERSION, need.id)
    then = [each for each in versions if each.updated_at < until]
    if not then:
        first = versions[0]
        known = "was recorded" if first.version == 1 else "has its oldest kept version"
        raise NotFound(
            f"Need {reference} {known} on {on_day(first.updated_at)}. Choose that day or a later "
            f"one, not {on_day(on)}."
        )
    proposals = _proposals(session, need.id, until)
    people = {then[-1].participant_id} | {each.offer.participant_id for each in proposals}
    names = {who: Side(*cell_and_name) for who, cell_and_name in named(session, people).items()}
    return Case(
        on,
        until,
        then[-1],
        names[then[-1].participant_id],
        then,
        [replace(each, giver=names[each.offer.participant_id]) for each in proposals],
    )


def _versions(session: ReadSession, table: Table, item_id: int) -> Sequence[Version]:
    query = select(table).where(table.c.id == item_id).order_by(table.c.version)
    return session.execute(query).all()


def _proposals(session: ReadSession, need_id: int, until: datetime) -> list[ProposalThen]:
    offered = (
        select(func.min(AuditEvent.at))
        .where(
            AuditEvent.subject == literal("proposal:") + cast(Proposal.id, String),
            AuditEvent.action == "proposal.offered",
        )
        .scalar_subquery()
    )
    made_at = func.coalesce(offered, Run.finished_at, Run.created_at, type_=AuditEvent.at.type)
    newer = aliased(Run)
    query = (
        select(Proposal, made_at, newer.finished_at)
        .join(Run, Run.id == Proposal.run_id)
        .outerjoin(newer, newer.id == Proposal.replaced_by_run_id)
        .where(Proposal.need_id == need_id, made_at < until)
        .order_by(Proposal.id)
    )
    return [_then(session, *found, until) for found in session.execute(query)]


def _then(
    session: ReadSession,
    proposal: Proposal,
    made_at: datetime,
    replaced_at: datetime | None,
    until: datetime,
) -> ProposalThen:
    def of(model: Any, at: InstrumentedAttribute[datetime]) -> Any:
        mine: ColumnElement[bool] = model.proposal_id == proposal.id
        return session.scalars(select(model).where(mine, at < until).order_by(model.id)).all()

    versions = _versions(session, OFFER_VERSION, proposal.offer_id)
    decisions = of(Decision, Decision.at)
    agreements = of(Agreement, Agreement.at)
    is_replaced = replaced_at is not None and replaced_at < until
    return ProposalThen(
        proposal,
        # A proposal is newer than its offer, unless versions were not kept yet.
        next((each for each in reversed(versions) if each.updated_at < until), versions[0]),
        Side("", ""),
        # Nobody had decided on it when it was replaced; it can be preferred all the same.
        state_after(decisions, agreements, until)
        if decisions or not is_replaced
        else ProposalState.REPLACED,
        made_at,
        _public_money(session, proposal, until),
        decisions,
        agreements,
        of(RuleException, RuleException.at),
        of(PublicationConsent, PublicationConsent.given_at),
        of(ProposalFlag, ProposalFlag.raised_at),
        [request_then(each, until) for each in of(ConsentRequest, ConsentRequest.made_at)],
    )


def _public_money(session: ReadSession, proposal: Proposal, until: datetime) -> int | None:
    """From what is recorded now, back over each change since."""
    query = (
        select(AuditEvent.detail)
        .where(AuditEvent.subject == f"proposal:{proposal.id}", AuditEvent.at >= until)
        .where(AuditEvent.action == "proposal.public_money")
        .order_by(AuditEvent.sequence)
        .limit(1)
    )
    changed = session.scalar(query)
    before: int | None = proposal.public_money_pounds if changed is None else changed["before"]
    return before
