"""The neighbourhood of a node as a picture: rings by steps, with titles, and never colour alone.

The same nodes and edges are a table beside it wherever the picture is shown.
"""

from collections import defaultdict
from dataclasses import dataclass
from html import escape
from math import cos, hypot, pi, sin
from typing import Final

from app.graph.kinds import Edge, EdgeKind, Node, NodeKind
from app.graph.paths import Neighbourhood
from app.graph.view import View
from app.graph.words import told
from app.wording import counted

SVG: Final = "image/svg+xml"
MOST_DRAWN: Final = 60
"""Nodes of a picture: more hide each other."""
RING: Final = 200.0
WIDER: Final = 34.0
"""A ring is at least so long for each of its nodes."""
MARGIN: Final = 290.0
LETTERS: Final = 24
UPRIGHT: Final = 0.4
STAGGER: Final = 34.0
"""By how much labels near the vertical lie apart."""
_STROKES: Final = {
    EdgeKind.SUPPORT: ("#00703c", "", 3.0),
    EdgeKind.PAST_SUPPORT: ("#00703c", "8 5", 2.0),
    EdgeKind.PROPOSED: ("#1d70b8", "3 4", 2.5),
    EdgeKind.CLOSED_PROPOSAL: ("#1d70b8", "1 5", 1.5),
    EdgeKind.INTEREST: ("#b3244d", "10 3 2 3", 2.5),
    EdgeKind.PAST_INTEREST: ("#b3244d", "1 5", 1.5),
    EdgeKind.MEMBER: ("#505a5f", "", 1.0),
    EdgeKind.FORMER_MEMBER: ("#505a5f", "1 5", 1.0),
    EdgeKind.SUCCESSION: ("#0b0c0c", "12 4", 1.5),
    EdgeKind.AREA: ("#505a5f", "1 3", 1.0),
}
"""Colour, dashes and width; each at least 3 to 1 against white."""
_DIRECTED: Final = frozenset(EdgeKind) - {EdgeKind.MEMBER, EdgeKind.FORMER_MEMBER, EdgeKind.AREA}
_FILLS: Final = {
    NodeKind.INSTITUTION: "#1d70b8",
    NodeKind.ORGANISATION: "#4c2c92",
    NodeKind.TRUST: "#00703c",
    NodeKind.FEDERATION: "#00703c",
    NodeKind.GROUP: "#505a5f",
    NodeKind.NETWORK: "#a8620b",
    NodeKind.AREA: "#505a5f",
    NodeKind.OTHER_SUPPORTER: "#505a5f",
}
_SHAPES: Final = {
    NodeKind.INSTITUTION: "M-7 0A7 7 0 1 0 7 0A7 7 0 1 0-7 0Z",
    NodeKind.ORGANISATION: "M0-10 2-3 9-3 4 1 6 8 0 4-6 8-4 1-9-3-2-3Z",
    NodeKind.TRUST: "M-7-7H7V7H-7Z",
    NodeKind.FEDERATION: "M-7-5H7V5H-7Z",
    NodeKind.GROUP: "M-6-6H6V6H-6Z",
    NodeKind.NETWORK: "M0-9 9 0 0 9-9 0Z",
    NodeKind.AREA: "M0-8 8 6H-8Z",
    NodeKind.OTHER_SUPPORTER: "M-4-7H4L7 0 4 7H-4L-7 0Z",
}


@dataclass(frozen=True, slots=True)
class Place:
    x: float
    y: float
    outwards: float
    """The angle at which it lies from the middle."""


def places(part: Neighbourhood) -> dict[str, Place]:
    """Where each node is drawn: in the middle, or on the ring of its steps, near what leads to it.

    A branch gets a slice of the circle by the number of its ends.
    """
    children: defaultdict[str | None, list[str]] = defaultdict(list)
    steps = {each.node.key: each.steps for each in part.reached}
    for each in part.reached:
        children[each.through if each.through in steps else None].append(each.node.key)
    ends: dict[str, int] = {}
    for key in reversed(list(steps)):
        ends[key] = max(1, sum(ends[child] for child in children[key]))
    on_ring: defaultdict[int, int] = defaultdict(int)
    for step in steps.values():
        on_ring[step] += 1
    radius = {0: 0.0}
    for step in range(1, max(steps.values(), default=0) + 1):
        radius[step] = max(radius[step - 1] + RING, on_ring[step] * WIDER / (2 * pi) * 1.6)
    found: dict[str, Place] = {}
    upright = 0
    slices = [(key, 0.0, 2 * pi) for key in children[None]]
    while slices:
        key, start, end = slices.pop()
        angle = (start + end) / 2
        far = radius[steps[key]]
        if abs(cos(angle)) < UPRIGHT and steps[key]:
            # At the top and bottom, labels beside each other would meet.
            far += STAGGER * (upright % 3)
            upright += 1
        found[key] = Place(round(far * cos(angle), 1), round(far * sin(angle), 1), angle)
        at = start
        for child in children[key]:
            share = (end - start) * ends[child] / ends[key]
            slices.append((child, at, at + share))
            at += share
    return found


