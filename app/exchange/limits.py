"""Participants' own limits: reads by page, and changes."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for, authorise_on, visible
from app.database import ReadSession, WriteSession
from app.errors import NotFound, Stale, require_version
from app.events import audit, touched
from app.exchange.resolve import Catalogue, limits_columns
from app.exchange.rows import LimitsRow
from app.import_kit.misfits import Misfit, Unfit
from app.register.naming import reference_named
from models.exchange import Limits
from models.register import Participant

AnySession = ReadSession | WriteSession


def list_limits(
    session: ReadSession,
    principal: Principal,
    *,
    participant: str | None = None,
    period: str | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Sequence[Limits]:
    authorise(principal, Action.READ)
    query = select(Limits).where(Limits.id > after, visible(principal, Action.READ, Limits))
    query = query.order_by(Limits.id).limit(limit)
    if participant is not None:
        reference = reference_named(session, participant)
        query = query.join(Participant).where(Participant.reference == reference)
    if period is not None:
        query = query.where(Limits.period_code == period)
    return session.scalars(query).all()


def get_limits(session: AnySession, principal: Principal, participant: str, period: str) -> Limits:
    authorise(principal, Action.READ)
    found = _limits(session, principal, participant, period)
    if found is None:
        raise NotFound(
            f"{participant} has no limits of its own in {period}. Check both, or create the limits."
        )
    return found


def set_limits(
    session: WriteSession, principal: Principal, row: LimitsRow, version: int | None, *, new: bool
) -> Limits:
    """Set a participant's limits in a period: `new` ones, or those of `version` (None: any)."""
    authorise(principal, Action.CHANGE_OFFER)
    found = _limits(session, principal, row.participant, row.period, lock=True)
    if new and found is not None:
        raise Stale(f"{row.participant} already has limits in {row.period}. Read and change those.")
    if not new and found is None:
        raise NotFound(f"{row.participant} has no limits in {row.period}. Create them first.")
    if found is not None:
        authorise_on(session, principal, Action.CHANGE_OFFER, found)
        require_version(
            found.version, version, f"The record of limits of {row.participant} in {row.period}"
        )
    misfits: list[Misfit] = []
    catalogue = Catalogue.load(session, principal, [row])
    columns = limits_columns(row, catalogue, misfits)
    if misfits:
        raise Unfit(misfits)
    authorise_for(session, principal, Action.CHANGE_OFFER, [columns["participant_id"]])
    if found is None:
        found = Limits(**columns)
        session.add(found)
    else:
        changed = [name for name, value in columns.items() if value != getattr(found, name)]
        if not changed:
            return found
        for name in changed:
            setattr(found, name, columns[name])
        found.version += 1
    session.flush()
    touched.mark(session, principal.name, [found.participant_id])
    audit.record(
        session,
        actor=principal.name,
        action="limits.create" if new else "limits.change",
        subject=f"limits:{row.participant}:{row.period}",
        of=found,
    )
    return found


def _limits(
    session: AnySession, principal: Principal, participant: str, period: str, *, lock: bool = False
) -> Limits | None:
    query = (
        select(Limits)
        .join(Participant)
        .where(
            Participant.reference == reference_named(session, participant),
            Limits.period_code == period,
            visible(principal, Action.READ, Limits),
        )
    )
    return session.scalar(query.with_for_update(of=Limits) if lock else query)


def named(session: AnySession, participant_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """The cell and the name of participants, by id."""
    wanted = sorted(set(participant_ids))
    found: dict[int, tuple[str, str]] = {}
    for start in range(0, len(wanted), 1_000):
        query = select(Participant.id, Participant.reference, Participant.name).where(
            Participant.id.in_(wanted[start : start + 1_000])
        )
        for participant_id, reference, name in session.execute(query):
            found[participant_id] = (reference.partition(":")[2], name)
    return found
