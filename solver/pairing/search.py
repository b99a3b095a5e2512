"""The search for the candidates of one expertise: on site by reach, remote by nearness."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from models.vocabulary import Mode
from solver.arrays import BoolArray, FloatArray, IntArray
from solver.pairing.columns import holds
from solver.pairing.geography import EARTH_DIAMETER_M, pairs_within
from solver.pairing.pair_rule import NeedRule, OfferRule, PairRule
from solver.pairing.pair_rules import (
    MODE,
    NOT_AMONG_NEAREST,
    ON_SITE,
    OTHER_EXPERTISE,
    PAIR_RULES,
    REASONS,
    REMOTE,
    TOO_FAR,
    UNKNOWN_POSITION,
)
from solver.pairing.pairs import PairTables

ALLOWED: Final = -1
_COLUMN: Final = {reason: column for column, reason in enumerate(REASONS)}
_OF_NEEDS: Final = tuple(rule for rule in PAIR_RULES if isinstance(rule, NeedRule))
_OF_OFFERS: Final = tuple(rule for rule in PAIR_RULES if isinstance(rule, OfferRule))
_BY_ARITHMETIC: Final = (OTHER_EXPERTISE, MODE, UNKNOWN_POSITION, TOO_FAR)
_OF_PAIRS: Final[tuple[PairRule, ...]] = tuple(
    rule
    for rule in PAIR_RULES
    if not isinstance(rule, NeedRule | OfferRule) and rule not in _BY_ARITHMETIC
)
"""Rules that pairs within reach are asked one by one."""
_NO_ROWS: Final[IntArray] = np.empty(0, np.int64)
_PAIRS_AT_ONCE: Final = 4_000_000
_FIRST_NEIGHBOURS: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Pairs found, with what the search learnt of them; `minutes` NaN where not asked for.

    The chord is that of the way round where a pair on site has water between.
    """

    need: IntArray
    offer: IntArray
    chord_m: FloatArray
    minutes: FloatArray
    remote: BoolArray


def joined(parts: list[Found]) -> Found:
    """Put the pairs of all searches in order: by need, on site first, nearest first."""
    need = np.concatenate([_NO_ROWS, *(part.need for part in parts)])
    offer = np.concatenate([_NO_ROWS, *(part.offer for part in parts)])
    chord = np.concatenate([np.empty(0), *(part.chord_m for part in parts)])
    minutes = np.concatenate([np.empty(0), *(part.minutes for part in parts)])
    remote = np.concatenate([np.empty(0, np.bool_), *(part.remote for part in parts)])
    order = np.lexsort((_short_key(offer), chord, remote, _short_key(need)))
    return Found(need[order], offer[order], chord[order], minutes[order], remote[order])


def _short_key(rows: IntArray) -> NDArray[np.integer[Any]]:
    """Row numbers in 16 bits where they fit: numpy sorts those by radix, several times as fast."""
    fits = rows.size == 0 or rows.max() <= np.iinfo(np.uint16).max
    return rows.astype(np.uint16) if fits else rows


def first_refusal_of_offers(tables: PairTables) -> IntArray:
    """Column of the first rule that refuses each offer whatever the need, or `ALLOWED`."""
    found = np.full(len(tables.offers.participant), ALLOWED, np.int64)
    for rule in reversed(_OF_OFFERS):
        found[rule.refuses_offers(tables)] = _COLUMN[rule]
    return found


def first_refusal_of_needs(tables: PairTables) -> IntArray:
    """Column of the first rule that refuses each need whatever the offer, or `ALLOWED`."""
    found = np.full(len(tables.needs.participant), ALLOWED, np.int64)
    for rule in reversed(_OF_NEEDS):
        found[rule.refuses_needs(tables)] = _COLUMN[rule]
    return found


def _refusal(tables: PairTables, need: IntArray, offer: IntArray, *, remote: bool) -> IntArray:
    """Column of the first rule after the journey that refuses each pair, or `ALLOWED`."""
    found = np.full(len(need), ALLOWED, np.int64)
    form = np.full(len(need), remote)
    for rule in reversed(_OF_PAIRS):
        found[rule.refuses(tables, need, offer, form)] = _COLUMN[rule]
    return found


def _uncut(tables: PairTables, needs: IntArray, offers: IntArray) -> IntArray:
    """Keys, as `Search` has them, of kept pairs and of those of one group or network, ascending."""
    total = len(tables.offers.participant)
    need, offer = tables.kept_of(needs)
    kept = np.searchsorted(needs, need) * total + offer
    local, place = tables.pairs_of_one_group_or_network(needs, offers)
    return np.union1d(kept, local * total + offers[place])


