"""The rules of a pair: each says once what it refuses, why, and with which figures.

The same objects narrow the search for candidates (`search`, `candidates`), count what they
refused (`refusals`), tell what a pairing passed, and are asked again with the rows of today by
whoever decides on it (`findings`). `docs/pair-rules.md` tells how to add one.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from models.vocabulary import HALF_DAYS_PER_DAY, Availability, Mode, Side, days_text
from solver.arrays import BoolArray, CodeArray, IntArray
from solver.pairing.closing_rule import Closes
from solver.pairing.columns import holds
from solver.pairing.failed_rule import SupportFailed
from solver.pairing.interest_rule import DeclaredInterest
from solver.pairing.journey_rules import TooFar, UnknownPosition
from solver.pairing.ladder_rules import FirstCall, OtherStep, OutsideStimulus
from solver.pairing.pair_rule import (
    GIVER,
    TAKER,
    Columns,
    Figures,
    NeedRule,
    OfferRule,
    PairRule,
    Reason,
    dates,
    day,
    listed,
    phases,
)
from solver.pairing.pairs import PairTables

ON_SITE: Final = list(Mode).index(Mode.ON_SITE)
REMOTE: Final = list(Mode).index(Mode.REMOTE)


class NotAmongNearest(Reason):
    """No rule of a pair: enough nearer offers were found."""

    name = "not_among_nearest"
    short = "not among the nearest"
    statement = "Enough nearer offers can meet the need."


class OtherExpertise(PairRule):
    name = "other_expertise"
    short = "other expertise"
    statement = "The offer's expertise does not cover the need's."

    def covers(self, tables: PairTables) -> BoolArray:
        """Whether an offer of each entry (row) covers a need of each (column)."""
        return tables.taxonomy.related

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        covers = self.covers(tables)
        return ~covers[tables.offers.expertise[offer], tables.needs.expertise[need]]

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        names = tables.taxonomy.name
        return {
            "offered": [names[entry] for entry in tables.offers.expertise[offer].tolist()],
            "needed": [names[entry] for entry in tables.needs.expertise[need].tolist()],
        }

    def passed(self, figures: Figures) -> str:
        if figures["offered"] == figures["needed"]:
            return f"Offer and need are both for {figures['needed']}."
        return f"An offer of {figures['offered']} covers a need for {figures['needed']}."

    def refused(self, figures: Figures) -> str:
        return f"An offer of {figures['offered']} does not cover a need for {figures['needed']}."


class NeedNotConfirmed(NeedRule):
    name = "need_not_confirmed"
    short = "need not confirmed"
    statement = "The need is only suggested: the school must confirm it."
    confirmed_by = Side.TAKER

    def refuses_needs(self, tables: PairTables) -> BoolArray:
        return np.logical_and(tables.needs.suggested, not tables.with_suggestions)

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        return {"suggested": tables.needs.suggested[need].tolist()}

    def passed(self, figures: Figures) -> str:
        if figures["suggested"]:
            return "The need is only suggested; the plan was asked to include suggestions."
        return "The need is confirmed."

    def to_confirm(self, who: str, reference: str) -> str:
        return f"{who} must confirm need {reference}, which is only suggested"


class TakerMayNotTake(NeedRule):
    name = "taker_may_not_take"
    short = "school closed"
    statement = f"The {TAKER} is closed, or of a kind that takes no part."

    def refuses_needs(self, tables: PairTables) -> BoolArray:
        return np.logical_not(tables.participants.may_take[tables.needs.participant])

    def passed(self, figures: Figures) -> str:
        return f"The {TAKER} is open."


class GiverMayNotGive(OfferRule):
    name = "giver_may_not_give"
    short = "supporting organisation may not give"
    statement = f"A circumstance stops the {GIVER} from giving, or it is closed."

    def refuses_offers(self, tables: PairTables) -> BoolArray:
        return np.logical_not(tables.participants.may_give[tables.offers.participant])

    def passed(self, figures: Figures) -> str:
        return f"No circumstance stops the {GIVER} from giving."


class NotOffering(OfferRule):
    name = "not_offering"
    short = "not offering"
    statement = f"The {GIVER} does not offer this now, or others use all of it."

    def refuses_offers(self, tables: PairTables) -> BoolArray:
        return np.equal(_availability(tables), list(Availability).index(Availability.NOT_OFFERING))

    def passed(self, figures: Figures) -> str:
        return "The offer has not been withdrawn or used up."


class NotAnswered(OfferRule):
    name = "not_answered"
    short = "not answered"
    statement = f"The {GIVER} has not said whether it can give this."
    confirmed_by = Side.GIVER

    def refuses_offers(self, tables: PairTables) -> BoolArray:
        silent = list(Availability).index(Availability.NOT_ANSWERED)
        return np.equal(_availability(tables), silent) & (not tables.with_suggestions)

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        words = list(Availability)
        return {"availability": [str(words[at]) for at in _availability(tables)[offer].tolist()]}

    def passed(self, figures: Figures) -> str:
        if figures["availability"] == Availability.NOT_ANSWERED:
            return f"The {GIVER} has not answered; the plan was asked to include suggestions."
        return f"The {GIVER} has said what it can give."

    def to_confirm(self, who: str, reference: str) -> str:
        return f"{who} must answer whether it can give offer {reference}"


class OtherMode(PairRule):
    """One side wants what the other cannot: on site or remote."""

    name = "mode"
    short = "on site against remote"
    statement = "One side wants support on site only, the other remote support only."

    def clashes(self) -> BoolArray:
        """Whether no form suits both, by the modes of need (row) and offer (column)."""
        both = np.indices((len(Mode), len(Mode)), np.int8)
        forms = [np.full((len(Mode), len(Mode)), remote) for remote in (False, True)]
        on_site, remote = (_unsuited(both[0], both[1], form) for form in forms)
        return on_site & remote

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        return _unsuited(tables.needs.mode[need], tables.offers.mode[offer], remote)

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        words = list(Mode)
        return {
            "needed": [str(words[at]) for at in tables.needs.mode[need].tolist()],
            "offered": [str(words[at]) for at in tables.offers.mode[offer].tolist()],
            "remote": remote.tolist(),
        }

    def passed(self, figures: Figures) -> str:
        return f"It is given {_form(figures)}, which suits both sides."

    def refused(self, figures: Figures) -> str:
        only = {Mode.ON_SITE: "support on site only", Mode.REMOTE: "remote support only"}
        against = Mode.ON_SITE if figures["remote"] else Mode.REMOTE
        sides = {"needed": "the need is for", "offered": "the offer is for"}
        said = [f"{text} {only[against]}" for key, text in sides.items() if figures[key] == against]
        return f"The pairing is {_form(figures)}, but {' and '.join(said)}."


class OwnOffer(PairRule):
    name = "own_offer"
    short = "its own offer"
    statement = "The need and the offer are of the same participant."

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        return np.equal(tables.giver(offer), tables.taker(need))

    def passed(self, figures: Figures) -> str:
        return "The two sides are different."


class ConflictOfInterest(PairRule):
    name = "conflict"
    short = "conflict of interest"
    statement = "A conflict of interest between the two is recorded."

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        people = len(tables.participants.places.id)
        return holds(tables.conflicts, tables.giver(offer) * people + tables.taker(need))

    def passed(self, figures: Figures) -> str:
        return "No conflict of interest between the two is recorded."


class Declined(PairRule):
    name = "declined"
    short = "declined"
    statement = "One side has declined this pairing before."
    exceptions = True

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        return holds(tables.declined, offer * len(tables.needs.participant) + need)

    def passed(self, figures: Figures) -> str:
        return "Neither side has declined this pairing before."


class OtherDates(PairRule):
    name = "window"
    short = "other dates"
    statement = "The dates of the offer and of the need do not overlap."

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        starts, ends = self._overlap(tables, need, offer)
        return starts > ends

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        starts, ends = self._overlap(tables, need, offer)
        open_until = np.minimum(
            tables.participants.last_day[tables.taker(need)],
            tables.participants.last_day[tables.giver(offer)],
        )
        # Where a side closes before both start, the rule about that says so.
        closing = (open_until >= starts) & (open_until < ends)
        return {
            "starts": dates(starts),
            "ends": dates(np.where(closing, open_until, ends)),
            "need_starts": dates(tables.needs.window_starts[need]),
            "need_ends": dates(tables.needs.window_ends[need]),
            "offer_starts": dates(tables.offers.window_starts[offer]),
            "offer_ends": dates(tables.offers.window_ends[offer]),
        }

    def passed(self, figures: Figures) -> str:
        return f"Both sides are available from {day(figures['starts'])} to {day(figures['ends'])}."

    def refused(self, figures: Figures) -> str:
        sides = []
        for side in ("need", "offer"):
            starts, ends = figures[f"{side}_starts"], figures[f"{side}_ends"]
            if starts is None or ends is None:
                return f"The dates of the {side} lie outside what is left of the period."
            sides.append(f"the {side} is from {day(starts)} to {day(ends)}")
        return f"The dates do not overlap: {', '.join(sides)}."

    @staticmethod
    def _overlap(tables: PairTables, need: IntArray, offer: IntArray) -> tuple[IntArray, IntArray]:
        needs, offers = tables.needs, tables.offers
        return (
            np.maximum(needs.window_starts[need], offers.window_starts[offer]),
            np.minimum(needs.window_ends[need], offers.window_ends[offer]),
        )


class OtherPhase(PairRule):
    name = "phase"
    short = "wrong phase"
    statement = "The offer is for other phases than the school's."
    exceptions = True

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        # A taker without known phases (an organisation) cannot fall outside an offer's phases.
        asked = tables.participants.phases[tables.taker(need)]
        given = tables.offers.phases[offer]
        return np.asarray((asked != 0) & (given != 0) & ((asked & given) == 0))

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        return {
            "taught": [phases(m) for m in tables.participants.phases[tables.taker(need)].tolist()],
            "offered": [phases(mask) for mask in tables.offers.phases[offer].tolist()],
        }

    def passed(self, figures: Figures) -> str:
        if not figures["offered"]:
            return "The offer is for every phase."
        if not figures["taught"]:
            return f"No phase is known of the {TAKER}, so the offer's phases do not limit it."
        return f"The offer is for {listed(figures['offered'])}, which the school teaches."

    def refused(self, figures: Figures) -> str:
        taught, offered = listed(figures["taught"]), listed(figures["offered"])
        return f"The offer is for {offered}; the school teaches {taught}."


class AreaNotServed(PairRule):
    name = "area_served"
    short = "area not served"
    statement = f"The {GIVER} does not serve the school's area."
    exceptions = True

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        people = tables.participants
        areas = people.serves.shape[1]
        refused = self._limited(tables)[tables.giver(offer)]
        limited = np.flatnonzero(refused)
        giver, taker = tables.giver(offer[limited]), tables.taker(need[limited])
        for area in (people.local_authority[taker], people.region[taker], people.district[taker]):
            served = (area >= 0) & (area < areas) & holds(tables.served, giver * areas + area)
            refused[limited[served]] = False
        return refused

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        return {"limited": self._limited(tables)[tables.giver(offer)].tolist()}

    def passed(self, figures: Figures) -> str:
        if figures["limited"]:
            return f"The {GIVER} serves the school's area."
        return f"The {GIVER} serves every area."

    @staticmethod
    def _limited(tables: PairTables) -> BoolArray:
        return np.asarray(np.diff(tables.participants.serves.indptr) > 0)


class TooFewDays(PairRule):
    name = "too_few_days"
    short = "too few days"
    statement = f"The {GIVER} has fewer days left than the need's minimum."

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        return np.less(self._left(tables)[offer], tables.needs.half_days_min[need])

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        return {
            "half_days_left": self._left(tables)[offer].tolist(),
            "half_days_min": tables.needs.half_days_min[need].tolist(),
        }

    def passed(self, figures: Figures) -> str:
        left, least = figures["half_days_left"], figures["half_days_min"]
        return f"{days_text(left)} can be given; the need's minimum is {days_text(least)}."

    def refused(self, figures: Figures) -> str:
        left, least = figures["half_days_left"], figures["half_days_min"]
        return f"Only {days_text(left)} can be given; the need's minimum is {days_text(least)}."

    def measure(self, figures: Figures) -> tuple[float | None, float | None]:
        left, least = figures["half_days_left"], figures["half_days_min"]
        return left / HALF_DAYS_PER_DAY, least / HALF_DAYS_PER_DAY

    @staticmethod
    def _left(tables: PairTables) -> IntArray:
        limit = tables.participants.give_limit[tables.offers.participant]
        return np.minimum(tables.offers.half_days, limit)


def _availability(tables: PairTables) -> CodeArray:
    return tables.offers.availability


def _unsuited(need: CodeArray, offer: CodeArray, remote: BoolArray) -> BoolArray:
    """Whether either side's mode rules out the form of each pair."""
    against = np.where(remote, ON_SITE, REMOTE)
    return np.asarray((need == against) | (offer == against))


