"""What people wished of the next plan: pins, exclusions, and what somebody declined."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.errors import NotFound
from app.errors import Problem as Refused
from app.planning.load import Loaded
from app.planning.options import MatchOptions
from models.vocabulary import DeclineReason, SteeringKind
from solver.arrays import IntArray
from solver.pairing import columns

Pair = tuple[int, int]
"""Rows of an offer and a need."""


class Unplannable(Refused):
    status = 422
    title = "Nothing to plan"


class ImpossiblePin(Unplannable):
    """A pin that no plan can keep, known before anything is solved."""

    title = "Pin not possible"
    exit_code = 3


@dataclass(frozen=True, slots=True)
class Wishes:
    """Rows of `Loaded.offers` and `needs` (`conflicts`: of `participants`); pins by their name."""

    pins: Mapping[Pair, str]
    exclusions: Sequence[Pair]
    declined: columns.Pairs
    conflicts: columns.Pairs


def wishes_of(loaded: Loaded, options: MatchOptions, place: Mapping[int, int]) -> Wishes:
    """Settle the run's own pins and exclusions, those in force, and earlier decisions.

    What the run itself asks for stands above what was entered before. What is already held is
    neither pinned nor proposed a second time.

    Raises
    ------
    NotFound
        If the run's own pin or exclusion names a need or offer that is not in this run.
    ImpossiblePin
        If a pin in force names an offer that is withdrawn or not of the period.
    """
    needs = {need.id: row for row, need in enumerate(loaded.needs)}
    offers = {offer.id: row for row, offer in enumerate(loaded.offers)}
    held = [
        (offers[hold.offer_id], needs[hold.need_id])
        for hold in loaded.holds
        if not hold.over and hold.offer_id in offers and hold.need_id in needs
    ]
    pins = {pair: text for text, pair in _named(options.pins, loaded) if pair not in held}
    exclusions = [pair for _, pair in _named(options.exclusions, loaded)]
    for each in loaded.steering:
        if each.need_id not in needs:
            continue
        if each.offer_id not in offers:
            if each.kind == SteeringKind.PIN:
                raise ImpossiblePin(
                    f"Pin {each.id} of need {loaded.needs[needs[each.need_id]].reference!r} is not "
                    "possible: its offer is not available in this period. Lift the pin."
                )
            continue
        pair = (offers[each.offer_id], needs[each.need_id])
        if pair in pins or pair in exclusions or pair in held:
            continue
        if each.kind == SteeringKind.PIN:
            offer, need = loaded.offers[pair[0]].reference, loaded.needs[pair[1]].reference
            pins[pair] = f"{need}={offer}"
        else:
            exclusions.append(pair)
    declined = [
        (offers[row.offer_id], needs[row.need_id])
        for row in loaded.declined
        if row.offer_id in offers and row.need_id in needs
    ]
    if options.include_declined:
        declined = []
    conflicts = {
        (place[row.giver_id], place[row.taker_id])
        for row in loaded.declined
        if row.reason == DeclineReason.CONFLICT_OF_INTEREST
        and row.giver_id in place
        and row.taker_id in place
    }
    return Wishes(
        pins,
        [*exclusions, *(pair for pair in held if pair not in exclusions)],
        _pairs(pair for pair in declined if pair not in pins),
        _pairs(sorted(conflicts)),
    )


def only_known(options: MatchOptions, loaded: Loaded) -> MatchOptions:
    """The options without exclusions that name what is no longer there to be planned."""
    needs = {each.reference for each in loaded.needs}
    offers = {each.reference for each in loaded.offers}
    named = [pair.partition("=") for pair in options.exclusions]
    known = tuple(
        f"{need}={offer}" for need, _, offer in named if need in needs and offer in offers
    )
    return options.model_copy(update={"exclusions": known})


def as_rows(pairs: Iterable[Pair]) -> IntArray:
    return np.array(list(pairs), np.int64).reshape(-1, 2)


def _named(texts: Sequence[str], loaded: Loaded) -> list[tuple[str, Pair]]:
    """Rows of `NEED=OFFER` texts."""
    needs = {need.reference: row for row, need in enumerate(loaded.needs)}
    offers = {offer.reference: row for row, offer in enumerate(loaded.offers)}
    found = []
    for text in texts:
        need, _, offer = text.partition("=")
        for what, reference, known in (("need", need, needs), ("offer", offer, offers)):
            if reference not in known:
                raise NotFound(
                    f"{text}: there is no {what} {reference!r} in this run. Check the reference, "
                    "the area and the period."
                )
        found.append((text, (offers[offer], needs[need])))
    return found


def _pairs(rows: Iterable[Pair]) -> columns.Pairs:
    pairs = as_rows(rows)
    return columns.Pairs(pairs[:, 0], pairs[:, 1])
