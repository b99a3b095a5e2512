"""Repairs that were worked out, with what each changes, for whom, and whom to ask first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import WORKER, Action, Principal, authorise
from app.access.scoped import may_on, outside
from app.database import ReadSession, WriteSession
from app.errors import NotFound
from app.proposals import dependents
from app.proposals.dependents import Dependents
from app.proposals.queries import Full, find_proposals, get_proposal
from app.repairs.broken import SERVED, Broken, why_broken
from app.runs.diff import Change, Line, Support, people_in
from models.exchange import Need, Offer, Period
from models.matching import Proposal, Run
from models.register import Participant
from models.repairs import Repair
from solver.formats.plan import gap_of


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody to speak to, and why."""

    who: Participant
    why: str


@dataclass(frozen=True, slots=True)
class RepairView:
    """A repair as people look at it; `rank` counts from 1, the smallest first."""

    repair: Repair
    rank: int
    lines: Sequence[Line]
    """The pairing that broke first, then all others that end or come."""
    ends: Sequence[Full]
    broken: Full

    @property
    def points(self) -> int:
        """Points that the plan gains, beside what it had with the pairing that broke.

        What others that broke had is lost, whichever repair is taken.
        """
        lost = sum(each.proposal.total_points for each in self.ends if self._is_lost(each))
        return lost + sum(line.points for line in self.lines)

    @property
    def disturbed(self) -> int:
        """Other pairings that end, and could have been kept."""
        others = (each for each in self.ends if each is not self.broken)
        return sum(not self._is_lost(each) for each in others)

    def _is_lost(self, full: Full) -> bool:
        return full.proposal.id in self.repair.content["lost"]

    @property
    def people(self) -> int:
        return people_in(self.lines)

    @property
    def gap(self) -> float | None:
        """By what share of its points a plan of the area could be better, at most."""
        if self.repair.bound is None or self.repair.objective is None:
            return None
        return max(0.0, gap_of(int(self.repair.objective), self.repair.bound))

    @property
    def asks(self) -> list[Ask]:
        """Whom to speak to, in order: on the first one's word all the others depend."""
        found: dict[int, Ask] = {}

        def add(who: Participant, why: str) -> None:
            found.setdefault(who.id, Ask(who, why))

        for line in self.lines:
            if line.after:
                add(line.after.giver, f"Ask whether it can support {line.taker.name}.")
            if line.before and not line.after:
                add(line.taker, "Tell it that its support ends, and that nobody else is found yet.")
            elif line.before:
                add(line.taker, "Tell it that its support comes from elsewhere.")
            else:
                add(line.taker, "Tell it that support is found.")
            if line.before:
                add(line.before.giver, f"Tell it that its support for {line.taker.name} ends.")
        return list(found.values())


@dataclass(frozen=True, slots=True)
class Pairing:
    """A pairing that may need repair, what its change touches, and what to do about it."""

    broken: Broken
    period: Period
    touches: Dependents
    """All else that rests on the need, where that is what changed, and on the offer otherwise."""
    repairs: Sequence[RepairView]
    beyond: int
    """Repairs that change what the principal may not review."""


def pairing_of(
    session: ReadSession | WriteSession,
    principal: Principal,
    proposal_id: int,
    now: datetime | None = None,
) -> Pairing:
    """What is known of a pairing and of its repairs as they were worked out last."""
    full = get_proposal(session, principal, proposal_id)
    reasons = why_broken(session, full.proposal, full.need, full.offer, now)
    touches = _touched(session, principal, full, now)
    others = [each for each in touches.proposals if each.proposal.id != proposal_id]
    run = session.get_one(Run, full.proposal.run_id)
    return Pairing(
        Broken(full, reasons),
        session.get_one(Period, run.period_code),
        replace(touches, proposals=others),
        *repairs_of(session, principal, proposal_id),
    )


