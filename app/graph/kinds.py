"""What nodes and edges of the support graph are, on a day."""

from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from models.vocabulary import (
    ENDED_PROPOSALS,
    RUNNING_SUPPORT,
    GroupKind,
)


class NodeKind(StrEnum):
    INSTITUTION = "institution"
    ORGANISATION = "organisation"
    TRUST = "trust"
    FEDERATION = "federation"
    GROUP = "group"
    """A sponsor or other group of the register."""
    NETWORK = "network"
    AREA = "area"
    OTHER_SUPPORTER = "other_supporter"
    """Who gives support that another agency arranged, known by name alone."""


TAKES_PART: Final = frozenset({NodeKind.INSTITUTION, NodeKind.ORGANISATION})


class EdgeKind(StrEnum):
    """What joins two nodes; the first of them gives, belongs, came before, or holds it."""

    MEMBER = "member"
    """Of a trust, federation, other group or network."""
    SUCCESSION = "succession"
    SUPPORT = "support"
    """That runs, is paused or is to begin."""
    PAST_SUPPORT = "past_support"
    PROPOSED = "proposed"
    INTEREST = "interest"
    """Declared, and not withdrawn or over."""
    FORMER_MEMBER = "former_member"
    CLOSED_PROPOSAL = "closed_proposal"
    PAST_INTEREST = "past_interest"
    AREA = "area"
    """Where an institution or organisation lies, or what an organisation serves."""


USUAL: Final = (
    EdgeKind.MEMBER,
    EdgeKind.SUCCESSION,
    EdgeKind.SUPPORT,
    EdgeKind.PAST_SUPPORT,
    EdgeKind.PROPOSED,
    EdgeKind.INTEREST,
)
"""Kinds of edge that questions follow unless they name others."""
OF_REGISTER: Final = frozenset(
    {EdgeKind.MEMBER, EdgeKind.FORMER_MEMBER, EdgeKind.SUCCESSION, EdgeKind.AREA}
)
SUPPORTS: Final = (EdgeKind.SUPPORT, EdgeKind.PAST_SUPPORT)


class Of(StrEnum):
    """The rows that an edge comes from: who may see it follows from this."""

    REGISTER = "register"
    SUPPORT = "support"
    PROPOSAL = "proposal"
    INTEREST = "interest"


class Over(StrEnum):
    """In what a giver does more than its share."""

    DAYS = "days"
    """More days than its limit, or than it offers where it has no limit."""
    TAKERS = "takers"
    """More schools at a time than its limit, or than a school may by default."""
    PEOPLE = "people"
    """More pairings of one offer at a time than the offer has people for."""


class Net(StrEnum):
    GIVES = "gives"
    RECEIVES = "receives"
    EVEN = "even"


class Node(NamedTuple):
    """One node; `key` is a reference (`urn:100000`), or `kind:code` as scopes are named."""

    key: str
    kind: NodeKind
    name: str
    participant_id: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    local_authority: str | None = None
    region: str | None = None
    in_scope: bool = True


class Edge(NamedTuple):
    """One edge, of a row; `number` is the row's id, `reference` how people name it.

    `ends` is the last day on which it holds.
    """

    giver: str
    taker: str
    of: Of
    number: int
    reference: str
    state: str = ""
    starts: date | None = None
    ends: date | None = None
    half_days: int | None = None
    period: str | None = None
    result: str | None = None
    expertise: str | None = None
    offer_id: int | None = None
    arrangement: int | None = None
    """The partnership that it is a period of: it fills one place in all its periods."""
    agency: str | None = None
    """Whose arrangement it is, where not ours."""
    area: bool = False

    @property
    def key(self) -> tuple[str, int, str]:
        return (self.of.value, self.number, self.reference)

    def kind_on(self, day: date) -> EdgeKind | None:
        """What it is on a day; none of what is only to come."""
        return _KIND_OF[self.of](self, day)

    def holds_on(self, day: date) -> bool:
        begun = self.starts is None or self.starts <= day
        return begun and (self.ends is None or self.ends >= day)


def _of_register(edge: Edge, day: date) -> EdgeKind | None:
    if edge.area:
        return EdgeKind.AREA
    if edge.state == EdgeKind.SUCCESSION:
        return EdgeKind.SUCCESSION
    if edge.ends is not None and edge.ends < day:
        return EdgeKind.FORMER_MEMBER
    return EdgeKind.MEMBER if edge.starts is None or edge.starts <= day else None


def _of_support(edge: Edge, day: date) -> EdgeKind | None:
    runs = edge.state in RUNNING_SUPPORT
    goes_on = edge.ends is None or edge.ends >= day
    return EdgeKind.SUPPORT if runs and goes_on else EdgeKind.PAST_SUPPORT


def _of_proposal(edge: Edge, day: date) -> EdgeKind | None:
    ended = edge.state in ENDED_PROPOSALS
    return EdgeKind.CLOSED_PROPOSAL if ended else EdgeKind.PROPOSED


def _of_interest(edge: Edge, day: date) -> EdgeKind | None:
    over = edge.result is not None or (edge.ends is not None and edge.ends < day)
    if over:
        return EdgeKind.PAST_INTEREST
    return EdgeKind.INTEREST if edge.starts is None or edge.starts <= day else None


_KIND_OF: Final = {
    Of.REGISTER: _of_register,
    Of.SUPPORT: _of_support,
    Of.PROPOSAL: _of_proposal,
    Of.INTEREST: _of_interest,
}

WITHDRAWN: Final = "withdrawn"
"""The `result` of an interest that was withdrawn; its `state` is the kind of interest."""

GROUP_NODES: Final = {
    GroupKind.MULTI_ACADEMY_TRUST: NodeKind.TRUST,
    GroupKind.SINGLE_ACADEMY_TRUST: NodeKind.TRUST,
    GroupKind.FOUNDATION_TRUST: NodeKind.TRUST,
    GroupKind.FEDERATION: NodeKind.FEDERATION,
    GroupKind.SPONSOR: NodeKind.GROUP,
    GroupKind.OTHER: NodeKind.GROUP,
}
