"""Pots of money: what they can pay for, what is committed of them, and what is claimed and paid.

All money is whole pence.
"""

from datetime import date, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import FREE_TEXT, Base
from models.vocabulary import ClaimState, CommitmentState, PotHolder


class Pot(Base):
    """A budget that somebody holds for support, with the rates that it pays."""

    __tablename__ = "pot"
    __table_args__ = (
        CheckConstraint(f"holder_kind in {tuple(h.value for h in PotHolder)}", name="holder_kind"),
        CheckConstraint("starts <= ends", name="dates"),
        CheckConstraint("budget_pence >= 0", name="budget"),
        CheckConstraint(
            "committed_pence >= 0 and committed_pence <= budget_pence", name="never_overdrawn"
        ),
        CheckConstraint("day_rate_pence >= 0", name="day_rate"),
        CheckConstraint(
            "highest_day_rate_pence is null or highest_day_rate_pence >= day_rate_pence",
            name="highest_day_rate",
        ),
        CheckConstraint("fee_pence is null or fee_basis_points is null", name="one_fee"),
        CheckConstraint("fee_pence is null or fee_pence >= 0", name="fee"),
        CheckConstraint(
            "fee_basis_points is null or fee_basis_points between 0 and 10000", name="fee_share"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    holder_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    holder_kind: Mapped[str] = mapped_column(String(20))
    budget_pence: Mapped[int] = mapped_column(BigInteger)
    committed_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """What its commitments come to, claimed and paid ones included."""
    starts: Mapped[date]
    ends: Mapped[date]
    """The last day of support that it pays for."""
    day_rate_pence: Mapped[int]
    """To the supporting organisation for a day, unless the terms say otherwise."""
    highest_day_rate_pence: Mapped[int | None]
    """None: any rate that is agreed."""
    fee_pence: Mapped[int | None]
    """For brokerage, for a day."""
    fee_basis_points: Mapped[int | None]
    """The same as hundredths of a per cent of the day rate."""
    areas: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Whom it supports, by areas as `kind:code`; with no organisations either, whom its holder
    stands for."""
    organisations: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """The same by references of participants."""
    expertise: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Codes that it pays for with what lies below them; none: all."""
    open: Mapped[bool] = mapped_column(default=True)
    """Whether more can be committed."""
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]


_stands = text(f"state <> '{CommitmentState.RELEASED.value}'")


class Commitment(Base):
    """Money of a pot for one proposal, and then for its partnership; never deleted."""

    __tablename__ = "pot_commitment"
    __table_args__ = (
        CheckConstraint(f"state in {tuple(s.value for s in CommitmentState)}", name="state"),
        CheckConstraint("half_days >= 0", name="half_days"),
        CheckConstraint("day_rate_pence >= 0 and fee_pence >= 0", name="rates"),
        CheckConstraint(
            "claimed_pence >= 0 and claimed_pence <= pence", name="claimed_within_committed"
        ),
        CheckConstraint("state <> 'released' or pence = 0", name="released"),
        Index(
            "uq_pot_commitment_standing",
            "proposal_id",
            unique=True,
            sqlite_where=_stands,
            postgresql_where=_stands,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    pot_id: Mapped[int] = mapped_column(ForeignKey("pot.id"), index=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), index=True)
    partnership_id: Mapped[int | None] = mapped_column(ForeignKey("partnership.id"), index=True)
    half_days: Mapped[int]
    day_rate_pence: Mapped[int]
    fee_pence: Mapped[int]
    """For brokerage, for a day."""
    pence: Mapped[int] = mapped_column(BigInteger)
    claimed_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """Of that, in claims that were not refused."""
    state: Mapped[str] = mapped_column(String(10))
    made_by: Mapped[str] = mapped_column(String(100))
    made_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)


class Claim(Base):
    """What a supporting organisation asks to be paid for visits that the school has signed."""

    __tablename__ = "pot_claim"
    __table_args__ = (
        CheckConstraint(f"state in {tuple(s.value for s in ClaimState)}", name="state"),
        CheckConstraint("half_days >= 1", name="half_days"),
        CheckConstraint("pence >= 0", name="pence"),
        CheckConstraint("(state = 'refused') = (reason is not null)", name="reason"),
        CheckConstraint("(state = 'made') = (decided_by is null)", name="decided"),
        CheckConstraint("(state = 'paid') = (paid_at is not null)", name="paid"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    commitment_id: Mapped[int] = mapped_column(ForeignKey("pot_commitment.id"), index=True)
    half_days: Mapped[int]
    pence: Mapped[int] = mapped_column(BigInteger)
    visits: Mapped[list[int]] = mapped_column(JSON)
    """Ids of the visits that it was made for."""
    state: Mapped[str] = mapped_column(String(10))
    claimed_by: Mapped[str] = mapped_column(String(100))
    claimed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(100))
    """Who approved or refused it."""
    decided_at: Mapped[datetime | None]
    paid_by: Mapped[str | None] = mapped_column(String(100))
    """Who recorded that it was paid."""
    paid_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    """Why it was refused."""
    version: Mapped[int] = mapped_column(default=1)
