"""Candidates of the whole country against a plain scan, need by need.

Needs and offers are drawn. Positions are those of the national register where it is at hand, else
as many made-up ones, uniform over a box the size of England.
"""

import csv
import multiprocessing
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from app.register.water import known_water
from models.vocabulary import Mode
from solver.arrays import FloatArray, IntArray
from solver.pairing.candidates import find_candidates
from solver.pairing.columns import (
    STAYS_OPEN,
    NeedColumns,
    OfferColumns,
    ParticipantColumns,
    Taxonomy,
    encode,
    memberships,
)
from solver.pairing.geography import distance_m, to_wgs84
from solver.pairing.pairs import PairTables
from solver.pairing.places import Places

INSTITUTIONS = 24_518
LIMIT_M = 30_000.0
NEIGHBOURS = 30
ROOT = Path(__file__).parents[2]


def positions() -> tuple[str, FloatArray, FloatArray]:
    folder = Path(os.environ.get("GIVETAKE_SHARED_DATA", ROOT.parent / "shared" / "data"))
    register = folder / "gias" / "edubasealldata.csv"
    if register.exists():
        with register.open(encoding="cp1252", newline="") as file:
            grid = [(row["Easting"], row["Northing"]) for row in csv.DictReader(file)]
        east, north = np.array([[float(cell or "nan") for cell in row] for row in grid]).T
        return "national register", *to_wgs84(east, north)
    random = np.random.default_rng(2026)
    lat, lon = random.uniform(50.5, 55.0, INSTITUTIONS), random.uniform(-4.0, 1.0, INSTITUTIONS)
    return "made up, uniform", lat, lon


def draw(
    lat: FloatArray,
    lon: FloatArray,
    *,
    needs: int,
    offers: int,
    parent: IntArray,
    mode: Mode,
    seed: int = 7,
) -> tuple[Taxonomy, ParticipantColumns, NeedColumns, OfferColumns]:
    """Drawn needs and offers; a tenth of the givers serve only their own area."""
    random, people = np.random.default_rng(seed), len(lat)
    area = random.integers(0, 150, people)
    serves = np.flatnonzero(random.random(people) < 0.1)

    def rows(count: int) -> dict[str, Any]:
        return {
            "participant": random.integers(0, people, count),
            "expertise": random.integers(0, len(parent), count),
            "mode": np.repeat(encode(Mode, [mode]), count),
            "limit_m": np.full(count, np.nan),
            "limit_minutes": np.full(count, np.nan),
            "window_starts": np.zeros(count, np.int64),
            "window_ends": np.full(count, 365),
        }

    return (
        Taxonomy(parent),
        ParticipantColumns(
            places=Places(
                tuple(map(str, range(people))), lat, lon, random.integers(0, 2, people, np.int8)
            ),
            phases=random.choice(np.array([2, 4], np.uint8), people),
            local_authority=area,
            region=150 + area // 17,
            district=np.full(people, -1),
            may_give=random.random(people) < 0.98,
            may_take=np.full(people, True),
            last_day=np.full(people, STAYS_OPEN),
            give_limit=np.full(people, 40),
            designated=random.random(people) < 0.01,
            groups=memberships(np.arange(people), random.integers(0, 4000, people), (people, 4000)),
            networks=memberships(np.arange(people), random.integers(0, 900, people), (people, 900)),
            serves=sparse.csr_array(memberships(serves, area[serves], (people, 160))),
        ),
        NeedColumns(
            half_days_min=random.integers(1, 5, needs),
            priority=random.integers(1, 6, needs),
            suggested=np.zeros(needs, np.bool_),
            **rows(needs),
        ),
        OfferColumns(
            half_days=random.integers(4, 20, offers),
            quality=random.integers(0, 6, offers),
            availability=np.zeros(offers, np.int8),
            phases=np.zeros(offers, np.uint8),
            **rows(offers),
        ),
    )


