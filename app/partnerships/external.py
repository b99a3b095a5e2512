"""Changes to support of other agencies, one arrangement at a time, with its targets."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from operator import eq
from typing import Any, Final

from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for, authorise_on, outside, visible
from app.catalogue.naming import expertise_names
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound, require_version
from app.events import audit, touched
from app.import_kit.misfits import Columns, Misfit, Unfit
from app.partnerships.service import (
    FOR_PARTNERSHIPS,
    PARTNERSHIP,
    SupportRow,
    support_columns,
    support_misfits,
)
from app.partnerships.targets import TargetRow, repeated, target_columns, targets_of, typed
from app.register.group_actors import name_participants
from models.exchange import Period
from models.partnerships import Support
from models.targets import SupportTarget

SAME_TARGET: Final = "is in another target with the same date. Change that one"


def is_ours(support: Support) -> bool:
    """Whether this service arranged it: then it is changed where it was agreed, not here."""
    return support.agency is None


def create_support(
    session: WriteSession, principal: Principal, row: SupportRow, targets: Sequence[TargetRow] = ()
) -> Support:
    """Record support of another agency, with its targets."""
    authorise(principal, Action.CHANGE_SUPPORT)
    if session.scalar(select(Support.id).where(Support.reference == row.reference)) is not None:
        raise Conflict(f"There is already support {row.reference}. Use another reference.")
    support = Support(**_columns(session, principal, row, None))
    _require_a_side(session, principal, support)
    support.updated_at = datetime.now(UTC)
    wanted = _target_columns(support, targets)
    session.add(support)
    session.flush()
    _write_targets(session, support, wanted)
    return _record(session, principal, support, "create", [])


def change_support(
    session: WriteSession,
    principal: Principal,
    row: SupportRow,
    version: int | None,
    targets: Sequence[TargetRow] | None = None,
) -> Support:
    """Replace an arrangement of another agency, and its targets unless they are None."""
    support = _find(session, principal, row.reference, version)
    columns = _columns(session, principal, row, support)
    changed = [name for name, value in columns.items() if value != getattr(support, name)]
    for name in changed:
        setattr(support, name, columns[name])
    if targets is None:
        targets = [typed(each, row.reference) for each in _stored(session, support)]
    _require_a_side(session, principal, support)
    return _change(session, principal, support, changed, targets)


def change_targets(
    session: WriteSession,
    principal: Principal,
    reference: str,
    version: int | None,
    targets: Sequence[TargetRow],
) -> Support:
    """Replace the targets of an arrangement of another agency."""
    support = _find(session, principal, reference, version)
    return _change(session, principal, support, [], targets)


def get_changeable(
    session: ReadSession | WriteSession,
    principal: Principal,
    reference: str,
    *,
    lock: bool = False,
) -> Support:
    """An arrangement that the principal may change, for a form or to change it.

    Raises `Conflict` for one that is changed elsewhere.
    """
    authorise(principal, Action.CHANGE_SUPPORT)
    query = select(Support).where(
        Support.reference == reference, visible(principal, Action.READ, Support)
    )
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound(f"There is no support {reference!r}. Check the reference.")
    authorise_on(session, principal, Action.CHANGE_SUPPORT, found)
    if is_ours(found):
        raise Conflict(
            f"Support {reference} was arranged in this service. You can change support of other "
            "agencies here."
        )
    return found


def _find(
    session: WriteSession, principal: Principal, reference: str, version: int | None
) -> Support:
    found = get_changeable(session, principal, reference, lock=True)
    require_version(found.version, version, f"Support {reference}")
    return found


def _columns(
    session: WriteSession, principal: Principal, row: SupportRow, stored: Support | None
) -> Columns:
    """The columns an arrangement is stored with, once they fit what is stored."""
    cells = {cell for cell in (row.taker, row.giver) if cell is not None}
    named = name_participants(session, principal, cells)
    was: tuple[int | None, int | None] = (None, None)
    if stored is not None:
        was = stored.taker_id, stored.giver_id
    taker = named.id_of(row.taker, partial(eq, was[0]))
    giver = None if row.giver is None else named.id_of(row.giver, partial(eq, was[1]))
    expertise = expertise_names(session)
    periods = set(session.scalars(select(Period.code)))
    misfits = list(support_misfits(row, named, (taker, giver), expertise, periods))
    if stored is None and row.reference.startswith(PARTNERSHIP):
        misfits.append(Misfit("reference", row.reference, FOR_PARTNERSHIPS))
    if row.agency is None:
        reason = "is missing. Enter the agency that arranged the support"
        misfits.append(Misfit("agency", None, reason))
    if stored is not None and taker not in (None, stored.taker_id):
        reason = f"does not have {row.reference}. Use a new reference for this school"
        misfits.append(Misfit("taker", row.taker, reason))
    if misfits:
        raise Unfit(misfits)
    return support_columns(row, taker, giver, expertise)


def _require_a_side(session: WriteSession, principal: Principal, support: Support) -> None:
    """As in a file, support lies where either side does."""
    ids = [each for each in (support.taker_id, support.giver_id) if each is not None]
    beyond = outside(session, principal, Action.CHANGE_SUPPORT, ids)
    if beyond.issuperset(ids):
        authorise_for(session, principal, Action.CHANGE_SUPPORT, ids)


def _target_columns(support: Support, targets: Sequence[TargetRow]) -> list[Columns]:
    misfits: list[Misfit] = []
    found = []
    for at, row in enumerate(targets):
        wrong: list[Misfit] = []
        found.append(target_columns(row, support.starts, wrong))
        misfits += [one._replace(column=f"targets/{at}/{one.column}") for one in wrong]
    if not misfits:
        for at in sorted(repeated(found)):
            cell = targets[at].measure
            misfits.append(Misfit(f"targets/{at}/measure", cell, SAME_TARGET))
    if misfits:
        raise Unfit(misfits)
    return found


def _stored(session: WriteSession, support: Support) -> list[SupportTarget]:
    return targets_of(session, [support.id])[support.id]


def _write_targets(session: WriteSession, support: Support, wanted: Sequence[Columns]) -> bool:
    """Make the targets of an arrangement those that are wanted; whether that changed any."""
    left = {(each.measure, each.by_date): each for each in _stored(session, support)}
    changed = False
    for columns in wanted:
        stored = left.pop((columns["measure"], columns["by_date"]), None)
        if stored is None:
            session.add(SupportTarget(support_id=support.id, **columns))
            changed = True
            continue
        for name, value in columns.items():
            if value != getattr(stored, name):
                setattr(stored, name, value)
                changed = True
    for gone in left.values():
        session.delete(gone)
    return changed or bool(left)


def _change(
    session: WriteSession,
    principal: Principal,
    support: Support,
    changed: list[str],
    targets: Sequence[TargetRow],
) -> Support:
    """Write what differs; a change of nothing is none and keeps the version."""
    if _write_targets(session, support, _target_columns(support, targets)):
        changed = [*changed, "targets"]
    if not changed:
        return support
    support.version += 1
    support.updated_at = datetime.now(UTC)
    return _record(session, principal, support, "change", changed)


def _record(
    session: WriteSession, principal: Principal, support: Support, action: str, changed: list[str]
) -> Support:
    session.flush()
    sides = (support.taker_id, support.giver_id)
    touched.mark(session, principal.name, (each for each in sides if each is not None))
    detail: dict[str, Any] = {"changed": changed} if changed else {}
    audit.record(
        session,
        actor=principal.name,
        action=f"support.{action}",
        subject=f"support:{support.reference}",
        of=support,
        **detail,
    )
    return support
