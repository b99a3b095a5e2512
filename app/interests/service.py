"""Declaring interests, by form and by file, and withdrawing them; none is ever deleted."""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from operator import eq
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select, update

from app.access.persons import same_person
from app.access.policy import BROKERS, EVERYTHING, Action, Principal, authorise, grants_for
from app.access.scoped import OUTSIDE, authorise_on, outside, visible, within
from app.database import WriteSession, database_now
from app.errors import Conflict, Fault, Forbidden, NotFound, require_version
from app.events import audit, touched
from app.files.findings import Findings
from app.import_kit.misfits import Misfit, Unfit
from app.import_kit.report import (
    ImportReport,
    check_unique,
    new_report,
    raise_faults,
    read_file,
    record,
)
from app.import_kit.upsert import upsert
from app.interests.edges import all_it_counts_for
from app.interests.rows import InterestRow
from app.progress import Progress, silent
from app.register.group_actors import Named, name_participants
from models.interests import Interest
from models.register import Participant

ITSELF: Final = "is the holder too. Enter the other side of the interest"
KEPT: Final = ("kind", "holder_id", "about_id", "starts", "declared_by", "declared_on")
"""What a file may not change of an interest: whoever declares otherwise withdraws it."""


def declare(session: WriteSession, principal: Principal, row: InterestRow) -> Interest:
    """Record an interest; whoever may do so for one of its sides may.

    Raises
    ------
    Conflict
        If there is one with this reference.
    Unfit
        If a side is not in the register, or both are the same.
    Forbidden
        If neither side lies where the principal may declare.
    """
    authorise(principal, Action.DECLARE_INTEREST)
    if session.scalar(select(Interest.id).where(Interest.reference == row.reference)) is not None:
        raise Conflict(
            f"There is already an interest {row.reference}. Use another reference, or withdraw "
            "that one."
        )
    named = name_participants(session, principal, {row.holder, row.about})
    sides, misfits = _sides(row, named)
    if misfits:
        raise Unfit(misfits)
    _authorise_sides(session, principal, sides.values())
    made = Interest(**_columns(row, sides), **_recorded(session, principal))
    session.add(made)
    session.flush()
    _mark(session, principal, [made])
    audit.record(
        session,
        actor=principal.name,
        action="interest.declare",
        subject=f"interest:{made.reference}",
        of=made,
        kind=made.kind,
    )
    return made


def withdraw(
    session: WriteSession,
    principal: Principal,
    reference: str,
    reason: str,
    version: int | None = None,
) -> Interest:
    """Withdraw an interest with the reason; that it was declared, and by whom, is kept.

    A contact withdraws what they recorded themselves. The same again changes nothing.

    Raises
    ------
    NotFound, Stale
        If there is no such interest, or it is no longer at `version`.
    Forbidden
        If it is somebody else's to withdraw.
    """
    authorise(principal, Action.DECLARE_INTEREST)
    seen = visible(principal, Action.READ, Interest)
    query = select(Interest).where(Interest.reference == reference, seen)
    found = session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise NotFound(f"There is no interest {reference!r}. Check the reference.")
    authorise_on(session, principal, Action.DECLARE_INTEREST, found)
    own = found.recorded_by in same_person(session, principal.name)
    if not own and not _is_brokers(session, principal, found):
        raise Forbidden(
            "You can only withdraw an interest that you recorded yourself. Ask your broker."
        )
    require_version(found.version, version, f"Interest {reference}")
    if found.withdrawn_at is not None:
        return found
    found.withdrawn_at, found.withdrawn_by = database_now(session), principal.name
    found.withdrawn_reason = reason
    found.version += 1
    session.flush()
    _mark(session, principal, [found], eased=[found])
    audit.record(
        session,
        actor=principal.name,
        action="interest.withdraw",
        subject=f"interest:{reference}",
        of=found,
        kind=found.kind,
    )
    return found


