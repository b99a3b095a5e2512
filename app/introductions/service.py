"""Introductions: asked for by a school, then proposed by a broker, closed or withdrawn."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_on, visible
from app.database import WriteSession, database_now
from app.errors import Conflict, NotFound, Problem, require_version
from app.events import audit
from app.exchange.finding import ANSWERED
from app.planning.load import PLANNED_NEEDS
from app.planning.options import MatchOptions
from app.planning.pin_check import BadSteering, check_pin
from app.runs.caps import require_room
from app.runs.service import submit, takers_listed
from app.settings import Settings
from app.wording import on_day
from models.exchange import Need, Offer
from models.introductions import Introduction
from models.register import Participant
from models.vocabulary import IntroductionKind, IntroductionState, NeedState


class BadIntroduction(Problem):
    """What keeps a school from being introduced; `field` names which part."""

    status = 422
    title = "Invalid introduction"

    def __init__(self, detail: str, field: str) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True, slots=True)
class NewIntroduction:
    """What a school asks for; `role` is that of who asks there."""

    kind: IntroductionKind
    need: str
    offer: str
    role: str
    agreed_with: str | None = None
    """Of an arrangement, the role of who agreed it for the supporting organisation."""
    agreed_on: date | None = None


def ask(
    session: WriteSession,
    principal: Principal,
    new: NewIntroduction,
    *,
    now: datetime | None = None,
) -> Introduction:
    """Ask a broker to introduce a school, or record what two heads arranged themselves.

    An arrangement has to keep the rules that a proposal keeps, as they are today.

    Raises
    ------
    NotFound
        If the need or the offer is not there.
    Conflict
        If the two are asked for already.
    BadIntroduction
        If the need or the offer is not open, or a rule forbids an arrangement.
    """
    authorise(principal, Action.CHANGE_NEED)
    now = now or database_now(session)
    need = session.scalar(
        select(Need)
        .where(Need.reference == new.need, visible(principal, Action.READ, Need))
        .with_for_update()
    )
    if need is None:
        raise NotFound(f"There is no need {new.need!r}. Check the reference.")
    authorise_on(session, principal, Action.CHANGE_NEED, need)
    # Whatever somebody answered that they can give, is there to be found by everybody.
    offer = session.scalar(select(Offer).where(Offer.reference == new.offer))
    if offer is None or offer.availability not in ANSWERED or offer.withdrawn:
        raise NotFound(f"There is no open offer {new.offer!r}. Look for another one.")
    _check(session, need, offer, new, now)
    made = Introduction(
        kind=new.kind,
        need_id=need.id,
        offer_id=offer.id,
        role=new.role,
        agreed_with=new.agreed_with,
        agreed_on=new.agreed_on,
        asked_by=principal.name,
        asked_at=now,
    )
    session.add(made)
    session.flush()
    _record(session, principal, made, "ask", need=need.reference, offer=offer.reference)
    return made


def _check(
    session: WriteSession, need: Need, offer: Offer, new: NewIntroduction, now: datetime
) -> None:
    if need.participant_id == offer.participant_id:
        raise BadIntroduction("The offer is the school's own. Choose another one.", "offer")
    if need.state == NeedState.SUGGESTED:
        raise BadIntroduction(f"Need {need.reference} is only suggested. Confirm it first.", "need")
    if need.state not in PLANNED_NEEDS:
        raise BadIntroduction(
            f"Need {need.reference} is {need.state}. Record a new need first.", "need"
        )
    known = select(Introduction.id).where(
        Introduction.need_id == need.id,
        Introduction.offer_id == offer.id,
        Introduction.state == IntroductionState.OPEN,
    )
    if (open_id := session.scalar(known)) is not None:
        raise Conflict(
            f"Introduction {open_id} asks for the same already. Wait for a broker, or withdraw it."
        )
    arranged = new.kind is IntroductionKind.ARRANGEMENT
    if arranged and not new.agreed_with:
        raise BadIntroduction(
            "Enter the role of the person who agreed it at the supporting organisation",
            "agreed_with",
        )
    if arranged and new.agreed_on is None:
        raise BadIntroduction("Enter the day on which you agreed it", "agreed_on")
    if not arranged and (new.agreed_with or new.agreed_on):
        raise BadIntroduction("Only an arrangement has been agreed. Leave this blank", "agreed_on")
    if new.agreed_on is not None and new.agreed_on > now.date():
        raise BadIntroduction(
            f"{on_day(new.agreed_on)} is in the future. Enter the day on which you agreed it",
            "agreed_on",
        )
    if arranged:
        _check_rules(session, need, offer, now, "This arrangement is not possible")


def _check_rules(session: WriteSession, need: Need, offer: Offer, now: datetime, what: str) -> None:
    try:
        check_pin(session, need, offer, now, what)
    except BadSteering as broken:
        raise BadIntroduction(broken.detail, "offer") from broken


def propose(
    session: WriteSession,
    principal: Principal,
    introduction_id: int,
    settings: Settings,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Introduction:
    """Start a run of the school that proposes the two, to be reviewed like any other proposal.

    Raises
    ------
    NotFound, Stale
        If there is no such introduction, or it is no longer at `version`.
    Conflict
        If it is no longer open.
    BadIntroduction
        If a rule forbids the pair today.
    Forbidden
        If the principal may not start runs for the school.
    """
    authorise(principal, Action.REVIEW)
    authorise(principal, Action.RUN)
    now = now or database_now(session)
    found = _locked(session, principal, introduction_id, Action.REVIEW, version)
    need = session.get_one(Need, found.need_id)
    offer = session.get_one(Offer, found.offer_id)
    _check_rules(session, need, offer, now, "The two cannot be proposed")
    school = session.get_one(Participant, need.participant_id)
    takers = takers_listed(session, principal, [school.reference.partition(":")[2]])
    options = MatchOptions(pins=(f"{need.reference}={offer.reference}",), as_of=now.date())
    require_room(session, principal, options, settings)
    run = submit(session, principal, takers, need.period_code, options)
    found.run_id = run.id
    return _end(session, principal, found, IntroductionState.PROPOSED, "propose", now)


def close(
    session: WriteSession,
    principal: Principal,
    introduction_id: int,
    reason: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Introduction:
    """Close an introduction without a proposal, and say why."""
    authorise(principal, Action.REVIEW)
    found = _locked(session, principal, introduction_id, Action.REVIEW, version)
    found.reason = reason
    now = now or database_now(session)
    return _end(session, principal, found, IntroductionState.CLOSED, "close", now)


def withdraw(
    session: WriteSession,
    principal: Principal,
    introduction_id: int,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Introduction:
    """Take an introduction back for the school."""
    authorise(principal, Action.CHANGE_NEED)
    found = _locked(session, principal, introduction_id, Action.READ, version)
    authorise_on(session, principal, Action.CHANGE_NEED, session.get_one(Need, found.need_id))
    now = now or database_now(session)
    return _end(session, principal, found, IntroductionState.WITHDRAWN, "withdraw", now)


def _locked(
    session: WriteSession,
    principal: Principal,
    introduction_id: int,
    action: Action,
    version: int | None,
) -> Introduction:
    """One that is still open, compared with the version that a change was made from."""
    found = session.scalar(
        select(Introduction)
        .where(Introduction.id == introduction_id, visible(principal, Action.READ, Introduction))
        .with_for_update()
    )
    if found is None:
        raise NotFound(f"There is no introduction {introduction_id}. Check the number.")
    authorise_on(session, principal, action, found)
    require_version(found.version, version, f"Introduction {introduction_id}")
    if found.state != IntroductionState.OPEN:
        raise Conflict(f"Introduction {introduction_id} is already {found.state}.")
    return found


def _end(
    session: WriteSession,
    principal: Principal,
    found: Introduction,
    state: IntroductionState,
    action: str,
    now: datetime,
) -> Introduction:
    found.state, found.closed_by, found.closed_at = state, principal.name, now
    found.version += 1
    session.flush()
    _record(session, principal, found, action)
    return found


def _record(
    session: WriteSession, principal: Principal, of: Introduction, action: str, **detail: Any
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"introduction.{action}",
        subject=f"introduction:{of.id}",
        of=of,
        **detail,
    )
