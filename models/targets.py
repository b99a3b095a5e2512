"""What support is to achieve: targets as figures that can be compared."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import FREE_TEXT, Base
from models.vocabulary import TargetDirection, TargetKind


class TargetColumns:
    """What a measure is to be by a day, whoever wants it."""

    measure: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str | None] = mapped_column(String(10))
    """Of a measure that the packaged table does not have."""
    direction: Mapped[str] = mapped_column(String(10))
    value: Mapped[float | None]
    word: Mapped[str | None] = mapped_column(String(60))
    """The value of a measure that is told in words, such as a grade."""
    by_date: Mapped[date]
    owner: Mapped[str | None] = mapped_column(String(100))
    """The role, never the name, of who answers for it."""
    statement: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT)


def target_checks() -> tuple[CheckConstraint, ...]:
    """What every table of targets holds to."""
    return (
        CheckConstraint(
            f"direction in {tuple(d.value for d in TargetDirection)}", name="direction"
        ),
        CheckConstraint(
            f"kind is null or kind in {tuple(k.value for k in TargetKind)}", name="kind"
        ),
        CheckConstraint("value is null or word is null", name="one_value"),
        CheckConstraint(
            "direction = 'keep' or value is not null or word is not null", name="has_value"
        ),
    )


class SupportTarget(TargetColumns, Base):
    """What a measure of the school is to be by a day, as one arrangement of support has it."""

    __tablename__ = "support_target"
    __table_args__ = (UniqueConstraint("support_id", "measure", "by_date"), *target_checks())

    id: Mapped[int] = mapped_column(primary_key=True)
    support_id: Mapped[int] = mapped_column(ForeignKey("support.id"), index=True)
