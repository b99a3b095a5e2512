"""Answers to many proposals at once: all are saved or none, and every faulty row is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.access.policy import AGREES_FOR, Action, Principal, authorise, may
from app.consent.answers import record_release
from app.consent.talks import record_talk
from app.database import Database, WriteSession
from app.errors import Problem
from app.proposals import agreements
from app.proposals.decisions import NOTHING_SAID, Said
from app.proposals.heard import Heard
from app.wording import counted, sentence
from models.vocabulary import DeclineReason, Party, Reply, Says, Side

MOST_ANSWERS: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    proposal_id: int
    party: Party
    says: Reply
    heard: Heard
    reason: DeclineReason | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    row: Row
    agreement_id: int | None
    """Its record; none where somebody wants to talk first, or released a person."""


class FaultyAnswers(Problem):
    """Some answers that cannot be saved, so that none was; each by its place, from 0."""

    status = 422
    title = "No answer was saved"

    def __init__(self, faults: Sequence[tuple[int, int, str]]) -> None:
        listed = " ".join(f"Proposal {number}: {sentence(why)}" for _, number, why in faults)
        super().__init__(
            f"{counted(len(faults), 'answer')} cannot be saved. No changes were made. {listed}"
        )
        self.faults = tuple(faults)

    @property
    def extra(self) -> dict[str, Any]:
        return {
            "errors": [
                {"detail": why, "pointer": f"#/answers/{place}"} for place, _, why in self.faults
            ]
        }


def rehearse(
    database: Database,
    principal: Principal,
    rows: Sequence[Row],
    *,
    hold_days: int,
    now: datetime,
) -> None:
    """Try each answer by itself, keep nothing, and name all that cannot be saved."""
    faults = []
    for place, row in enumerate(rows):
        same = [n for n, other in enumerate(rows[:place]) if _of(other) == _of(row)]
        if same:
            why = f"answer {same[0] + 1} is of the same side of the same proposal. Send one"
            faults.append((place, row.proposal_id, why))
            continue
        try:
            with database.rehearse() as session:
                _save(session, principal, row, hold_days=hold_days, now=now)
        except Problem as problem:
            faults.append((place, row.proposal_id, problem.detail))
    if faults:
        raise FaultyAnswers(faults)


def save(
    session: WriteSession,
    principal: Principal,
    rows: Sequence[Row],
    *,
    hold_days: int,
    now: datetime,
) -> list[Saved]:
    """Save all of them; raises `FaultyAnswers` for the first that cannot be beside the others."""
    if not any(may(principal, action) for action in AGREES_FOR.values()):
        authorise(principal, Action.AGREE_FOR_TAKER)
    saved = []
    # One order of proposals for all, so that no two who send many wait for each other.
    for place in sorted(range(len(rows)), key=lambda each: rows[each].proposal_id):
        row = rows[place]
        try:
            saved.append(_save(session, principal, row, hold_days=hold_days, now=now))
        except Problem as problem:
            raise FaultyAnswers([(place, row.proposal_id, problem.detail)]) from problem
    return saved


def _of(row: Row) -> tuple[int, Party]:
    return row.proposal_id, row.party


def _save(
    session: WriteSession, principal: Principal, row: Row, *, hold_days: int, now: datetime
) -> Saved:
    given: dict[str, Any] = {"hold_days": hold_days, "now": now}
    if row.party is Party.HOME_HEAD:
        record_release(session, principal, row.proposal_id, row.says, row.heard, row.note, **given)
        return Saved(row, None)
    side = Side(row.party.value)
    if row.says is Reply.TALK_FIRST:
        record_talk(session, principal, row.proposal_id, side, row.heard, row.note, **given)
        return Saved(row, None)
    said = Said(row.reason, row.note) if row.reason or row.note else NOTHING_SAID
    made = agreements.agree(
        session,
        principal,
        row.proposal_id,
        side,
        Says(row.says.value),
        row.heard,
        said,
        **given,
    )
    return Saved(row, made.id)
