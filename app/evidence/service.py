"""Adding evidence of quality, answering and withdrawing it; nobody changes what was said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.employed import speaks_for_participant
from app.access.persons import same_person
from app.access.policy import (
    BROKERS,
    EVERYTHING,
    TERMINAL,
    WORKER,
    Action,
    Principal,
    authorise,
    grants_for,
)
from app.access.scoped import authorise_for, authorise_on, visible, within
from app.catalogue.naming import code_named, expertise_names, not_named
from app.database import WriteSession, database_now
from app.errors import Conflict, Forbidden, NotFound, Problem, require_version
from app.events import audit
from app.exchange.queries import get_offer
from app.interests.edges import standing_for
from app.register.group_actors import name_participants
from app.register.group_members import MEMBERS, belongs_on
from app.wording import on_day
from models.evidence import Evidence
from models.register import Participant
from models.vocabulary import EvidenceKind, Rating, SupportResult

SILENCE: Final = timedelta(days=28)
"""How long the giver has to answer what others say before it counts anyway."""
BY_HAND: Final = frozenset(EvidenceKind) - {EvidenceKind.OUTCOME}
"""What people can add: what schools say comes from the end of their partnerships."""
OF_RESULT: Final = {SupportResult.WORKED: 5, SupportResult.PARTLY: 3, SupportResult.DID_NOT_WORK: 1}
"""How strong what a school says of a partnership is."""
OF_RATING: Final = {Rating.GREEN: 4, Rating.AMBER: 2, Rating.RED: 1}
"""How strong a monitor's review is: support that goes well has yet to show what comes of it."""


class BadEvidence(Problem):
    """What is wrong with evidence; `field` names which."""

    status = 422
    title = "Invalid evidence"

    def __init__(self, detail: str, field: str) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True, slots=True)
class NewEvidence:
    """What somebody says of a giver's support: about all of an expertise, or about one offer."""

    kind: EvidenceKind
    strength: int
    on_day: date
    role: str
    participant: str | None = None
    """Whose support it is about, where no offer is named."""
    expertise: str | None = None
    offer: str | None = None
    said_by: str | None = None
    body: str | None = None
    source: str | None = None


def add(
    session: WriteSession,
    principal: Principal,
    new: NewEvidence,
    *,
    now: datetime | None = None,
) -> Evidence:
    """Record what somebody says of the quality of support.

    A claim is the giver's own and counts at once, up to the ceiling. What others say counts once
    the giver has answered it, or did not within four weeks.

    Raises
    ------
    NotFound
        If there is no such offer.
    BadEvidence
        If something does not fit: the field is named.
    Forbidden
        If the principal may not speak for the giver, or speaks for it and adds what others say.
    """
    authorise(principal, Action.ADD_EVIDENCE)
    now = now or database_now(session)
    giver_id, code, offer_id = _about(session, principal, new)
    authorise_for(session, principal, Action.ADD_EVIDENCE, [giver_id])
    if not 1 <= new.strength <= 5:
        raise BadEvidence("enter a strength from 1 (poor) to 5 (strong)", "strength")
    if new.on_day > now.date():
        raise BadEvidence(
            f"{on_day(new.on_day)} is yet to come: enter the day on which it was said", "on_day"
        )
    claimed = new.kind is EvidenceKind.CLAIM
    said_by_id = giver_id if claimed else _others(session, principal, new, giver_id)
    made = Evidence(
        giver_id=giver_id,
        expertise_code=code,
        offer_id=offer_id,
        kind=new.kind,
        strength=new.strength,
        on_day=new.on_day,
        role=new.role,
        said_by_id=said_by_id,
        body=None if claimed or said_by_id is not None else new.body,
        source=new.source,
        counts_from=now.date() if claimed else (now + SILENCE).date(),
        recorded_by=principal.name,
        recorded_at=now,
    )
    return _add(session, principal, made)


def _about(
    session: WriteSession, principal: Principal, new: NewEvidence
) -> tuple[int, str, int | None]:
    """Whose support it is about, in which expertise, and of which offer."""
    if new.offer is not None:
        offer = get_offer(session, principal, new.offer)
        return offer.participant_id, offer.expertise_code, offer.id
    if new.participant is None:
        raise BadEvidence("enter whose support it is about, or an offer", "participant")
    names = expertise_names(session)
    code = None if new.expertise is None else code_named(new.expertise, names)
    if new.expertise is None:
        raise BadEvidence("enter the expertise that it is about, or an offer", "expertise")
    if code is None:
        raise BadEvidence(f"{new.expertise!r} {not_named(new.expertise, names)}", "expertise")
    return _named(session, principal, new.participant, "participant"), code, None