def plain_scan(
    participants: ParticipantColumns, needs: NeedColumns, offers: OfferColumns, sample: IntArray
) -> list[Any]:
    """Offers of each sampled need of the very same expertise on site, nearest first: the baseline.

    What one writes first: for every need, all offers of its expertise with their distance. Those
    of its own group or networks come beside the nearest.
    """
    places, found = participants.places, []
    belongs = sparse.csr_array(sparse.hstack([participants.groups, participants.networks]))
    serving = np.diff(participants.serves.indptr) > 0
    for need in sample:
        taker = needs.participant[need]
        offer = np.flatnonzero(offers.expertise == needs.expertise[need])
        giver = offers.participant[offer]
        apart = distance_m(
            places.lat[giver], places.lon[giver], places.lat[taker], places.lon[taker]
        )
        allowed = (apart <= LIMIT_M) & participants.may_give[giver] & (giver != taker)
        allowed &= offers.half_days[offer] >= needs.half_days_min[need]
        area = participants.local_authority
        allowed &= ~serving[giver] | (area[giver] == area[taker])
        shared = (belongs[giver] @ belongs[[taker]].T).toarray().ravel()
        order = np.flatnonzero(allowed)[np.argsort(apart[allowed], kind="stable")]
        own = shared[order]
        found.append(offer[order][own | (np.cumsum(~own) <= NEIGHBOURS)])
    return found


def measure(
    mode: Mode = Mode.ON_SITE,
    *,
    tree: bool = False,
    needs: int = 64_000,
    offers: int = 44_000,
    sampled: int = 400,
) -> dict[str, Any]:
    """One draw: figures of the search, and of the baseline on a sample, extrapolated."""
    source, lat, lon = positions()
    parent = np.full(40, -1)
    if tree:
        parent[8:] = np.arange(32) % 8
    taxonomy, *drawn = draw(lat, lon, needs=needs, offers=offers, parent=parent, mode=mode)
    started, worked = time.perf_counter(), time.process_time()
    tables = PairTables.of(taxonomy, *drawn, default_limit_m=LIMIT_M)
    found, refused = find_candidates(tables, NEIGHBOURS)
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    result = {
        "positions": source,
        "seconds": round(seconds, 2),
        "processor_seconds": round(worked, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "candidates": len(found),
        "refused": {reason.name: count for reason, count in refused.total().items()},
    }
    if mode == Mode.ON_SITE and not tree:
        result |= round_water(taxonomy, drawn, worked)
        sample = np.linspace(0, needs - 1, sampled).astype(np.int64)
        started = time.perf_counter()
        plain = plain_scan(*drawn, sample)
        scan = (time.perf_counter() - started) * needs / sampled
        result |= {"baseline_seconds": round(scan, 1), "times_faster": round(scan / seconds, 1)}
        starts = np.searchsorted(found.need, [sample, sample + 1])
        ours = [found.offer[first:last] for first, last in starts.T]
        result["as_the_baseline"] = all(map(np.array_equal, ours, plain))
    return result


def round_water(taxonomy: Taxonomy, drawn: list[Any], dry_seconds: float) -> dict[str, Any]:
    """The same again round the packaged waters, and how many times the processor time it takes."""
    water = known_water()
    started, worked = time.perf_counter(), time.process_time()
    tables = PairTables.of(taxonomy, *drawn, water=water, default_limit_m=LIMIT_M)
    found, _ = find_candidates(tables, NEIGHBOURS)
    worked = time.process_time() - worked
    return {
        "round_water_seconds": round(time.perf_counter() - started, 2),
        "round_water_processor_seconds": round(worked, 2),
        "round_water_candidates": len(found),
        "round_water_by_a_crossing": int((found.by != "").sum()),
        "round_water_times_as_long": round(worked / dry_seconds, 2),
    }


def run() -> dict[str, Any]:
    """Each draw in a process of its own, so that peak memory is its own."""
    spawn = multiprocessing.get_context("spawn")
    results = {}
    for name, given in (
        ("on_site", {}),
        ("either_mode", {"mode": Mode.EITHER}),
        ("in_a_tree", {"tree": True}),
    ):
        with ProcessPoolExecutor(1, mp_context=spawn) as child:
            results[name] = child.submit(measure, **given).result()
    return results
