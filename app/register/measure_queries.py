"""Published figures of an institution, with what each is."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.database import ReadSession
from app.errors import NotFound
from app.register.measure_table import MeasureKind, declared_measures, label_of, measured_on
from models.register import Institution, Measure


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, a word, or neither where it is not available."""

    measure: str
    label: str
    period: str
    measured_on: date | None
    value: float | None
    text: str | None
    suppressed: bool
    kind: MeasureKind | None
    """None, like the source, for a measure that the packaged table does not have."""
    unit: str
    source: str | None
    shown: str
    """As people read it, with its unit."""


def list_measures(
    session: ReadSession,
    principal: Principal,
    urn: int,
    *,
    measure: str | None = None,
    period: str | None = None,
) -> list[Figure]:
    """Every figure that is held of an institution; also of one whose place another took."""
    authorise(principal, Action.READ)
    query = select(Measure).where(Measure.urn == urn)
    if measure is not None:
        query = query.where(Measure.name == measure)
    if period is not None:
        query = query.where(Measure.period == period)
    found = session.scalars(query.order_by(Measure.name, Measure.period)).all()
    known = select(Institution.urn).where(Institution.urn == urn)
    if not found and session.scalar(known) is None:
        raise NotFound(f"There is no institution or measure with the URN {urn}. Check the URN.")
    return [_figure(one) for one in found]


def _figure(one: Measure) -> Figure:
    declared = declared_measures().get(one.name)
    shown = one.text or "Not available"
    if one.value is not None:
        shown = declared.shown(one.value) if declared else f"{one.value:,.10g}"
    return Figure(
        measure=one.name,
        label=label_of(one.name),
        period=one.period,
        measured_on=measured_on(one.period),
        value=one.value,
        text=one.text,
        suppressed=one.suppressed,
        kind=declared.kind if declared else None,
        unit=declared.shown_unit if declared else "",
        source=declared.source if declared else None,
        shown=shown,
    )
