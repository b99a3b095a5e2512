"""What was proposed: runs with their exact problem and plan, proposals and what people decided."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import BOUND_IF_SET, FREE_TEXT, UNBOUND, Base
from models.vocabulary import (
    ENDED_PROPOSALS,
    ApprovedBy,
    Channel,
    DecisionAction,
    DeclineReason,
    FlagOutcome,
    Operation,
    ProposalState,
    RunState,
    Says,
    Side,
    SidesIn,
    SteeringKind,
)


def _one_until(end: str, name: str, *columns: str) -> Index:
    """Of what has not come to its end, one only for the same columns."""
    stands = text(f"{end} is null")
    return Index(name, *columns, unique=True, sqlite_where=stands, postgresql_where=stands)


def _one_open(name: str, *columns: str) -> Index:
    """Of proposals that have not ended, one only for the same columns."""
    is_open = text(f"state not in {tuple(sorted(s.value for s in ENDED_PROPOSALS))}")
    return Index(name, *columns, unique=True, sqlite_where=is_open, postgresql_where=is_open)


class Run(Base):
    """One matching of one period; whoever holds its lease works on it.

    `attempt` is the fencing token: what an earlier attempt still tries to write is refused.
    """

    __tablename__ = "run"
    __table_args__ = (
        CheckConstraint(f"state in {tuple(s.value for s in RunState)}", name="state"),
        CheckConstraint(f"operation in {tuple(o.value for o in Operation)}", name="operation"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    operation: Mapped[str] = mapped_column(String(10), default=Operation.SOLVE)
    period_code: Mapped[str] = mapped_column(ForeignKey("period.code"))
    scope: Mapped[dict[str, Any]]
    """Which takers: `{"kind": "local_authority", "code": "886", "name": "Kent"}` and the like;
    a list of takers names them under `takers`, by reference."""
    options: Mapped[dict[str, Any]]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"), index=True)
    """The batch that it is a part of."""
    of_run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    """The run whose problem a given plan is checked against."""
    input_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of everything that was asked for: equal requests have equal digests."""
    state: Mapped[str] = mapped_column(String(20), index=True)
    attempt: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(100))
    leased_until: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    stage: Mapped[str | None] = mapped_column(String(60))
    last_event: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None] = mapped_column(String(1000))
    """Why there is no plan, as a sentence for people."""
    problem_sha256: Mapped[str | None] = mapped_column(String(64))
    basis_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the problem without what stood before it: equal where nothing has changed; none of runs
    made before this was kept."""
    rows_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of all that its problem was made from; none where that cannot be known."""
    kept_run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    """The run whose plan was kept, as nothing had changed since; none where it was searched."""
    refusals: Mapped[dict[str, Any] | None]
    """Pairs that the rules refused, by reason; the file `refusals` has them by need."""
    summary: Mapped[dict[str, Any] | None]
    objective: Mapped[float | None]
    bound: Mapped[float | None]
    gap: Mapped[float | None]
    stopped: Mapped[str | None] = mapped_column(String(20))
    actor: Mapped[str] = mapped_column(String(100))
    request_id: Mapped[str | None] = mapped_column(String(64))
    """Of the request that submitted it, as logs name it; none from the terminal."""
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class RunFile(Base):
    """A file of a run, gzipped; apart from the run, whose row is written every few seconds.

    `state` has the prices where the search ended, from which the next run of the same takers
    begins; only the newest has it. `explained` has the rules that keep unmet needs out, `trials`
    the changes tried for some of them. `summary`, `unmet` and `picture` are drawn from the others,
    for people.
    """

    __tablename__ = "run_file"
    __table_args__ = (
        CheckConstraint(
            "name in ('problem', 'plan', 'given_plan', 'refusals', 'state', 'explained', "
            "'trials', 'summary', 'unmet', 'picture')",
            name="name",
        ),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(10), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class RunEvent(Base):
    """One step of a run, numbered from 1, so that whoever follows it misses none."""

    __tablename__ = "run_event"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(20))
    data: Mapped[dict[str, Any]]


