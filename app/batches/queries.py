"""Which areas a batch plans, and what its plans ask of offers together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.access.scoped import outside as outside_of
from app.access.scoped import visible
from app.catalogue.queries import get_period
from app.database import ReadSession, WriteSession
from app.errors import Fault, FaultyFile, NotFound, Problem
from app.planning.load import PLANNED_NEEDS
from app.planning.scope import BORDER
from app.register import lookups as register
from app.register.lookups import Scope
from app.runs.leases import ENDED
from app.settings import settings
from models.batches import Batch, BatchArea
from models.exchange import Need, Offer
from models.matching import Proposal, Run
from models.register import Area, Institution, Participant
from models.vocabulary import (
    ENDED_PROPOSALS,
    AreaKind,
    AreasNamed,
    AreaState,
    BatchState,
    RunState,
)
from solver.formats.bounded import FileTooLarge, read_bounded

KINDS: Final = {
    AreasNamed.ALL: AreaKind.LOCAL_AUTHORITY,
    AreasNamed.REGIONS: AreaKind.REGION,
    AreasNamed.DISTRICTS: AreaKind.DISTRICT,
}
LIST: Final = "list"


class NoAreas(Problem):
    status = 422
    title = "No area to plan"


@dataclass(frozen=True, slots=True)
class Areas:
    scopes: tuple[Scope, ...]
    named: str
    """How they were named: one of `AreasNamed`, or `LIST`."""
    needs_in_no_area: int | None = None


@dataclass(frozen=True, slots=True)
class AreaRun:
    """An area of a batch with its run."""

    area: BatchArea
    run: Run | None

    @property
    def scope(self) -> Scope:
        return Scope(**{name: self.area.scope[name] for name in ("kind", "code", "name")})

    @property
    def is_across_borders(self) -> bool:
        """Whether it is what the batch plans last: what its areas promise twice."""
        return bool(self.area.scope["kind"] == BORDER)

    @property
    def waits(self) -> bool:
        """Whether it still has to be looked at."""
        return self.run is None and self.area.needs is None

    @property
    def has_ended(self) -> bool:
        return not self.waits if self.run is None else self.run.state in ENDED

    @property
    def state(self) -> AreaState:
        if self.run is not None:
            return AreaState(self.run.state)
        return AreaState.WAITING if self.waits else AreaState.NO_NEEDS

    @property
    def cancelled(self) -> bool:
        return self.run is not None and self.run.state == RunState.CANCELLED


def get_batch(
    session: Session, principal: Principal, batch_id: int, action: Action = Action.READ
) -> Batch:
    """A batch that the principal may read, or do `action` to; locked in a session that writes."""
    authorise(principal, action)
    query = select(Batch).where(Batch.id == batch_id, visible(principal, action, Batch))
    if isinstance(session, WriteSession):
        query = query.with_for_update()
    batch = session.scalar(query)
    if batch is None:
        raise NotFound(f"There is no batch {batch_id}. Check the number.")
    return batch


def list_batches(
    session: Session,
    principal: Principal,
    *,
    state: BatchState | None = None,
    before: int | None = None,
    limit: int | None = 50,
) -> Sequence[Batch]:
    """Batches that the principal may read, the newest first."""
    authorise(principal, Action.READ)
    query = select(Batch).where(visible(principal, Action.READ, Batch))
    if state is not None:
        query = query.where(Batch.state == state)
    if before is not None:
        query = query.where(Batch.id < before)
    return session.scalars(query.order_by(Batch.id.desc()).limit(limit)).all()


def areas_of(session: Session, batch_id: int) -> list[AreaRun]:
    """The areas of a batch, in order."""
    query = (
        select(BatchArea, Run)
        .outerjoin(Run, Run.id == BatchArea.run_id)
        .where(BatchArea.batch_id == batch_id)
        .order_by(BatchArea.position)
    )
    return [AreaRun(area, run) for area, run in session.execute(query)]


def areas_named(
    session: ReadSession, principal: Principal, named: str, period: str, day: date
) -> Areas:
    """The areas that `all`, `regions`, `districts`, `country` or a file of names mean.

    Raises
    ------
    FaultyFile
        If the file names what is not there, with every such line.
    NoAreas
        If no area has a need, or the file names nothing.
    """
    if named in list(AreasNamed):
        return areas_of_kind(session, principal, AreasNamed(named), period, day)
    return Areas(_areas_in_file(session, principal, Path(named)), LIST)


def areas_listed(
    session: ReadSession | WriteSession, principal: Principal, names: Sequence[str]
) -> Areas:
    """The areas of these names, once each.

    Raises
    ------
    NotFound, Conflict
        If a name means nothing, or several areas.
    """
    found = [register.find_scope(session, principal, name) for name in names]
    return Areas(tuple({scope.exact: scope for scope in found}.values()), LIST)


def areas_of_kind(
    session: ReadSession | WriteSession,
    principal: Principal,
    named: AreasNamed,
    period: str,
    day: date,
) -> Areas:
    """The areas of a kind that have needs, as far as the principal may start runs for them.

    Raises
    ------
    NoAreas
        If there is none.
    Conflict
        If the period is over on the day planned from.
    """
    authorise(principal, Action.READ)
    get_period(session, principal, period, not_over_on=day)
    if named is AreasNamed.COUNTRY:
        return Areas((register.find_scope(session, principal, register.ENGLAND),), named)
    kind = KINDS[named]
    column = {
        AreaKind.LOCAL_AUTHORITY: Participant.local_authority_code,
        AreaKind.REGION: Participant.region_code,
        AreaKind.DISTRICT: Participant.district_code,
    }[kind]
    known = (
        select(Area.code, Area.name)
        .join(Participant, column == Area.code)
        .join(Need, Need.participant_id == Participant.id)
        .outerjoin(Institution, Institution.participant_id == Participant.id)
        .where(Area.kind == kind.value, *_looked_at(session, principal, period))
        .distinct()
        .order_by(Area.code)
    )
    found = [Scope(kind.value, code, name) for code, name in session.execute(known)]
    scopes = tuple(scope for scope in found if _is_of(session, principal, scope, day))
    if not scopes:
        raise NoAreas(
            f"No {kind.value.replace('_', ' ')} that you can plan has needs in {period}. Import "
            "some with `givetake import needs FILE`."
        )
    outside = session.scalar(
        select(func.count())
        .select_from(Need)
        .join(Participant)
        .outerjoin(Institution, Institution.participant_id == Participant.id)
        .where(
            or_(column.is_(None), column.not_in([scope.code for scope in scopes])),
            visible(principal, Action.RUN, Need),
            *_looked_at(session, principal, period),
        )
    )
    return Areas(scopes, named, outside)


def _is_of(
    session: ReadSession | WriteSession, principal: Principal, scope: Scope, day: date
) -> bool:
    """Whether the principal may start runs for all of an area."""
    participants = register.participants_in(session, principal, scope, day)
    return not outside_of(session, principal, Action.RUN, participants)


def _looked_at(
    session: ReadSession | WriteSession, principal: Principal, period: str
) -> list[ColumnElement[bool]]:
    year = get_period(session, principal, period).year_code
    return [
        Need.period_code.in_([period] if year is None else [period, year]),
        Need.state.in_(PLANNED_NEEDS),
        or_(Institution.participant_id.is_(None), Institution.in_scope),
    ]


def _areas_in_file(session: ReadSession, principal: Principal, path: Path) -> tuple[Scope, ...]:
    try:
        lines = read_bounded(path, settings().file_mib).decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as unreadable:
        why = (
            f"could not be read ({unreadable.strerror})"
            if isinstance(unreadable, OSError)
            else str(unreadable)
            if isinstance(unreadable, FileTooLarge)
            else "is not UTF-8 text"
        )
        words = ", ".join(AreasNamed)
        raise NoAreas(
            f"--areas {path} {why}. Use one of {words}, or the name of a file of areas."
        ) from unreadable
    found: dict[str, Scope] = {}
    faults: list[Fault] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            scope = register.find_scope(session, principal, line)
        except Problem as unknown:
            faults.append(Fault(path.name, number, None, line.strip(), unknown.detail))
        else:
            found.setdefault(scope.exact, scope)
    if faults:
        raise FaultyFile(faults)
    if not found:
        raise NoAreas(f"--areas {path} is empty. Enter an area on each line.")
    return tuple(found.values())


def offers_promised_twice(
    session: ReadSession, principal: Principal, run_ids: Collection[int]
) -> int:
    """How many offers these runs together give more days from than they have.

    What a later run replaced does not count.
    """
    authorise(principal, Action.READ)
    over = (
        select(Proposal.offer_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .where(Proposal.run_id.in_(run_ids), Proposal.state.not_in(ENDED_PROPOSALS))
        .group_by(Proposal.offer_id, Offer.half_days)
        .having(func.sum(Proposal.half_days) > Offer.half_days)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(over)) or 0
