"""Alliances: how they are made, change and end, and what every change of one holds to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for, authorise_on, visible
from app.database import WriteSession, database_now
from app.errors import Conflict, NotFound, Problem, require_version
from app.events import audit
from app.register.group_actors import name_participants
from app.wording import on_day
from models.alliances import Alliance, AllianceMember
from models.base import Base
from models.register import Network
from models.vocabulary import AllianceKind, AllianceRole, MemberState


class BadAlliance(Problem):
    """What is wrong with a change of an alliance; `field` names which."""

    status = 422
    title = "Invalid alliance"

    def __init__(self, detail: str, field: str) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True, slots=True)
class NewAlliance:
    """An alliance with the school or organisation that is asked to lead it."""

    reference: str
    name: str
    kind: AllianceKind
    aims: str
    starts: date
    lead: str
    ends: date | None = None
    network: str | None = None
    """Key of the network of the register that it is."""


def make(
    session: WriteSession,
    principal: Principal,
    new: NewAlliance,
    *,
    now: datetime | None = None,
) -> Alliance:
    """Make an alliance and ask its lead to join; nobody is in it yet.

    Raises
    ------
    Conflict
        If there is one with this reference.
    BadAlliance
        If the lead or the network is not in the register, or it ends before it starts.
    Forbidden
        If the principal is no broker for the lead.
    """
    authorise(principal, Action.MAKE_ALLIANCE)
    now = now or database_now(session)
    taken = select(Alliance.id).where(Alliance.reference == new.reference)
    if session.scalar(taken) is not None:
        raise Conflict(f"There is already an alliance {new.reference}. Use another reference.")
    _check_dates(new.starts, new.ends)
    lead = named(session, principal, new.lead, "lead")
    authorise_for(session, principal, Action.MAKE_ALLIANCE, [lead])
    made = Alliance(
        reference=new.reference,
        name=new.name,
        kind=new.kind,
        network_id=_network(session, new.network),
        aims=new.aims,
        starts=new.starts,
        ends=new.ends,
        made_by=principal.name,
        made_at=now,
    )
    session.add(made)
    session.flush()
    record(session, principal, made, "make", made)
    add_asked(session, principal, made, lead, AllianceRole.LEAD, now)
    return made


def _check_dates(starts: date, ends: date | None) -> None:
    if ends is not None and ends < starts:
        raise BadAlliance(
            f"enter the day on which it ends, from {on_day(starts)} on: {on_day(ends)} is before "
            "it starts",
            "ends",
        )


def _network(session: WriteSession, key: str | None) -> int | None:
    if key is None:
        return None
    found = session.scalar(select(Network.id).where(Network.key == key))
    if found is None:
        raise BadAlliance(f"there is no network {key!r}. Use the key of one", "network")
    return found


def named(session: WriteSession, principal: Principal, cell: str, field: str) -> int:
    """The participant that a cell names."""
    among = name_participants(session, principal, {cell})
    found = among.id_of(cell)
    if found is None:
        raise BadAlliance(f"{cell!r} {among.why_not(cell)}", field)
    return found


def change(
    session: WriteSession,
    principal: Principal,
    alliance_id: int,
    changes: Mapping[str, Any],
    *,
    version: int | None = None,
) -> Alliance:
    """Change the name, aims or dates; a change of nothing is none.

    Raises
    ------
    NotFound, Stale, Forbidden, Conflict
        As `find`; or if it is over.
    BadAlliance
        If it would end before it starts.
    """
    found = find(session, principal, alliance_id, version, Action.MAKE_ALLIANCE)
    changed = [name for name, value in changes.items() if getattr(found, name) != value]
    if not changed:
        return found
    for name in changed:
        setattr(found, name, changes[name])
    _check_dates(found.starts, found.ends)
    return moved(session, principal, found, "change", found, changed=sorted(changed))


def end(
    session: WriteSession,
    principal: Principal,
    alliance_id: int,
    over_on: date,
    reason: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Alliance:
    """End an alliance: whoever is in it has left it then, and nobody who was asked can join.

    Raises
    ------
    NotFound, Stale, Forbidden, Conflict
        As `find`; or if it is over already.
    BadAlliance
        If the day is yet to come, or before it started.
    """
    now = now or database_now(session)
    found = find(session, principal, alliance_id, version, Action.MAKE_ALLIANCE)
    earliest = min(found.starts, now.date())
    if not earliest <= over_on <= now.date():
        raise BadAlliance(
            f"enter the day on which it was over, from {on_day(earliest)} to today: "
            f"{on_day(over_on)} is not",
            "over_on",
        )
    found.over_on, found.over_reason = over_on, reason
    for member in members_of(session, found.id):
        if member.state == MemberState.MEMBER and member.starts is not None:
            member.state, member.ends = MemberState.LEFT, max(member.starts, over_on)
            member.left_reason = reason
    return moved(session, principal, found, "end", found)


def find(
    session: WriteSession,
    principal: Principal,
    alliance_id: int,
    version: int | None,
    action: Action = Action.CHANGE_ALLIANCE,
) -> Alliance:
    """Lock an alliance that the principal may change, and that is not over.

    Raises
    ------
    NotFound, Stale
        If there is no such alliance, or it is no longer at `version`.
    Forbidden
        If nobody that the principal acts for is in it or asked to join.
    Conflict
        If it is over.
    """
    authorise(principal, action)
    seen = visible(principal, Action.READ, Alliance)
    query = select(Alliance).where(Alliance.id == alliance_id, seen)
    found = session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise NotFound(f"There is no alliance {alliance_id}. Check the number.")
    authorise_on(session, principal, action, found)
    require_version(found.version, version, f"Alliance {alliance_id}")
    if found.over_on is not None:
        raise Conflict(
            f"You cannot change alliance {found.reference}: it was over on {on_day(found.over_on)}."
        )
    return found


def members_of(session: Session, alliance_id: int) -> list[AllianceMember]:
    """Everybody who was ever asked, leads first."""
    query = select(AllianceMember).where(AllianceMember.alliance_id == alliance_id)
    return list(session.scalars(query.order_by(AllianceMember.role, AllianceMember.id)))


def add_asked(
    session: WriteSession,
    principal: Principal,
    alliance: Alliance,
    participant_id: int,
    role: AllianceRole,
    now: datetime,
) -> AllianceMember:
    made = AllianceMember(
        alliance_id=alliance.id,
        participant_id=participant_id,
        role=role,
        state=MemberState.ASKED,
        asked_by=principal.name,
        asked_at=now,
    )
    session.add(made)
    session.flush()
    record(session, principal, alliance, "ask", made, member=made.id)
    return made


def moved(
    session: WriteSession,
    principal: Principal,
    alliance: Alliance,
    what: str,
    row: Base,
    **detail: Any,
) -> Alliance:
    """Count a change of an alliance or its plan, and write it down."""
    alliance.version += 1
    session.flush()
    record(session, principal, alliance, what, row, **detail)
    return alliance


def record(
    session: WriteSession,
    principal: Principal,
    alliance: Alliance,
    what: str,
    row: Base,
    **detail: Any,
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"alliance.{what}",
        subject=f"alliance:{alliance.reference}",
        of=row,
        **detail,
    )
