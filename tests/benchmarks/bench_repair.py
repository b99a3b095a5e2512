"""A supporter drops out of a made-up county: its repairs beside planning the county freely again.

The county of `givetake demo` is planned once. Then used offers are withdrawn, each alone, in a copy
of it: `REPAIR_OFFERS` of them (3), each free plan in `REPAIR_SECONDS` (40).
"""

import os
import shutil
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from app.access.policy import TERMINAL
from app.database import Database
from app.demo.county_exchange import PERIOD, write_county
from app.demo.service import take_in
from app.exchange.service import withdraw_offer
from app.migrate import migrate
from app.planning.options import MatchOptions
from app.proposals.list_query import ProposalQuery
from app.proposals.queries import list_proposals
from app.repairs.queries import RepairView, repairs_of
from app.repairs.work_out import work_out
from app.runs import queries, service

SEED = 1
OFFERS = int(os.environ.get("REPAIR_OFFERS", "3"))
SECONDS = float(os.environ.get("REPAIR_SECONDS", "40"))
OPTIONS = MatchOptions(as_of=PERIOD.starts, seed=SEED, gap=0.001, time_limit_s=SECONDS)


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        county = write_county(folder, SEED)
        planned = folder / "planned.sqlite3"
        with Database(f"sqlite:///{planned}") as database:
            migrate(database)
            take_in(database, TERMINAL, folder)
            match(database, county.local_authority, OPTIONS)
            with database.read() as session:
                pairings = list_proposals(session, TERMINAL, ProposalQuery(run=1), limit=None)
                used = [(each.proposal.id, each.offer.reference) for each in pairings]
        found = []
        for proposal_id, offer in Random(SEED).sample(used, OFFERS):
            copy = folder / f"{proposal_id}.sqlite3"
            shutil.copy(planned, copy)
            with Database(f"sqlite:///{copy}") as database:
                found.append(repaired(database, proposal_id, offer, county.local_authority))
    return {
        "pairings": len(used),
        "offers": found,
        "most_seconds": max(each["seconds"] for each in found),
        "most_disturbed": max(each["best"]["disturbed"] for each in found),
        "least_share_of_free": min(each["best"]["share_of_free"] for each in found),
    }


def repaired(database: Database, proposal_id: int, offer: str, area: str) -> dict[str, Any]:
    """Figures of every repair, and of the best of those that disturb at most three others."""
    with database.write() as session:
        withdraw_offer(session, TERMINAL, offer)
    started = time.perf_counter()
    work_out(database, TERMINAL, proposal_id, None)
    seconds = time.perf_counter() - started
    with database.read() as session:
        views, _ = repairs_of(session, TERMINAL, proposal_id)
    free = match(database, area, OPTIONS.model_copy(update={"change_price": 0}))
    repairs = [figures(each, free) for each in views]
    best = max((each for each in repairs if each["disturbed"] <= 3), key=lambda one: one["points"])
    return {"seconds": round(seconds, 2), "free_points": free, "repairs": repairs, "best": best}


def figures(view: RepairView, free: int) -> dict[str, Any]:
    assert view.repair.objective is not None
    points = int(view.repair.objective) + OPTIONS.change_price * view.disturbed
    return {
        "size": str(view.repair.size),
        "disturbed": view.disturbed,
        "points": points,
        "share_of_free": round(points / free, 5),
        "gap": view.gap,
    }


def match(database: Database, area: str, options: MatchOptions) -> int:
    """Plan the county; its points."""
    with database.read() as session:
        takers = service.takers_in(session, TERMINAL, area, PERIOD.starts)
    run_id = service.match(database, TERMINAL, takers, PERIOD.code, options)
    with database.read() as session:
        objective = queries.get_run(session, TERMINAL, run_id).objective
    assert objective is not None
    return int(objective)
