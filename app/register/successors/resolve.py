"""Who took a closed institution's place: along the register's links to those that are open."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.chunks import chunked
from app.register.gias.classification import CLOSED_STATUS
from models.register import Institution, Participant, Succession
from models.vocabulary import SuccessorState


@dataclass(frozen=True, slots=True)
class School:
    """An institution as successions look at it."""

    participant_id: int
    urn: int
    name: str
    status_code: int
    in_scope: bool

    @property
    def is_closed(self) -> bool:
        return self.status_code == CLOSED_STATUS


@dataclass(frozen=True, slots=True)
class Followed:
    """Where the links of a closed institution lead; `successors` are the last of each chain."""

    state: SuccessorState
    successors: tuple[School, ...] = ()

    @property
    def clear(self) -> School | None:
        return self.successors[0] if self.state is SuccessorState.CLEAR else None


@dataclass(slots=True)
class _Links:
    """The register's links from some institutions on, as far as they lead."""

    schools: dict[int, School] = field(default_factory=dict)
    successors: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def load(cls, session: Session, urns: Iterable[int]) -> "_Links":
        """A level of the chains at a time: they are short, and most institutions have none."""
        links = cls()
        level = set(urns)
        while level:
            for some in chunked(sorted(level)):
                links.schools |= {each.urn: each for each in schools(session, some)}
                for urn, successor in session.execute(
                    select(Succession.predecessor_urn, Succession.successor_urn).where(
                        Succession.predecessor_urn.in_(some)
                    )
                ):
                    links.successors[urn].add(successor)
            level = {each for urn in level for each in links.successors[urn]} - set(
                links.successors
            )
        return links

    def ends(self, urn: int, passed: frozenset[int] = frozenset()) -> set[int]:
        """The last of each chain from `urn`: open, not in the register, or without successor."""
        school = self.schools.get(urn)
        following = self.successors[urn] - passed - {urn}
        if school is None or not school.is_closed or not following:
            return {urn}
        return {end for each in following for end in self.ends(each, passed | {urn})}

    def follow(self, urn: int) -> Followed:
        known = {end: self.schools.get(end) for end in self.ends(urn) - {urn}}
        found = tuple(each for _, each in sorted(known.items()) if each is not None)
        if len(known) > 1:
            return Followed(SuccessorState.SEVERAL, found)
        if not found or found[0].is_closed:
            return Followed(SuccessorState.NONE, found)
        open_now = found[0].in_scope
        return Followed(SuccessorState.CLEAR if open_now else SuccessorState.NOT_OPEN, found)


SCHOOL: Final = select(
    Institution.participant_id,
    Institution.urn,
    Participant.name,
    Institution.status_code,
    Institution.in_scope,
).join(Participant)


def schools(session: Session, urns: Collection[int]) -> list[School]:
    query = SCHOOL.where(Institution.urn.in_(urns)).order_by(Institution.urn)
    return [School(*row) for row in session.execute(query)]


def follow(session: Session, urns: Iterable[int]) -> dict[int, Followed]:
    """Where the links of each closed institution of `urns` lead; others are left out."""
    links = _Links.load(session, urns)
    return {
        urn: links.follow(urn)
        for urn in sorted(set(urns))
        if (school := links.schools.get(urn)) is not None and school.is_closed
    }


def current(session: Session, references: Iterable[str]) -> Mapping[str, School]:
    """The one successor of each closed institution among `urn:` references that has a clear one."""
    urns = {
        int(number)
        for kind, _, number in (each.partition(":") for each in references)
        if kind == "urn" and len(number) < 10
    }
    closed: set[int] = set()
    for some in chunked(sorted(urns)):
        closed.update(
            session.scalars(
                select(Institution.urn).where(
                    Institution.urn.in_(some),
                    Institution.status_code == CLOSED_STATUS,
                )
            )
        )
    found = follow(session, closed) if closed else {}
    return {
        f"urn:{urn}": followed.clear
        for urn, followed in found.items()
        if followed.clear is not None
    }
