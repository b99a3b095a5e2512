"""The one register of support: current, external and past, with its results."""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from operator import eq
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import func, select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import OUTSIDE, outside, visible
from app.catalogue.naming import Names, code_named, expertise_names, not_named
from app.catalogue.packaged import load_packaged
from app.database import WriteSession
from app.errors import Fault
from app.exchange.rows import ExpertiseCell
from app.files.csv_reading import Date, HalfDays, Key, ParticipantCell, RowModel, Text
from app.files.findings import Findings
from app.import_kit.duplicates import note_duplicates
from app.import_kit.misfits import Misfit
from app.import_kit.report import (
    ImportReport,
    check_unique,
    new_report,
    raise_faults,
    read_file,
    record,
)
from app.import_kit.upsert import Row, upsert
from app.progress import Progress, silent
from app.register.dates import not_before
from app.register.group_actors import Named, name_participants
from app.wording import on_day
from models.exchange import Period
from models.partnerships import Support
from models.targets import SupportTarget
from models.vocabulary import RUNNING_SUPPORT, SupportAuthority, SupportResult, SupportState

Sides = tuple[int | None, int | None]
"""Taker and giver."""
NO_GIVER: Final = (
    "is missing. Enter the supporting organisation, or its name if it is not in the register"
)
PARTNERSHIP: Final = "partnership-"
"""How references of partnerships begin."""
FOR_PARTNERSHIPS: Final = (
    f"must not begin with {PARTNERSHIP}: that is for partnerships of this service"
)
Reference = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=60)
]


class SupportRow(RowModel):
    """One arrangement: the giver is a participant, or a name where another agency gives it."""

    examples: ClassVar = (
        {
            "reference": "made-up-support-1",
            "taker": "900001",
            "giver": "900002",
            "expertise": "mathematics",
            "target": "made up",
            "period": "2026-27",
            "days": "4.5",
            "starts": "2026-09-01",
            "state": "active",
        },
        {
            "reference": "made-up-support-2",
            "taker": "900002",
            "giver_name": "Made-up Consultants",
            "agency": "made-up programme",
            "authority": "dfe_programme",
            "leader_days": "1.5",
            "starts": "2025-09-01",
            "ends": "2026-07-17",
            "state": "ended",
            "result": "worked",
        },
    )

    reference: Reference
    taker: ParticipantCell
    giver: ParticipantCell | None = None
    giver_name: Text | None = None
    agency: Annotated[Text, Field(max_length=100)] | None = None
    authority: SupportAuthority | None = None
    expertise: ExpertiseCell | None = None
    target: Text | None = None
    period: Annotated[Key, Field(max_length=20)] | None = None
    half_days: HalfDays | None = Field(None, alias="days")
    leader_half_days: HalfDays | None = Field(None, alias="leader_days")
    """What it takes of the school's own leaders in the period."""
    starts: Date | None = None
    ends: Annotated[Date, AfterValidator(not_before("starts"))] | None = None
    state: SupportState
    result: SupportResult | None = None


def _of_file(misfit: Misfit) -> Misfit:
    """The same in the words of a file, whose other column has a name."""
    if misfit.reason != NO_GIVER:
        return misfit
    return misfit._replace(reason=f"{NO_GIVER}: that is the column giver_name")