def _form(figures: Figures) -> str:
    return "remotely" if figures["remote"] else "on site"


NOT_AMONG_NEAREST: Final = NotAmongNearest()
OTHER_EXPERTISE: Final = OtherExpertise()
NEED_NOT_CONFIRMED: Final = NeedNotConfirmed()
TAKER_MAY_NOT_TAKE: Final = TakerMayNotTake()
GIVER_MAY_NOT_GIVE: Final = GiverMayNotGive()
NOT_OFFERING: Final = NotOffering()
NOT_ANSWERED: Final = NotAnswered()
MODE: Final = OtherMode()
UNKNOWN_POSITION: Final = UnknownPosition()
TOO_FAR: Final = TooFar()
OWN_OFFER: Final = OwnOffer()
CONFLICT: Final = ConflictOfInterest()
INTEREST: Final = DeclaredInterest()
DECLINED: Final = Declined()
FAILED_SUPPORT: Final = SupportFailed()
WINDOW: Final = OtherDates()
CLOSES: Final = Closes()
PHASE: Final = OtherPhase()
AREA_SERVED: Final = AreaNotServed()
TOO_FEW_DAYS: Final = TooFewDays()
OUTSIDE_STIMULUS: Final = OutsideStimulus()
FIRST_CALL: Final = FirstCall()
OTHER_STEP: Final = OtherStep()
PAIR_RULES: Final[tuple[PairRule, ...]] = (
    OTHER_EXPERTISE, NEED_NOT_CONFIRMED, TAKER_MAY_NOT_TAKE, GIVER_MAY_NOT_GIVE, NOT_OFFERING,
    NOT_ANSWERED, MODE, UNKNOWN_POSITION, TOO_FAR, OWN_OFFER, CONFLICT, INTEREST, DECLINED,
    FAILED_SUPPORT, WINDOW, CLOSES, PHASE, AREA_SERVED, TOO_FEW_DAYS,
    OUTSIDE_STIMULUS, FIRST_CALL, OTHER_STEP,
)  # fmt: skip
"""In order of test: what one side or the journey rules out is counted without forming pairs."""
REASONS: Final[tuple[Reason, ...]] = (*PAIR_RULES, NOT_AMONG_NEAREST)
REASON_OF: Final[Mapping[str, Reason]] = {reason.name: reason for reason in REASONS}