@dataclass(slots=True, eq=False)
class Search:
    """The needs of one expertise and the offers that cover it and are not refused outright.

    NeedColumns are numbered here by their position in `needs`; `uncut` holds the keys of pairs
    that the number of candidates does not limit, `room` is how many more candidates each need may
    have, `remote_left` how many pairs that may be remote nobody has looked at yet.
    """

    tables: PairTables
    needs: IntArray
    offers: IntArray
    uncut: IntArray
    counts: IntArray
    room: IntArray
    remote_left: IntArray
    walked: IntArray
    on_site_keys: IntArray = field(default_factory=_NO_ROWS.copy)
    found: list[Found] = field(default_factory=list)

    @classmethod
    def of(
        cls, tables: PairTables, needs: IntArray, covering: IntArray, most: int | None
    ) -> "Search":
        """Count what the offers or the modes rule out by themselves."""
        refused = first_refusal_of_offers(tables)[covering]
        counts = np.zeros((len(needs), len(REASONS)), np.int64)
        counts += np.bincount(refused[refused != ALLOWED], minlength=len(REASONS))
        offers = covering[refused == ALLOWED]
        site_only = tables.offers.mode[offers] == ON_SITE
        mode = tables.needs.mode[needs]
        offered = np.bincount(tables.offers.mode[offers], minlength=len(Mode))
        counts[:, _COLUMN[MODE]] = MODE.clashes()[mode] @ offered
        return cls(
            tables=tables,
            needs=needs,
            offers=offers,
            uncut=_uncut(tables, needs, offers),
            counts=counts,
            room=np.full(len(needs), len(offers) if most is None else most, np.int64),
            remote_left=np.where(mode == ON_SITE, 0, len(offers) - site_only.sum()),
            walked=np.zeros(len(needs), np.int64),
        )

    def on_site(self) -> None:
        """Find the pairs on site, and count those out of reach or without a position."""
        tables = self.tables
        wanting = np.flatnonzero(tables.needs.mode[self.needs] != REMOTE)
        giving = self.offers[tables.offers.mode[self.offers] != REMOTE]
        known = ~np.isnan(tables.offer_at[giving, 0])
        self._count_out_of_reach(wanting, giving, known)
        giving = giving[known]
        wanting = wanting[~np.isnan(tables.need_at[self.needs[wanting], 0])]
        if not len(giving) or not len(wanting):
            return
        furthest = min(EARTH_DIAMETER_M, float(tables.offer_limits.reach_m[giving].max()))
        reach = np.minimum(tables.need_limits.reach_m[self.needs[wanting]], furthest)
        size = np.frexp(reach)[1]
        keys = []
        for bucket in np.unique(size):
            alike = wanting[size == bucket]
            radius = float(reach[size == bucket].max())
            step = max(1, _PAIRS_AT_ONCE // len(giving))
            for first in range(0, len(alike), step):
                keys.append(self._on_site_within(alike[first : first + step], giving, radius))
        self.on_site_keys = np.sort(np.concatenate(keys))

    def _count_out_of_reach(self, wanting: IntArray, giving: IntArray, known: BoolArray) -> None:
        """Count all pairs that can be on site only as too far; those found within come off."""
        tables = self.tables
        remote_too = tables.offers.mode[giving] != ON_SITE
        at = ~np.isnan(tables.need_at[self.needs[wanting], 0])
        flexible = tables.needs.mode[self.needs[wanting]] != ON_SITE
        bound = np.where(flexible, (~remote_too).sum(), len(giving))
        placed = np.where(flexible, (~remote_too & known).sum(), known.sum())
        too_far = np.where(at, placed, 0)
        self.counts[wanting, _COLUMN[TOO_FAR]] = too_far
        self.counts[wanting, _COLUMN[UNKNOWN_POSITION]] = bound - too_far

    def _on_site_within(self, wanting: IntArray, giving: IntArray, radius_m: float) -> IntArray:
        """Take in the pairs within both limits; return the keys of those, to tell remote ones."""
        tables = self.tables
        here, there, chord = pairs_within(
            tables.need_at[self.needs[wanting]], tables.offer_at[giving], radius_m
        )
        local, offer = wanting[here], giving[there]
        near, unknown, minutes, chord = tables.journey(self.needs[local], offer, chord)
        bound = (tables.needs.mode[self.needs[local]] == ON_SITE) | (
            tables.offers.mode[offer] == ON_SITE
        )
        too_far = _COLUMN[TOO_FAR]
        size = len(self.needs)
        unsure = np.bincount(local[unknown & bound], minlength=size)
        self.counts[:, _COLUMN[UNKNOWN_POSITION]] += unsure
        self.counts[:, too_far] -= unsure + np.bincount(local[near & bound], minlength=size)
        self.remote_left -= np.bincount(local[near & ~bound], minlength=size)
        local, offer, chord, minutes = local[near], offer[near], chord[near], minutes[near]
        order = np.lexsort((_short_key(offer), chord, _short_key(local)))
        self._walk(local[order], offer[order], chord[order], minutes[order], remote=False)
        return self._key(local[~bound[near]], offer[~bound[near]])

    def _key(self, local: IntArray, offer: IntArray) -> IntArray:
        return local * len(self.tables.offers.participant) + offer

    def _walk(
        self,
        local: IntArray,
        offer: IntArray,
        chord_m: FloatArray,
        minutes: FloatArray,
        *,
        remote: bool,
    ) -> None:
        """Take pairs in the order given, by need, until each need has no more room."""
        if not len(local):
            return
        need = self.needs[local]
        refusal = _refusal(self.tables, need, offer, remote=remote)
        walked = ~holds(self.uncut, self._key(local, offer))
        taken = (refusal == ALLOWED) & walked
        before = np.cumsum(taken) - taken
        starts = np.flatnonzero(np.r_[True, local[1:] != local[:-1]])
        before -= np.repeat(before[starts], np.diff(np.r_[starts, len(local)]))
        refusal[walked & (before >= self.room[local])] = _COLUMN[NOT_AMONG_NEAREST]
        allowed = refusal == ALLOWED
        size = len(self.needs)
        keys = local[~allowed] * len(REASONS) + refusal[~allowed]
        self.counts += np.bincount(keys, minlength=self.counts.size).reshape(self.counts.shape)
        self.room -= np.bincount(local[allowed & walked], minlength=size)
        if remote:
            self.remote_left -= np.bincount(local, minlength=size)
        self.found.append(
            Found(
                need[allowed],
                offer[allowed],
                chord_m[allowed],
                minutes[allowed],
                np.full(int(allowed.sum()), remote),
            )
        )

    def remote(self) -> None:
        """Find the nearest of the pairs that may be remote and are not on site."""
        tables = self.tables
        giving = self.offers[tables.offers.mode[self.offers] != ON_SITE]
        self._remote_uncut(giving)
        placed = ~np.isnan(tables.offer_at[giving, 0])
        near, off_map = giving[placed], giving[~placed]
        at = ~np.isnan(tables.need_at[self.needs, 0])
        if len(near):
            tree = cKDTree(tables.offer_at[near])
            asking = np.flatnonzero(at & self._short())
            count = min(len(near), _FIRST_NEIGHBOURS)
            while len(asking):
                step = max(1, _PAIRS_AT_ONCE // count)
                for first in range(0, len(asking), step):
                    self._remote_nearest(tree, asking[first : first + step], near, count)
                if count == len(near):
                    break
                asking = asking[self._short()[asking]]
                count = min(len(near), 4 * count)
        self._remote_all(np.flatnonzero(at & self._short()), off_map)
        self._remote_all(np.flatnonzero(~at & self._short()), giving)
        self.counts[:, _COLUMN[NOT_AMONG_NEAREST]] += self.remote_left

    def _short(self) -> BoolArray:
        return (self.room > 0) & (self.remote_left > 0)

    def _remote_uncut(self, giving: IntArray) -> None:
        local, offer = np.divmod(self.uncut, len(self.tables.offers.participant))
        mine = (
            holds(giving, offer)
            & (self.tables.needs.mode[self.needs[local]] != ON_SITE)
            & ~holds(self.on_site_keys, self.uncut)
        )
        local, offer = local[mine], offer[mine]
        self._walk_remote(local, offer, self.tables.chord_m(self.needs[local], offer))

    def _remote_nearest(self, tree: cKDTree, asking: IntArray, near: IntArray, count: int) -> None:
        """Walk the `count` nearest offers, without those walked when fewer were asked for."""
        answer = tree.query(self.tables.need_at[self.needs[asking]], k=np.arange(1, count + 1))
        chord, offer = np.asarray(answer[0]), near[answer[1]]
        order = np.lexsort((_short_key(offer), chord), axis=-1)
        chord, offer = np.take_along_axis(chord, order, 1), np.take_along_axis(offer, order, 1)
        # Offers as far as the last one may be missing from the answer: they wait for the next.
        whole = (chord < chord[:, -1:]) | (count == len(near))
        fresh = whole & (np.arange(count) >= self.walked[asking][:, np.newaxis])
        self.walked[asking] = whole.sum(axis=1)
        local, offer = np.broadcast_to(asking[:, np.newaxis], offer.shape)[fresh], offer[fresh]
        self._walk_unseen(local, offer, chord[fresh])

    def _remote_all(self, asking: IntArray, giving: IntArray) -> None:
        """Walk all offers by row, where no distance puts them in order."""
        step = max(1, _PAIRS_AT_ONCE // max(1, len(giving)))
        for first in range(0, len(asking), step):
            local = np.repeat(asking[first : first + step], len(giving))
            offer = np.tile(giving, len(local) // max(1, len(giving)))
            self._walk_unseen(local, offer, np.full(len(local), np.inf))

    def _walk_unseen(self, local: IntArray, offer: IntArray, chord_m: FloatArray) -> None:
        keys = self._key(local, offer)
        unseen = ~(holds(self.on_site_keys, keys) | holds(self.uncut, keys))
        self._walk_remote(local[unseen], offer[unseen], chord_m[unseen])

    def _walk_remote(self, local: IntArray, offer: IntArray, chord_m: FloatArray) -> None:
        self._walk(local, offer, chord_m, np.full(len(local), np.nan), remote=True)
