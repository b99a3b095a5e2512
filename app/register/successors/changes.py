"""What an import of the register changes for live work: carried over, or listed for a person."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import or_, select

from app.chunks import chunked
from app.database import WriteSession
from app.events import touched
from app.import_kit.report import Affected
from app.register.gias.classification import (
    CLOSED_STATUS,
    PROPOSED_TO_CLOSE_STATUS,
    TRUST_KINDS,
)
from app.register.successors.carry_over import Carried, carry_over
from app.register.successors.open_items import (
    OpenItems,
    closed_with_items,
    holders,
    open_items,
)
from app.register.successors.resolve import Followed, School, follow
from app.wording import on_day
from models.register import Area, Group, Institution, Membership, Participant
from models.vocabulary import AreaKind, RegisterChange, SuccessorState

WHY_NOT: Final = {
    SuccessorState.CLEAR: "Its successor has the same already.",
    SuccessorState.NONE: "No open successor is known.",
    SuccessorState.SEVERAL: "It has several possible successors.",
    SuccessorState.NOT_OPEN: "Its successor is not open, or takes no part.",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """An institution with live work, as the register has it."""

    school: School
    close_date: date | None
    authority: str | None
    trusts: tuple[str, ...]


def standings(session: WriteSession, today: date, also: Iterable[int] = ()) -> dict[int, Standing]:
    """Of every institution that live work hangs on, and of these participants, by participant."""
    found: dict[int, Standing] = {}
    for ids in chunked(sorted(holders(session, today) | set(also))):
        trusts: dict[int, list[str]] = defaultdict(list)
        for who, name in session.execute(
            select(Membership.participant_id, Group.name)
            .join(Group)
            .where(
                Membership.participant_id.in_(ids),
                Group.kind.in_(sorted(TRUST_KINDS)),
                or_(Membership.left.is_(None), Membership.left > today),
            )
            .order_by(Group.name)
        ):
            trusts[who].append(name)
        for who, urn, school_name, status, in_scope, close_date, authority in session.execute(
            select(
                Institution.participant_id,
                Institution.urn,
                Participant.name,
                Institution.status_code,
                Institution.in_scope,
                Institution.close_date,
                Area.name,
            )
            .join(Participant)
            .outerjoin(
                Area,
                (Area.kind == AreaKind.LOCAL_AUTHORITY.value)
                & (Area.code == Participant.local_authority_code),
            )
            .where(Institution.participant_id.in_(ids))
        ):
            school = School(who, urn, school_name, status, in_scope)
            found[who] = Standing(school, close_date, authority, tuple(trusts[who]))
    return found


def look_after(
    session: WriteSession, actor: str, before: Mapping[int, Standing], today: date
) -> tuple[list[Affected], dict[int, Carried]]:
    """Hand over what can follow a clear successor, and list all that the register changed.

    `before` is how institutions stood when the import began. Those closed or to close are listed
    by every import, as long as anything hangs on them.
    """
    closed = {each.urn: each for each in closed_with_items(session, today)}
    now = standings(session, today, also=[each.participant_id for each in closed.values()])
    changes = _changes(before, now, today)
    ids = {each.standing.school.participant_id for each in changes}
    touched.mark(session, actor, ids)
    items = open_items(session, ids, today)
    listed = [_affected(each, items[each.standing.school.participant_id]) for each in changes]
    followed = follow(session, closed)
    pairs = [(closed[urn], each.clear) for urn, each in followed.items() if each.clear is not None]
    carried = carry_over(session, actor, pairs, today) if pairs else {}
    for one in listed:
        if one.change is RegisterChange.CLOSED:
            _tell_closed(one, followed[one.urn], carried.get(one.urn))
        else:
            _tell_open(one)
    return [one for one in listed if one.any_work or one.carried_over], carried


@dataclass(frozen=True, slots=True)
class _Change:
    kind: RegisterChange
    standing: Standing
    before: str | None = None
    after: str | None = None


def _affected(change: _Change, items: OpenItems) -> Affected:
    dated = change.kind in (RegisterChange.CLOSED, RegisterChange.TO_CLOSE)
    return Affected(
        urn=change.standing.school.urn,
        name=change.standing.school.name,
        change=change.kind,
        on=change.standing.close_date if dated else None,
        before=change.before,
        after=change.after,
        needs=[each.reference for each in items.needs],
        offers=[each.reference for each in items.offers],
        support=[each.reference for each in items.support],
        proposals=[each.id for each in items.proposals],
    )


def _changes(
    before: Mapping[int, Standing], now: Mapping[int, Standing], today: date
) -> list[_Change]:
    found: list[_Change] = []
    for who, standing in now.items():
        closes = standing.close_date is not None and standing.close_date >= today
        if standing.school.status_code == CLOSED_STATUS:
            found.append(_Change(RegisterChange.CLOSED, standing))
            continue
        if standing.school.status_code == PROPOSED_TO_CLOSE_STATUS or closes:
            found.append(_Change(RegisterChange.TO_CLOSE, standing))
        if (earlier := before.get(who)) is None:
            continue
        if earlier.trusts != standing.trusts:
            was, now_in = (", ".join(each.trusts) or None for each in (earlier, standing))
            found.append(_Change(RegisterChange.MOVED_TRUST, standing, was, now_in))
        if earlier.authority != standing.authority:
            kind = RegisterChange.CHANGED_AUTHORITY
            found.append(_Change(kind, standing, earlier.authority, standing.authority))
    order = list(RegisterChange)
    return sorted(found, key=lambda each: (order.index(each.kind), each.standing.school.urn))


def _tell_closed(one: Affected, followed: Followed, carried: Carried | None) -> None:
    one.successors = [each.urn for each in followed.successors]
    if carried is not None:
        one.carried_over = dict(sorted(carried.moved.items()))
        one.to_do = carried.to_do
    else:
        one.to_do = [WHY_NOT[followed.state]]
    one.to_settle = one.any_work and (carried is None or bool(carried.stayed))


def _tell_open(one: Affected) -> None:
    listed = ", ".join(str(each) for each in one.proposals)
    if one.change is RegisterChange.TO_CLOSE:
        if one.on is None:
            one.to_do.append("No closing date is known. Ask the school or its local authority.")
        if one.support:
            day = "it closes" if one.on is None else f"the end of {on_day(one.on)}"
            one.to_do.append(f"End support {', '.join(one.support)} before {day}.")
    elif one.proposals:
        one.to_do.append(f"Check that both sides still want proposals {listed}.")
