"""The rules for one offer and one need, applied to many pairs at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.vocabulary import Availability, Mode
from solver.pairing.columns import (
    Bools,
    Floats,
    Ints,
    Needs,
    Offers,
    Pairs,
    Participants,
    check_indices,
    holds,
)
from solver.pairing.geography import arc_from_chord, distance_m, earth_centred
from solver.pairing.refusals import REFUSALS, Refusal
from solver.pairing.travel import TravelTimes

ALLOWED: Final = -1
ON_SITE: Final = list(Mode).index(Mode.ON_SITE)
REMOTE: Final = list(Mode).index(Mode.REMOTE)
_ARC_DOUBT_M: Final = 5.0
_ARC_TRUSTED_TO_M: Final = 500_000.0


@dataclass(frozen=True, slots=True, eq=False)
class TravelLimits:
    """What each side allows: metres, minutes, and metres beyond which neither can be met."""

    metres: Floats
    minutes: Floats
    reach_m: Floats

    @classmethod
    def of(cls, table: Needs | Offers, default_m: float, travel: TravelTimes) -> "TravelLimits":
        """Limits given; the default where a side gives none in metres and none in minutes."""
        timed = ~np.isnan(table.limit_minutes)
        unstated = np.where(timed, np.inf, default_m)
        metres = np.where(np.isnan(table.limit_m), unstated, table.limit_m)
        minutes = np.where(timed, table.limit_minutes, np.inf)
        reach = metres.copy()
        for limit in np.unique(minutes[timed & np.isfinite(minutes)]):
            rows = minutes == limit
            reach[rows] = np.minimum(reach[rows], travel.reach_m(float(limit)))
        return cls(metres, minutes, reach)


@dataclass(frozen=True, slots=True, eq=False)
class PairRules:
    """The inputs, with what the rules need of them worked out once."""

    participants: Participants
    needs: Needs
    offers: Offers
    conflicts: Ints
    declined: Ints
    kept: Ints
    served: Ints
    travel: TravelTimes
    need_limits: TravelLimits
    offer_limits: TravelLimits
    need_at: Floats
    offer_at: Floats
    offer_refusal: Ints

    @classmethod
    def of(
        cls,
        participants: Participants,
        needs: Needs,
        offers: Offers,
        *,
        conflicts: Pairs,
        declined: Pairs,
        kept: Pairs,
        travel: TravelTimes,
        default_limit_m: float,
        with_suggestions: bool,
    ) -> "PairRules":
        """Check that rows exist, and work out limits, positions and one-sided refusals."""
        people = len(participants.places.id)
        check_indices("Needs.participant", needs.participant, people)
        check_indices("Offers.participant", offers.participant, people)
        giver, area = participants.serves.nonzero()
        at = earth_centred(participants.places.lat, participants.places.lon)
        return cls(
            participants=participants,
            needs=needs,
            offers=offers,
            conflicts=_keys("conflicts", conflicts, people, people),
            declined=_keys("declined", declined, len(offers.participant), len(needs.participant)),
            kept=_keys("kept", kept, len(offers.participant), len(needs.participant)),
            served=np.unique(giver.astype(np.int64) * participants.serves.shape[1] + area),
            travel=travel,
            need_limits=TravelLimits.of(needs, default_limit_m, travel),
            offer_limits=TravelLimits.of(offers, default_limit_m, travel),
            need_at=at[needs.participant],
            offer_at=at[offers.participant],
            offer_refusal=_one_sided(participants, offers, with_suggestions),
        )

    def is_kept(self, need: Ints, offer: Ints) -> Bools:
        """Whether each pair is of the current plan or pinned."""
        return holds(self.kept, offer * len(self.needs.participant) + need)

    def kept_of(self, needs: Ints) -> tuple[Ints, Ints]:
        """Needs and offers of the kept pairs of some needs, which are in ascending order."""
        offer, need = np.divmod(self.kept, max(1, len(self.needs.participant)))
        mine = holds(needs, need)
        return need[mine], offer[mine]

    def chord_m(self, need: Ints, offer: Ints) -> Floats:
        """Straight metres through the earth; infinite where a position is unknown."""
        chord = np.sqrt(((self.need_at[need] - self.offer_at[offer]) ** 2).sum(axis=1))
        return np.where(np.isnan(chord), np.inf, chord)

    def journey(self, need: Ints, offer: Ints, chord_m: Floats) -> tuple[Bools, Bools, Floats]:
        """Whether each journey is within the limits of both sides.

        Returns
        -------
        near : bool[n]
        unknown : bool[n]
            A limit in minutes binds and the minutes are not known.
        minutes : float64[n]
            NaN where no limit in minutes asked for them.
        """
        reach = np.minimum(self.need_limits.reach_m[need], self.offer_limits.reach_m[offer])
        arc = arc_from_chord(chord_m)
        doubtful = (np.abs(arc - reach) <= _ARC_DOUBT_M) | (arc > _ARC_TRUSTED_TO_M)
        arc[doubtful] = self.distance_m(need[doubtful], offer[doubtful])
        near = arc <= reach
        limit = np.minimum(self.need_limits.minutes[need], self.offer_limits.minutes[offer])
        minutes = np.full(len(need), np.nan)
        timed = near & np.isfinite(limit)
        minutes[timed] = self.minutes(need[timed], offer[timed])
        unknown = timed & np.isnan(minutes)
        near[timed] = minutes[timed] <= limit[timed]
        return near, unknown, minutes

    def distance_m(self, need: Ints, offer: Ints) -> Floats:
        """Geodesic metres."""
        giver, taker = self.offers.participant[offer], self.needs.participant[need]
        places = self.participants.places
        return distance_m(
            places.lat[giver], places.lon[giver], places.lat[taker], places.lon[taker]
        )

    def minutes(self, need: Ints, offer: Ints) -> Floats:
        """Minutes from giver to taker, as the travel times have them."""
        return self.travel.minutes(
            self.participants.places, self.offers.participant[offer], self.needs.participant[need]
        )

    def refusal(self, need: Ints, offer: Ints) -> Ints:
        """First of the rules after the journey that refuses each pair, or `ALLOWED`."""
        found = np.full(len(need), ALLOWED, np.int64)
        for reason, refuses in reversed(PAIR_RULES):
            found[refuses(self, need, offer)] = REFUSALS.index(reason)
        return found


def _keys(name: str, pairs: Pairs, giving: int, taking: int) -> Ints:
    check_indices(f"{name}.giving", pairs.giving, giving)
    check_indices(f"{name}.taking", pairs.taking, taking)
    return np.unique(pairs.giving * taking + pairs.taking)


def _one_sided(participants: Participants, offers: Offers, with_suggestions: bool) -> Ints:
    """Find what speaks against an offer whoever the taker is, or `ALLOWED`."""
    words = list(Availability)
    refused = np.full(len(offers.participant), ALLOWED, np.int64)
    if not with_suggestions:
        silent = offers.availability == words.index(Availability.NOT_ANSWERED)
        refused[silent] = REFUSALS.index(Refusal.NOT_ANSWERED)
    unwilling = offers.availability == words.index(Availability.NOT_OFFERING)
    refused[unwilling] = REFUSALS.index(Refusal.NOT_OFFERING)
    barred = ~participants.may_give[offers.participant]
    refused[barred] = REFUSALS.index(Refusal.GIVER_MAY_NOT_GIVE)
    return refused


def _own_offer(rules: PairRules, need: Ints, offer: Ints) -> Bools:
    return np.equal(rules.offers.participant[offer], rules.needs.participant[need])


def _conflict(rules: PairRules, need: Ints, offer: Ints) -> Bools:
    givers, takers = rules.offers.participant[offer], rules.needs.participant[need]
    return holds(rules.conflicts, givers * len(rules.participants.places.id) + takers)


def _declined(rules: PairRules, need: Ints, offer: Ints) -> Bools:
    return holds(rules.declined, offer * len(rules.needs.participant) + need)


def _windows_apart(rules: PairRules, need: Ints, offer: Ints) -> Bools:
    needs, offers = rules.needs, rules.offers
    late = offers.window_starts[offer] > needs.window_ends[need]
    early = offers.window_ends[offer] < needs.window_starts[need]
    return np.asarray(late | early)


def _other_phase(rules: PairRules, need: Ints, offer: Ints) -> Bools:
    # A taker without known phases (an organisation) cannot fall outside an offer's phases.
    asked = rules.participants.phases[rules.needs.participant[need]]
    given = rules.offers.phases[offer]
    return np.asarray((asked != 0) & (given != 0) & ((asked & given) == 0))


def _area_not_served(rules: PairRules, need: Ints, offer: Ints) -> Bools:
    people = rules.participants
    areas = people.serves.shape[1]
    refused = np.asarray(np.diff(people.serves.indptr) > 0)[rules.offers.participant[offer]]
    limited = np.flatnonzero(refused)
    giver = rules.offers.participant[offer[limited]]
    taker = rules.needs.participant[need[limited]]
    for area in (people.local_authority[taker], people.region[taker], people.district[taker]):
        served = (area >= 0) & (area < areas) & holds(rules.served, giver * areas + area)
        refused[limited[served]] = False
    return refused


def _too_few_days(rules: PairRules, need: Ints, offer: Ints) -> Bools:
    limit = rules.participants.give_limit[rules.offers.participant]
    most = np.minimum(rules.offers.half_days, limit)
    return np.less(most[offer], rules.needs.half_days_min[need])


PAIR_RULES: Final[tuple[tuple[Refusal, Callable[[PairRules, Ints, Ints], Bools]], ...]] = (
    (Refusal.OWN_OFFER, _own_offer),
    (Refusal.CONFLICT, _conflict),
    (Refusal.DECLINED, _declined),
    (Refusal.WINDOW, _windows_apart),
    (Refusal.PHASE, _other_phase),
    (Refusal.AREA_SERVED, _area_not_served),
    (Refusal.TOO_FEW_DAYS, _too_few_days),
)
