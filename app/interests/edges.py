"""Declared interests as edges between participants, and whom each of them counts for.

An edge has a kind and two ends. That of an organisation which stands for a trust, federation or
other group counts for every member of the group: for its schools and its central team alike.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, or_, select, union
from sqlalchemy.orm import Session, aliased

from app.chunks import chunked
from app.interests.paths import Refusing, names_of, reach_further, with_paths
from app.register.group_members import MEMBERS, belongs_on
from models.interests import Interest
from models.register import Group, Organisation, Participant
from models.vocabulary import InterestKind
from solver.pairing.interests import Declared
from solver.pairing.interests import Interest as Between

FEW: Final = 1_000
"""Participants up to whom what counts for them is looked for; else all there is."""


class Edge(NamedTuple):
    """One declared interest that stands; `holder_group`, `about_group` are ids of groups."""

    reference: str
    kind: str
    holder_id: int
    holder_group: int | None
    about_id: int
    about_group: int | None
    starts: date | None
    ends: date | None
    declared_on: date


def stands_between(first: date, last: date) -> ColumnElement[bool]:
    """Whether an interest holds on some day from `first` to `last` and nobody withdrew it."""
    return (
        Interest.withdrawn_at.is_(None)
        & or_(Interest.starts.is_(None), Interest.starts <= last)
        & or_(Interest.ends.is_(None), Interest.ends >= first)
    )


def edges(
    session: Session,
    first: date,
    last: date,
    only: Collection[int] | None = None,
    *,
    further: bool = False,
) -> list[Edge]:
    """Interests that hold between two days; with `only`, at least those that count for these.

    `further`: those with others too, for paths.
    """
    holds, held = aliased(Organisation), aliased(Organisation)
    holding, about = aliased(Group), aliased(Group)
    query = (
        select(
            Interest.reference,
            Interest.kind,
            Interest.holder_id,
            holding.id,
            Interest.about_id,
            about.id,
            Interest.starts,
            Interest.ends,
            Interest.declared_on,
        )
        .outerjoin(holds, holds.participant_id == Interest.holder_id)
        .outerjoin(holding, holding.uid == holds.group_uid)
        .outerjoin(held, held.participant_id == Interest.about_id)
        .outerjoin(about, about.uid == held.group_uid)
        .where(stands_between(first, last))
        .order_by(Interest.id)
    )
    if only is not None and len(only) <= FEW:
        standing = standing_for(only)
        one, other = Interest.holder_id.in_(standing), Interest.about_id.in_(standing)
        query = query.where(one | other if further else one & other)
    return [Edge(*row) for row in session.execute(query)]


def standing_for(participants: Collection[int]) -> Select[Any]:
    """Those whose interests can count for some participants: themselves, and their groups'."""
    wanted = list(participants)
    of_groups = select(Organisation.participant_id.label("id")).where(
        Organisation.group_uid.in_(
            select(Group.uid)
            .join(MEMBERS, MEMBERS.c.group_id == Group.id)
            .where(MEMBERS.c.participant_id.in_(wanted))
        )
    )
    own = select(Participant.id).where(Participant.id.in_(wanted))
    both = union(own, of_groups).subquery()
    return select(both.c.id)


def all_it_counts_for(session: Session, participants: Iterable[int]) -> set[int]:
    """These participants, and all members, ever, of the groups that some of them stand for."""
    wanted = sorted(set(participants))
    found = set(wanted)
    for some in chunked(wanted):
        uids = select(Organisation.group_uid).where(Organisation.participant_id.in_(some))
        members = (
            select(MEMBERS.c.participant_id)
            .join(Group, Group.id == MEMBERS.c.group_id)
            .where(Group.uid.in_(uids))
        )
        found.update(session.scalars(members))
    return found


def members_on(session: Session, day: date, only: Collection[int]) -> dict[int, list[int]]:
    """Which of some participants belong to each group on a day."""
    found: dict[int, list[int]] = defaultdict(list)
    query = (
        select(MEMBERS.c.group_id, MEMBERS.c.participant_id)
        .join(Group, Group.id == MEMBERS.c.group_id)
        .where(Group.open, belongs_on(day))
    )
    for some in chunked(sorted(only)):
        for group_id, who in session.execute(query.where(MEMBERS.c.participant_id.in_(some))):
            found[group_id].append(who)
    return found


def spread(
    found: Iterable[Edge],
    members: Mapping[int, Sequence[int]],
    refusing: Mapping[InterestKind, Refusing],
) -> Iterator[Between]:
    """Each edge between every two that it counts for, by the ids of participants.

    `members` are of groups, by id; `refusing` has the kinds that rule a pair out, and whether
    there may be an exception.
    """
    for edge in found:
        kind = InterestKind(edge.kind)
        declared = Declared(
            edge.reference,
            kind,
            edge.starts,
            edge.ends,
            edge.declared_on,
            refuses=kind in refusing,
            exceptions=kind in refusing and refusing[kind].exceptions,
        )
        abouts = _ends(edge.about_id, edge.about_group, members)
        for holder, holder_group in _ends(edge.holder_id, edge.holder_group, members):
            for about, about_group in abouts:
                if holder != about:
                    yield Between(holder, about, declared, holder_group, about_group)


def _ends(
    who: int, group: int | None, members: Mapping[int, Sequence[int]]
) -> list[tuple[int, bool]]:
    others = [] if group is None else members.get(group, [])
    return [(who, False), *((each, True) for each in others if each != who)]


def members_for(
    session: Session,
    day: date,
    found: Iterable[Edge],
    only: Collection[int],
    refusing: Mapping[InterestKind, Refusing],
) -> dict[int, list[int]]:
    """Members of groups on a day, of those alone whom interests or paths of some can go through."""
    if not reach_further(refusing):
        return members_on(session, day, only)
    ends = {end for edge in found for end in (edge.holder_id, edge.about_id)}
    return members_on(session, day, ends | set(only))


def counting(
    session: Session,
    found: Sequence[Edge],
    members: Mapping[int, Sequence[int]],
    refusing: Mapping[InterestKind, Refusing],
    only: Collection[int] | None = None,
) -> list[Between]:
    """What is declared between every two, and the paths between some by the rules in force."""
    direct = list(spread(found, members, refusing))
    if not reach_further(refusing):
        return direct
    ends = {end for each in direct for end in (each.holder, each.about)}
    return list(with_paths(direct, refusing, names_of(session, ends), only))
