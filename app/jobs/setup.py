"""A worker as the settings want it."""

from functools import partial

from app.database import Database
from app.jobs.child import run_in_child
from app.jobs.worker import LEASE_S, Worker
from app.proposals.agreements import void_changed
from app.proposals.succession import keep_up
from app.settings import Settings


def make_worker(database: Database, settings: Settings, *, at_once: int) -> Worker:
    return Worker(
        database,
        partial(
            run_in_child,
            database,
            lease_s=LEASE_S,
            travel_source=settings.travel_times,
            stage_s=settings.stage_minutes * 60.0,
        ),
        partial(_keep_house, database, settings),
        at_once=at_once,
    )


def _keep_house(database: Database, settings: Settings) -> None:
    void_changed(database, settings.hold_days)
    keep_up(database, settings.travel_times)
