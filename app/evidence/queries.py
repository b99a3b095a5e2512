"""Evidence by page, one by one, and that of one offer with what it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, Select, or_, select
from sqlalchemy.orm import aliased

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.database import ReadSession, WriteSession
from app.errors import NotFound
from app.evidence.reading import is_about, parents_of, quality_on
from app.evidence.wording import comes_from
from app.exchange.queries import get_offer
from app.register.naming import reference_named
from models.evidence import Evidence
from models.exchange import Offer
from models.register import Participant
from models.vocabulary import EvidenceKind
from solver.pairing.quality import Quality

AnySession = ReadSession | WriteSession
Giver, SaidBy = aliased(Participant), aliased(Participant)
_EVIDENCE: Select[Any] = (
    select(
        Evidence.__table__,
        Giver.reference.label("giver_reference"),
        Giver.name.label("giver_name"),
        SaidBy.reference.label("said_by_reference"),
        SaidBy.name.label("said_by_name"),
        Offer.reference.label("offer_reference"),
    )
    .join(Giver, Giver.id == Evidence.giver_id)
    .outerjoin(SaidBy, SaidBy.id == Evidence.said_by_id)
    .outerjoin(Offer, Offer.id == Evidence.offer_id)
)


@dataclass(frozen=True, slots=True)
class OfOffer:
    """What is said of one offer, and what it comes to in a run that is started today."""

    offer: Offer
    quality: Quality
    sentence: str
    evidence: Sequence[RowMapping]
    """The latest first; also what does not count yet, or was withdrawn."""


def list_evidence(
    session: AnySession,
    principal: Principal,
    *,
    participant: str | None = None,
    expertise: str | None = None,
    kind: EvidenceKind | None = None,
    withdrawn: bool | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Sequence[RowMapping]:
    """A page of evidence by number; `participant` is whose support it is about."""
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Evidence)
    query = _EVIDENCE.where(Evidence.id > after, seen).order_by(Evidence.id).limit(limit)
    if participant is not None:
        reference = reference_named(session, participant)
        query = query.where(Giver.reference.in_([reference]))
    if expertise is not None:
        query = query.where(Evidence.expertise_code == expertise)
    if kind is not None:
        query = query.where(Evidence.kind == kind)
    if withdrawn is not None:
        is_withdrawn = Evidence.withdrawn_at.is_not(None)
        query = query.where(is_withdrawn if withdrawn else ~is_withdrawn)
    rows: Sequence[RowMapping] = session.execute(query).mappings().all()
    return rows


def get_evidence(session: AnySession, principal: Principal, evidence_id: int) -> RowMapping:
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Evidence)
    found = session.execute(_EVIDENCE.where(Evidence.id == evidence_id, seen)).mappings().first()
    if found is None:
        raise NotFound(f"There is no evidence {evidence_id}. Check the number.")
    return found


def of_offer(session: AnySession, principal: Principal, reference: str, today: date) -> OfOffer:
    """What is said of an offer, for whoever may read the offer."""
    return said_of(session, get_offer(session, principal, reference), today)


def counting(session: AnySession, principal: Principal, offer: Offer, today: date) -> OfOffer:
    """What counts of what is said of an offer, for anybody signed in who looks for support."""
    authorise(principal, Action.READ)
    found = said_of(session, offer, today)
    rows = [
        row for row in found.evidence if row["withdrawn_at"] is None and row["counts_from"] <= today
    ]
    return replace(found, evidence=rows)


def said_of(session: AnySession, offer: Offer, today: date) -> OfOffer:
    quality = quality_on(session, offer, today)
    query = _EVIDENCE.where(
        Evidence.giver_id == offer.participant_id,
        or_(Evidence.offer_id.is_(None), Evidence.offer_id == offer.id),
    ).order_by(Evidence.on_day.desc(), Evidence.id.desc())
    parents = parents_of(session)
    rows = [
        row
        for row in session.execute(query).mappings()
        if is_about(row["offer_id"], row["expertise_code"], offer, parents)
    ]
    return OfOffer(offer, quality, comes_from(quality), rows)
