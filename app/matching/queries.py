"""Runs and proposals as they were stored."""

import gzip
import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from app.access.policy import Action, Principal, authorise
from app.problems import NotFound
from models.exchange import Need, Offer
from models.matching import Proposal, Run
from solver.plan import Plan
from solver.problem import Problem


def get_run(session: Session, principal: Principal, run_id: int) -> Run:
    authorise(principal, Action.READ)
    run = session.get(Run, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    return run


def problem_of(session: Session, principal: Principal, run_id: int) -> Problem:
    """The exact problem of a run; solving it again with its options gives its plan again."""
    authorise(principal, Action.READ)
    content = session.scalar(select(Run).where(Run.id == run_id).options(undefer(Run.problem)))
    if content is None or content.problem is None:
        raise NotFound(f"there is no problem of a run {run_id}")
    return Problem.from_json(_decode(content.problem))


def plan_of(session: Session, principal: Principal, run_id: int) -> Plan:
    authorise(principal, Action.READ)
    run = session.scalar(select(Run).where(Run.id == run_id).options(undefer(Run.plan)))
    if run is None or run.plan is None:
        raise NotFound(f"run {run_id} has no plan")
    return Plan.from_json(_decode(run.plan))


def _decode(content: bytes) -> Any:
    return json.loads(gzip.decompress(content))


def proposals(
    session: Session, principal: Principal, run_id: int
) -> list[tuple[Proposal, Need, Offer]]:
    """Every proposal of a run with its need and offer, the most points first."""
    authorise(principal, Action.READ)
    query = (
        select(Proposal, Need, Offer)
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .where(Proposal.run_id == run_id)
        .order_by(Proposal.points.desc(), Proposal.id)
    )
    return [(proposal, need, offer) for proposal, need, offer in session.execute(query)]
