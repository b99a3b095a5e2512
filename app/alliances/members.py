"""Who is in an alliance: asked by a broker, in once their own head or body has said yes."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise, grants_for
from app.access.scoped import authorise_for, within
from app.alliances.service import (
    BadAlliance,
    add_asked,
    find,
    members_of,
    moved,
    named,
)
from app.database import WriteSession, database_now
from app.errors import Conflict, NotFound
from app.wording import TOLD_HOW, on_day
from models.alliances import Alliance, AllianceMember
from models.register import Participant
from models.vocabulary import AllianceRole, Channel, MemberState, Role

STANDING: Final = frozenset({MemberState.ASKED, MemberState.MEMBER})


def ask(
    session: WriteSession,
    principal: Principal,
    alliance_id: int,
    participant: str,
    role: AllianceRole,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Alliance:
    """Ask a school or organisation to join; it is in once it says yes itself.

    Raises
    ------
    NotFound, Stale, Forbidden, Conflict
        As `service.find`; or if it is in already, or asked.
    BadAlliance
        If it is not in the register.
    """
    now = now or database_now(session)
    found = find(session, principal, alliance_id, version, Action.MAKE_ALLIANCE)
    who = named(session, principal, participant, "participant")
    for member in members_of(session, found.id):
        if member.participant_id == who and member.state in STANDING:
            is_now = "in it" if member.state == MemberState.MEMBER else "asked to join"
            raise Conflict(f"{participant} is {is_now} already.")
    add_asked(session, principal, found, who, role, now)
    found.version += 1
    session.flush()
    return found


def answer(
    session: WriteSession,
    principal: Principal,
    alliance_id: int,
    member_id: int,
    joins: bool,
    role: str,
    *,
    said_on: date | None = None,
    channel: Channel | None = None,
    version: int | None = None,
    now: datetime | None = None,
) -> Alliance:
    """Record what the head or body of whoever was asked says: it joins, or does not.

    A contact of it says so here and now; a broker says when and how it was told.

    Raises
    ------
    NotFound, Stale, Forbidden, Conflict
        As `service.find`; or if it has answered.
    BadAlliance
        If a broker does not say when and how it was told.
    """
    now = now or database_now(session)
    found = find(session, principal, alliance_id, version)
    member = _member(session, principal, found, member_id)
    if member.state != MemberState.ASKED:
        raise Conflict(f"Member {member_id} has answered already: {member.state}.")
    if speaks_for_it(session, principal, member.participant_id):
        said_on, channel = said_on or now.date(), channel or Channel.IN_SERVICE
    elif channel is None or channel is Channel.IN_SERVICE:
        raise BadAlliance(f"enter how they told you: {TOLD_HOW}", "channel")
    elif said_on is None:
        raise BadAlliance("enter the day on which they told you", "said_on")
    if not member.asked_at.date() <= said_on <= now.date():
        raise BadAlliance(
            f"they cannot have said so on {on_day(said_on)}: enter a day from "
            f"{on_day(member.asked_at.date())}, when they were asked, to today",
            "said_on",
        )
    member.state = MemberState.MEMBER if joins else MemberState.DECLINED
    member.said_role, member.said_on, member.channel = role, said_on, channel
    member.recorded_by = principal.name
    member.starts = max(found.starts, said_on) if joins else None
    return moved(
        session, principal, found, "join" if joins else "decline", member, member=member.id
    )


def leave(
    session: WriteSession,
    principal: Principal,
    alliance_id: int,
    member_id: int,
    reason: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Alliance:
    """Let a member leave from today on, with its reason; what it did stays on record.

    Raises
    ------
    NotFound, Stale, Forbidden, Conflict
        As `service.find`; or if it is not in.
    """
    now = now or database_now(session)
    found = find(session, principal, alliance_id, version)
    member = _member(session, principal, found, member_id)
    if member.state != MemberState.MEMBER or member.starts is None:
        raise Conflict(f"Member {member_id} is not in the alliance: {member.state}.")
    member.state, member.left_reason = MemberState.LEFT, reason
    member.ends = max(member.starts, now.date())
    return moved(session, principal, found, "leave", member, member=member.id)


def speaks_for_it(session: Session, principal: Principal, participant_id: int) -> bool:
    """Whether the principal is a contact of a participant."""
    grants = grants_for(principal, Action.CHANGE_ALLIANCE)
    own = {grant.scope for grant in grants if grant.role is Role.CONTACT}
    mine = select(Participant.id).where(
        Participant.id == participant_id, within(own, Participant.id)
    )
    return bool(own) and session.scalar(mine) is not None


def _member(
    session: WriteSession, principal: Principal, alliance: Alliance, member_id: int
) -> AllianceMember:
    """Somebody of the alliance that the principal may speak for."""
    authorise(principal, Action.CHANGE_ALLIANCE)
    found = session.get(AllianceMember, member_id, populate_existing=True)
    if found is None or found.alliance_id != alliance.id:
        raise NotFound(f"There is no member {member_id} of alliance {alliance.reference}.")
    authorise_for(session, principal, Action.CHANGE_ALLIANCE, [found.participant_id])
    return found