def _named(session: WriteSession, principal: Principal, cell: str, field: str) -> int:
    named = name_participants(session, principal, {cell})
    found = named.id_of(cell)
    if found is None:
        raise BadEvidence(f"{cell!r} {named.why_not(cell)}", field)
    return found


def _others(
    session: WriteSession, principal: Principal, new: NewEvidence, giver_id: int
) -> int | None:
    """Who of the register says what others than the giver say; refuse whoever is not apart."""
    if new.kind not in BY_HAND:
        raise BadEvidence(
            "what a school says comes from its partnership: say there what came of it", "kind"
        )
    _require_broker(session, principal, giver_id, "add what others say of it")
    if new.source is None:
        raise BadEvidence(
            "enter what it rests on, like the number of a certificate or where the report is",
            "source",
        )
    if new.said_by is None:
        if new.body is None:
            raise BadEvidence("enter who said it: a school or organisation", "said_by")
        return None
    said_by_id = _named(session, principal, new.said_by, "said_by")
    theirs = {*session.scalars(standing_for([giver_id])), *_siblings(session, giver_id, new.on_day)}
    if said_by_id in theirs:
        raise BadEvidence(
            "the supporting organisation, its own trust and the schools of that cannot say this of "
            "it. Enter another organisation, or add it as a claim",
            "said_by",
        )
    return said_by_id


def _siblings(session: WriteSession, participant_id: int, day: date) -> Sequence[int]:
    """Everybody in the trusts, federations and other groups of a participant on a day."""
    own = select(MEMBERS.c.group_id).where(
        MEMBERS.c.participant_id == participant_id, belongs_on(day)
    )
    query = select(MEMBERS.c.participant_id).where(MEMBERS.c.group_id.in_(own), belongs_on(day))
    return session.scalars(query).all()


def _require_broker(session: WriteSession, principal: Principal, giver_id: int, what: str) -> None:
    """Refuse whoever is no broker for the giver, or speaks for it by any of their names."""
    if principal in (TERMINAL, WORKER):
        return
    if speaks_for_participant(session, principal, giver_id):
        raise Forbidden(
            f"You cannot {what}, because you speak for the supporting organisation. Ask your "
            "broker."
        )
    if not _is_brokers(session, principal, giver_id):
        raise Forbidden(f"You can only {what} as a broker for it. Ask your broker.")


def may_add_of_others(session: Session, principal: Principal, giver_id: int) -> bool:
    """Whether the principal may record what others say of a giver's support, or withdraw it."""
    if principal in (TERMINAL, WORKER):
        return True
    employed = speaks_for_participant(session, principal, giver_id)
    return not employed and _is_brokers(session, principal, giver_id)


def _is_brokers(session: Session, principal: Principal, giver_id: int) -> bool:
    """Whether the principal has the giver in its scope as a broker."""
    scopes = {
        grant.scope
        for grant in grants_for(principal, Action.ADD_EVIDENCE)
        if grant.role in BROKERS | EVERYTHING
    }
    there = select(Participant.id).where(Participant.id == giver_id, within(scopes, Participant.id))
    return bool(scopes) and session.scalar(there) is not None


def from_outcome(
    session: WriteSession,
    principal: Principal,
    *,
    giver_id: int,
    taker_id: int,
    expertise_code: str,
    partnership_id: int,
    outcome_id: int,
    result: SupportResult,
    role: str,
    said_on: date,
    now: datetime,
) -> Evidence | None:
    """What a school says came of a partnership, once its giver has answered; none of no result."""
    return _from_partnership(
        session,
        principal,
        OF_RESULT.get(result),
        Evidence(
            giver_id=giver_id,
            expertise_code=expertise_code,
            kind=EvidenceKind.OUTCOME,
            on_day=said_on,
            role=role,
            said_by_id=taker_id,
            partnership_id=partnership_id,
            outcome_id=outcome_id,
            counts_from=now.date(),
            recorded_by=principal.name,
            recorded_at=now,
        ),
    )


def from_review(
    session: WriteSession,
    principal: Principal,
    *,
    giver_id: int,
    expertise_code: str,
    partnership_id: int,
    review_id: int,
    rating: Rating,
    role: str,
    said_on: date,
    now: datetime,
) -> Evidence | None:
    """What a monitor says of a partnership; it counts once the giver has answered, or could."""
    return _from_partnership(
        session,
        principal,
        OF_RATING[rating],
        Evidence(
            giver_id=giver_id,
            expertise_code=expertise_code,
            kind=EvidenceKind.MONITOR,
            on_day=said_on,
            role=role,
            partnership_id=partnership_id,
            review_id=review_id,
            counts_from=(now + SILENCE).date(),
            recorded_by=principal.name,
            recorded_at=now,
        ),
    )


