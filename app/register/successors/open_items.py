"""What hangs on participants: open needs, offers, limits, support, and what rests on them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, CompoundSelect, Select, or_, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.chunks import chunked
from app.register.gias.classification import CLOSED_STATUS
from app.register.successors.resolve import SCHOOL, School
from models.exchange import Limits, Need, Offer, Period
from models.interests import Interest
from models.matching import Proposal, Steering
from models.partnerships import Partnership, Support
from models.register import Circumstance, Institution, NetworkMembership
from models.vocabulary import ENDED_PROPOSALS, RUNNING_SUPPORT, NeedState

T = TypeVar("T", bound=Any)
CLOSING: Final = "closing"
"""The circumstance of an institution that is to close; it ends with the institution."""
ENDED_NEEDS: Final = (NeedState.MET, NeedState.CLOSED)


@dataclass(slots=True)
class OpenItems:
    """Everything of one participant that is not over."""

    needs: list[Need] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    support: list[Support] = field(default_factory=list)
    limits: list[Limits] = field(default_factory=list)
    circumstances: list[Circumstance] = field(default_factory=list)
    networks: list[NetworkMembership] = field(default_factory=list)
    interests: list[Interest] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    steering: list[Steering] = field(default_factory=list)

    @property
    def any_work(self) -> bool:
        """Whether somebody counts on it; limits, circumstances and the like alone harm nobody."""
        return bool(self.needs or self.offers or self.support or self.proposals)


def _runs(side: InstrumentedAttribute[int]) -> Select[int]:
    """Needs or offers of partnerships that run, which follow wherever their support goes."""
    of_partnership = select(side).join(Partnership, Partnership.proposal_id == Proposal.id)
    return of_partnership.where(Partnership.over_on.is_(None))


def open_needs(today: date) -> ColumnElement[bool]:
    still_open = Need.state.not_in(ENDED_NEEDS) & (Need.window_ends >= today)
    return still_open | Need.id.in_(_runs(Proposal.need_id))


def open_offers(today: date) -> ColumnElement[bool]:
    still_open = ~Offer.withdrawn & (Offer.window_ends >= today)
    return still_open | Offer.id.in_(_runs(Proposal.offer_id))


def running(today: date) -> ColumnElement[bool]:
    return Support.state.in_(RUNNING_SUPPORT) & or_(Support.ends.is_(None), Support.ends >= today)


def in_force(today: date) -> Select[Steering]:
    first = datetime.combine(today, time.min, UTC)
    lasting = or_(Steering.expires_at.is_(None), Steering.expires_at > first)
    return select(Steering).where(Steering.lifted_at.is_(None), lasting)


def holders(session: Session, today: date) -> set[int]:
    """Ids of the participants that open needs or offers, or running support, hang on."""
    found = set(session.scalars(select(Need.participant_id).where(open_needs(today)).distinct()))
    found.update(session.scalars(select(Offer.participant_id).where(open_offers(today)).distinct()))
    for giver, taker in session.execute(
        select(Support.giver_id, Support.taker_id).where(running(today))
    ):
        found |= {taker} if giver is None else {giver, taker}
    return found


def closed_with_items(session: Session, today: date) -> list[School]:
    """Closed institutions that have anything that could follow a successor, by URN."""
    lasting = select(Period.code).where(Period.ends >= today)
    return _closed(
        session,
        *_work(today),
        select(Limits.participant_id).where(Limits.period_code.in_(lasting)),
        select(Circumstance.participant_id).where(holding(Circumstance, today)),
        select(NetworkMembership.participant_id).where(holding(NetworkMembership, today)),
        select(Interest.holder_id).where(declared(today)),
        select(Interest.about_id).where(declared(today)),
    )


def closed_with_work(session: Session, today: date) -> list[School]:
    """Closed institutions that open needs or offers, or running support, hang on, by URN."""
    return _closed(session, *_work(today))


def _work(today: date) -> tuple[Select[Any], ...]:
    return (
        select(Need.participant_id).where(open_needs(today)),
        select(Offer.participant_id).where(open_offers(today)),
        select(Support.taker_id).where(running(today)),
        select(Support.giver_id).where(running(today), Support.giver_id.is_not(None)),
    )


def _closed(session: Session, *owners: Select[Any]) -> list[School]:
    anything: CompoundSelect[int] = union(*owners)
    query = SCHOOL.where(
        Institution.status_code == CLOSED_STATUS, Institution.participant_id.in_(anything)
    )
    return [School(*row) for row in session.execute(query.order_by(Institution.urn))]


def holding(table: type[Circumstance | NetworkMembership], today: date) -> ColumnElement[bool]:
    return or_(table.ends.is_(None), table.ends >= today)


def declared(today: date) -> ColumnElement[bool]:
    """Interests that nobody withdrew and that are not over."""
    return Interest.withdrawn_at.is_(None) & or_(Interest.ends.is_(None), Interest.ends >= today)


def open_items(
    session: Session, participant_ids: Collection[int], today: date
) -> dict[int, OpenItems]:
    """What hangs on each of these participants, read anew from the database."""
    found: dict[int, OpenItems] = {each: OpenItems() for each in sorted(participant_ids)}
    for ids in chunked(sorted(found)):
        _read_own(session, ids, today, found)
    needs = {need.id: who for who, items in found.items() for need in items.needs}
    offers = {offer.id: who for who, items in found.items() for offer in items.offers}
    proposals: dict[int, Proposal] = {}
    steering: dict[int, Steering] = {}
    for column, steered, ids in [
        *((Proposal.need_id, Steering.need_id, some) for some in chunked(sorted(needs))),
        *((Proposal.offer_id, Steering.offer_id, some) for some in chunked(sorted(offers))),
    ]:
        open_now = Proposal.state.not_in(ENDED_PROPOSALS)
        for one in _fresh(session, select(Proposal).where(column.in_(ids), open_now)):
            proposals[one.id] = one
        for pin in _fresh(session, in_force(today).where(steered.in_(ids))):
            steering[pin.id] = pin
    for proposal in (proposals[key] for key in sorted(proposals)):
        for who in _owners(proposal, needs, offers):
            found[who].proposals.append(proposal)
    for pin in (steering[key] for key in sorted(steering)):
        for who in _owners(pin, needs, offers):
            found[who].steering.append(pin)
    return found


def _owners(pair: Any, needs: dict[int, int], offers: dict[int, int]) -> list[int]:
    sides = (needs.get(pair.need_id), offers.get(pair.offer_id))
    return sorted({who for who in sides if who is not None})


def _read_own(
    session: Session, ids: Collection[int], today: date, found: dict[int, OpenItems]
) -> None:
    for need in _fresh(session, _of(select(Need), Need, ids).where(open_needs(today))):
        found[need.participant_id].needs.append(need)
    for offer in _fresh(session, _of(select(Offer), Offer, ids).where(open_offers(today))):
        found[offer.participant_id].offers.append(offer)
    these = set(ids)
    either = or_(Support.giver_id.in_(ids), Support.taker_id.in_(ids))
    for support in _fresh(session, select(Support).where(either, running(today))):
        for who in (support.taker_id, support.giver_id):
            if who is not None and who in these:
                found[who].support.append(support)
    lasting = select(Period.code).where(Period.ends >= today)
    limits = _of(select(Limits), Limits, ids).where(Limits.period_code.in_(lasting))
    for each in _fresh(session, limits):
        found[each.participant_id].limits.append(each)
    query = _of(select(Circumstance), Circumstance, ids).where(Circumstance.kind != CLOSING)
    for one in _fresh(session, query.where(holding(Circumstance, today))):
        found[one.participant_id].circumstances.append(one)
    members = _of(select(NetworkMembership), NetworkMembership, ids)
    for member in _fresh(session, members.where(holding(NetworkMembership, today))):
        found[member.participant_id].networks.append(member)
    sides = or_(Interest.holder_id.in_(ids), Interest.about_id.in_(ids))
    for interest in _fresh(session, select(Interest).where(sides, declared(today))):
        for who in these & {interest.holder_id, interest.about_id}:
            found[who].interests.append(interest)


def _of(query: Select[T], model: Any, ids: Collection[int]) -> Select[T]:
    return query.where(model.participant_id.in_(ids))


def _fresh(session: Session, query: Select[T]) -> list[T]:
    """In the order they were entered, as the database has them now."""
    found = session.scalars(query.execution_options(populate_existing=True))
    return sorted(found, key=lambda row: row.id)
