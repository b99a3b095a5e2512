"""Changes of the taxonomy and the calendar one entry at a time; each leaves an audit event."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from app.access.policy import Action, Principal, authorise
from app.catalogue.calendar import calendar_faults, locked_calendar
from app.catalogue.rows import ExpertiseRow, PeriodRow
from app.catalogue.taxonomy import ancestors, locked_tree
from app.database import WriteSession
from app.errors import Conflict, NotFound, require_version
from app.events import audit
from app.import_kit.misfits import Columns, Misfit, Unfit
from app.register.uses import require_unused
from models.exchange import Expertise, Need, Offer, Period
from models.tables import metadata


def create_expertise(session: WriteSession, principal: Principal, row: ExpertiseRow) -> Expertise:
    authorise(principal, Action.CHANGE_CATALOGUE, everywhere=True)
    tree = locked_tree(session)
    if row.code in tree:
        raise Conflict(
            f"There is already an area of expertise {row.code}. Change it, or use another code."
        )
    made = Expertise(code=row.code, **_expertise_columns(row, tree))
    session.add(made)
    _record(session, principal, "expertise.create", made)
    return made


def change_expertise(
    session: WriteSession, principal: Principal, row: ExpertiseRow, version: int | None
) -> Expertise:
    """Replace what an entry is called and lies below; one that was retired is in use again."""
    authorise(principal, Action.CHANGE_CATALOGUE, everywhere=True)
    tree = locked_tree(session)
    found = _entry(tree, row.code, version)
    changed = _changed(found, _expertise_columns(row, tree))
    if changed:
        _record(session, principal, "expertise.change", found, changed=changed)
    return found


def withdraw_expertise(
    session: WriteSession, principal: Principal, code: str, version: int | None
) -> Expertise:
    """Retire an entry that nobody needs or offers any more and that nothing in use lies below."""
    authorise(principal, Action.CHANGE_CATALOGUE, everywhere=True)
    tree = locked_tree(session)
    found = _entry(tree, code, version)
    below = sorted(e.code for e in tree.values() if e.parent_code == code and not e.retired)
    if below:
        raise Conflict(
            f"{code} has entries below it: {', '.join(below)}. Move or withdraw those first."
        )
    today = datetime.now(UTC).date()
    needs, offers = Need.expertise_code == code, Offer.expertise_code == code
    require_unused(session, code, today, needs=needs, offers=offers)
    if _changed(found, {"retired": True}):
        _record(session, principal, "expertise.withdraw", found)
    return found


def create_period(session: WriteSession, principal: Principal, row: PeriodRow) -> Period:
    authorise(principal, Action.CHANGE_CATALOGUE, everywhere=True)
    if row.code in locked_calendar(session):
        raise Conflict(f"There is already a period {row.code}. Change it, or use another code.")
    made = Period(code=row.code, **_period_columns(session, row))
    session.add(made)
    _record(session, principal, "period.create", made)
    return made


def change_period(
    session: WriteSession, principal: Principal, row: PeriodRow, version: int | None
) -> Period:
    """Replace a period's name and dates; the windows in it must still lie within them."""
    authorise(principal, Action.CHANGE_CATALOGUE, everywhere=True)
    found = _period(locked_calendar(session), row.code, version)
    changed = _changed(found, _period_columns(session, row))
    if changed:
        _record(session, principal, "period.change", found, changed=changed)
    return found


def withdraw_period(
    session: WriteSession, principal: Principal, code: str, version: int | None
) -> None:
    """Delete a period that nothing uses yet."""
    authorise(principal, Action.CHANGE_CATALOGUE, everywhere=True)
    found = _period(locked_calendar(session), code, version)
    used = _what_is_in(session, code)
    if used:
        raise Conflict(f"{code} is in use by {used}. Remove those first.")
    session.delete(found)
    _record(session, principal, "period.withdraw", found)


def _entry(tree: dict[str, Expertise], code: str, version: int | None) -> Expertise:
    if code not in tree:
        raise NotFound(f"There is no area of expertise {code!r}. Check the code.")
    require_version(tree[code].revision, version, f"Expertise {code}")
    return tree[code]


def _period(calendar: dict[str, Period], code: str, version: int | None) -> Period:
    if code not in calendar:
        raise NotFound(f"There is no period {code!r}. Choose one of: {', '.join(calendar)}.")
    require_version(calendar[code].version, version, f"Period {code}")
    return calendar[code]


def _expertise_columns(row: ExpertiseRow, tree: dict[str, Expertise]) -> Columns:
    parents = {code: entry.parent_code for code, entry in tree.items()} | {row.code: row.parent}
    reason = None
    if row.parent is not None and row.parent not in tree:
        reason = "is not in the list of expertise. Create it first, or leave it out"
    elif row.parent is not None and tree[row.parent].retired:
        reason = "is retired. Choose a parent in use"
    elif row.code in (above := ancestors(row.code, parents)):
        circle = " > ".join([row.code, *above])
        reason = f"puts {row.code} below itself ({circle}). Choose another parent"
    if reason is not None:
        raise Unfit([Misfit("parent", row.parent, reason)])
    return {
        "parent_code": row.parent,
        "name": row.name,
        "version": row.version,
        "retired": False,
    }


def _period_columns(session: WriteSession, row: PeriodRow) -> Columns:
    faults = calendar_faults(session, row.code, [(1, row)])
    if faults:
        # Whether it is a year or a term is said by whether it names a year.
        said = [("year" if f.column == "kind" else f.column or "code", f) for f in faults]
        raise Unfit([Misfit(field, f.value, f.reason) for field, f in said])
    return {
        "kind": row.kind,
        "name": row.name,
        "year_code": row.year,
        "starts": row.starts,
        "ends": row.ends,
    }


def _changed(item: Expertise | Period, columns: Columns) -> list[str]:
    """Write what differs, which makes a new version of it, and name it."""
    changed = [name for name, value in columns.items() if value != getattr(item, name)]
    for name in changed:
        setattr(item, name, columns[name])
    if isinstance(item, Expertise):
        item.revision += bool(changed)
    else:
        item.version += bool(changed)
    return changed


def _what_is_in(session: WriteSession, period: str) -> str:
    """How many rows of which tables name a period, in words; nothing where none does."""
    counts = {
        table.name: session.scalar(
            select(func.count()).select_from(table).where(key.parent == period)
        )
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if key.target_fullname == "period.code"
    }
    return ", ".join(f"{count:,} of {table}" for table, count in counts.items() if count)


def _record(
    session: WriteSession,
    principal: Principal,
    action: str,
    item: Expertise | Period,
    **detail: Any,
) -> None:
    session.flush()
    subject = f"{item.__tablename__}:{item.code}"
    audit.record(
        session,
        actor=principal.name,
        action=action,
        subject=subject,
        of=item,
        **detail,
    )