def _from_partnership(
    session: WriteSession, principal: Principal, strength: int | None, made: Evidence
) -> Evidence | None:
    """Add what came of a partnership by itself, which whoever calls authorised.

    Nothing of a school of the giver's own trust: it may not say what others do.
    """
    if strength is None:
        return None
    own = {made.giver_id, *_siblings(session, made.giver_id, made.on_day)}
    if made.said_by_id in own:
        return None
    made.strength = strength
    return _add(session, principal, made)


def answer(
    session: WriteSession,
    principal: Principal,
    evidence_id: int,
    text: str,
    role: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Evidence:
    """Record what the giver says to what others say of it, which counts from then on.

    Raises
    ------
    NotFound, Stale
        If there is no such evidence, or it changed.
    Conflict
        If there is nothing to answer: a claim, what a school said, or what was answered before.
    Forbidden
        If the same person recorded the evidence.
    """
    now = now or database_now(session)
    found = _find(session, principal, evidence_id, version)
    if (found.answer, found.answered_role) == (text, role):
        return found
    if found.withdrawn_at is not None:
        raise Conflict(f"You cannot answer evidence {evidence_id}: it was withdrawn.")
    if found.kind == EvidenceKind.CLAIM:
        raise Conflict(f"Evidence {evidence_id} is a claim of the supporting organisation itself.")
    if found.kind == EvidenceKind.OUTCOME:
        raise Conflict(
            f"The supporting organisation has answered evidence {evidence_id} in partnership "
            f"{found.partnership_id}."
        )
    if found.answered_at is not None:
        raise Conflict(f"Evidence {evidence_id} has been answered, and that counts now.")
    own = principal in (TERMINAL, WORKER)
    if not own and found.recorded_by in same_person(session, principal.name):
        raise Forbidden(
            "You recorded this evidence, so the supporting organisation or somebody else has to "
            "record its answer."
        )
    found.answer, found.answered_role = text, role
    found.answered_by, found.answered_at = principal.name, now
    found.counts_from = min(found.counts_from, now.date())
    return _changed(session, principal, found, "answer")


def withdraw(
    session: WriteSession,
    principal: Principal,
    evidence_id: int,
    reason: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Evidence:
    """Withdraw evidence with the reason; that it was said, and by whom, is kept.

    Whoever speaks for the giver withdraws its claims alone. The same again changes nothing.

    Raises
    ------
    NotFound, Stale
        If there is no such evidence, or it changed.
    Forbidden
        If it is not the principal's to withdraw.
    """
    found = _find(session, principal, evidence_id, version)
    if found.kind != EvidenceKind.CLAIM:
        _require_broker(session, principal, found.giver_id, "withdraw what others say of it")
    if found.withdrawn_at is not None:
        return found
    found.withdrawn_at, found.withdrawn_by = now or database_now(session), principal.name
    found.withdrawn_reason = reason
    return _changed(session, principal, found, "withdraw")


def _find(
    session: WriteSession, principal: Principal, evidence_id: int, version: int | None
) -> Evidence:
    authorise(principal, Action.ADD_EVIDENCE)
    query = select(Evidence).where(
        Evidence.id == evidence_id, visible(principal, Action.READ, Evidence)
    )
    found = session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise NotFound(f"There is no evidence {evidence_id}. Check the number.")
    authorise_on(session, principal, Action.ADD_EVIDENCE, found)
    require_version(found.version, version, f"Evidence {evidence_id}")
    return found


def _add(session: WriteSession, principal: Principal, made: Evidence) -> Evidence:
    session.add(made)
    session.flush()
    _record(session, principal, made, "add", {"kind": made.kind, "strength": made.strength})
    return made


def _changed(session: WriteSession, principal: Principal, found: Evidence, what: str) -> Evidence:
    found.version += 1
    session.flush()
    _record(session, principal, found, what, {"kind": found.kind})
    return found


def _record(
    session: WriteSession,
    principal: Principal,
    evidence: Evidence,
    what: str,
    detail: dict[str, Any],
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"evidence.{what}",
        subject=f"evidence:{evidence.id}",
        of=evidence,
        **detail,
    )
