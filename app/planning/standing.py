"""What stands before a run: proposals of the last plan that nobody decided on, kept at a price."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.planning.load import Loaded
from app.planning.options import MatchOptions
from app.planning.pair_constraints import Pair
from app.planning.scope import BORDER, run_ids
from app.wording import counted, number
from models.batches import BatchArea
from models.exchange import Need
from models.matching import Proposal, RuleException, Run
from models.vocabulary import ProposalState, days_text
from solver.pairing.candidates import CandidatePairs
from solver.pairing.weights import Weights

MOST_NAMED: Final = 10_000
"""Takers that a query names; of more it reads everybody's, and leaves out others after."""
TYPICAL_HALF_DAYS: Final = 5
"""Of the pairing that the price of change is put in words for."""


class Standing(NamedTuple):
    """A pairing that nobody decided on."""

    need_id: int
    offer_id: int
    half_days: int


def undecided() -> ColumnElement[bool]:
    """Whether nobody has decided on a proposal yet."""
    excepted = exists().where(RuleException.proposal_id == Proposal.id)
    return (Proposal.state == ProposalState.PROPOSED) & ~excepted


def is_border_run(period_code: str) -> ColumnElement[bool]:
    """Whether a run is a pass across borders."""
    return and_(Run.period_code == period_code, Run.scope["kind"].as_string() == BORDER)


def of_border_runs(period_code: str) -> ColumnElement[bool]:
    """Whether a proposal is of such a pass."""
    return Proposal.run_id.in_(select(Run.id).where(is_border_run(period_code)))


def of_batch(batch_id: int, period_code: str) -> ColumnElement[bool]:
    """Whether a proposal is of the plans of a batch, or of a pass before it, and undecided."""
    runs = select(BatchArea.run_id).where(
        BatchArea.batch_id == batch_id, BatchArea.run_id.is_not(None)
    )
    return (Proposal.run_id.in_(runs) | of_border_runs(period_code)) & undecided()


def standing(
    session: Session,
    scope: Mapping[str, Any],
    period_code: str,
    before: int | None = None,
    *,
    takers: Collection[int] | None = None,
) -> list[Standing]:
    """What stands for the takers of a scope, as runs before the one numbered `before` left it."""
    found = undecided_of(session, scope, period_code, before, takers)
    return list({row[1:3]: Standing(*row[1:]) for row in found}.values())


def undecided_of(
    session: Session,
    scope: Mapping[str, Any],
    period_code: str,
    before: int | None,
    takers: Collection[int] | None,
) -> list[tuple[int, int, int, int]]:
    """Proposals that runs of the scope, or passes across borders, left for its takers.

    Each with its need, offer and half-days, in order; `takers` none: all.
    """
    earlier = [] if before is None else [Run.id < before]
    across = of_border_runs(period_code)
    if scope["kind"] == BORDER:
        mine = of_batch(int(scope["code"]), period_code) & Need.reference.in_(scope["needs"])
    else:
        left = Run.id.in_(select(Proposal.run_id).where(undecided()))
        runs = run_ids(session, scope, period_code, left, *earlier)
        mine = Proposal.run_id.in_(runs) | across
    query = (
        select(
            *(Proposal.id, Proposal.need_id, Proposal.offer_id, Proposal.half_days),
            *(Need.participant_id, across),
        )
        .join(Need, Need.id == Proposal.need_id)
        .where(mine, undecided())
        .order_by(Proposal.id)
    )
    if before is not None:
        query = query.where(Proposal.run_id < before)
    if takers is not None and len(takers) <= MOST_NAMED:
        query = query.where(or_(~across, Need.participant_id.in_(takers)))
    return [
        (proposal_id, need_id, offer_id, half_days)
        for proposal_id, need_id, offer_id, half_days, taker, is_across in session.execute(query)
        if not is_across or takers is None or taker in takers
    ]


def current_rows(
    standing: Sequence[Standing],
    loaded: Loaded,
    options: MatchOptions,
    found: CandidatePairs,
    excluded: Sequence[Pair],
) -> list[tuple[int, int, int]]:
    """Rows of `Loaded.offers` and `needs`, with half-days, of what stands and could be kept.

    What a run frees by name stands no more.

    Raises
    ------
    NotFound
        If `free` names a need that is not in this run.
    """
    needs = {need.reference: need.id for need in loaded.needs}
    if unknown := [reference for reference in options.free if reference not in needs]:
        raise NotFound(
            f"There is no need {unknown[0]!r} to free in this run. Check the reference, the area "
            "and the period."
        )
    freed = {needs[reference] for reference in options.free}
    need_row = {need.id: row for row, need in enumerate(loaded.needs)}
    offer_row = {offer.id: row for row, offer in enumerate(loaded.offers)}
    rows = [
        (offer_row[each.offer_id], need_row[each.need_id], each.half_days)
        for each in standing
        if each.need_id in need_row and each.offer_id in offer_row and each.need_id not in freed
    ]
    width, out = len(loaded.needs), set(excluded)
    keys = np.array([offer * width + need for offer, need, _ in rows], np.int64)
    possible = np.isin(keys, found.offer * width + found.need)
    return [
        row
        for row, fits in zip(rows, possible, strict=True)
        if fits and (row[0], row[1]) not in out
    ]


def price_in_words(options: MatchOptions) -> str:
    """What it costs to move a school, beside what people know."""
    price = options.change_price
    if not price:
        return "Moving a school from the supporting organisation of the last plan costs nothing."
    weights = Weights.of(options.weights)
    what = (
        "Moving a school from the supporting organisation of the last plan costs "
        f"{counted(price, 'point')}"
    )
    by_mile = weights.nearness * TYPICAL_HALF_DAYS / weights.nearness_ends_miles
    if by_mile and (miles := price / by_mile) <= weights.nearness_ends_miles:
        return (
            f"{what}: as much as {counted(round(miles, 1), 'mile')} for "
            f"{days_text(TYPICAL_HALF_DAYS)} of support."
        )
    if weights.priority_3:
        share = price / weights.priority_3
        return f"{what}: {number(round(share, 1))} times as much as a need of priority 3 earns."
    return f"{what}."
