"""Declared interests by page, one by one, and between the two sides of a pair."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, or_, select
from sqlalchemy.orm import Session, aliased

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.database import ReadSession, WriteSession
from app.errors import NotFound
from app.interests.edges import counting, edges, members_for, standing_for
from app.interests.paths import reach_further
from app.interests.rules import refusing_kinds
from app.register.naming import reference_named
from models.interests import Interest
from models.register import Participant
from models.vocabulary import InterestKind
from solver.pairing.interest_rule import figures_of_interest
from solver.pairing.interests import Interest as Between

Holder, About = aliased(Participant), aliased(Participant)
_INTERESTS = (
    select(
        Interest.__table__,
        Holder.reference.label("holder_reference"),
        Holder.name.label("holder_name"),
        About.reference.label("about_reference"),
        About.name.label("about_name"),
    )
    .join(Holder, Holder.id == Interest.holder_id)
    .join(About, About.id == Interest.about_id)
)


def list_interests(
    session: ReadSession,
    principal: Principal,
    *,
    participant: str | None = None,
    kind: InterestKind | None = None,
    on: date | None = None,
    withdrawn: bool | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Sequence[RowMapping]:
    """A page of interests by id; `participant` is on either side, by itself or by its group."""
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Interest)
    query = _INTERESTS.where(Interest.id > after, seen).order_by(Interest.id).limit(limit)
    if participant is not None:
        reference = reference_named(session, participant)
        who = session.scalars(select(Participant.id).where(Participant.reference == reference))
        standing = standing_for(who.all())
        query = query.where(or_(Interest.holder_id.in_(standing), Interest.about_id.in_(standing)))
    if kind is not None:
        query = query.where(Interest.kind == kind)
    if on is not None:
        query = query.where(
            or_(Interest.starts.is_(None), Interest.starts <= on),
            or_(Interest.ends.is_(None), Interest.ends >= on),
        )
    if withdrawn is not None:
        is_withdrawn = Interest.withdrawn_at.is_not(None)
        query = query.where(is_withdrawn if withdrawn else ~is_withdrawn)
    return session.execute(query).mappings().all()


def get_interest(
    session: ReadSession | WriteSession, principal: Principal, reference: str
) -> RowMapping:
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Interest)
    query = _INTERESTS.where(Interest.reference == reference, seen)
    found = session.execute(query).mappings().first()
    if found is None:
        raise NotFound(f"There is no interest {reference!r}. Check the reference.")
    return found


class Sides(NamedTuple):
    """Who gives and who takes, and the days between which an interest of theirs counts."""

    giver: int
    taker: int
    first: date
    last: date


def between(
    session: Session, pairs: Mapping[int, Sides], today: date
) -> dict[int, list[dict[str, Any]]]:
    """What is declared between the sides of pairs, by their keys, as the rule of a pair has it.

    Asked of pairs by whoever may see those; who belongs to which group is so `today`.
    """
    found: dict[int, list[dict[str, Any]]] = {key: [] for key in pairs}
    if not pairs:
        return found
    people = {side for each in pairs.values() for side in (each.giver, each.taker)}
    first, last = min(each.first for each in pairs.values()), max(e.last for e in pairs.values())
    refusing = refusing_kinds(session)
    standing = edges(session, first, last, people, further=reach_further(refusing))
    members = members_for(session, today, standing, people, refusing)
    declared: dict[frozenset[int], dict[str, Between]] = defaultdict(dict)
    for one in counting(session, standing, members, refusing, people):
        declared[frozenset((one.holder, one.about))].setdefault(one.declared.reference, one)
    for key, each in pairs.items():
        for one in declared.get(frozenset((each.giver, each.taker)), {}).values():
            starts, ends = one.declared.starts, one.declared.ends
            if (starts or each.last) <= each.last and (ends or each.first) >= each.first:
                found[key].append(figures_of_interest(one, each.giver))
    return found
