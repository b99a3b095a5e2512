"""The rules of a pair asked again with the rows of today, and what is left of days and places."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import WORKER, Principal
from app.database import WriteSession, database_now
from app.errors import Conflict, Problem
from app.events import audit
from app.planning.capacity import Left, what_is_left
from app.planning.load import Loaded, PlannedNeed, PlannedOffer, first_call_on, load, planned
from app.planning.options import MatchOptions
from app.planning.pair_constraints import wishes_of
from app.planning.pair_tables import pair_tables, places_of
from app.planning.pots import left_of_pots
from app.planning.travel import apart_m
from app.proposals.states import APPROVED, ENDED
from app.register.water import estimated
from app.wording import pounds
from models.exchange import Need, Offer
from models.matching import Proposal, RuleException, Run
from models.vocabulary import HOLDING, NeedState, ProposalState, Side, days_text
from solver.pairing.findings import Finding, findings
from solver.pairing.pair_rule import Figures
from solver.pairing.pair_rules import PAIR_RULES, TOO_FAR
from solver.pairing.travel import MatrixTravelTimes, TravelTimes

SAME_PLACE_M: Final = 100
"""By how much a distance may differ for the minutes recorded with a proposal to count."""


class NotToBeSent(Conflict):
    """A proposal that rests on what nobody confirmed yet."""

    title = "The proposal is not ready to send"


class Spent(Conflict):
    """Days or places that are no longer there."""

    title = "The days or places are no longer free"


class RulesBroken(Conflict):
    """A pair that has come to break a rule since it was planned."""

    title = "The pair breaks a rule"


class NoException(Problem):
    status = 422
    title = "No exception is possible"


@dataclass(frozen=True, slots=True)
class PairToday:
    """What rules, days and places say of a proposal today."""

    findings: tuple[Finding, ...]
    lacking: tuple[str, ...]
    """What is no longer there of days and places, a sentence each."""
    to_confirm: tuple[str, ...]
    """Who must confirm what before anything of the pair can be sent."""
    exceptions: tuple[RuleException, ...]

    def exception(self, finding: Finding) -> RuleException | None:
        """The exception that lets a broken rule be, if its figures are still the same."""
        return next(
            (
                each
                for each in reversed(self.exceptions)
                if each.rule == finding.rule.name
                and _stated(each.figures) == _stated(finding.figures)
            ),
            None,
        )

    def broken(self) -> list[Finding]:
        """Rules that the pair breaks today without an exception; confirmations aside."""
        return [
            each
            for each in self.findings
            if not each.holds
            and each.rule.confirmed_by is None
            and (not each.may_be_excepted or self.exception(each) is None)
        ]

    def short_of(self, proposal: Proposal) -> str | None:
        """What is no longer there of a proposal's days and places; None if all is."""
        if not self.lacking:
            return None
        asked = days_text(proposal.half_days)
        return f"The proposal is for {asked}, but {', and '.join(self.lacking)}."

    def reasons(self, proposal: Proposal) -> list[str]:
        """Why a proposal cannot go on as it is: broken rules, and days or places that are gone."""
        short = self.short_of(proposal)
        return [each.sentence for each in self.broken()] + ([short] if short else [])


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What a page or an answer tells of one rule: when the proposal was made, and today."""

    rule: str
    sentence: str
    """What passed when it was planned; today's where that was not recorded."""
    value: float | None
    limit: float | None
    recorded: bool
    today: Finding | None
    """None where the proposal has ended or its period is over."""
    exception: RuleException | None = None

    @property
    def holds(self) -> bool | None:
        return None if self.today is None else self.today.holds

    @property
    def warning(self) -> str | None:
        """What to look after although the rule holds, as when a side is to close."""
        if self.today is None or not self.today.holds:
            return None
        return self.today.sentence if self.today.rule.warns(self.today.figures) else None


def rule_results(proposal: Proposal, today: PairToday | None) -> list[RuleResult]:
    """Every rule of a pair with the figures kept when it was planned, and what it says today."""
    found = {} if today is None else {each.rule.name: each for each in today.findings}
    recorded = proposal.rule_figures or {}
    results = []
    for rule in PAIR_RULES:
        now = found.get(rule.name)
        figures = recorded.get(rule.name)
        if figures is not None:
            sentence = rule.passed(figures)
        elif now is not None:
            sentence, figures = now.sentence, now.figures
        else:
            continue
        exception = today.exception(now) if today and now and not now.holds else None
        results.append(
            RuleResult(
                rule.name,
                sentence,
                *rule.measure(figures),
                rule.name in recorded,
                now,
                exception,
            )
        )
    return results


