"""A pass across the borders of areas that were planned apart: what they promise twice, once.

The plans of a batch stand but for the needs that this names. Their pairings are taken off like what
is held (`with_what_stands`), so that a run of just these needs fits with all of them.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from app.planning.capacity import what_is_left
from app.planning.holds import Hold, holds_where
from app.planning.load import PLANNED_NEEDS, Loaded
from app.planning.options import MatchOptions
from app.planning.pots import left_of_pots, spent_of_pots
from app.planning.standing import of_batch, undecided
from models.exchange import Need
from models.matching import Proposal, Run
from models.vocabulary import Reciprocity, SteeringKind

APART: Final = (Reciprocity.NONE, Reciprocity.BALANCED)
"""Rules under which a part of a plan can be changed while the rest stands."""


def proposed_in(session: Session, batch_id: int, period_code: str) -> list[Hold]:
    """What the plans of a batch promise together, nobody having decided on it."""
    return holds_where(session, of_batch(batch_id, period_code))


def proposed_outside(
    session: Session, batch_id: int, period_code: str, promised: Sequence[Hold]
) -> list[Hold]:
    """What other runs of the period propose for needs to which the batch promises nothing."""
    needs = {each.need_id for each in promised}
    stood = (~of_batch(batch_id, period_code), undecided(), of_period(period_code))
    return [each for each in _newest(session, *stood) if each.need_id not in needs]


def to_settle(
    loaded: Loaded, options: MatchOptions, promised: Sequence[Hold], outside: Sequence[Hold] = ()
) -> set[int]:
    """Needs whose givers promise more than they have, or may give, in all plans together.

    Likewise needs of pots of money that all plans together would overdraw.

    What is proposed `outside` stays as it is. With whoever gives less then, what it takes is looked
    at anew as well, as far as its balance asks for that; so the rest keeps every rule by itself.
    """
    if options.reciprocity not in APART:
        return set()
    left = what_is_left(loaded, options)
    offers = {offer.id: row for row, offer in enumerate(loaded.offers)}
    people = {row.id: place for place, row in enumerate(loaded.participants)}
    days_of, pairings_of, days_by, pairings_by = (Counter[int]() for _ in range(4))
    pots = left_of_pots(loaded)
    overdrawn = {
        name
        for name, pence in spent_of_pots(loaded, (*promised, *outside)).items()
        if pence > pots[name]
    }
    for each in (*promised, *outside):
        days_of[each.offer_id] += each.half_days
        pairings_of[each.offer_id] += 1
        days_by[each.giver_id] += each.half_days
        pairings_by[each.giver_id] += 1

    def is_over(each: Hold) -> bool:
        offer, giver = offers.get(each.offer_id), people[each.giver_id]
        return (
            offer is None
            or days_of[each.offer_id] > left.offer_half_days[offer]
            or pairings_of[each.offer_id] > left.offer_pairings[offer]
            or days_by[each.giver_id] > left.give_limit[giver]
            or pairings_by[each.giver_id] > left.max_given[giver]
        )

    over = {each.giver_id for each in promised if is_over(each)}
    needs = {each.need_id for each in promised if each.giver_id in over or each.pot in overdrawn}
    while options.reciprocity is Reciprocity.BALANCED:
        balance = Counter[int]()
        for each in (*promised, *outside):
            if each.need_id not in needs:
                balance[each.giver_id] += each.half_days
                balance[each.taker_id] -= each.half_days
        short = {
            who
            for who, half_days in balance.items()
            if not left.exempt[people[who]] and left.allowance[people[who]] + half_days < 0
        }
        if not short:
            break
        needs |= {each.need_id for each in promised if each.taker_id in short}
    return needs


def beside_other_areas(
    session: Session,
    loaded: Loaded,
    options: MatchOptions,
    takers: Collection[int] | None,
    run_id: int,
    before: Sequence[Hold] | None = None,
) -> Loaded:
    """Rows of a run of a batch, less what stands for other areas by runs before the batch.

    So an area that is planned again fits with the others, and nothing that a pass across borders
    settled is taken back only to be settled anew. What those give elsewhere whom a pin here names
    is not taken off: then it is promised twice, and the pass decides. Whoever plans many areas of a
    batch gives what stood `before` it.
    """
    run = session.get_one(Run, run_id)
    if run.batch_id is None or takers is None or options.reciprocity not in APART:
        return loaded
    stood = stood_before(session, run) if before is None else before
    others = [each for each in stood if each.taker_id not in takers]
    held = {(each.need_id, each.offer_id) for each in loaded.holds}
    mine = {need.id for need in loaded.needs}
    pinned = {
        each.offer_id
        for each in loaded.steering
        if each.kind == SteeringKind.PIN and each.need_id in mine
    }
    givers = {each.participant_id for each in loaded.offers if each.id in pinned}
    fixed = [
        each
        for each in others
        if (each.need_id, each.offer_id) not in held and each.giver_id not in givers
    ]
    return replace(loaded, holds=[*loaded.holds, *fixed])


def stood_before(session: Session, run: Run) -> list[Hold]:
    """What stood when the batch of a run began."""
    ours = select(Run.id).where(Run.batch_id == run.batch_id)
    stood = undecided() | Proposal.replaced_by_run_id.in_(ours)
    return _newest(session, Proposal.run_id.not_in(ours), stood, of_period(run.period_code))


def of_period(period_code: str) -> ColumnElement[bool]:
    """Whether a proposal is of a run of the period."""
    return Proposal.run_id.in_(select(Run.id).where(Run.period_code == period_code))


def _newest(session: Session, *conditions: ColumnElement[bool]) -> list[Hold]:
    """Of each need that is still planned, what the newest run proposes."""
    newest = (
        select(Proposal.need_id, func.max(Proposal.run_id))
        .where(*conditions)
        .group_by(Proposal.need_id)
    )
    is_newest = tuple_(Proposal.need_id, Proposal.run_id).in_(newest)
    return holds_where(session, *conditions, is_newest, Need.state.in_(PLANNED_NEEDS))


def with_what_stands(session: Session, loaded: Loaded, scope: Mapping[str, Any]) -> Loaded:
    """Rows of a pass across borders: its needs alone, all else of its batch taken off."""
    named = set(scope["needs"])
    needs = [need for need in loaded.needs if need.reference in named]
    ids = {need.id for need in needs}
    promised = proposed_in(session, int(scope["code"]), loaded.period.code)
    outside = proposed_outside(session, int(scope["code"]), loaded.period.code, promised)
    fixed = [each for each in (*promised, *outside) if each.need_id not in ids]
    return replace(loaded, needs=needs, holds=[*loaded.holds, *fixed])
