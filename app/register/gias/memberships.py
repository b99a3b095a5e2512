"""Which institution belongs to which group since when: today's links and the history."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import cast

from sqlalchemy import Table, bindparam, insert, select, update

from app.chunks import chunked
from app.database import WriteSession
from app.errors import Fault
from app.import_kit.upsert import Counts, Row
from app.register import facts
from app.register.gias.classification import TRUST_KINDS
from app.register.gias.rows import EstablishmentRow, LinkRow, MembershipRow
from app.wording import counted
from models.register import Group, Institution, Membership
from models.vocabulary import FactKind, GroupKind

Place = tuple[int, int]
"""An institution's participant id and a group's id."""
NOT_IN_A_TRUST_FLAGS = frozenset({0, 2})
NOT_IN_A_FEDERATION = "Not under a federation"
ALL_KINDS = frozenset(GroupKind)


Spells = dict[date | None, date | None]
"""Days of joining, where known, with the days of leaving."""


@dataclass(slots=True)
class Places:
    """Ids of what the files name, and what had to be left out because it is not there."""

    participants: dict[int, int]
    groups: dict[int, int]
    unknown_urns: set[int] = field(default_factory=set)

    def of(self, urn: int, uid: int) -> Place | None:
        if urn not in self.participants:
            self.unknown_urns.add(urn)
            return None
        return self.participants[urn], self.groups[uid]

    @property
    def notes(self) -> list[str]:
        if not self.unknown_urns:
            return []
        return [
            "Not in the register, so left out: memberships of "
            f"{counted(len(self.unknown_urns), 'URN')} (such as children's centres, academies that "
            "closed long ago, and institutions that your establishments file does not have)."
        ]


@dataclass(slots=True)
class Stored:
    id: int
    joined: date | None
    left: date | None


@dataclass(slots=True)
class Writing:
    """What is to be written, and how often nothing was."""

    new: list[Row] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)
    ended: list[Row] = field(default_factory=list)
    unchanged: int = 0

    @property
    def counts(self) -> Counts:
        return Counts(
            added=len(self.new),
            changed=len(self.changed),
            closed=len(self.ended),
            unchanged=self.unchanged,
        )


def check_memberships(
    paths: Mapping[str, Path],
    establishments: Iterable[tuple[int, EstablishmentRow]],
    links: Iterable[tuple[int, LinkRow]],
    history: Iterable[tuple[int, MembershipRow]],
    uids: set[int],
    faults: list[Fault],
) -> None:
    """Add a fault for each group that nothing describes, and for turned dates.

    An unknown URN is none: the full files of links come with an extract of one area as well.
    """

    def unknown_group(role: str, line: int, column: str, uid: int | None) -> None:
        if uid is not None and uid not in uids:
            reason = "is not a group in the register. Add the groups file that has it (--groups)"
            faults.append(Fault(paths[role].name, line, column, str(uid), reason))

    if "links" not in paths:
        for line, row in establishments:
            unknown_group("establishments", line, "Trusts (code)", row.trust_uid)
            unknown_group("establishments", line, "Federations (code)", row.federation_uid)
    for line, link in links:
        unknown_group("links", line, "Group UID", link.uid)
    for line, spell in history:
        if spell.urn is None:
            continue
        if spell.uid is None:
            faults.append(
                Fault(paths["memberships"].name, line, "Group UID", None, "is missing. Enter it")
            )
        unknown_group("memberships", line, "Group UID", spell.uid)
        if spell.joined and spell.left and spell.left < spell.joined:
            reason = f"must not be before the day of joining, {spell.joined:%d-%m-%Y}"
            column, value = "Date Left Group", f"{spell.left:%d-%m-%Y}"
            faults.append(Fault(paths["memberships"].name, line, column, value, reason))


def write_memberships(
    session: WriteSession,
    actor: str,
    establishments: list[EstablishmentRow],
    links: list[LinkRow] | None,
    history: list[MembershipRow],
    today: date,
) -> tuple[Counts, list[str]]:
    """Add, date and end memberships; none is deleted.

    Links say who is a member now; without them the establishments' own trust and federation
    do. A stored membership of an institution in the file that they no longer say ends `today`.
    """
    participants: dict[int, int] = dict(
        session.execute(select(Institution.urn, Institution.participant_id)).all()
    )
    groups = {
        uid: (key, kind)
        for uid, key, kind in session.execute(select(Group.uid, Group.id, Group.kind))
    }
    places = Places(participants, {uid: key for uid, (key, _) in groups.items()})
    current = _linked(links, places) if links is not None else _named(establishments, places)
    spells = _spells(current, history, places)
    stored = _stored(session)
    kinds = dict(groups.values())
    endable = {
        participants[row.urn]: ALL_KINDS if links is not None else _endable_kinds(row)
        for row in establishments
    }
    writing = Writing()
    for place in sorted(spells.keys() | stored.keys()):
        participant_id, group_id = place
        Settling(
            place,
            is_current=place in current,
            may_end=kinds[group_id] in endable.get(participant_id, frozenset()),
            today=today,
            writing=writing,
        ).settle(spells.get(place, {}), stored.get(place, []))
    _write(session, actor, writing)
    return writing.counts, places.notes


def _endable_kinds(row: EstablishmentRow) -> frozenset[GroupKind]:
    """The kinds of group of which the row itself says whether the institution is a member."""
    kinds: frozenset[GroupKind] = frozenset()
    if row.trust_uid is not None or row.trust_flag in NOT_IN_A_TRUST_FLAGS:
        kinds |= TRUST_KINDS
    if row.federation_uid is not None or row.federation_flag == NOT_IN_A_FEDERATION:
        kinds |= {GroupKind.FEDERATION}
    return kinds


def _linked(links: list[LinkRow], places: Places) -> dict[Place, date | None]:
    found = {}
    for link in links:
        if (place := places.of(link.urn, link.uid)) is not None:
            found[place] = link.joined
    return found


def _named(establishments: list[EstablishmentRow], places: Places) -> dict[Place, date | None]:
    found: dict[Place, date | None] = {}
    for row in establishments:
        for uid in (row.trust_uid, row.federation_uid):
            if uid is not None and (place := places.of(row.urn, uid)) is not None:
                found[place] = None
    return found


def _spells(
    current: dict[Place, date | None], history: list[MembershipRow], places: Places
) -> dict[Place, Spells]:
    """Every spell of membership by its day of joining, with its last day or None."""
    found: dict[Place, Spells] = defaultdict(dict)
    for row in history:
        if row.urn is None or row.uid is None:
            continue
        if (place := places.of(row.urn, row.uid)) is None:
            continue
        spells = found[place]
        before = spells.get(row.joined, row.left)
        # The register repeats spells; the longer of two that begin on one day stands.
        spells[row.joined] = None if before is None or row.left is None else max(before, row.left)
    for place, joined in current.items():
        spells = found[place]
        running = [day for day, left in spells.items() if left is None]
        if joined is None and running:
            continue
        for day in running:
            del spells[day]
        spells[joined] = None
    return found


def _stored(session: WriteSession) -> dict[Place, list[Stored]]:
    found: dict[Place, list[Stored]] = defaultdict(list)
    for key, participant_id, group_id, joined, left in session.execute(
        select(
            Membership.id,
            Membership.participant_id,
            Membership.group_id,
            Membership.joined,
            Membership.left,
        ).order_by(Membership.id)
    ):
        found[(participant_id, group_id)].append(Stored(key, joined, left))
    return found


@dataclass(frozen=True, slots=True)
class Settling:
    """Bringing what is stored of one institution in one group in line with its spells."""

    place: Place
    is_current: bool
    may_end: bool
    today: date
    writing: Writing

    def settle(self, spells: Spells, stored: list[Stored]) -> None:
        running_first = sorted(
            spells.items(), key=lambda spell: (spell[1] is not None, spell[0] or date.min)
        )
        for joined, left in running_first:
            match = _match(stored, joined, runs=left is None)
            if match is None:
                self._add(joined, left)
            else:
                stored.remove(match)
                self._change(match, joined or match.joined, self._left(match, joined, left))
        for rest in stored:
            if rest.left is None and self.may_end:
                self._change(rest, rest.joined, max(self.today, rest.joined or self.today))

    def _left(self, match: Stored | None, joined: date | None, left: date | None) -> date | None:
        if left is not None or self.is_current or not self.may_end:
            return left
        # The history knows no end of what has ended: today is the first day that tells.
        ended = None if match is None else match.left
        return ended or max(self.today, joined or self.today)

    def _add(self, joined: date | None, left: date | None) -> None:
        participant_id, group_id = self.place
        self.writing.new.append(
            {
                "participant_id": participant_id,
                "group_id": group_id,
                "joined": joined,
                "left": self._left(None, joined, left),
            }
        )

    def _change(self, stored: Stored, joined: date | None, left: date | None) -> None:
        if (stored.joined, stored.left) == (joined, left):
            self.writing.unchanged += 1
            return
        ends = stored.left is None and left is not None
        rows = self.writing.ended if ends else self.writing.changed
        rows.append({"key": stored.id, "new_joined": joined, "new_left": left})


def _match(stored: list[Stored], joined: date | None, *, runs: bool) -> Stored | None:
    """The stored spell that this one is: of the same day, or one whose day was not known."""
    for spell in stored:
        if joined is not None and spell.joined == joined:
            return spell
    undated = [spell for spell in stored if spell.joined is None or (joined is None and runs)]
    still_running = [spell for spell in undated if spell.left is None]
    if still_running or not runs:
        return next(iter(still_running or undated), None)
    return next((spell for spell in undated if joined is None and spell.joined is None), None)


def _write(session: WriteSession, actor: str, writing: Writing) -> None:
    placed = [row["participant_id"] for row in writing.new]
    moved = [row["key"] for row in writing.changed]
    for ids in chunked(moved):
        some = Membership.id.in_(ids)
        placed += session.scalars(select(Membership.participant_id).where(some))
    facts.note(session, actor, FactKind.GROUP, ((each, None) for each in placed))
    if writing.new:
        session.execute(insert(Membership), writing.new)
    if changes := writing.changed + writing.ended:
        table = cast(Table, Membership.__table__)
        session.execute(
            update(table)
            .where(table.c.id == bindparam("key"))
            .values(joined=bindparam("new_joined"), left=bindparam("new_left")),
            changes,
        )
