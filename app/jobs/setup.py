"""A worker as the settings want it."""

from functools import partial

import structlog

from app.access.secret import signing_secret
from app.batches.schedules import start_due
from app.batches.service import advance_all
from app.consent.clocks import keep_clocks
from app.consent.letters import Letters
from app.database import Database, clock_ahead_s, clocks_agree
from app.jobs.child import run_in_child
from app.jobs.worker import LEASE_S, Worker
from app.mail.outbox import Postman
from app.mail.ports import port_of
from app.proposals.agreements import void_changed
from app.proposals.succession import keep_up
from app.settings import USUAL_ADDRESS, Settings
from app.webhooks.delivery import Courier

log = structlog.get_logger()


def make_worker(
    database: Database, settings: Settings, *, at_once: int, here: str | None = None
) -> Worker:
    """A worker whose links begin with the public address, else with `here`, where this listens."""
    address = settings.public_url or here or USUAL_ADDRESS
    return Worker(
        database,
        partial(
            run_in_child,
            database,
            lease_s=LEASE_S,
            travel_source=settings.travel_times,
            stage_s=settings.stage_minutes * 60.0,
            solve_s=settings.run_minutes * 60.0,
        ),
        partial(_keep_house, database, settings),
        Courier(
            database,
            partial(signing_secret, settings),
            address,
            settings.webhook_networks,
        ),
        partial(_bring_on, database, settings),
        Postman(
            database,
            port_of(settings),
            Letters(partial(signing_secret, settings), address),
        ),
        at_once=at_once,
    )


def _bring_on(database: Database, settings: Settings) -> None:
    start_due(database, settings)
    advance_all(database, settings.travel_times)


def _keep_house(database: Database, settings: Settings) -> None:
    with database.read() as session:
        ahead_s = clock_ahead_s(session)
    agree = clocks_agree(ahead_s)
    if not agree:
        log.warning("worker.clock_differs", ahead_s=round(ahead_s))
    void_changed(database, settings.hold_days)
    if agree:
        keep_clocks(database, settings.remind_hours, settings.remind_again_hours)
    keep_up(database, settings.travel_times, expire=agree)
