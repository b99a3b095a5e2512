"""Pairwise rules: which offers and needs may be paired, and why the others may not.

Only offers whose **expertise covers the need** are looked at and counted: the same entry of the
taxonomy, a broader one (its ancestor), or a narrower one (its descendant). The last is allowed
because a need is often stated broadly ("SEND") while evidence of quality exists for a part of it
("autism"); `points` values such a pairing lower.

Each such pair is either a candidate or refused for exactly one reason, the first of `Refusal`
that applies. Order matters for the numbers, not for what is allowed: reasons of one side come
first, then the distance, because those are counted by arithmetic over groups of offers; only
pairs within reach are ever looked at one by one.

**Nearness.** A pair that may be on site and lies within both sides' limits is on site. A pair that
may be remote and is not on site is remote, whatever the distance. The pairs of a need are walked
from the nearest on (on site by distance, then remote by distance, then remote where the distance
is unknown, ties by the row of the offer) until `max_neighbours` candidates are found; all pairs
after that are `NOT_AMONG_NEAREST`, whatever else might speak against them. Pairs in `kept` stand
outside this walk: every rule binds them but the number, and they use up none of it.

**Speed.** Grouped by expertise, pairs within reach come from a k-d tree of earth-centred positions
(the chord is never longer than the geodesic, so none is lost), and remote ones from its nearest
neighbours, asked for more until each need has enough.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.vocabulary import METRES_PER_MILE
from solver.pairing.columns import (
    Bools,
    Codes,
    Floats,
    Ints,
    Needs,
    Offers,
    Pairs,
    Participants,
    Taxonomy,
    check_indices,
)
from solver.pairing.ladder import ladder_steps
from solver.pairing.pair_rules import PairRules
from solver.pairing.refusals import REFUSALS, Refusal, Refusals
from solver.pairing.search import Found, Search, joined
from solver.pairing.travel import EstimatedTravelTimes, TravelTimes

DEFAULT_LIMIT_MILES: Final = 20


@dataclass(frozen=True, slots=True)
class Options:
    """What planning asks for.

    Attributes
    ----------
    default_limit_m : float
        Travel limit of a side that gives none in miles or minutes, metres.
    max_neighbours : int or None
        Most candidates of one need, nearest first; None for all.
    with_suggestions : bool
        Whether suggested needs and offers not answered may be paired, for planning only.
    """

    default_limit_m: float = DEFAULT_LIMIT_MILES * METRES_PER_MILE
    max_neighbours: int | None = 30
    with_suggestions: bool = False

    def __post_init__(self) -> None:
        if not self.default_limit_m >= 0:
            raise ValueError(f"default_limit_m is {self.default_limit_m}; give 0 or more")
        if self.max_neighbours is not None and self.max_neighbours < 1:
            raise ValueError(f"max_neighbours is {self.max_neighbours}; give 1 or more, or None")


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs that every rule allows, by need, then nearest first.

    Attributes
    ----------
    offer, need : int64[K]
        Rows of the offers and needs.
    distance_m : int64[K]
        Geodesic, rounded; -1 where remote.
    minutes : float64[K]
        One way; NaN where remote or not known.
    remote : bool[K]
    ladder : int8[K]
        Position in `vocabulary.Ladder`.
    broader : int8[K]
        Levels of the taxonomy by which the offer's expertise lies above the need's (negative:
        below, 0: the same).
    """

    offer: Ints
    need: Ints
    distance_m: Ints
    minutes: Floats
    remote: Bools
    ladder: Codes
    broader: Codes

    def __len__(self) -> int:
        return len(self.offer)