def import_support(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    """Add and change support by reference; what the file does not name is kept."""
    authorise(principal, Action.IMPORT)
    load_packaged(session)
    faults = Findings()
    rows = read_file(path, SupportRow, faults, on_progress)
    check_unique(path, rows, "reference", lambda row: row.reference, faults)
    cells = {cell for _, row in rows for cell in (row.taker, row.giver) if cell is not None}
    named = name_participants(session, principal, cells)
    stored = _stored_sides(session)
    sides = _sides(rows, named, stored)
    expertise = expertise_names(session)
    periods = set(session.scalars(select(Period.code)))
    for line, row in rows:
        both = sides[row.reference]
        for misfit in support_misfits(row, named, both, expertise, periods):
            faults.append(Fault(path.name, line, *_of_file(misfit)))
    faults += _after_targets(session, principal, path, rows)
    _check_not_ours(session, path, rows, faults)
    # Of a reference that somebody else's support has, that is looked at too.
    touches = {
        row.reference: [both for both in (sides[row.reference], stored.get(row.reference)) if both]
        for _, row in rows
    }
    sides_of_all = [both for one in touches.values() for both in one]
    everybody = {each for both in sides_of_all for each in both if each is not None}
    beyond = outside(session, principal, Action.IMPORT, everybody)
    for line, row in rows:
        # Like a proposal, support lies where either side does.
        if any({*both} - {None} <= beyond for both in touches[row.reference]):
            faults.append(Fault(path.name, line, "taker", row.taker, OUTSIDE))
    raise_faults(faults)
    entries = [
        (
            (*sides[row.reference], row.giver_name, row.expertise, row.starts),
            row.reference,
            f"{row.taker} by {row.giver or row.giver_name}",
        )
        for _, row in rows
    ]
    report = new_report("support", {"support": path}, faults.notes)
    written = upsert(
        session,
        Support,
        ("reference",),
        [support_columns(row, *sides[row.reference], expertise) for _, row in rows],
        closes=lambda before, after: (
            before["state"] in RUNNING_SUPPORT and after["state"] not in RUNNING_SUPPORT
        ),
        among=visible(principal, Action.READ, Support),
    )
    report.wrote(session, "support", written)
    report.notes += named.notes
    report.notes += note_duplicates("arrangement", entries, {row.reference for _, row in rows})
    return record(session, principal, report, written)


def _stored_sides(session: WriteSession) -> dict[str, Sides]:
    """Of all support that is stored, locked so that nobody changes it before it is written."""
    columns = (Support.reference, Support.taker_id, Support.giver_id)
    query = select(*columns).order_by(Support.id).with_for_update()
    return {reference: (taker, giver) for reference, taker, giver in session.execute(query)}


def _check_not_ours(
    session: WriteSession, path: Path, rows: list[tuple[int, SupportRow]], faults: list[Fault]
) -> None:
    """Refuse lines for partnerships of this service, whose days come from their visits."""
    query = select(Support.reference).where(Support.partnership_id.is_not(None))
    ours = set(session.scalars(query))
    for line, row in rows:
        if row.reference in ours:
            reason = "is a partnership of this service. Change it there, and leave the line out"
            faults.append(Fault(path.name, line, "reference", row.reference, reason))
        elif row.reference.startswith(PARTNERSHIP):
            faults.append(Fault(path.name, line, "reference", row.reference, FOR_PARTNERSHIPS))


def _sides(
    rows: list[tuple[int, SupportRow]], named: Named, stored: Mapping[str, Sides]
) -> dict[str, Sides]:
    """Taker and giver by reference; None for what is not in the register."""
    found = {}
    for _, row in rows:
        taker, giver = stored.get(row.reference, (None, None))
        found[row.reference] = (
            named.id_of(row.taker, partial(eq, taker)),
            None if row.giver is None else named.id_of(row.giver, partial(eq, giver)),
        )
    return found


def _after_targets(
    session: WriteSession,
    principal: Principal,
    path: Path,
    rows: list[tuple[int, SupportRow]],
) -> Iterator[Fault]:
    """Starts that would be after the date of a target that is stored."""
    first = (
        select(Support.reference, func.min(SupportTarget.by_date))
        .join(SupportTarget, SupportTarget.support_id == Support.id)
        .where(visible(principal, Action.READ, Support))
        .group_by(Support.reference)
    )
    by_date = {reference: day for reference, day in session.execute(first)}
    for line, row in rows:
        day = by_date.get(row.reference)
        if day is not None and row.starts is not None and row.starts > day:
            reason = f"must not be after the date of its first target ({on_day(day)})"
            yield Fault(path.name, line, "starts", row.starts.isoformat(), reason)


def support_misfits(
    row: SupportRow, named: Named, sides: Sides, expertise: Names, periods: Collection[str]
) -> Iterator[Misfit]:
    """What keeps an arrangement from being stored, whether a file or somebody enters it."""
    for column, cell in (("taker", row.taker), ("giver", row.giver)):
        if cell is not None and named.id_of(cell) is None:
            yield Misfit(column, cell, named.why_not(cell))
    if row.giver is None and row.giver_name is None:
        yield Misfit("giver", None, NO_GIVER)
    taker, giver = sides
    if giver is not None and giver == taker:
        reason = "is also the school receiving support. Enter the supporting organisation"
        yield Misfit("giver", row.giver, reason)
    if row.expertise is not None and code_named(row.expertise, expertise) is None:
        yield Misfit("expertise", row.expertise, not_named(row.expertise, expertise))
    if row.period is not None and row.period not in periods:
        reason = f"is not a period of the calendar. Use one of: {', '.join(sorted(periods))}"
        yield Misfit("period", row.period, reason)
    if row.result is not None and row.state in RUNNING_SUPPORT:
        reason = (
            f"must be blank while the state is {row.state}. Enter a result when the support "
            "has ended"
        )
        yield Misfit("result", row.result, reason)


def support_columns(row: SupportRow, taker: int | None, giver: int | None, expertise: Names) -> Row:
    return {
        "reference": row.reference,
        "taker_id": taker,
        "giver_id": giver,
        "giver_name": row.giver_name,
        "agency": row.agency,
        "authority": row.authority and row.authority.value,
        "expertise_code": row.expertise and code_named(row.expertise, expertise),
        "target": row.target,
        "period_code": row.period,
        "half_days": row.half_days,
        "leader_half_days": row.leader_half_days,
        "starts": row.starts,
        "ends": row.ends,
        "state": row.state.value,
        "result": row.result and row.result.value,
    }
