"""How much everybody gives and receives: who gives more than its share, and who nets out how."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.graph.kinds import TAKES_PART, Edge, EdgeKind, Net, Node, NodeKind, Of, Over
from app.graph.view import View
from app.planning.options import MatchOptions
from models.exchange import Limits, Offer, Period
from models.vocabulary import HOLDING, Availability

Place = tuple[str, int]


@dataclass(slots=True)
class Load:
    """What one participant gives and receives, in half-days of the periods asked for."""

    node: Node
    given: int = 0
    """Running and past support, and what proposals hold."""
    received: int = 0
    """Without what other agencies give, which is nobody's debt."""
    takers: int = 0
    """Schools at a time, on the day."""
    supporters: int = 0
    share: int | None = None
    """Half-days that it may give, else those that it offers; none: neither is known."""
    most_takers: int | None = None
    over: tuple[Over, ...] = ()

    @property
    def net(self) -> int:
        return self.given - self.received

    @property
    def nets(self) -> Net:
        return Net.EVEN if not self.net else Net.GIVES if self.net > 0 else Net.RECEIVES


def loads(
    session: Session, view: View, period: Period | None, among: Collection[str] | None = None
) -> list[Load]:
    """Of everybody who gives or receives in a period (with its terms) or on the day, by key.

    Without a period: in all of them, and then no days are over anybody's share. Only those of whom
    all support is seen can be told; `among` narrows to their keys.
    """
    codes = None if period is None else _codes(session, period)
    found: dict[str, Load] = {}
    taking: defaultdict[str, set[Place]] = defaultdict(set)
    giving: defaultdict[str, set[Place]] = defaultdict(set)
    by_offer: defaultdict[int, set[Place]] = defaultdict(set)
    for edge in view.only((EdgeKind.SUPPORT, EdgeKind.PAST_SUPPORT, EdgeKind.PROPOSED)).edges():
        if edge.of is Of.PROPOSAL and edge.state not in HOLDING:
            continue
        counts = edge.period is not None and (codes is None or edge.period in codes)
        now = _is_now(edge, view.day)
        if not (counts or now):
            continue
        giver = found.setdefault(edge.giver, Load(view.node(edge.giver)))
        taker = found.setdefault(edge.taker, Load(view.node(edge.taker)))
        if counts:
            giver.given += edge.half_days or 0
            taker.received += (edge.half_days or 0) if edge.agency is None else 0
        if now:
            giving[edge.giver].add(_place(edge))
            taking[edge.taker].add(_place(edge))
            if edge.offer_id is not None:
                by_offer[edge.offer_id].add(_place(edge))
    wanted = [load for load in found.values() if _is_asked(view, load.node, among)]
    shares = _shares(session, view.day, period, codes, by_offer)
    usual = MatchOptions().max_given
    for load in wanted:
        who = load.node.participant_id or 0
        load.takers, load.supporters = len(giving[load.node.key]), len(taking[load.node.key])
        load.share = shares.limits.get(who, shares.offered.get(who))
        default = usual if load.node.kind is NodeKind.INSTITUTION else None
        load.most_takers = shares.takers.get(who, default)
        load.over = tuple(_over(load, who in shares.crowded))
    return sorted(wanted, key=lambda each: each.node.key)


def _codes(session: Session, period: Period) -> frozenset[str]:
    terms = session.scalars(select(Period.code).where(Period.year_code == period.code))
    return frozenset({period.code, *terms})


def _over(load: Load, crowded: bool) -> Iterator[Over]:
    if load.share is not None and load.given > load.share:
        yield Over.DAYS
    if load.most_takers is not None and load.takers > load.most_takers:
        yield Over.TAKERS
    if crowded:
        yield Over.PEOPLE


def _is_asked(view: View, node: Node, among: Collection[str] | None) -> bool:
    if node.kind not in TAKES_PART or not view.seen.has_all_of(node):
        return False
    return among is None or node.key in among


def _is_now(edge: Edge, day: date) -> bool:
    """Whether it fills a place on the day: a hold always does, support from its start on."""
    if edge.of is Of.PROPOSAL:
        return True
    return edge.kind_on(day) is EdgeKind.SUPPORT and edge.holds_on(day)


def _place(edge: Edge) -> Place:
    """A partnership fills one place, whatever the number of its periods."""
    if edge.arrangement is not None:
        return ("partnership", edge.arrangement)
    return (edge.of.value, edge.number)


@dataclass(frozen=True, slots=True)
class _Shares:
    """By participant: half-days that it may give, that it offers, and schools at a time."""

    limits: dict[int, int]
    offered: dict[int, int]
    takers: dict[int, int]
    crowded: frozenset[int]
    """Those with an offer that has more pairings on the day than people."""


def _shares(
    session: Session,
    day: date,
    period: Period | None,
    codes: Collection[str] | None,
    by_offer: Mapping[int, Collection[Place]],
) -> _Shares:
    offered: Counter[int] = Counter()
    crowded: set[int] = set()
    offers = select(
        Offer.id,
        Offer.participant_id,
        Offer.half_days,
        Offer.max_pairings,
        Offer.period_code,
        ~Offer.withdrawn & (Offer.availability != Availability.NOT_OFFERING),
    )
    for number, who, half_days, pairings, code, stands in session.execute(offers):
        if stands and codes is not None and code in codes:
            offered[who] += half_days
        if number in by_offer and len(by_offer[number]) > pairings:
            crowded.add(who)
    takers = _most_takers(session, day if codes is None else None, period, codes)
    if period is None or codes is None:
        return _Shares({}, {}, takers, frozenset(crowded))
    of_terms: defaultdict[int, list[int]] = defaultdict(list)
    limits: dict[int, int] = {}
    query = select(Limits.participant_id, Limits.period_code, Limits.give_half_days).where(
        Limits.period_code.in_(codes), Limits.give_half_days.is_not(None)
    )
    for who, code, own in session.execute(query):
        assert own is not None
        if code == period.code:
            limits[who] = own
        else:
            of_terms[who].append(own)
    # A limit of one term says nothing of the others.
    of_all_terms = {who: sum(each) for who, each in of_terms.items() if len(each) == len(codes) - 1}
    return _Shares(of_all_terms | limits, dict(offered), takers, frozenset(crowded))


def _most_takers(
    session: Session, day: date | None, period: Period | None, codes: Collection[str] | None
) -> dict[int, int]:
    """Schools at a time that each may support: by the limits of a period, or of those of a day."""
    query = select(Limits.participant_id, Limits.period_code, Limits.max_given).where(
        Limits.max_given.is_not(None)
    )
    if day is None:
        query = query.where(Limits.period_code.in_(codes or ()))
    else:
        of_day = select(Period.code).where(Period.starts <= day, Period.ends >= day)
        query = query.where(Limits.period_code.in_(of_day))
    found: dict[int, int] = {}
    for who, code, most in session.execute(query.order_by(Limits.period_code)):
        assert most is not None
        if who not in found or (period is not None and code == period.code):
            found[who] = most
    return found
