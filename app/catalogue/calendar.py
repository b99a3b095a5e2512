"""The calendar: academic years and their terms as data."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from sqlalchemy import and_, func, or_, select

from app.access.policy import Action, Principal, authorise
from app.catalogue.rows import PeriodRow
from app.database import ReadSession, WriteSession
from app.errors import Fault, FaultyFile, NotFound
from app.files.csv_reading import read_rows
from app.files.csv_writing import csv_text
from app.files.findings import Findings
from app.import_kit.report import ImportReport, new_report, record
from app.import_kit.upsert import Upserted, upsert
from app.progress import Progress, silent
from app.wording import counted, on_day
from models.exchange import Need, Offer, Period


def import_periods(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    """Add and change years and terms; a period that the file leaves out stays."""
    authorise(principal, Action.IMPORT, everywhere=True)
    faults = Findings()
    rows = read_rows(path, PeriodRow, faults=faults, on_progress=on_progress)
    locked_calendar(session)
    faults += calendar_faults(session, path.name, rows)
    if faults:
        raise FaultyFile(faults)
    report = new_report("periods", {"periods": path}, faults.notes)
    report.wrote(session, "periods", store(session, [row for _, row in rows]))
    return record(session, principal, report)


def locked_calendar(session: WriteSession) -> dict[str, Period]:
    """The whole calendar, locked: periods of a kind must not overlap."""
    query = select(Period).order_by(Period.code).with_for_update()
    return {period.code: period for period in session.scalars(query)}


def store(session: WriteSession, rows: Iterable[PeriodRow]) -> Upserted:
    """Write periods that were checked, years before their terms."""
    ordered = sorted(rows, key=lambda row: (row.kind != "year", row.code))
    columns = [
        {
            "code": row.code,
            "kind": row.kind,
            "name": row.name,
            "year_code": row.year,
            "starts": row.starts,
            "ends": row.ends,
        }
        for row in ordered
    ]
    return upsert(session, Period, ("code",), columns)


def export_periods(session: ReadSession, principal: Principal) -> str:
    authorise(principal, Action.READ)
    periods = session.scalars(select(Period).order_by(Period.starts, Period.ends.desc()))
    return csv_text(
        PeriodRow,
        (
            {
                "code": p.code,
                "kind": p.kind,
                "name": p.name,
                "year": p.year_code,
                "starts": p.starts,
                "ends": p.ends,
            }
            for p in periods
        ),
    )


def year_on(session: ReadSession | WriteSession, day: date) -> Period:
    """The academic year that a day falls in."""
    found = session.scalars(
        select(Period).where(Period.kind == "year", Period.starts <= day, Period.ends >= day)
    ).first()
    if found is None:
        raise NotFound(
            f"There is no academic year for {on_day(day)}. Import periods that include it."
        )
    return found


def calendar_faults(
    session: WriteSession, file: str, rows: list[tuple[int, PeriodRow]]
) -> list[Fault]:
    """What is wrong with the calendar, and with windows in it, as it would be with these rows."""
    calendar: dict[str, tuple[str, str | None, date, date]] = {
        p.code: (p.kind, p.year_code, p.starts, p.ends) for p in session.scalars(select(Period))
    }
    kinds = {code: kind for code, (kind, *_) in calendar.items()}
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    for line, row in rows:
        if row.code in lines:
            reason = f"is already on line {lines[row.code]:,}. Keep one row for each code"
            faults.append(Fault(file, line, "code", row.code, reason))
        elif kinds.get(row.code, row.kind) != row.kind:
            reason = (
                f"does not match {row.code}, which is a {kinds[row.code]}. Give this {row.kind} a "
                "new code"
            )
            faults.append(Fault(file, line, "kind", row.kind, reason))
        lines.setdefault(row.code, line)
        calendar[row.code] = (row.kind, row.year, row.starts, row.ends)
    for line, row in rows:
        year = calendar.get(row.year or "")
        if row.kind == "term" and (year is None or year[0] != "year"):
            reason = "is not a year of the calendar. Add a row for the year"
            faults.append(Fault(file, line, "year", row.year, reason))
        elif year is not None and not year[2] <= row.starts <= row.ends <= year[3]:
            reason = (
                f"must be within {row.year} ({year[2]} to {year[3]}), and so must the end. Correct "
                f"the dates of {row.code}"
            )
            faults.append(Fault(file, line, "starts", row.starts.isoformat(), reason))
        for code, (kind, _, starts, ends) in calendar.items():
            if code != row.code and kind == row.kind and starts <= row.ends and row.starts <= ends:
                reason = (
                    f"makes {row.code} overlap with {code} ({starts} to {ends}). Correct the dates "
                    f"so that each day is in one {kind}"
                )
                faults.append(Fault(file, line, "starts", row.starts.isoformat(), reason))
                break
    faults += _orphan_faults(file, calendar, lines)
    return faults + _window_faults(session, file, rows)


def _orphan_faults(
    file: str, calendar: Mapping[str, tuple[str, str | None, date, date]], lines: Mapping[str, int]
) -> list[Fault]:
    """Stored terms that the new dates of their year would leave outside it."""
    faults = []
    for code, (_, year_code, starts, ends) in calendar.items():
        if code in lines or year_code is None or year_code not in lines:
            continue
        _, _, year_starts, year_ends = calendar[year_code]
        if not year_starts <= starts <= ends <= year_ends:
            reason = (
                f"leaves the stored term {code} ({starts} to {ends}) outside {year_code}. Change "
                "the term first, or correct the dates"
            )
            faults.append(Fault(file, lines[year_code], "starts", None, reason))
    return faults


def _window_faults(
    session: WriteSession, file: str, rows: list[tuple[int, PeriodRow]]
) -> list[Fault]:
    """Stored windows that the new dates of their period would leave outside it."""
    stored = {p.code: (p.starts, p.ends) for p in session.scalars(select(Period))}
    faults = []
    for line, row in rows:
        if stored.get(row.code, (row.starts, row.ends)) == (row.starts, row.ends):
            continue
        for name, item in (("need", Need), ("offer", Offer)):
            outside = and_(
                item.period_code == row.code,
                or_(item.window_starts < row.starts, item.window_ends > row.ends),
            )
            count = session.scalar(select(func.count()).select_from(item).where(outside))
            if count:
                reason = f"leaves windows of {counted(count, name)} outside. Change those first"
                faults.append(Fault(file, line, "starts", row.starts.isoformat(), reason))
    return faults
