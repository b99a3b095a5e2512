"""Edges of the support graph as people read them."""

from collections.abc import Mapping
from typing import Final

from app.graph.kinds import Edge, EdgeKind, Of
from app.graph.view import View
from app.wording import on_day
from models.vocabulary import InterestKind, SupportResult, days_text
from solver.pairing.interest_rule import WORDS

_SENTENCES: Final = {
    EdgeKind.MEMBER: "{giver} is a member of {taker}",
    EdgeKind.FORMER_MEMBER: "{giver} was a member of {taker}",
    EdgeKind.SUCCESSION: "{taker} took the place of {giver}",
    EdgeKind.SUPPORT: "{giver} supports {taker}",
    EdgeKind.PAST_SUPPORT: "{giver} supported {taker}",
    EdgeKind.PROPOSED: "{giver} is proposed to support {taker}",
    EdgeKind.CLOSED_PROPOSAL: "{giver} was proposed to support {taker}",
    EdgeKind.AREA: "{giver} is in {taker}, or serves it",
}


_RESULTS: Final[Mapping[SupportResult, str]] = {
    SupportResult.WORKED: "it worked",
    SupportResult.PARTLY: "it partly worked",
    SupportResult.DID_NOT_WORK: "it did not work",
    SupportResult.NOT_KNOWN: "whether it worked is not known",
}


def told(view: View, edge: Edge) -> str:
    """One edge as a sentence, with its days, period, expertise, result and dates."""
    giver, taker = view.node(edge.giver).name, view.node(edge.taker).name
    kind = edge.kind_on(view.day)
    if edge.of is Of.INTEREST:
        said = WORDS[InterestKind(edge.state)].format(holder=giver, about=taker)
        said = f"Declared interest: {said}"
        if kind is EdgeKind.PAST_INTEREST:
            said += ", which no longer counts"
    else:
        said = _SENTENCES[kind or EdgeKind.MEMBER].format(giver=giver, taker=taker)
    if details := ", ".join(_details(view, edge)):
        said += f" ({details})"
    if edge.starts:
        on = edge.state == EdgeKind.SUCCESSION
        said += f" {'on' if on else 'since' if edge.starts <= view.day else 'from'} "
        said += on_day(edge.starts)
    if edge.ends:
        said += f" until {on_day(edge.ends)}"
    return f"{said}."


def _details(view: View, edge: Edge) -> list[str]:
    found = []
    if edge.half_days is not None:
        of = f" in {edge.period}" if edge.period else ""
        found.append(f"{days_text(edge.half_days)}{of}")
    elif edge.period:
        found.append(edge.period)
    if edge.expertise:
        found.append(view.expertise.get(edge.expertise, edge.expertise))
    if edge.of is Of.SUPPORT and edge.result:
        found.append(_RESULTS[SupportResult(edge.result)])
    return found