def _touched(
    session: ReadSession | WriteSession, principal: Principal, full: Full, now: datetime | None
) -> Dependents:
    """What rests on the need, where that is what changed, and on the offer otherwise.

    Who sees one side alone is told what rests on that.
    """
    sides = [
        (dependents.of_offer, full.offer.reference),
        (dependents.of_need, full.need.reference),
    ]
    if full.need.state not in SERVED:
        sides.reverse()
    try:
        of, reference = sides[0]
        return of(session, principal, reference, now)
    except NotFound:
        of, reference = sides[1]
        return of(session, principal, reference, now)


def repairs_of(
    session: Session, principal: Principal, proposal_id: int
) -> tuple[list[RepairView], int]:
    """The repairs of a pairing that were worked out last, as far as the principal may take them.

    Returns
    -------
    And how many more there are, that change what lies outside its area.
    """
    authorise(principal, Action.READ)
    get_proposal(session, principal, proposal_id)
    stored = session.scalars(
        select(Repair).where(Repair.proposal_id == proposal_id).order_by(Repair.id)
    ).all()
    newest = max((each.worked_out_at for each in stored), default=None)
    views = [
        view_of(session, each, rank)
        for rank, each in enumerate(
            (each for each in stored if each.worked_out_at == newest), start=1
        )
    ]
    mine = [each for each in views if may_take(session, principal, each)]
    return mine, len(views) - len(mine)


def may_take(session: Session, principal: Principal, view: RepairView) -> bool:
    """Whether the principal may review what a repair is of and ends, and a side of what comes."""
    reviews = Action.REVIEW
    known = (view.broken, *view.ends)
    if not all(may_on(session, principal, reviews, each.proposal) for each in known):
        return False
    sides = [{line.taker.id, line.after.giver.id} for line in view.lines if line.after]
    return all(outside(session, principal, reviews, both) != both for both in sides)


def view_of(session: Session, repair: Repair, rank: int = 1) -> RepairView:
    content = repair.content
    ids = {*content["ends"], repair.proposal_id}
    known = find_proposals(session, WORKER, Proposal.id.in_(ids))
    [broken] = [each for each in known if each.proposal.id == repair.proposal_id]
    ends = [each for each in known if each.proposal.id in content["ends"]]
    needs = _sides(session, Need, {row["need_id"] for row in content["proposes"]})
    offers = _sides(session, Offer, {row["offer_id"] for row in content["proposes"]})
    old: dict[int, list[Full]] = {}
    for each in ends:
        old.setdefault(each.need.id, []).append(each)
    new: dict[int, list[dict[str, Any]]] = {}
    for row in content["proposes"]:
        new.setdefault(row["need_id"], []).append(row)
    lines = []
    for need_id in sorted({*old, *new}, key=lambda each: (each != broken.need.id, each)):
        was, comes = old.get(need_id, []), new.get(need_id, [])
        for at in range(max(len(was), len(comes))):
            before = was[at] if at < len(was) else None
            row = comes[at] if at < len(comes) else None
            lines.append(_line(before, row, needs, offers))
    return RepairView(repair, rank, lines, ends, broken)


T = TypeVar("T", Need, Offer)


def _sides(
    session: Session, model: type[T], ids: Collection[int]
) -> dict[int, tuple[T, Participant]]:
    """Needs or offers of what comes, each with whose it is."""
    query = (
        select(model, Participant)
        .join(Participant, Participant.id == model.participant_id)
        .where(model.id.in_(ids))
    )
    return {item.id: (item, who) for item, who in session.execute(query)}


def _line(
    before: Full | None,
    row: dict[str, Any] | None,
    needs: Mapping[int, tuple[Need, Participant]],
    offers: Mapping[int, tuple[Offer, Participant]],
) -> Line:
    was = Support(before.proposal, before.offer, before.giver) if before else None
    comes = None
    if row is not None:
        # Never added to the session: what it will be, once the repair is taken.
        comes = Support(Proposal(**row), *offers[row["offer_id"]])
    if before is not None:
        need, taker = before.need, before.taker
        change = Change.CHANGED if comes else Change.UNMET
    elif row is not None:
        need, taker = needs[row["need_id"]]
        change = Change.NEW
    return Line(change, need.reference, need.expertise_code, taker, was, comes, None)