class Proposal(Base):
    """A pairing of a run, under review by people."""

    __tablename__ = "proposal"
    __table_args__ = (
        _one_open("uq_proposal_open", "run_id", "need_id", "offer_id"),
        CheckConstraint(f"state in {tuple(s.value for s in ProposalState)}", name="state"),
        CheckConstraint("half_days >= 1", name="half_days"),
        CheckConstraint("public_money_pounds >= 0", name="public_money"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), index=True)
    need_id: Mapped[int] = mapped_column(ForeignKey("need.id"), index=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), index=True)
    half_days: Mapped[int]
    points: Mapped[int]
    """Per half-day."""
    points_once: Mapped[int] = mapped_column(default=0, server_default="0")
    """For meeting the need, whatever the days: its priority. 0 of proposals made while priority
    counted per half-day."""
    components: Mapped[list[dict[str, Any]]]
    distance_m: Mapped[int | None]
    ladder: Mapped[str] = mapped_column(String(20))
    remote: Mapped[bool]
    rule_figures: Mapped[dict[str, Any] | None]
    """What each rule of a pair looked at when it was planned, by the rule's name; none of
    proposals made before this was kept."""
    sendable: Mapped[bool] = mapped_column(info=UNBOUND)
    """False while the need is only suggested or the giver has not answered."""
    state: Mapped[str] = mapped_column(
        String(30), default=ProposalState.PROPOSED, index=True, info=UNBOUND
    )
    held_until: Mapped[datetime | None] = mapped_column(info=UNBOUND)
    """When a held proposal that nobody answers lapses; none where it does not hold or lapse."""
    alternate_due: Mapped[bool] = mapped_column(default=False, index=True, info=UNBOUND)
    """It ended without an agreement, and the need's next alternate is still to be offered."""
    follows_id: Mapped[int | None] = mapped_column(ForeignKey("proposal.id"))
    """The ended proposal in whose place this alternate was offered."""
    replaced_by_run_id: Mapped[int | None] = mapped_column(
        ForeignKey("run.id"), index=True, info=UNBOUND
    )
    """The run of the same area and period that replaced it while nobody had decided on it."""
    public_money_pounds: Mapped[int | None] = mapped_column(info=UNBOUND)
    """What public funds pay for it in all; 0: nothing; none: not recorded."""
    public_money_by: Mapped[str | None] = mapped_column(String(100), info=UNBOUND)
    """Who recorded that; none also of records from before this was kept."""
    version: Mapped[int] = mapped_column(default=1, info=UNBOUND)

    @property
    def total_points(self) -> int:
        """What the pairing adds to the plan."""
        return self.points * self.half_days + self.points_once


class Alternate(Base):
    """A next best candidate of a need that the plan paired otherwise; it holds nothing."""

    __tablename__ = "alternate"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    need_id: Mapped[int] = mapped_column(ForeignKey("need.id"), primary_key=True)
    rank: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"))
    points: Mapped[int]
    """Per half-day; what counts once for the need is the same whoever meets it."""
    components: Mapped[dict[str, Any]]
    """Points per half-day by component."""
    distance_m: Mapped[int | None]
    ladder: Mapped[str] = mapped_column(String(20))
    remote: Mapped[bool]
    loss: Mapped[int | None]
    """Points the plan would lose by taking it instead; none where that breaks another limit."""


class Decision(Base):
    """What somebody decided on a proposal; free text stays here, out of the audit."""

    __tablename__ = "decision"
    __table_args__ = (
        CheckConstraint(f"action in {tuple(a.value for a in DecisionAction)}", name="action"),
        CheckConstraint(
            f"reason is null or reason in {tuple(r.value for r in DeclineReason)}", name="reason"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), index=True)
    action: Mapped[str] = mapped_column(String(30))
    state_before: Mapped[str] = mapped_column(String(30))
    state_after: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str | None] = mapped_column(String(30))
    note: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    author: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime]


class Agreement(Base):
    """What one side of a proposal said to it; one of a side stands, what it replaced is voided."""

    __tablename__ = "agreement"
    __table_args__ = (
        CheckConstraint(f"side in {tuple(s.value for s in Side)}", name="side"),
        CheckConstraint(f"says in {tuple(a.value for a in Says)}", name="says"),
        CheckConstraint("says <> 'directed' or side = 'taker'", name="directed"),
        CheckConstraint(f"channel in {tuple(c.value for c in Channel)}", name="channel"),
        _one_until("voided_at", "uq_agreement_standing", "proposal_id", "side"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), index=True)
    side: Mapped[str] = mapped_column(String(5))
    says: Mapped[str] = mapped_column(String(8))
    said_by: Mapped[str] = mapped_column(String(100))
    """The role, never the name, of who said it for that side."""
    said_on: Mapped[date | None] = mapped_column(info=BOUND_IF_SET)
    """The day it was said; of a direction, of its notice. None of records made before this was
    kept."""
    channel: Mapped[str | None] = mapped_column(String(10), info=BOUND_IF_SET)
    """How it reached whoever recorded it."""
    direction: Mapped[dict[str, Any] | None] = mapped_column(info=BOUND_IF_SET)
    """Of a statutory direction: its `legal_basis`, and the days by `consulted`."""
    recorded_by: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime]
    terms: Mapped[dict[str, Any]]
    """What was agreed to: days, dates and aims as they stood."""
    voided_at: Mapped[datetime | None] = mapped_column(info=UNBOUND)


