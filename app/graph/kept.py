"""The graph, built from rows once per version of the data, kept, and refreshed by events.

Each process keeps its own. The version is the last event of the audit: whoever changes a row of a
bound table writes an event that lists it, so that one number tells whether anything changed, and
the rows of the events since tell what. Few changes of support, proposals and interests are taken
over one by one; after a change of the register the graph is built anew.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Any, Final
from weakref import WeakKeyDictionary

import networkx as nx
from sqlalchemy import Engine, or_, select
from sqlalchemy.orm import Session

from app.chunks import chunked
from app.database import ReadSession
from app.graph import rows
from app.graph.kinds import Edge, Node, NodeKind, Of
from models.access import AuditHead, AuditRow
from models.interests import Interest
from models.matching import Proposal
from models.partnerships import Partnership, Support
from models.register import (
    Area,
    AreaServed,
    Group,
    Institution,
    Membership,
    Network,
    NetworkMembership,
    Organisation,
    Participant,
    Succession,
)

FEW: Final = 2_000
"""Changed rows up to which they are taken over one by one."""
MOST_REMEMBERED: Final = 8
_OF_REGISTER: Final = frozenset(
    model.__tablename__
    for model in (
        *(Area, AreaServed, Group, Institution, Membership, Network, NetworkMembership),
        *(Organisation, Participant, Succession),
    )
)
_OF_SUPPORT: Final = Support.__tablename__
_OF_INTERESTS: Final = Interest.__tablename__
_OF_PROPOSALS: Final = ("proposal", "partnership", "need", "offer")
"""What a proposal's edge is read from."""
_READ: Final = frozenset({*_OF_REGISTER, _OF_SUPPORT, _OF_INTERESTS, *_OF_PROPOSALS})


@dataclass(slots=True)
class SupportGraph:
    """Institutions, organisations, groups, networks and areas, and dated edges between them."""

    graph: "nx.MultiDiGraph[str]"
    nodes: dict[str, Node]
    keys: dict[int, str]
    """Of participants, by id."""
    others: dict[tuple[str, int, str], Edge] = field(default_factory=dict)
    """Edges by key that are not of the register."""
    memo: dict[Hashable, Any] = field(default_factory=dict)
    """The last answers that hold as long as nothing changes."""

    def remember(self, key: Hashable, answer: Any) -> None:
        while len(self.memo) >= MOST_REMEMBERED:
            del self.memo[next(iter(self.memo))]
        self.memo[key] = answer

    def add(self, edge: Edge, supporter: str = "") -> None:
        """`supporter`: the name of a giver that is no participant."""
        if edge.giver not in self.nodes:
            self.nodes[edge.giver] = Node(edge.giver, NodeKind.OTHER_SUPPORTER, supporter)
            self.graph.add_node(edge.giver)
        self.graph.add_edge(edge.giver, edge.taker, edge.key, edge=edge)
        if edge.of is not Of.REGISTER:
            self.others[edge.key] = edge

    def remove(self, of: Of, numbers: Collection[int]) -> None:
        gone = [key for key in self.others if key[0] == of and key[1] in numbers]
        for key in gone:
            edge = self.others.pop(key)
            self.graph.remove_edge(edge.giver, edge.taker, key)
            if self.nodes[edge.giver].kind is NodeKind.OTHER_SUPPORTER:
                self.graph.remove_node(edge.giver)
                del self.nodes[edge.giver]


def build(session: Session) -> SupportGraph:
    """Read all of it; nobody's rights are asked here, but where it is read."""
    nodes = {node.key: node for node in rows.nodes(session)}
    keys = {
        node.participant_id: key for key, node in nodes.items() if node.participant_id is not None
    }
    made = SupportGraph(nx.MultiDiGraph(), nodes, keys)
    made.graph.add_nodes_from(nodes)
    made.graph.add_edges_from(
        (edge.giver, edge.taker, edge.key, {"edge": edge})
        for edge in rows.edges_of_register(session, keys)
    )
    for edge, supporter in rows.edges_of_support(session, keys):
        made.add(edge, supporter)
    for edge in rows.edges_of_proposals(session, keys):
        made.add(edge)
    for edge in rows.edges_of_interests(session, keys):
        made.add(edge)
    return made