def pair_today(
    session: Session, proposal: Proposal, need: Need, offer: Offer, now: datetime
) -> PairToday:
    """Ask every rule of a proposal's pair, and count days and places, with the rows of today.

    Raises
    ------
    Conflict
        If the period of its run is over.
    """
    loaded, open_need = loaded_pair(session, proposal, need, offer, now)
    options = options_of_pair(session.get_one(Run, proposal.run_id), need, offer)
    left = what_is_left(loaded, options)
    wishes = wishes_of(loaded, options, places_of(loaded))
    tables = pair_tables(loaded, options, left, wishes, _travel(loaded, proposal, need, offer))
    rows = (
        next(at for at, each in enumerate(loaded.needs) if each.id == need.id),
        next(at for at, each in enumerate(loaded.offers) if each.id == offer.id),
    )
    found = findings(tables, *rows, remote=proposal.remote)
    names = {row.id: row.name for row in loaded.participants}
    sides = {
        Side.TAKER: (names[need.participant_id], need.reference),
        Side.GIVER: (names[offer.participant_id], offer.reference),
    }
    return PairToday(
        found,
        tuple(_lacking(loaded, left, proposal, need, offer, rows, open_need=open_need)),
        tuple(
            each.rule.to_confirm(*sides[each.rule.confirmed_by])
            for each in found
            if not each.holds and each.rule.confirmed_by is not None
        ),
        tuple(exceptions_of(session, proposal.id)),
    )


def pair_today_if_any(
    session: Session, proposal: Proposal, need: Need, offer: Offer, now: datetime | None = None
) -> PairToday | None:
    """As `pair_today`; None for a proposal that has ended, or whose period is over."""
    if proposal.state in ENDED:
        return None
    try:
        return pair_today(session, proposal, need, offer, now or database_now(session))
    except Conflict:
        return None


def check_pair(
    session: WriteSession,
    proposal: Proposal,
    need: Need,
    offer: Offer,
    now: datetime,
    *,
    confirmed_only: bool = False,
) -> None:
    """Refuse what rules, days and places no longer allow, with both sides locked.

    Raises
    ------
    NotToBeSent
        If a side has something to confirm first; with `confirmed_only` nothing else is checked.
    Spent
        If days or places are held or used by others.
    RulesBroken
        If a rule of a pair refuses it and no exception was made.
    """
    today = pair_today(session, proposal, need, offer, now)
    if today.to_confirm:
        missing = "; ".join(today.to_confirm)
        raise NotToBeSent(f"{missing}. Until then, the proposal cannot be sent or agreed")
    if confirmed_only:
        return
    if short := today.short_of(proposal):
        raise Spent(short)
    if broken := today.broken():
        sentences = " ".join(each.sentence for each in broken)
        if all(each.may_be_excepted for each in broken):
            next_step = "Decline the proposal, or ask an approver to allow an exception."
        else:
            next_step = "Decline the proposal, or correct the need or the offer."
        raise RulesBroken(f"{sentences} {next_step}")


def exceptions_of(session: Session, proposal_id: int) -> Sequence[RuleException]:
    query = select(RuleException).where(RuleException.proposal_id == proposal_id)
    return session.scalars(query.order_by(RuleException.id)).all()


def allow_exception(
    session: WriteSession,
    principal: Principal,
    proposal: Proposal,
    need: Need,
    offer: Offer,
    rule: str,
    reason: str,
    now: datetime,
) -> RuleException:
    """Let a locked proposal go on although its pair breaks a rule today, and record why.

    The same again changes nothing.

    Raises
    ------
    NoException
        If there is no such rule, it holds, or nobody may let it be broken.
    Conflict
        If the proposal has ended.
    """
    if proposal.state in ENDED:
        state = ProposalState(proposal.state).replace("_", " ")
        raise Conflict(f"proposal {proposal.id} is {state}: no exception is needed")
    today = pair_today(session, proposal, need, offer, now)
    finding = next((each for each in today.findings if each.rule.name == rule), None)
    possible = ", ".join(each.name for each in PAIR_RULES if each.exceptions)
    if finding is None or not finding.rule.exceptions:
        raise NoException(f"no exception from {rule!r} is possible; there can be from {possible}")
    if finding.holds:
        raise NoException(f"the pair keeps the rule {rule!r}: {finding.sentence}")
    if not finding.may_be_excepted:
        raise NoException(f"{finding.sentence} No exception from this is possible")
    if (known := today.exception(finding)) is not None:
        return known
    made = RuleException(
        proposal_id=proposal.id,
        rule=rule,
        figures=dict(finding.figures),
        reason=reason,
        author=principal.name,
        at=now,
    )
    session.add(made)
    proposal.version += 1
    session.flush()
    audit.record(
        session,
        actor=principal.name,
        action="proposal.exception",
        subject=f"proposal:{proposal.id}",
        of=made,
        rule=rule,
    )
    return made


def _stated(figures: Figures) -> dict[str, Any]:
    """Without what is blank: exceptions stay although rules have come to look at more."""
    return {name: value for name, value in figures.items() if value is not None}