class ApprovalRule(Base):
    """A row of the table that says who approves: the first whose conditions all hold decides.

    A condition that is none asks nothing.
    """

    __tablename__ = "approval_rule"
    __table_args__ = (
        CheckConstraint("public_money_above_pounds >= 0", name="public_money"),
        CheckConstraint(f"sides_in in {tuple(s.value for s in SidesIn)}", name="sides_in"),
        CheckConstraint(f"approved_by in {tuple(a.value for a in ApprovedBy)}", name="approved_by"),
    )

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    public_money_above_pounds: Mapped[int | None]
    """Holds where it is recorded that more is paid."""
    unfunded: Mapped[bool]
    """Holds where it is recorded that no public money is paid."""
    sides_in: Mapped[str | None] = mapped_column(String(20))
    circumstance: Mapped[str | None] = mapped_column(String(40))
    """A kind that either side has on the day."""
    approved_by: Mapped[str] = mapped_column(String(10))
    statement: Mapped[str] = mapped_column(String(300))


class RuleException(Base):
    """A rule of a pair that somebody with the right to approve let a proposal break, and why.

    It counts as long as the rule's figures are those that it was made for.
    """

    __tablename__ = "rule_exception"

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), index=True)
    rule: Mapped[str] = mapped_column(String(30))
    figures: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(String(300), info=FREE_TEXT)
    author: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime]


class ProposalFlag(Base):
    """What a proposal no longer rests on, until somebody deals with it or the cause is gone."""

    __tablename__ = "proposal_flag"
    __table_args__ = (
        CheckConstraint(
            f"outcome is null or outcome in {tuple(o.value for o in FlagOutcome)}", name="outcome"
        ),
        CheckConstraint("(cleared_at is null) = (outcome is null)", name="cleared"),
        _one_until("cleared_at", "uq_proposal_flag_open", "proposal_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), index=True)
    reasons: Mapped[list[str]]
    """Sentences for people, as of when it was raised or looked at last."""
    raised_at: Mapped[datetime]
    raised_by: Mapped[str] = mapped_column(String(100))
    """Whose change took away what the proposal rested on."""
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[str | None] = mapped_column(String(100))
    outcome: Mapped[str | None] = mapped_column(String(20))


class PublicationConsent(Base):
    """One side's word that its pairing may be shown to anybody, until it takes that back."""

    __tablename__ = "publication_consent"
    __table_args__ = (
        CheckConstraint(f"side in {tuple(s.value for s in Side)}", name="side"),
        CheckConstraint(f"channel in {tuple(c.value for c in Channel)}", name="channel"),
        _one_until("withdrawn_at", "uq_publication_consent_in_force", "proposal_id", "side"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), index=True)
    side: Mapped[str] = mapped_column(String(5))
    given_by: Mapped[str] = mapped_column(String(100))
    """The role, never the name, of who gave it for that side."""
    said_on: Mapped[date | None] = mapped_column(info=BOUND_IF_SET)
    channel: Mapped[str | None] = mapped_column(String(10), info=BOUND_IF_SET)
    recorded_by: Mapped[str] = mapped_column(String(100))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None] = mapped_column(info=UNBOUND)
    withdrawn_by: Mapped[str | None] = mapped_column(String(100), info=UNBOUND)


class Steering(Base):
    """A pair that the next runs must keep or must not make, until it expires or is lifted."""

    __tablename__ = "steering"
    __table_args__ = (
        CheckConstraint(f"kind in {tuple(k.value for k in SteeringKind)}", name="kind"),
        _one_until("lifted_at", "uq_steering_in_force", "need_id", "offer_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    need_id: Mapped[int] = mapped_column(ForeignKey("need.id"))
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), index=True)
    reason: Mapped[str] = mapped_column(String(300), info=FREE_TEXT)
    author: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    lifted_at: Mapped[datetime | None] = mapped_column(info=UNBOUND)
    version: Mapped[int] = mapped_column(default=1, info=UNBOUND)
