"""Reads of the one register of support."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, RowMapping, or_, select
from sqlalchemy.orm import aliased

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.database import ReadSession, WriteSession
from app.errors import NotFound
from app.register.lookups import Scope, is_in
from app.register.naming import reference_named
from models.partnerships import Support
from models.register import Participant
from models.vocabulary import AreaKind, SupportState

Giver = aliased(Participant)
_SUPPORT = (
    select(
        Support.id,
        Support.reference,
        Support.partnership_id,
        Participant.reference.label("taker_reference"),
        Participant.name.label("taker_name"),
        Giver.reference.label("giver_reference"),
        Giver.name.label("giver_participant_name"),
        Support.giver_name,
        Support.agency,
        Support.authority,
        Support.expertise_code,
        Support.target,
        Support.period_code,
        Support.half_days,
        Support.leader_half_days,
        Support.starts,
        Support.ends,
        Support.state,
        Support.result,
        Support.version,
        Support.updated_at,
    )
    .select_from(Support)
    .join(Participant, Participant.id == Support.taker_id)
    .outerjoin(Giver, Giver.id == Support.giver_id)
)


def list_support(
    session: ReadSession,
    principal: Principal,
    *,
    participant: str | None = None,
    taker: str | None = None,
    giver: str | None = None,
    agency: str | None = None,
    expertise: str | None = None,
    period: str | None = None,
    state: SupportState | None = None,
    area: tuple[AreaKind, str] | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Sequence[RowMapping]:
    """A page of support by id; `participant` is either side, `area` where the taker is."""
    authorise(principal, Action.READ)
    query = _SUPPORT.where(Support.id > after, visible(principal, Action.READ, Support))
    query = query.order_by(Support.id).limit(limit)
    if participant is not None:
        query = query.where(
            or_(_is(session, Participant, participant), _is(session, Giver, participant))
        )
    if taker is not None:
        query = query.where(_is(session, Participant, taker))
    if giver is not None:
        query = query.where(_is(session, Giver, giver))
    if area is not None:
        query = query.where(is_in(Scope(*area, ""), datetime.now(UTC).date()))
    for column, value in (
        (Support.agency, agency),
        (Support.expertise_code, expertise),
        (Support.period_code, period),
        (Support.state, state),
    ):
        if value is not None:
            query = query.where(column == value)
    return session.execute(query).mappings().all()


def _is(session: ReadSession, side: type[Participant], cell: str) -> ColumnElement[bool]:
    return side.reference == reference_named(session, cell)


def get_support(
    session: ReadSession | WriteSession, principal: Principal, reference: str
) -> RowMapping:
    authorise(principal, Action.READ)
    query = _SUPPORT.where(Support.reference == reference, visible(principal, Action.READ, Support))
    found = session.execute(query).mappings().first()
    if found is None:
        raise NotFound(f"There is no support {reference!r}. Check the reference.")
    return found
