"""Trusts and federations that take part themselves: made when first named, kept as the register is.

An organisation that a file or person describes stands for its group as it was described. One that
was made here follows the register: its name, its end, and its place among its open schools.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import select

from app.access.policy import Principal
from app.database import WriteSession
from app.errors import Conflict
from app.events import audit, touched
from app.files.stand_ins import UNREAD
from app.import_kit.misfits import UNKNOWN_PARTICIPANT
from app.import_kit.upsert import Counts
from app.register import facts
from app.register.group_members import MEMBERS, belongs_on
from app.register.naming import (
    ACTING,
    Actors,
    groups_named,
    key_of,
    participant_ids,
    reference_of,
)
from app.register.successors.resolve import School, current
from app.register.successors.wording import notes_on
from app.register.unnamed import ASKED_ABOUT, by_dfe_number, said_to_mean
from models.register import Group, Institution, Organisation, Participant
from models.vocabulary import FactKind, ParticipantKind
from solver.pairing.geography import earth_centred

Place = dict[str, Any]
NOWHERE: Final[Place] = {
    "latitude": None,
    "longitude": None,
    "local_authority_code": None,
    "region_code": None,
    "district_code": None,
}


_WORD: Final = re.compile(r"[^\W\d_]+")

Stays = Callable[[int], bool]


def _moves(old: int) -> bool:
    return False


@dataclass(slots=True)
class Named:
    """The participants that cells name."""

    references: dict[str, str]
    ids: dict[str, int]
    """By reference."""
    refused: dict[str, str] = field(default_factory=dict)
    """Why a cell names nobody, by cell."""
    ended: set[str] = field(default_factory=set)
    """Cells that name a group which is closed."""
    made: list[str] = field(default_factory=list)
    """A sentence on each participant that was made."""
    replaced: Mapping[str, School] = field(default_factory=dict)
    """The successors of closed institutions that have a clear one, by the old reference."""
    used: set[str] = field(default_factory=set)
    """Old references that were taken for a successor."""

    def reference(self, cell: str, stays: Stays = _moves) -> str:
        """The reference of whom a cell names; an old URN stands for its one successor.

        Spreadsheets keep old URNs for months, and a file that was imported before an institution
        closed must change nothing when it is imported again. `stays` tells of the old
        institution's id whether what is written of it belongs there: it has ended, or the
        successor has the same.
        """
        reference = self.references[cell]
        successor = self.replaced.get(reference)
        if successor is None or stays(self.ids[reference]):
            return reference
        self.used.add(reference)
        return f"urn:{successor.urn}"

    def id_of(self, cell: str, stays: Stays = _moves) -> int | None:
        return self.ids.get(self.reference(cell, stays))

    @property
    def notes(self) -> list[str]:
        return self.made + notes_on(self.replaced, self.used)

    def why_not(self, cell: str) -> str:
        return self.refused.get(cell, UNKNOWN_PARTICIPANT)


def name_participants(session: WriteSession, principal: Principal, cells: Iterable[str]) -> Named:
    """Find those that cells name, to write of them; a group that nobody stands for yet is made."""
    references = {cell: reference_of(cell) for cell in cells}
    named = Named(references, participant_ids(session, references.values()))
    named.replaced = current(session, named.ids)
    named.ids |= {f"urn:{one.urn}": one.participant_id for one in named.replaced.values()}
    found = _locked(session, references, named.ids)
    made = _make(session, principal, {each.group for each in found.values() if each.lacking})
    named.made += [f"{one.name} takes part as {made[one].key} from now on." for one in made]
    for cell, actors in found.items():
        group = actors.group
        try:
            actor = made.get(group) or actors.actor
        except Conflict as several:
            named.refused[cell] = f"{several.detail}. Enter the key of one of them"
            continue
        if not group.open:
            named.ended.add(cell)
        if actor is None:
            named.refused[cell] = f"is {group.name}, which has closed. Enter who takes over"
            continue
        if actor.group_uid != group.uid and group.open:
            _link(session, principal, actor, group)
        references[cell] = f"org:{actor.key}"
        named.ids[references[cell]] = actor.participant_id
    _ask_about(session, named, [cell for cell in references if cell not in named.refused])
    return named


def _ask_about(session: WriteSession, named: Named, cells: Iterable[str]) -> None:
    """Take DfE numbers for the schools that have them; of names, ask whom they mean."""
    unknown = [cell for cell in cells if named.references[cell] not in named.ids]
    numbered = by_dfe_number(session, unknown)
    for cell, several in numbered.items():
        if len(several) == 1:
            named.references[cell] = several[0].reference
            named.ids[several[0].reference] = several[0].participant_id
            named.made.append(f"{cell} was read as {several[0].words}.")
        else:
            listed = " or ".join(one.words for one in several)
            named.refused[cell] = f"is the DfE number of several. Did you mean {listed}?"
    names = [cell for cell in unknown if cell not in numbered and _is_name(cell)]
    for cell in names[:ASKED_ABOUT]:
        if (question := said_to_mean(session, cell)) is not None:
            named.refused[cell] = f"is not in the register. {question}"


def _is_name(cell: str) -> bool:
    """Whether a cell has a word in it that somebody could have meant for a name."""
    return not cell.startswith(UNREAD) and any(len(word) > 2 for word in _WORD.findall(cell))


def _locked(
    session: WriteSession, references: Mapping[str, str], known: Collection[str]
) -> dict[str, Actors]:
    """The groups named, locked before anybody else makes one of them a participant."""
    found = groups_named(session, references, known)
    lacking = sorted({each.group.id for each in found.values() if each.lacking})
    if not lacking:
        return found
    locked = select(Group.id).where(Group.id.in_(lacking)).order_by(Group.id).with_for_update()
    session.execute(locked).all()
    return groups_named(session, references, known)


def _make(
    session: WriteSession, principal: Principal, groups: Collection[Group]
) -> dict[Group, Organisation]:
    """Give each group an organisation of its own."""
    made: dict[Group, Organisation] = {}
    places = _places(session, [group.id for group in groups], datetime.now(UTC).date())
    for group in sorted(groups, key=lambda group: group.uid):
        key = key_of(group)
        who = Participant(
            reference=f"org:{key}",
            kind=ParticipantKind.ORGANISATION.value,
            name=group.name,
            updated_at=datetime.now(UTC),
            **places[group.id],
        )
        session.add(who)
        session.flush()
        made[group] = Organisation(
            participant_id=who.id,
            key=key,
            kind=group.kind,
            group_uid=group.uid,
            funded=False,
            opened=group.opened,
            follows_register=True,
        )
        session.add(made[group])
        session.flush()
        _record(session, principal, "create", made[group])
    return made


def _link(session: WriteSession, principal: Principal, actor: Organisation, group: Group) -> None:
    """Let an organisation under a group's own key belong to it, where nothing else said so."""
    actor.group_uid = group.uid
    stands_for = [(actor.participant_id, str(group.uid))]
    facts.note(session, principal.name, FactKind.GROUP, stands_for)
    session.get_one(Participant, actor.participant_id).version += 1
    session.flush()
    _record(session, principal, "change", actor)


