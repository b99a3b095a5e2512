"""The graph as somebody may see it: on a day, by kinds of edge, and with their own edges alone.

The register is open to read. Support, proposals and declared interests are seen by those in whose
scope one of their sides lies, as everywhere else.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import EVERYWHERE, Action, Principal, grants_for
from app.access.scoped import visible
from app.graph.kept import SupportGraph
from app.graph.kinds import OF_REGISTER, USUAL, Edge, EdgeKind, Node, Of
from models.base import Base
from models.interests import Interest
from models.matching import Proposal
from models.partnerships import Support
from models.register import Participant

_MODELS: Final[dict[Of, type[Base]]] = {
    Of.SUPPORT: Support,
    Of.PROPOSAL: Proposal,
    Of.INTEREST: Interest,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """Ids of what somebody may read; None: of everything."""

    rows: dict[Of, frozenset[int]] | None
    participants: frozenset[int] | None
    """Those of whom all is seen."""

    def has(self, edge: Edge) -> bool:
        if self.rows is None or edge.of is Of.REGISTER:
            return True
        return edge.number in self.rows[edge.of]

    def has_all_of(self, node: Node) -> bool:
        return self.participants is None or node.participant_id in self.participants


def seen_by(session: Session, principal: Principal) -> Seen:
    grants = grants_for(principal, Action.READ)
    if principal.link is None and any(grant.scope == EVERYWHERE for grant in grants):
        return Seen(None, None)
    rows = {}
    for of, model in _MODELS.items():
        number = model.__table__.c.id
        query = select(number).where(visible(principal, Action.READ, model))
        rows[of] = frozenset(session.scalars(query))
    own = select(Participant.id).where(visible(principal, Action.READ, Participant))
    return Seen(rows, frozenset(session.scalars(own)))


@dataclass(frozen=True, slots=True)
class View:
    """The edges of some kinds that somebody may see, as they are on a day."""

    of: SupportGraph
    seen: Seen
    day: date
    kinds: frozenset[EdgeKind] = frozenset(USUAL)
    expertise: Mapping[str, str] = field(default_factory=dict)
    """Names by code."""

    def only(self, kinds: Collection[EdgeKind]) -> "View":
        return replace(self, kinds=frozenset(kinds))

    def shows(self, edge: Edge) -> bool:
        return edge.kind_on(self.day) in self.kinds and self.seen.has(edge)

    def given(self, key: str) -> Iterator[Edge]:
        """Edges that begin at a node."""
        found = self.of.graph.out_edges(key, data="edge")
        return (edge for _, _, edge in found if self.shows(edge))

    def taken(self, key: str) -> Iterator[Edge]:
        """Edges that end at a node."""
        found = self.of.graph.in_edges(key, data="edge")
        return (edge for _, _, edge in found if self.shows(edge))

    def edges(self) -> Iterator[Edge]:
        if self.kinds.isdisjoint(OF_REGISTER):  # which are the most
            return (edge for edge in self.of.others.values() if self.shows(edge))
        return (edge for *_, edge in self.of.graph.edges(data="edge") if self.shows(edge))

    def node(self, key: str) -> Node:
        return self.of.nodes[key]