def find_candidates(
    taxonomy: Taxonomy,
    participants: Participants,
    needs: Needs,
    offers: Offers,
    *,
    options: Options | None = None,
    conflicts: Pairs | None = None,
    declined: Pairs | None = None,
    kept: Pairs | None = None,
    travel: TravelTimes | None = None,
) -> tuple[Candidates, Refusals]:
    """Find the pairs that every pairwise rule allows, and count why the others are refused.

    Parameters
    ----------
    taxonomy, participants, needs, offers
        One period's columns.
    options
        Default travel limit, most neighbours, whether suggestions count.
    conflicts
        Giver and taker participants with a conflict of interest.
    declined
        Offers and needs whose pairing one side declined.
    kept
        Offers and needs of the current plan and of pins: `max_neighbours` does not cut them.
    travel
        Minutes; asked of pairs under a limit in minutes and of every candidate on site.

    Returns
    -------
    Candidates, Refusals
        Together they account for every pair whose expertise covers, exactly once.

    Raises
    ------
    ValueError
        If a row number is out of range.
    """
    options = options or Options()
    check_indices("Needs.expertise", needs.expertise, len(taxonomy.parent))
    check_indices("Offers.expertise", offers.expertise, len(taxonomy.parent))
    rules = PairRules.of(
        participants,
        needs,
        offers,
        conflicts=conflicts or Pairs(),
        declined=declined or Pairs(),
        kept=kept or Pairs(),
        travel=travel or EstimatedTravelTimes(),
        default_limit_m=options.default_limit_m,
        with_suggestions=options.with_suggestions,
    )
    paths = [taxonomy.path(entry) for entry in range(len(taxonomy.parent))]
    by_need = np.zeros((len(needs.participant), len(REFUSALS)), np.int64)
    found = []
    for entry in np.unique(needs.expertise).tolist():
        covers = np.array(
            [entry in path or other in paths[entry] for other, path in enumerate(paths)]
        )
        asked = np.flatnonzero(needs.expertise == entry)
        covering = np.flatnonzero(covers[offers.expertise])
        if not options.with_suggestions:
            unsure = asked[needs.suggested[asked]]
            by_need[unsure, REFUSALS.index(Refusal.NEED_NOT_CONFIRMED)] = len(covering)
            asked = asked[~needs.suggested[asked]]
        search = Search.of(rules, asked, covering, options.max_neighbours)
        search.on_site()
        search.remote()
        by_need[asked] = search.counts
        found += search.found
    depth = np.array([len(path) for path in paths], np.int64)
    return _candidates(rules, depth, joined(found)), Refusals(by_need)


def why_refused(
    taxonomy: Taxonomy,
    participants: Participants,
    needs: Needs,
    offers: Offers,
    *,
    offer: int,
    need: int,
    options: Options | None = None,
    conflicts: Pairs | None = None,
    declined: Pairs | None = None,
    travel: TravelTimes | None = None,
) -> Refusal | None:
    """Say why one offer cannot serve one need, or None where every rule but the number allows it.

    Parameters
    ----------
    offer, need
        Rows of the pair; the rest as in `find_candidates`.

    Raises
    ------
    ValueError
        If there is no such row.
    """
    check_indices("offer", np.array([offer]), len(offers.participant))
    check_indices("need", np.array([need]), len(needs.participant))
    declined = declined or Pairs()
    own = np.zeros_like(declined.giving[(declined.giving == offer) & (declined.taking == need)])
    found, refused = find_candidates(
        taxonomy,
        participants,
        needs.only(need),
        offers.only(offer),
        options=options,
        conflicts=conflicts,
        declined=Pairs(own, own),
        travel=travel,
    )
    if len(found):
        return None
    return next(iter(refused.total()), Refusal.OTHER_EXPERTISE)


def _candidates(rules: PairRules, depth: Ints, found: Found) -> Candidates:
    distance = np.full(len(found.need), -1, np.int64)
    minutes = found.minutes
    site = np.flatnonzero(~found.remote)
    distance[site] = np.rint(rules.distance_m(found.need[site], found.offer[site]))
    unasked = site[np.isnan(minutes[site])]
    minutes[unasked] = rules.minutes(found.need[unasked], found.offer[unasked])
    needs, offers = rules.needs, rules.offers
    return Candidates(
        offer=found.offer,
        need=found.need,
        distance_m=distance,
        minutes=minutes,
        remote=found.remote,
        ladder=ladder_steps(
            rules.participants, offers.participant[found.offer], needs.participant[found.need]
        ),
        broader=(depth[needs.expertise[found.need]] - depth[offers.expertise[found.offer]]).astype(
            np.int8
        ),
    )