def picture(view: View, part: Neighbourhood) -> str:
    """The whole picture as SVG, with a title and a description for whoever cannot see it."""
    spots = places(part)
    middle, last = part.reached[0].node, max(each.steps for each in part.reached)
    wide = max((abs(spot.x) for spot in spots.values()), default=0.0) + MARGIN + 60
    high = max((abs(spot.y) for spot in spots.values()), default=0.0) + 60
    others = counted(len(part.reached) - 1, "node")
    edges = counted(len(part.edges), "edge")
    said = f"{others} around it and {edges}. The table lists them all."
    if part.left_out:
        said = f"{said} {counted(part.left_out, 'node')} more are not drawn."
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-wide:g} {-high:g} {2 * wide:g} '
        f'{2 * high:g}" role="img" aria-labelledby="graph-title graph-said" '
        'font-family="GDS Transport, Arial, sans-serif" font-size="19">',
        f'<title id="graph-title">What {_text(middle.name)} is joined to</title>',
        f'<desc id="graph-said">{_text(said)}</desc>',
        *_arrows(),
        *(line for edge in part.edges for line in _edge(view, edge, spots)),
        *(
            line
            for each in part.reached
            for line in _node(each.node, spots[each.node.key], each.steps, each.steps == last)
        ),
        "</svg>",
    ]
    return "\n".join(lines)


def _arrows() -> list[str]:
    colours = sorted({_STROKES[kind][0] for kind in _DIRECTED})
    heads = [
        f'<marker id="to-{colour[1:]}" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="11" '
        'markerHeight="11" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path d="M0 0 10 5 0 10Z" fill="{colour}"/></marker>'
        for colour in colours
    ]
    return ["<defs>", *heads, "</defs>"]


def _edge(view: View, edge: Edge, spots: dict[str, Place]) -> list[str]:
    kind = edge.kind_on(view.day)
    if kind is None:
        return []
    colour, dashes, width = _STROKES[kind]
    start, end = spots[edge.giver], spots[edge.taker]
    across, down = end.x - start.x, end.y - start.y
    far = hypot(across, down) or 1.0
    # Bent to the left, so that a swap is two lines; and it ends before the symbol.
    bend = 0.12
    middle_x = (start.x + end.x) / 2 + bend * down
    middle_y = (start.y + end.y) / 2 - bend * across
    reach = hypot(end.x - middle_x, end.y - middle_y) or 1.0
    stop = max(0.0, 1 - 12 / reach)
    x, y = middle_x + (end.x - middle_x) * stop, middle_y + (end.y - middle_y) * stop
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    head = f' marker-end="url(#to-{colour[1:]})"' if kind in _DIRECTED and far > 24 else ""
    return [
        f'<path d="M{start.x:g} {start.y:g}Q{middle_x:.1f} {middle_y:.1f} {x:.1f} {y:.1f}" '
        f'fill="none" stroke="{colour}" stroke-width="{width:g}"{dash}{head}>'
        f"<title>{_text(told(view, edge))}</title></path>"
    ]


def _node(node: Node, spot: Place, steps: int, outermost: bool) -> list[str]:
    name = node.name if len(node.name) <= LETTERS else f"{node.name[: LETTERS - 1].rstrip()}…"
    left = cos(spot.outwards) < -0.2 and steps > 0
    dx, anchor = (-13, "end") if left else (13, "start")
    dy = 5.0
    if not outermost or not steps:  # where labels beside would meet those of the next ring
        dx, dy, anchor = 0, -16, "middle"
    weight = ' font-weight="bold"' if not steps else ""
    larger = ' transform="scale(1.5)"' if not steps else ""
    return [
        f'<g transform="translate({spot.x:g} {spot.y:g})"><title>{_text(node.name)}</title>'
        f'<path d="{_SHAPES[node.kind]}" fill="{_FILLS[node.kind]}" stroke="#fff" '
        f'stroke-width="1.5"{larger}/>'
        f'<text x="{dx}" y="{dy:g}" text-anchor="{anchor}"{weight} fill="#0b0c0c" stroke="#fff" '
        f'stroke-width="4" paint-order="stroke">{_text(name)}</text></g>'
    ]


def _text(text: str) -> str:
    return escape("".join(letter for letter in text if letter.isprintable()))


def legend() -> list[tuple[EdgeKind, str, str, float]]:
    """Each kind of edge with its colour, dashes and width."""
    return [(kind, *_STROKES[kind]) for kind in EdgeKind]


def shapes() -> list[tuple[NodeKind, str, str]]:
    """Each kind of node with its shape and colour."""
    return [(kind, _SHAPES[kind], _FILLS[kind]) for kind in NodeKind]
