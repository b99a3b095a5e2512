"""Schools that nothing joins to others: in no group or network, without support, and by area."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.graph.kinds import SUPPORTS, EdgeKind, Node, NodeKind
from app.graph.view import View
from app.register.lookups import NETWORK
from models.vocabulary import METRES_PER_MILE
from solver.pairing.geography import distance_m

NEAREST: Final = 3
"""Networks that are named for an isolated school."""


@dataclass(frozen=True, slots=True)
class NearNetwork:
    """A network by its nearest member."""

    key: str
    name: str
    miles: float


@dataclass(frozen=True, slots=True)
class Isolated:
    node: Node
    urn: int
    networks: tuple[NearNetwork, ...] = ()


@dataclass(frozen=True, slots=True)
class IsolatedArea:
    """How many of an area's schools in scope are isolated; `key` None: in no known area."""

    key: str | None
    name: str
    in_scope: int
    in_no_group: int
    isolated: int


def urn_of(node: Node) -> int:
    return int(node.key.partition(":")[2])


def isolated(view: View, among: Collection[str] | None = None) -> list[Isolated]:
    """Institutions in scope without a group, a network, and any support, by URN.

    `among`: keys of those that are asked about. Only those of whom all support is seen can be told.
    """
    joined = view.only((EdgeKind.MEMBER, *SUPPORTS))
    found = [Isolated(node, urn_of(node)) for node in _asked(view, among) if not _any(joined, node)]
    return sorted(found, key=lambda each: each.urn)


def by_area(view: View, among: Collection[str] | None = None) -> list[IsolatedArea]:
    """The same counted by local authority, the most isolated schools first."""
    member = view.only((EdgeKind.MEMBER,))
    supported = view.only(SUPPORTS)
    scope: Counter[str | None] = Counter()
    alone: Counter[str | None] = Counter()
    lonely: Counter[str | None] = Counter()
    for node in _asked(view, among):
        area = None if node.local_authority is None else f"local_authority:{node.local_authority}"
        scope[area] += 1
        joined = _any(member, node, groups_only=True)
        alone[area] += not joined
        lonely[area] += not (joined or _any(member, node) or _any(supported, node))
    found = [
        IsolatedArea(area, _name(view, area), count, alone[area], lonely[area])
        for area, count in scope.items()
    ]
    return sorted(found, key=lambda each: (-each.isolated, each.name, each.key or ""))


def with_networks(view: View, found: list[Isolated], most: int = NEAREST) -> list[Isolated]:
    """Name the nearest networks of each, by the distance to a member; of unknown places none."""
    members = view.only((EdgeKind.MEMBER,))
    keys, names, latitudes, longitudes = [], [], [], []
    networks = [node for node in view.of.nodes.values() if node.kind is NodeKind.NETWORK]
    for network in networks:
        for edge in members.taken(network.key):
            node = view.node(edge.giver)
            if node.latitude is not None and node.longitude is not None:
                keys.append(network.key)
                names.append(network.name)
                latitudes.append(node.latitude)
                longitudes.append(node.longitude)
    if not keys:
        return found
    return [
        Isolated(each.node, each.urn, _nearest(each.node, keys, names, latitudes, longitudes, most))
        for each in found
    ]


def _nearest(
    node: Node,
    keys: list[str],
    names: list[str],
    latitudes: list[float],
    longitudes: list[float],
    most: int,
) -> tuple[NearNetwork, ...]:
    if node.latitude is None or node.longitude is None:
        return ()
    metres = distance_m(node.latitude, node.longitude, np.array(latitudes), np.array(longitudes))
    best: dict[str, NearNetwork] = {}
    for far, key, name in sorted(zip(metres.tolist(), keys, names, strict=True)):
        if key not in best:
            best[key] = NearNetwork(key.partition(":")[2], name, round(far / METRES_PER_MILE, 1))
        if len(best) == most:
            break
    return tuple(best.values())


def _asked(view: View, among: Collection[str] | None) -> list[Node]:
    nodes = view.of.nodes
    some = nodes.values() if among is None else (nodes[key] for key in among if key in nodes)
    return [
        node
        for node in some
        if node.kind is NodeKind.INSTITUTION and node.in_scope and view.seen.has_all_of(node)
    ]


def _any(view: View, node: Node, *, groups_only: bool = False) -> bool:
    given = (
        edge
        for edge in view.given(node.key)
        if not groups_only or not edge.taker.startswith(f"{NETWORK}:")
    )
    return next(given, None) is not None or next(view.taken(node.key), None) is not None


def _name(view: View, area: str | None) -> str:
    if area is None:
        return "No local authority"
    return view.node(area).name if area in view.of.nodes else area
