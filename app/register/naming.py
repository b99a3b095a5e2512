"""What a cell that names a participant means: a URN, an organisation's key, or a trust's own name.

A trust or federation takes part under its reference (`TR01197`) or Group UID (`5143`,
`group:5143`): as the organisation whose `group_uid` it is.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import func, or_, select

from app.chunks import chunked
from app.database import ReadSession, WriteSession
from app.errors import Conflict
from app.files.spreadsheets import unfloat
from app.register.gias.classification import TRUST_KINDS
from models.register import Group, Organisation, Participant
from models.vocabulary import GroupKind

C = TypeVar("C", int, str)
AnySession = ReadSession | WriteSession
ACTING: Final = tuple(sorted({*TRUST_KINDS, GroupKind.FEDERATION}))
"""Kinds of group that take part themselves."""
_OWN_REFERENCE: Final = re.compile(r"TR\d+", re.ASCII)
_UID: Final = re.compile(r"(?:group:|group-)?0*(\d{1,9})", re.ASCII | re.IGNORECASE)


def reference_of(cell: str) -> str:
    """The reference that a cell is by itself: of a URN in digits or an organisation's key."""
    whole = str(unfloat(cell))
    if whole.isascii() and whole.isdigit():
        return f"urn:{whole.lstrip('0') or '0'}"
    return f"org:{cell}"


def key_of(group: Group) -> str:
    """The key under which a group's own organisation takes part."""
    reference = (group.reference or "").upper()
    return reference if _OWN_REFERENCE.fullmatch(reference) else f"group-{group.uid}"


@dataclass(frozen=True, slots=True)
class Actors:
    """The organisations that stand for a group."""

    group: Group
    organisations: tuple[Organisation, ...]

    @property
    def meant(self) -> tuple[Organisation, ...]:
        """The group's own, else those linked with it: of an open group the open ones."""
        own = tuple(one for one in self.organisations if one.key == key_of(self.group))
        still_open = tuple(one for one in self.organisations if one.closed is None)
        return own or still_open or (() if self.group.open else self.organisations)

    @property
    def actor(self) -> Organisation | None:
        """The one that stands for the group.

        Raises `Conflict` where several could be meant.
        """
        if len(self.meant) > 1:
            keys = ", ".join(one.key for one in self.meant)
            raise Conflict(f"could be several organisations of {self.group.name}: {keys}")
        return self.meant[0] if self.meant else None

    @property
    def lacking(self) -> bool:
        """Whether the group is open and nobody stands for it."""
        return self.group.open and not self.meant


def reference_named(session: AnySession, cell: str) -> str:
    """The reference of the participant that a cell names, to read by; it need not exist."""
    return references_named(session, [cell])[cell]


def references_named(session: AnySession, cells: Iterable[str]) -> dict[str, str]:
    """The same of many cells."""
    found = {cell: reference_of(cell) for cell in cells}
    known = participant_ids(session, found.values())
    for cell, actors in groups_named(session, found, known).items():
        try:
            actor = actors.actor
        except Conflict:
            continue
        if actor is not None:
            found[cell] = f"org:{actor.key}"
    return found


def participant_ids(
    session: AnySession, references: Collection[str] | None = None
) -> dict[str, int]:
    """Every participant's id by its reference, or those of `references`."""
    query = select(Participant.reference, Participant.id)
    if references is None:
        return dict(session.execute(query).all())
    found: dict[str, int] = {}
    for some in chunked(sorted(set(references))):
        found.update(session.execute(query.where(Participant.reference.in_(some))).all())
    return found


def groups_named(
    session: AnySession, references: Mapping[str, str], known: Collection[str]
) -> dict[str, Actors]:
    """The trusts and federations that cells name which name no participant by themselves.

    `references` are by cell; of groups with one reference the open one is meant.
    """
    uids: dict[str, int] = {}
    codes: dict[str, str] = {}
    for cell, reference in references.items():
        key = reference.removeprefix("org:")
        if reference in known and not (_OWN_REFERENCE.fullmatch(key) or key.startswith("group-")):
            continue
        if number := _UID.fullmatch(str(unfloat(cell))):
            uids[cell] = int(number[1])
        else:
            codes[cell] = cell.upper()
    by_uid: dict[int, Group] = {}
    by_code: dict[str, Group] = {}
    code = func.upper(Group.reference)
    for some in (
        *(Group.uid.in_(part) for part in chunked(sorted(set(uids.values())))),
        *(code.in_(part) for part in chunked(sorted(set(codes.values())))),
    ):
        query = select(Group).where(Group.kind.in_(ACTING), some).order_by(Group.open, Group.uid)
        for group in session.scalars(query):
            by_uid[group.uid] = group
            if group.reference:
                by_code[group.reference.upper()] = group
    named = {cell: by_uid.get(uid) for cell, uid in uids.items()}
    named |= {cell: by_code.get(each) for cell, each in codes.items()}
    groups = {cell: group for cell, group in named.items() if group is not None}
    actors = actors_of(session, {group.uid: group for group in groups.values()})
    return {cell: actors[group.uid] for cell, group in groups.items()}


def actors_of(session: AnySession, groups: Mapping[int, Group]) -> dict[int, Actors]:
    """The organisations of groups by UID, told by their link or by the group's own key."""
    uid_of_key = {key_of(group): uid for uid, group in groups.items()}
    found: dict[int, list[Organisation]] = defaultdict(list)
    for some in chunked(sorted(groups)):
        keys = [key_of(groups[uid]) for uid in some]
        linked = or_(Organisation.group_uid.in_(some), Organisation.key.in_(keys))
        for one in session.scalars(select(Organisation).where(linked).order_by(Organisation.key)):
            uid = uid_of_key.get(one.key, one.group_uid)
            if uid is not None:
                found[uid].append(one)
    return {uid: Actors(group, tuple(found[uid])) for uid, group in groups.items()}