def loaded_pair(
    session: Session, proposal: Proposal, need: Need, offer: Offer, now: datetime
) -> tuple[Loaded, bool]:
    """What a run of the two sides alone would look at; and whether it would plan the need."""
    run = session.get_one(Run, proposal.run_id)
    loaded = load(
        session,
        WORKER,
        {need.participant_id},
        run.period_code,
        now.date(),
        now=now,
        only={offer.participant_id, need.participant_id},
        besides=proposal.id,
    )
    open_need = any(each.id == need.id for each in loaded.needs)
    offered = any(each.id == offer.id for each in loaded.offers)
    pair = (need.id, offer.id)
    return (
        replace(
            loaded,
            needs=loaded.needs if open_need else [*loaded.needs, planned(PlannedNeed, need)],
            # The rules say themselves what keeps an offer from being given.
            offers=loaded.offers
            if offered
            else [*loaded.offers, first_call_on(now.date(), planned(PlannedOffer, offer))],
            steering=[each for each in loaded.steering if (each.need_id, each.offer_id) == pair],
        ),
        open_need,
    )


def options_of_pair(run: Run, need: Need, offer: Offer) -> MatchOptions:
    """The run's, for this pair alone; nothing that is only suggested can be decided on."""
    options = MatchOptions.model_validate(run.options)
    own = f"{need.reference}={offer.reference}"
    pins = tuple(pair for pair in options.pins if pair == own)
    return options.model_copy(update={"pins": pins, "exclusions": (), "include_suggestions": False})


def _travel(loaded: Loaded, proposal: Proposal, need: Need, offer: Offer) -> TravelTimes:
    """The minutes recorded with the proposal while both sides are where they were, else estimated.

    A router is not asked within a transaction.
    """
    recorded: dict[str, Any] = (proposal.rule_figures or {}).get(TOO_FAR.name, {})
    minutes = recorded.get("minutes")
    if minutes is None or proposal.distance_m is None:
        return estimated()
    place = places_of(loaded)
    giver, taker = place[offer.participant_id], place[need.participant_id]
    rows = loaded.participants
    here, there = rows[giver], rows[taker]
    metres = apart_m(here.latitude, here.longitude, there.latitude, there.longitude)
    if not abs(metres - proposal.distance_m) <= SAME_PLACE_M:
        return estimated()
    return MatrixTravelTimes.of_pairs(
        [row.reference for row in rows], np.array([giver]), np.array([taker]), np.array([minutes])
    )


def _lacking(
    loaded: Loaded,
    left: Left,
    proposal: Proposal,
    need: Need,
    offer: Offer,
    rows: tuple[int, int],
    *,
    open_need: bool,
) -> list[str]:
    """What running support and every other hold leave too little of."""
    if not open_need and not (
        proposal.state in APPROVED and need.state in (NeedState.MATCHED, NeedState.MET)
    ):
        return [
            f"need {need.reference} no longer needs support: "
            "it is met, closed or withdrawn, or another proposal holds it"
        ]
    of_need, of_offer = rows
    place = places_of(loaded)
    giver, taker = place[offer.participant_id], place[need.participant_id]
    giver_name, taker_name = (loaded.participants[at].name for at in (giver, taker))
    asked = proposal.half_days
    days = [
        (left.need_half_days[of_need], f"need {need.reference} asks for"),
        (left.offer_half_days[of_offer], f"offer {offer.reference} has left"),
        (left.give_limit[giver], f"{giver_name} can still give"),
    ]
    places = [
        (
            left.offer_pairings[of_offer],
            f"offer {offer.reference} serves as many schools as it can at a time",
        ),
        (left.max_given[giver], f"{giver_name} supports as many schools as it can at a time"),
        (
            left.max_taken[taker],
            f"{taker_name} has as many supporting organisations as it can at a time",
        ),
    ]
    short_of_money = _lacking_money(loaded, proposal, need)
    short = [f"{what} {days_text(free)}" for free, what in days if free < asked]
    short += [what for free, what in places if free < 1]
    if asked < need.half_days_min:
        short.append(f"need {need.reference} now needs at least {days_text(need.half_days_min)}")
    return short + short_of_money


def _lacking_money(loaded: Loaded, proposal: Proposal, need: Need) -> list[str]:
    """What the pot that pays has too little of; what is committed already is there."""
    pot = loaded.pots.get(need.pot_reference or "")
    if pot is None or proposal.state in HOLDING:
        return []
    if not pot.open:
        return [f"pot {pot.reference} is closed"]
    cost, left = pot.half_day_pence * proposal.half_days, left_of_pots(loaded)[pot.reference]
    if cost <= left:
        return []
    return [f"pot {pot.reference} has {pounds(left)} left, and they cost {pounds(cost)}"]
