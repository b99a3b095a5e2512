"""Why the support for a need differs between two plans, as far as their problems show it."""

from collections.abc import Collection
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple

import numpy as np

from app.wording import on_day
from models.exchange import Need, Offer
from models.matching import Proposal
from models.vocabulary import ENDED_PROPOSALS, Availability, NeedState, ProposalState
from solver.formats.problem import Problem

OFFERING: Final = (Availability.CAN_OFFER, Availability.MAY_OFFER)
OVER: Final = (NeedState.MET, NeedState.CLOSED)


class Cause(StrEnum):
    """What came between two plans."""

    DECIDED = "decided"
    NEED_OVER = "need_over"
    NEED_LEFT_OUT = "need_left_out"
    NEED_ADDED = "need_added"
    OFFER_OVER = "offer_over"
    OFFER_ADDED = "offer_added"
    EXCLUDED = "excluded"
    REFUSED = "refused"
    ALLOWED = "allowed"
    NEED_CHANGED = "need_changed"
    OFFER_CHANGED = "offer_changed"
    LIMITS_CHANGED = "limits_changed"
    FREED = "freed"
    PLAN = "plan"


IN_WORDS: Final = {
    Cause.DECIDED: "The earlier proposal was declined or withdrawn, or has lapsed",
    Cause.NEED_OVER: "The need is met or closed",
    Cause.NEED_LEFT_OUT: "The newer run does not plan this need",
    Cause.NEED_ADDED: "The earlier run did not plan this need",
    Cause.OFFER_OVER: "The earlier offer no longer stands",
    Cause.OFFER_ADDED: "The offer is new to the plan",
    Cause.EXCLUDED: "The earlier pair is excluded",
    Cause.REFUSED: "The rules no longer allow the earlier pair",
    Cause.ALLOWED: "The rules did not allow this pair before",
    Cause.NEED_CHANGED: "The need has changed",
    Cause.OFFER_CHANGED: "The offer has changed",
    Cause.LIMITS_CHANGED: "What one of the two can give or receive has changed",
    Cause.FREED: "The need was freed for this run",
    Cause.PLAN: "Neither side has changed: the plan as a whole is better so",
}


class Came(NamedTuple):
    """A cause, and the day that it came; none where no row tells it."""

    cause: Cause
    on: date | None = None

    @property
    def sentence(self) -> str:
        """In words, with the day."""
        when = "" if self.on is None else f" ({on_day(self.on)})"
        return f"{IN_WORDS[self.cause]}{when}."


class Between:
    """Two problems of one period, to find causes of differences in.

    Parameters
    ----------
    free
        Needs that the newer run freed, by reference.
    since
        The day of the earlier run: what changed before has no date.
    """

    def __init__(self, before: Problem, after: Problem, free: Collection[str], since: date) -> None:
        self._before, self._after = _Known(before), _Known(after)
        self._free, self._since = frozenset(free), since

    def ended(self, need: Need, offer: Offer, proposal: Proposal) -> Came:
        """Why a pairing of the earlier plan is not in the newer one, and when that came."""
        after = self._after
        decided = ENDED_PROPOSALS - {ProposalState.REPLACED}
        if proposal.state in decided:
            return Came(Cause.DECIDED)
        if need.reference not in after.need:
            over = need.state in OVER
            return self._by(Cause.NEED_OVER, need) if over else Came(Cause.NEED_LEFT_OUT)
        if offer.withdrawn or offer.availability not in OFFERING:
            return self._by(Cause.OFFER_OVER, offer)
        if after.excludes(offer.reference, need.reference):
            return Came(Cause.EXCLUDED)
        if not after.allows(offer.reference, need.reference):
            return Came(Cause.REFUSED)
        return self._changed(need, offer)

    def begun(self, need: Need, offer: Offer) -> Came:
        """Why the newer plan meets a need that the earlier one did not, and when that came."""
        before = self._before
        if need.reference not in before.need:
            return self._by(Cause.NEED_ADDED, need)
        if offer.reference not in before.offer:
            return self._by(Cause.OFFER_ADDED, offer)
        if not before.allows(offer.reference, need.reference):
            return Came(Cause.ALLOWED)
        return self._changed(need, offer)

    def _changed(self, need: Need, offer: Offer) -> Came:
        before, after = self._before, self._after
        if before.asked(need.reference) != after.asked(need.reference):
            return self._by(Cause.NEED_CHANGED, need)
        if before.offered(offer.reference) != after.offered(offer.reference):
            return self._by(Cause.OFFER_CHANGED, offer)
        pair = offer.reference, need.reference
        if before.limits(*pair) != after.limits(*pair):
            return Came(Cause.LIMITS_CHANGED)
        return Came(Cause.FREED if need.reference in self._free else Cause.PLAN)

    def _by(self, cause: Cause, row: Need | Offer) -> Came:
        changed = row.updated_at.date()
        return Came(cause, changed if changed >= self._since else None)


class _Known:
    """A problem's rows by reference."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        people, needs, offers = problem.participants, problem.needs, problem.offers
        self.need = {reference: row for row, reference in enumerate(needs.id)}
        self.offer = {reference: row for row, reference in enumerate(offers.id)}
        asked = [needs.days, needs.days_min, needs.max_givers, needs.priority]
        self._asked = np.column_stack(asked)
        self._offered = np.column_stack([offers.days, offers.max_pairings])
        self._limits = np.column_stack(
            [people.give_limit, people.max_given, people.max_taken, people.allowance, people.exempt]
        )
        self._pairs = np.sort(self._keys(problem.candidates.offer, problem.candidates.need))

    def asked(self, need: str) -> tuple[str, list[int]]:
        row = self.need[need]
        return self._problem.needs.expertise[row], self._asked[row].tolist()

    def offered(self, offer: str) -> tuple[str, list[int]]:
        row = self.offer[offer]
        return self._problem.offers.expertise[row], self._offered[row].tolist()

    def limits(self, offer: str, need: str) -> list[list[int]]:
        """Of the giver and of the taker of a pair."""
        giver = self._problem.offers.participant[self.offer[offer]]
        taker = self._problem.needs.participant[self.need[need]]
        sides: list[list[int]] = self._limits[[giver, taker]].tolist()
        return sides

    def allows(self, offer: str, need: str) -> bool:
        """Whether a pair is a candidate."""
        if offer not in self.offer or need not in self.need:
            return False
        key = self._keys(self.offer[offer], self.need[need])
        at = int(np.searchsorted(self._pairs, key))
        return at < len(self._pairs) and bool(self._pairs[at] == key)

    def excludes(self, offer: str, need: str) -> bool:
        pair = self.offer.get(offer, -1), self.need.get(need, -1)
        return bool((self._problem.exclusions == pair).all(axis=1).any())

    def _keys(self, offer: Any, need: Any) -> Any:
        return offer * len(self.need) + need
