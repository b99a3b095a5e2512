"""The tables of one period, with what the rules of a pair need of them worked out once."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse

from models.vocabulary import METRES_PER_MILE, Ladder
from solver.arrays import BoolArray, FloatArray, IntArray
from solver.pairing.columns import (
    NeedColumns,
    OfferColumns,
    Pairs,
    ParticipantColumns,
    Taxonomy,
    check_indices,
    holds,
)
from solver.pairing.failed_support import FailedSupport
from solver.pairing.geography import arc_from_chord, chord_from_arc, distance_m, earth_centred
from solver.pairing.interests import Interests
from solver.pairing.travel import EstimatedTravelTimes, TravelTimes
from solver.pairing.water import Water, Ways, no_water

DEFAULT_LIMIT_MILES: Final = 20
_ARC_DOUBT_M: Final = 5.0
_ARC_TRUSTED_TO_M: Final = 500_000.0


@dataclass(frozen=True, slots=True, eq=False)
class TravelLimits:
    """What each side allows.

    Attributes
    ----------
    metres, minutes : float64[n]
        Infinite where that side does not limit them.
    reach_m : float64[n]
        Metres beyond which neither limit can be met.
    """

    metres: FloatArray
    minutes: FloatArray
    reach_m: FloatArray

    @classmethod
    def of(
        cls, table: NeedColumns | OfferColumns, default_m: float, travel: TravelTimes
    ) -> "TravelLimits":
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
class PairTables:
    """Everything that a rule of a pair may look at.

    Attributes
    ----------
    taxonomy, participants, needs, offers
        One period's columns.
    conflicts, declined, kept : int64[n], ascending
        Keys of pairs: giver and taker participants with a conflict of interest; offers and needs
        that one side declined; those of the current plan and of pins.
    failed
        Support between participants that did not work.
    interests
        Declared interests between participants.
    served : int64[n], ascending
        Keys of givers and the areas that they serve.
    belongs : csr_array, participants x groups and networks
        Memberships on the day of planning.
    travel
        Minutes of a journey.
    water
        What pairs whose straight line crosses it are measured round.
    need_limits, offer_limits
        Travel limits of each need and each offer.
    need_at, offer_at : float64[n, 3]
        Earth-centred metres; NaN where not known.
    with_suggestions
        Whether suggested needs and offers not answered may be paired, for planning only.
    steps : bool[N, 6]
        Steps of the ladder that the run looks at for each need; None: all of them.
    """

    taxonomy: Taxonomy
    participants: ParticipantColumns
    needs: NeedColumns
    offers: OfferColumns
    conflicts: IntArray
    declined: IntArray
    kept: IntArray
    failed: FailedSupport
    interests: Interests
    served: IntArray
    belongs: sparse.csr_array
    travel: TravelTimes
    water: Water
    need_limits: TravelLimits
    offer_limits: TravelLimits
    need_at: FloatArray
    offer_at: FloatArray
    with_suggestions: bool
    steps: BoolArray | None = None

    @classmethod
    def of(
        cls,
        taxonomy: Taxonomy,
        participants: ParticipantColumns,
        needs: NeedColumns,
        offers: OfferColumns,
        *,
        conflicts: Pairs | None = None,
        declined: Pairs | None = None,
        kept: Pairs | None = None,
        failed: FailedSupport | None = None,
        interests: Interests | None = None,
        travel: TravelTimes | None = None,
        water: Water | None = None,
        default_limit_m: float = DEFAULT_LIMIT_MILES * METRES_PER_MILE,
        with_suggestions: bool = False,
        steps: BoolArray | None = None,
    ) -> "PairTables":
        """Check that rows exist, and work out limits, positions and keys.

        Parameters
        ----------
        taxonomy, participants, needs, offers
            One period's columns.
        conflicts
            Giver and taker participants with a conflict of interest.
        declined
            OfferColumns and needs whose pairing one side declined.
        kept
            OfferColumns and needs of the current plan and of pins.
        failed
            Support between participants that did not work; by default none.
        interests
            Declared interests between participants; by default none.
        travel
            Minutes of a journey; by default estimated from the distance.
        water
            What pairs whose straight line crosses it are measured round; by default none.
        default_limit_m
            Travel limit of a side that gives none in miles or minutes, metres, >= 0.
        with_suggestions
            Whether suggested needs and offers not answered may be paired, for planning only.
        steps : bool[N, 6]
            Steps of the ladder that the run looks at for each need; by default all of them.

        Raises
        ------
        ValueError
            If a row number, the default limit or the shape of the steps is out of range.
        """
        if steps is not None and steps.shape != (len(needs.participant), len(Ladder)):
            raise ValueError(
                f"steps has shape {steps.shape}; give one row of {len(Ladder)} for each of the "
                f"{len(needs.participant)} needs"
            )
        if not default_limit_m >= 0:
            raise ValueError(f"default_limit_m is {default_limit_m}; give 0 or more")
        water = water or no_water()
        travel = travel or EstimatedTravelTimes(water=water)
        conflicts, declined, kept = (pairs or Pairs() for pairs in (conflicts, declined, kept))
        people = len(participants.places.id)
        check_indices("NeedColumns.participant", needs.participant, people)
        check_indices("OfferColumns.participant", offers.participant, people)
        check_indices("NeedColumns.expertise", needs.expertise, len(taxonomy.parent))
        check_indices("OfferColumns.expertise", offers.expertise, len(taxonomy.parent))
        giver, area = participants.serves.nonzero()
        at = earth_centred(participants.places.lat, participants.places.lon)
        return cls(
            taxonomy=taxonomy,
            participants=participants,
            needs=needs,
            offers=offers,
            conflicts=_keys("conflicts", conflicts, people, people),
            declined=_keys("declined", declined, len(offers.participant), len(needs.participant)),
            kept=_keys("kept", kept, len(offers.participant), len(needs.participant)),
            failed=failed or FailedSupport(),
            interests=interests or Interests(people),
            served=np.unique(giver.astype(np.int64) * participants.serves.shape[1] + area),
            belongs=sparse.csr_array(
                sparse.hstack([participants.groups, participants.networks], "csr")
            ),
            travel=travel,
            water=water,
            need_limits=TravelLimits.of(needs, default_limit_m, travel),
            offer_limits=TravelLimits.of(offers, default_limit_m, travel),
            need_at=at[needs.participant],
            offer_at=at[offers.participant],
            with_suggestions=with_suggestions,
            steps=steps,
        )

    def giver(self, offer: IntArray) -> IntArray:
        """Participants that give these offers."""
        return self.offers.participant[offer]

    def taker(self, need: IntArray) -> IntArray:
        """Participants that have these needs."""
        return self.needs.participant[need]

    def kept_of(self, needs: IntArray) -> tuple[IntArray, IntArray]:
        """Needs and offers of the kept pairs of some needs, which are in ascending order."""
        offer, need = np.divmod(self.kept, max(1, len(self.needs.participant)))
        mine = holds(needs, need)
        return need[mine], offer[mine]

    def pairs_of_one_group_or_network(
        self, needs: IntArray, offers: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Positions in `needs` and `offers` of pairs whose two sides share a group or network."""
        takers, givers = self.belongs[self.taker(needs)], self.belongs[self.giver(offers)]
        place, other = sparse.csr_array(takers @ givers.T).nonzero()
        return place.astype(np.int64), other.astype(np.int64)

    def chord_m(self, need: IntArray, offer: IntArray) -> FloatArray:
        """Straight metres through the earth; infinite where a position is unknown."""
        chord = np.sqrt(((self.need_at[need] - self.offer_at[offer]) ** 2).sum(axis=1))
        return np.where(np.isnan(chord), np.inf, chord)

    def journey(
        self, need: IntArray, offer: IntArray, chord_m: FloatArray
    ) -> tuple[BoolArray, BoolArray, FloatArray, FloatArray]:
        """Whether each journey, between known positions, is within the limits of both sides.

        Returns
        -------
        near : bool[n]
        unknown : bool[n]
            A limit in minutes binds and the minutes are not known.
        minutes : float64[n]
            NaN where no limit in minutes asked for them.
        chord_m : float64[n]
            As given; where a near pair goes round water, the chord of that way.
        """
        reach = np.minimum(self.need_limits.reach_m[need], self.offer_limits.reach_m[offer])
        arc = arc_from_chord(chord_m)
        doubtful = (np.abs(arc - reach) <= _ARC_DOUBT_M) | (arc > _ARC_TRUSTED_TO_M)
        arc[doubtful] = self.straight_m(need[doubtful], offer[doubtful])
        near = arc <= reach
        chord_m = self._round_water(need, offer, near, chord_m)
        limit = np.minimum(self.need_limits.minutes[need], self.offer_limits.minutes[offer])
        minutes = np.full(len(need), np.nan)
        timed = near & np.isfinite(limit)
        minutes[timed] = self.minutes(need[timed], offer[timed])
        unknown = timed & np.isnan(minutes)
        near[timed] = minutes[timed] <= limit[timed]
        return near, unknown, minutes, chord_m

    def _round_water(
        self, need: IntArray, offer: IntArray, near: BoolArray, chord_m: FloatArray
    ) -> FloatArray:
        """Chords with those of ways round water; pairs that these take too far are `near` no more.

        Only limits in metres bind here: what can be reached in minutes is for the travel times to
        say, which may know a way that nobody told us of.
        """
        close = np.flatnonzero(near)
        ways = self.ways(need[close], offer[close])
        if not len(ways.row):
            return chord_m
        rows = close[ways.row]
        near[rows] = ways.metres <= np.minimum(
            self.need_limits.metres[need[rows]], self.offer_limits.metres[offer[rows]]
        )
        chord_m = chord_m.copy()
        chord_m[rows] = np.maximum(chord_m[rows], chord_from_arc(ways.metres))
        return chord_m

    def ways(self, need: IntArray, offer: IntArray) -> Ways:
        """Return the ways of those pairs whose straight line crosses water."""
        return self.water.ways(self.participants.places, self.giver(offer), self.taker(need))

    def straight_m(self, need: IntArray, offer: IntArray) -> FloatArray:
        """Geodesic metres; NaN where a position is unknown."""
        giver, taker = self.giver(offer), self.taker(need)
        places = self.participants.places
        return distance_m(
            places.lat[giver], places.lon[giver], places.lat[taker], places.lon[taker]
        )

    def distance_m(self, need: IntArray, offer: IntArray) -> FloatArray:
        """Geodesic metres, or those of the way round water; infinite where there is no way."""
        metres, ways = self.straight_m(need, offer), self.ways(need, offer)
        metres[ways.row] = np.maximum(metres[ways.row], ways.metres)
        return metres

    def minutes(self, need: IntArray, offer: IntArray) -> FloatArray:
        """Minutes from giver to taker, as the travel times have them."""
        return self.travel.minutes(self.participants.places, self.giver(offer), self.taker(need))


def _keys(name: str, pairs: Pairs, giving: int, taking: int) -> IntArray:
    check_indices(f"{name}.giving", pairs.giving, giving)
    check_indices(f"{name}.taking", pairs.taking, taking)
    return np.unique(pairs.giving * taking + pairs.taking)