def _record(
    session: WriteSession, principal: Principal, action: str, organisation: Organisation
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"organisation.{action}",
        subject=f"organisation:{organisation.key}",
        of=organisation,
        group_uid=organisation.group_uid,
    )


def follow_register(
    session: WriteSession, principal: Principal, today: date
) -> tuple[Counts, list[tuple[Participant, str]]]:
    """Bring those that were made here up to the register: their group, name, place and end.

    Also returns those that close with it, each with its key.
    """
    rows = session.execute(
        select(Organisation, Participant)
        .join(Participant)
        .where(Organisation.follows_register)
        .order_by(Participant.id)
    ).all()
    groups = _groups_of(session, [organisation for organisation, _ in rows])
    places = _places(session, [group.id for group in groups.values()], today)
    counts = {"changed": 0, "closed": 0, "unchanged": 0}
    moved, closed = [], []
    for organisation, who in rows:
        group = groups[organisation.participant_id]
        ends = None if group.open else organisation.closed or group.closed or today
        wanted = {"name": group.name} | (places[group.id] if group.open else {})
        link = {"group_uid": group.uid, "kind": group.kind, "closed": ends}
        closes = organisation.closed is None and ends is not None
        changed = _set(who, wanted) | _set(organisation, link)
        if closes:
            closed.append((who, organisation.key))
        counts["closed" if closes else "changed" if changed else "unchanged"] += 1
        if changed:
            who.version += 1
            who.updated_at = datetime.now(UTC)
            moved.append(who.id)
    session.flush()
    touched.mark(session, principal.name, moved)
    return Counts(**counts), closed


def _set(row: Organisation | Participant, wanted: Mapping[str, Any]) -> bool:
    differs = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    for name, value in differs.items():
        setattr(row, name, value)
    return bool(differs)


def _groups_of(session: WriteSession, organisations: Collection[Organisation]) -> dict[int, Group]:
    """The group of each; a trust that goes on under a new UID and its reference is the same."""
    by_uid = {group.uid: group for group in session.scalars(select(Group))}
    open_now = {
        key_of(group): group for group in by_uid.values() if group.open and group.kind in ACTING
    }
    return {
        one.participant_id: by_uid[one.group_uid]
        if by_uid[one.group_uid].open
        else open_now.get(one.key, by_uid[one.group_uid])
        for one in organisations
        if one.group_uid is not None
    }


def _places(session: WriteSession, group_ids: Collection[int], day: date) -> dict[int, Place]:
    """Where groups are: with the school nearest to the middle of their open schools.

    As with other organisations, an area is theirs where all of the schools are in it.
    """
    schools: dict[int, list[Participant]] = defaultdict(list)
    if not group_ids:
        return {}
    query = (
        select(MEMBERS.c.group_id, Participant)
        .join(Participant, Participant.id == MEMBERS.c.participant_id)
        .join(Institution, Institution.participant_id == Participant.id)
        .where(Institution.in_scope, belongs_on(day), MEMBERS.c.group_id.in_(group_ids))
        .order_by(Participant.id)
    )
    for group_id, school in session.execute(query):
        schools[group_id].append(school)
    return {group_id: _place(schools[group_id]) for group_id in group_ids}


def _place(schools: Collection[Participant]) -> Place:
    place = dict(NOWHERE)
    for name in ("local_authority_code", "region_code", "district_code"):
        codes = {getattr(school, name) for school in schools}
        place[name] = codes.pop() if len(codes) == 1 else None
    known = [school for school in schools if school.latitude is not None]
    if known:
        at = earth_centred(
            np.array([school.latitude for school in known]),
            np.array([school.longitude for school in known]),
        )
        nearest = known[int(((at - at.mean(axis=0)) ** 2).sum(axis=1).argmin())]
        place |= {"latitude": nearest.latitude, "longitude": nearest.longitude}
    return place
