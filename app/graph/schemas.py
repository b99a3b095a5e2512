"""The support graph, as HTTP shows it."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from app.graph.communities import Communities
from app.graph.cycles import LONGEST, MOST_MEMBERS
from app.graph.isolated import Isolated, IsolatedArea
from app.graph.kinds import USUAL, Edge, EdgeKind, Net, Node, NodeKind, Over
from app.graph.load import Load
from app.graph.loops import Loop
from app.graph.paths import MOST_NODES, MOST_STEPS, Direction, Neighbourhood, Reached
from app.graph.swaps import Swap
from app.graph.view import View
from app.graph.words import told
from app.http.fields import DIGITS, LARGEST, Content, Day, Id, Shown, Words, in_days
from app.http.replies import Listed, Page


def kinds_of(text: str | None) -> tuple[EdgeKind, ...]:
    """Kinds of edge, written with commas between; none: the usual ones."""
    return USUAL if text is None else tuple(EdgeKind(each) for each in text.split(","))


def _known(text: str) -> str:
    if unknown := sorted(set(text.split(",")) - set(EdgeKind)):
        raise ValueError(f"must name kinds of edge, not {unknown[0]!r}: {', '.join(EdgeKind)}")
    return text


MORE = "whether there are more, which were not looked for: name an area, or shorter loops"
KindsText = Annotated[
    str,
    Field(
        max_length=200,
        description=f"kinds of edge to follow, with commas between, of {', '.join(EdgeKind)}; "
        f"absent: {', '.join(USUAL)}",
        examples=["member,support"],
    ),
    AfterValidator(_known),
]
Area = Annotated[
    Words | None,
    Field(description="name or code of an area, group or network; absent: everywhere"),
]
On = Annotated[Day | None, Field(description="the day to look at; absent: today")]
Longest = Annotated[
    int, Field(ge=2, le=MOST_MEMBERS, description="members of a loop at most"), DIGITS
]


class OnDay(Content):
    on: On = None


class Followed(OnDay):
    kinds: KindsText | None = None


class PathQuery(Followed):
    to: Words = Field(
        description="a URN, the key of an organisation, or a trust, network or area",
        examples=["100001"],
    )


class AroundQuery(Followed):
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS), DIGITS] = 1
    direction: Direction = Direction.BOTH
    most: Annotated[int, Field(ge=1, le=MOST_NODES, description="nodes at most"), DIGITS] = 200


class AreaGraphQuery(Followed):
    area: Area = None
    most: Annotated[int, Field(ge=1, le=MOST_NODES, description="nodes at most"), DIGITS] = 200


class IsolatedQuery(Page):
    on: On = None
    area: Area = None
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0


class IsolatedAreaQuery(OnDay):
    area: Area = None


class LoadQuery(Page):
    on: On = None
    area: Area = None
    period: Annotated[
        Words | None, Field(description="an academic year or term; absent: all together")
    ] = None
    over: Annotated[
        bool | None, Field(description="whether it gives more than its share in some way")
    ] = None
    nets: Annotated[Net | None, Field(description="what it does more of")] = None
    after: Annotated[Words | None, Field(description="as `Link` gives it")] = None


class LoopQuery(OnDay):
    area: Area = None
    longest: Longest = LONGEST
    proposed: Annotated[bool, Field(description="with what is proposed")] = False
    run: Annotated[Id | None, Field(description="of the plan of this run instead")] = None


class SwapQuery(OnDay):
    area: Words = Field(
        description="name or code of an area, group or network, smaller than a region",
        examples=["Kent"],
    )
    period: Words = Field(examples=["2026-27"])
    longest: Annotated[int, Field(ge=2, le=4, description="members at most"), DIGITS] = LONGEST
    run: Annotated[Id | None, Field(description="use only what the plan of this run leaves")] = None
    most: Annotated[int, Field(ge=1, le=500), DIGITS] = 50


class CommunityQuery(OnDay):
    past: Annotated[bool, Field(description="whether support that is over counts")] = True
    most: Annotated[int, Field(ge=1, le=500), DIGITS] = 50


class NodeShown(Shown):
    key: str = Field(description="a reference, or kind:code", examples=["urn:100000"])
    kind: NodeKind
    name: str = Field(examples=["Made-up Primary School"])
    local_authority: str | None = Field(description="by code", examples=["886"])
    in_scope: bool = Field(examples=[True])

    @classmethod
    def of(cls, node: Node) -> "NodeShown":
        return cls.model_construct(**{name: getattr(node, name) for name in NodeShown.model_fields})


class EdgeShown(Shown):
    giver: str = Field(
        description="who gives, belongs, came before, or holds the interest",
        examples=["urn:100000"],
    )
    taker: str = Field(examples=["urn:100001"])
    kind: EdgeKind | None = Field(description="on the day; null: only to come")
    reference: str = Field(examples=["made-up-support-1"])
    state: str | None
    starts: date | None
    ends: date | None = Field(description="the last day")
    days: float | None
    period: str | None
    expertise: str | None
    result: str | None
    sentence: str = Field(examples=["Made-up Primary School supports Made-up Academy."])

    @classmethod
    def of(cls, view: View, edge: Edge) -> "EdgeShown":
        return cls.model_construct(
            giver=edge.giver,
            taker=edge.taker,
            kind=edge.kind_on(view.day),
            reference=edge.reference,
            state=edge.state or None,
            starts=edge.starts,
            ends=edge.ends,
            days=None if edge.half_days is None else in_days(edge.half_days),
            period=edge.period,
            expertise=edge.expertise,
            result=edge.result,
            sentence=told(view, edge),
        )


class PathShown(Shown):
    """A shortest way; `found` is false where there is none."""

    found: bool = Field(examples=[True])
    nodes: list[NodeShown] = Field(description="in order, from the one to the other")
    edges: list[EdgeShown] = Field(description="between each two of them")

    @classmethod
    def of(cls, view: View, start: str, path: list[Edge] | None) -> "PathShown":
        keys = [start]
        for edge in path or ():
            keys.append(edge.giver if edge.taker == keys[-1] else edge.taker)
        return cls.model_construct(
            found=path is not None,
            nodes=[] if path is None else [NodeShown.of(view.node(key)) for key in keys],
            edges=[EdgeShown.of(view, edge) for edge in path or ()],
        )


class ReachedShown(NodeShown):
    steps: int = Field(examples=[1])
    through: str | None = Field(description="the node before it on a shortest way")

    @classmethod
    def of_reached(cls, each: Reached) -> "ReachedShown":
        node = NodeShown.of(each.node)
        return cls.model_construct(**dict(node), steps=each.steps, through=each.through)


class NeighbourhoodShown(Shown):
    nodes: list[ReachedShown] = Field(description="nearest first")
    edges: list[EdgeShown] = Field(description="all between these nodes")
    left_out: int = Field(description="nodes within the steps that are not shown", examples=[1])

    @classmethod
    def of(cls, view: View, part: Neighbourhood) -> "NeighbourhoodShown":
        return cls.model_construct(
            nodes=[ReachedShown.of_reached(each) for each in part.reached],
            edges=[EdgeShown.of(view, edge) for edge in part.edges],
            left_out=part.left_out,
        )


class NetworkNear(Shown):
    key: str = Field(examples=["made-up-family"])
    name: str = Field(examples=["Made-up Family of Schools"])
    miles: float = Field(description="to its nearest member", examples=[2.5])


class IsolatedShown(Shown):
    """A school in no group or network, and without support given or received."""

    urn: int = Field(examples=[100000])
    name: str = Field(examples=["Made-up Primary School"])
    local_authority: str | None
    nearest_networks: list[NetworkNear]

    @classmethod
    def of(cls, one: Isolated) -> "IsolatedShown":
        return cls.model_construct(
            urn=one.urn,
            name=one.node.name,
            local_authority=one.node.local_authority,
            nearest_networks=[NetworkNear.model_validate(each) for each in one.networks],
        )


class IsolatedList(Listed[IsolatedShown]):
    pass


class IsolatedAreaShown(Shown):
    """How many schools of an area are isolated."""

    area: str | None = Field(description="as kind:code; null: no area is known")
    name: str = Field(examples=["Kent"])
    in_scope: int = Field(examples=[1])
    in_no_group: int = Field(description="in no trust, federation or other group", examples=[1])
    isolated: int = Field(examples=[1])

    @classmethod
    def of(cls, one: IsolatedArea) -> "IsolatedAreaShown":
        return cls.model_construct(
            area=one.key,
            name=one.name,
            in_scope=one.in_scope,
            in_no_group=one.in_no_group,
            isolated=one.isolated,
        )


class IsolatedAreas(Listed[IsolatedAreaShown]):
    pass


class LoadShown(Shown):
    """What a participant gives and receives."""

    participant: str = Field(description="by reference", examples=["urn:100000"])
    name: str = Field(examples=["Made-up Primary School"])
    days_given: float = Field(
        description="running and past support, and what proposals hold", examples=[2.5]
    )
    days_received: float = Field(description="without what other agencies arranged", examples=[2.5])
    net_days: float = Field(description="given less received", examples=[2.5])
    nets: Net
    takers: int = Field(description="schools supported at the time", examples=[1])
    supporters: int = Field(examples=[1])
    share_days: float | None = Field(
        description="what it may give, else what it offers; null: neither is known"
    )
    most_takers: int | None
    over: list[Over] = Field(description="in what it gives more than its share")

    @classmethod
    def of(cls, one: Load) -> "LoadShown":
        return cls.model_construct(
            participant=one.node.key,
            name=one.node.name,
            days_given=in_days(one.given),
            days_received=in_days(one.received),
            net_days=in_days(one.net),
            nets=one.nets,
            takers=one.takers,
            supporters=one.supporters,
            share_days=None if one.share is None else in_days(one.share),
            most_takers=one.most_takers,
            over=list(one.over),
        )


class Loads(Listed[LoadShown]):
    pass


class LoopShown(Shown):
    """Members who support each other in turn; two of them swap."""

    members: list[NodeShown] = Field(description="each supports the next, the last the first")
    support: list[EdgeShown]

    @classmethod
    def of(cls, view: View, loop: Loop) -> "LoopShown":
        return cls.model_construct(
            members=[NodeShown.of(view.node(key)) for key in loop.members],
            support=[EdgeShown.of(view, edge) for gives in loop.support for edge in gives],
        )


class Loops(Listed[LoopShown]):
    more: bool = Field(description=MORE, examples=[False])


class GiftShown(Shown):
    giver: str = Field(examples=["urn:100000"])
    giver_name: str = Field(examples=["Made-up Primary School"])
    taker: str = Field(examples=["urn:100001"])
    taker_name: str = Field(examples=["Made-up Academy"])
    offer: str = Field(examples=["made-up-offer-1"])
    need: str = Field(examples=["made-up-need-1"])
    expertise: str = Field(examples=["maths"])
    days: float = Field(examples=[2.5])
    points: int = Field(examples=[500])
    miles: float | None = Field(description="null: by remote")


class SwapShown(Shown):
    """Schools that could exchange now."""

    points: int = Field(description="of all that they would give", examples=[1])
    gifts: list[GiftShown] = Field(description="each gives to the next, the last to the first")

    @classmethod
    def of(cls, one: Swap) -> "SwapShown":
        return cls.model_construct(
            points=one.points,
            gifts=[
                GiftShown.model_construct(
                    **{
                        name: getattr(gift, name)
                        for name in GiftShown.model_fields
                        if name != "days"
                    },
                    days=in_days(gift.half_days),
                )
                for gift in one.gifts
            ],
        )


class Swaps(Listed[SwapShown]):
    found: int = Field(description="in all, or of those that were looked for", examples=[1])
    more: bool = Field(description=MORE, examples=[False])


class CommunityArea(Shown):
    local_authority: str | None = Field(description="by code; null: none is known")
    members: int = Field(examples=[1])


class CommunityShown(Shown):
    members: list[str] = Field(description="by reference", examples=[["urn:100000", "urn:100001"]])
    size: int = Field(examples=[1])
    local_authorities: list[CommunityArea] = Field(description="the most members first")


class BridgeShown(Shown):
    participant: str = Field(description="by reference", examples=["urn:100000"])
    name: str = Field(examples=["Made-up Primary School"])
    cut_off: int = Field(description="participants that only it joins to the rest", examples=[1])
    parts: int = Field(description="into how many its group would fall", examples=[1])


class CommunitiesShown(Shown):
    """Who supports each other, against the lines of local authorities."""

    communities: list[CommunityShown]
    bridges: list[BridgeShown] = Field(description="whose loss cuts the most off, first")
    pairs: int = Field(description="of participants with support between them", examples=[1])
    pairs_across: int = Field(description="those in two local authorities", examples=[1])
    modularity: float | None = Field(description="how far support stays within communities")
    modularity_of_local_authorities: float | None

    @classmethod
    def of(cls, view: View, found: Communities, most: int) -> "CommunitiesShown":
        def rounded(value: float | None) -> float | None:
            return None if value is None else round(value, 4)

        return cls.model_construct(
            communities=[
                CommunityShown.model_construct(
                    members=list(each.members),
                    size=len(each.members),
                    local_authorities=[
                        CommunityArea.model_construct(local_authority=code, members=count)
                        for code, count in each.authorities
                    ],
                )
                for each in found.found[:most]
            ],
            bridges=[
                BridgeShown.model_construct(
                    participant=each.key,
                    name=view.node(each.key).name,
                    cut_off=each.cut_off,
                    parts=each.parts,
                )
                for each in found.bridges[:most]
            ],
            pairs=found.pairs,
            pairs_across=found.across,
            modularity=rounded(found.modularity),
            modularity_of_local_authorities=rounded(found.modularity_of_authorities),
        )
