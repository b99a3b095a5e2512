"""A made-up exchange with every kind of edge of the support graph, drawn by a seed."""

from datetime import date, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy.orm import Session

from models.matching import Proposal, Run
from models.register import Area, NetworkMembership, Participant, Succession
from tests import rows

DAY: Final = date(2026, 11, 2)
STATES: Final = ("active", "active", "active", "paused", "ended", "stopped")
PROPOSED: Final = ("proposed", "preferred", "approved", "declined", "lapsed", "replaced")


def fill(session: Session, seed: int, schools: int = 24) -> list[Participant]:
    """Some schools in two areas with groups, networks, support, proposals and interests."""
    draw = Random(seed)
    rows.add_calendar(session)
    rows.add(session, Area(kind="region", code="Z", name="Made-up Region"))
    there = {"kind": "local_authority", "code": "998", "region_code": "Z"}
    rows.add(session, Area(name="Elsewhere", **there))
    people = [
        rows.add_school(
            session,
            100_000 + number,
            number * 1.5,
            local_authority_code=draw.choice(("998", "999")),
            in_scope=draw.random() < 0.9,
        )
        for number in range(schools)
    ]
    people += [rows.add_hub(session, f"hub-{number}") for number in range(2)]
    session.flush()
    for uid in (71, 72):
        group = rows.add_group(session, uid, "multi_academy_trust", draw.sample(people[:-2], 3))
        group.reference = f"TR000{uid}"
    network = rows.add_network(session, "family", draw.sample(people[:-2], 3))
    over = {"starts": date(2020, 9, 1), "ends": date(2025, 8, 31)}
    rows.add(session, NetworkMembership(network_id=network.id, participant_id=people[0].id, **over))
    link = {"kind": "Successor", "effective": date(2024, 9, 1)}
    rows.add(session, Succession(predecessor_urn=100_001, successor_urn=100_002, **link))
    for number in range(schools):
        giver, taker = draw.sample(people, 2)
        if not taker.reference.startswith("urn:"):
            continue
        starts = DAY + timedelta(days=draw.randint(-400, 60))
        rows.add_support(
            session,
            f"s-{number}",
            taker,
            None if draw.random() < 0.1 else giver,
            state=draw.choice(STATES),
            half_days=draw.randint(1, 12),
            period_code=draw.choice((rows.YEAR, rows.TERM, None)),
            starts=starts,
            ends=starts + timedelta(days=draw.randint(30, 500)) if draw.random() < 0.8 else None,
            agency="made up" if draw.random() < 0.2 else None,
        )
    _propose(session, draw, people)
    for number in range(4):
        holder, about = draw.sample(people, 2)
        rows.add_interest(session, f"i-{number}", holder, about)
    return people


def _propose(session: Session, draw: Random, people: list[Participant]) -> None:
    scope = {"kind": "country", "code": "E92000001", "name": "England"}
    made = {"options": {}, "state": "failed", "actor": "x", "created_at": rows.NOW}
    run = rows.add(session, Run(period_code=rows.YEAR, scope=scope, **made))
    figures: dict[str, Any] = {"points": 1, "components": [], "ladder": "region", "remote": False}
    for number in range(10):
        giver, taker = draw.sample(people, 2)
        if not taker.reference.startswith("urn:"):
            continue
        need = rows.add_need(session, f"n-{number}", taker)
        offer = rows.add_offer(session, f"o-{number}", giver, max_pairings=1)
        pair = {"run_id": run.id, "need_id": need.id, "offer_id": offer.id, "sendable": True}
        state = draw.choice(PROPOSED)
        rows.add(session, Proposal(**pair, **figures, half_days=4, state=state))
    for who in draw.sample(people, 5):
        rows.add_limits(session, who, give_half_days=draw.randint(0, 8), max_given=1)