@dataclass(slots=True)
class _Kept:
    """The graph of one database, and the event that it is as of."""

    lock: RLock = field(default_factory=RLock)
    found: SupportGraph | None = None
    sequence: int = -1


_KEPT: "WeakKeyDictionary[object, _Kept]" = WeakKeyDictionary()
_KEEPING: Final = Lock()


@contextmanager
def support_graph(session: Session) -> Iterator[SupportGraph]:
    """The graph as of now; nobody else refreshes it within the block."""
    kept = _kept_for(session)
    with kept.lock:
        # First: what changes while rows are read has a later event, and is read again next time.
        sequence = session.scalar(select(AuditHead.last_sequence)) or 0
        if kept.found is not None and sequence < kept.sequence:
            # A request that began before the last one, or an older copy of the database.
            yield build(session)
            return
        if kept.found is None or sequence != kept.sequence:
            with _snapshot(session) as whole:
                sequence = whole.scalar(select(AuditHead.last_sequence)) or 0
                # What fails midway leaves nothing behind.
                found, kept.found = kept.found, None
                if found is None or not _refreshed(whole, kept.sequence, found):
                    found = build(whole)
                kept.found, kept.sequence = found, sequence
        yield kept.found


@contextmanager
def _snapshot(session: Session) -> Iterator[Session]:
    """A session whose queries are all as of the first, so that no edge is of an unknown node."""
    bind = session.get_bind()
    engine = bind if isinstance(bind, Engine) else bind.engine
    if engine.dialect.name == "sqlite":  # which reads no other way
        yield session
        return
    engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with ReadSession(engine, info=dict(session.info)) as whole:
        yield whole


def _kept_for(session: Session) -> _Kept:
    bind = session.get_bind()
    engine = bind if isinstance(bind, Engine) else bind.engine
    with _KEEPING:
        # By the pool, which engines with other options share.
        return _KEPT.setdefault(engine.pool, _Kept())


def _refreshed(session: Session, since: int, found: SupportGraph) -> bool:
    """Whether a graph as of an event is as of now then; if not, it has to be built anew."""
    query = (
        select(AuditRow.table_name, AuditRow.key)
        .where(AuditRow.sequence > since, AuditRow.table_name.in_(_READ))
        .limit(FEW + 1)
    )
    changed: dict[str, set[int]] = defaultdict(set)
    count = 0
    for table, key in session.execute(query):
        count += 1
        if table in _OF_REGISTER:
            return False
        changed[table].add(json.loads(key)[0])
    if count > FEW:
        return False
    if count:
        _take_over(session, found, changed)
    return True


def _take_over(session: Session, found: SupportGraph, changed: dict[str, set[int]]) -> None:
    found.memo.clear()
    for some in chunked(sorted(changed[_OF_SUPPORT])):
        found.remove(Of.SUPPORT, set(some))
        for edge, supporter in list(rows.edges_of_support(session, found.keys, some)):
            found.add(edge, supporter)
    for some in chunked(sorted(changed[_OF_INTERESTS])):
        found.remove(Of.INTEREST, set(some))
        for edge in list(rows.edges_of_interests(session, found.keys, some)):
            found.add(edge)
    proposal, partnership, need, offer = (sorted(changed[name]) for name in _OF_PROPOSALS)
    if not (proposal or partnership or need or offer):
        return
    of_partnerships = select(Partnership.proposal_id).where(Partnership.id.in_(partnership))
    wanted = select(Proposal.id).where(
        or_(
            Proposal.id.in_(proposal),
            Proposal.id.in_(of_partnerships),
            Proposal.need_id.in_(need),
            Proposal.offer_id.in_(offer),
        )
    )
    found.remove(Of.PROPOSAL, {*proposal, *session.scalars(wanted)})
    for edge in list(rows.edges_of_proposals(session, found.keys, wanted)):
        found.add(edge)