def import_interests(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    """Add interests by reference, and change their ends and evidence; none is withdrawn by a file.

    What the file does not name is kept, and what was withdrawn stays so.
    """
    authorise(principal, Action.IMPORT)
    faults = Findings()
    rows = read_file(path, InterestRow, faults, on_progress)
    check_unique(path, rows, "reference", lambda row: row.reference, faults)
    named = name_participants(
        session, principal, {cell for _, row in rows for cell in (row.holder, row.about)}
    )
    query = select(Interest).order_by(Interest.id).with_for_update()
    stored = {one.reference: one for one in session.scalars(query)}
    written: list[dict[str, Any]] = []
    for line, row in rows:
        before = stored.get(row.reference)
        sides, misfits = _sides(row, named, before)
        columns = _columns(row, sides)
        if before is not None and not misfits:
            misfits += _not_kept(before, columns)
        faults += [Fault(path.name, line, *misfit) for misfit in misfits]
        written.append(columns)
    everybody = {row[side] for row in written for side in ("holder_id", "about_id")} - {None}
    beyond = outside(session, principal, Action.IMPORT, everybody)
    for (line, row), columns in zip(rows, written, strict=True):
        if {columns["holder_id"], columns["about_id"]} <= beyond:
            faults.append(Fault(path.name, line, "about", row.about, OUTSIDE))
    raise_faults(faults)
    report = new_report("interests", {"interests": path}, faults.notes)
    shortened = [
        stored[row["reference"]].id
        for row in written
        if (before := stored.get(row["reference"])) and _is_shorter(before, row["ends"])
    ]
    made = _recorded(session, principal)
    done = upsert(
        session,
        Interest,
        ("reference",),
        [row | _kept_of(stored.get(row["reference"]), made) for row in written],
        among=visible(principal, Action.READ, Interest),
    )
    report.wrote(session, "interests", done)
    if shortened:
        by = {"shortened_at": made["recorded_at"], "shortened_by": principal.name}
        session.execute(update(Interest).where(Interest.id.in_(shortened)).values(by))
    references = [reference for (reference,) in (*done.added, *done.changed)]
    session.expire_all()
    changed = session.scalars(select(Interest).where(Interest.reference.in_(references))).all()
    _mark(session, principal, changed, eased=[one for one in changed if one.id in shortened])
    report.notes += named.notes
    return record(session, principal, report)


def _sides(
    row: InterestRow, named: Named, before: Interest | None = None
) -> tuple[dict[str, int | None], list[Misfit]]:
    """The participants by column; one that a stored interest already has stays."""
    known = (None, None) if before is None else (before.holder_id, before.about_id)
    cells = {"holder": row.holder, "about": row.about}
    found = {
        f"{side}_id": named.id_of(cell, partial(eq, old))
        for (side, cell), old in zip(cells.items(), known, strict=True)
    }
    misfits = [
        Misfit(side, cell, named.why_not(cell))
        for side, cell in cells.items()
        if found[f"{side}_id"] is None
    ]
    if not misfits and found["holder_id"] == found["about_id"]:
        misfits.append(Misfit("about", row.about, ITSELF))
    return found, misfits


def _columns(row: InterestRow, sides: Mapping[str, int | None]) -> dict[str, Any]:
    content = row.model_dump(exclude={"holder", "about"})
    return {**content, "kind": row.kind.value, **sides}


def _recorded(session: WriteSession, principal: Principal) -> dict[str, Any]:
    return {"recorded_by": principal.name, "recorded_at": database_now(session)}


def _kept_of(before: Interest | None, made: Mapping[str, Any]) -> dict[str, Any]:
    """Who recorded it, and when: of what is stored that stays."""
    return {name: made[name] if before is None else getattr(before, name) for name in made}


def _not_kept(before: Interest, columns: Mapping[str, Any]) -> Iterable[Misfit]:
    """What a row says otherwise than the interest of its reference, and may not."""
    changed = [name for name in columns if columns[name] != getattr(before, name)]
    if before.withdrawn_at is not None and changed:
        reason = "is the reference of an interest that was withdrawn. Use another reference"
        yield Misfit("reference", before.reference, reason)
        return
    for name in KEPT:
        if name in changed:
            reason = (
                f"is not what interest {before.reference} was declared with. Withdraw that one, "
                "and use another reference"
            )
            value = columns[name]
            said = value.isoformat() if isinstance(value, date) else value
            is_side = name in ("holder_id", "about_id")
            yield Misfit(name.removesuffix("_id"), None if is_side else said, reason)


def _is_shorter(before: Interest, ends: date | None) -> bool:
    return ends is not None and (before.ends is None or ends < before.ends)


def _authorise_sides(
    session: WriteSession, principal: Principal, sides: Iterable[int | None]
) -> None:
    wanted = {side for side in sides if side is not None}
    if outside(session, principal, Action.DECLARE_INTEREST, wanted) == wanted:
        raise Forbidden(
            "You can declare interests of and in your own area or organisation only, and both "
            "sides of this one are outside it. Ask your administrator."
        )


def _is_brokers(session: WriteSession, principal: Principal, interest: Interest) -> bool:
    """Whether the principal has it in its scope as a broker, and not as a contact alone."""
    scopes = {
        grant.scope
        for grant in grants_for(principal, Action.DECLARE_INTEREST)
        if grant.role in BROKERS | EVERYTHING
    }
    sides = select(Participant.id).where(
        Participant.id.in_([interest.holder_id, interest.about_id]),
        within(scopes, Participant.id),
    )
    return bool(scopes) and session.scalars(sides.limit(1)).first() is not None


def _mark(
    session: WriteSession,
    principal: Principal,
    changed: Iterable[Interest],
    eased: Iterable[Interest] = (),
) -> None:
    """Have open proposals looked at; of interests that were eased, those between their sides."""
    changed = list(changed)
    sides = {side for one in changed for side in (one.holder_id, one.about_id)}
    touched.mark(session, principal.name, all_it_counts_for(session, sides))
    for one in eased:
        touched.mark_eased(
            session,
            one.reference,
            all_it_counts_for(session, [one.holder_id]),
            all_it_counts_for(session, [one.about_id]),
        )
