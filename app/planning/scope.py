"""Whose needs a run plans: the scope in words, as stored, and the participants in it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.errors import NotFound
from app.register import lookups as register
from app.register.lookups import AnySession
from app.register.naming import participant_ids, references_named
from app.register.successors.resolve import current
from models.exchange import Need
from models.matching import Run
from models.vocabulary import Operation

LIST: Final = "list"
BORDER: Final = "border"
"""Needs by name: of a pass across the borders of a batch's areas, whose number is the code."""


@dataclass(frozen=True, slots=True)
class Takers:
    description: dict[str, Any]
    """Enough to find them again: a kind and code, or the references listed."""
    participant_ids: Collection[int] | None
    """None: everybody."""


def takers_in(session: AnySession, principal: Principal, area: str, day: date) -> Takers:
    """Everybody in the place, group or network that `area` names."""
    scope = register.find_scope(session, principal, area)
    return _in_scope(session, principal, scope, day)


def _in_scope(
    session: AnySession, principal: Principal, scope: register.Scope, day: date
) -> Takers:
    if scope.kind == register.COUNTRY:
        return Takers(scope.as_json(), None)
    return Takers(
        scope.as_json(), frozenset(register.participants_in(session, principal, scope, day))
    )


def takers_listed(session: AnySession, principal: Principal, named: Sequence[str]) -> Takers:
    """Those named by URN, organisation key, or the reference of a trust that takes part.

    An old URN names its one successor.
    """
    authorise(principal, Action.READ)
    references = references_named(session, named)
    known = participant_ids(session, references.values())
    known |= {old: one.participant_id for old, one in current(session, known).items()}
    ids = {name: known.get(reference) for name, reference in references.items()}
    if missing := [name for name, found in ids.items() if found is None]:
        raise NotFound(
            f"{len(missing):,} of the {len(named):,} listed are not in the register, the first "
            f"{missing[0]!r}. List URNs, organisation keys, or references of trusts that have "
            "needs."
        )
    description = {
        "kind": LIST,
        "code": "",
        "name": f"a list of {len(ids):,}",
        "takers": list(ids),
    }
    return Takers(description, frozenset(found for found in ids.values() if found is not None))


def takers_of(
    session: AnySession, principal: Principal, description: Mapping[str, Any], day: date
) -> Takers:
    """The takers that a run's stored scope means on `day`."""
    if description["kind"] == LIST:
        return takers_listed(session, principal, description["takers"])
    if description["kind"] == BORDER:
        named = Need.reference.in_(description["needs"])
        ids = session.scalars(select(Need.participant_id).where(named).distinct())
        return Takers(dict(description), frozenset(ids))
    scope = register.Scope(description["kind"], description["code"], description["name"])
    return _in_scope(session, principal, scope, day)


def run_ids(
    session: Session,
    description: Mapping[str, Any],
    period_code: str,
    *conditions: ColumnElement[bool],
) -> list[int]:
    """Runs that plan the period for the same takers, as far as conditions hold, newest first."""
    kind, code = (Run.scope[name].as_string() for name in ("kind", "code"))
    query = (
        select(Run.id, Run.scope)
        .where(
            Run.operation == Operation.SOLVE,
            Run.period_code == period_code,
            kind == description["kind"],
            code == description["code"],
            *conditions,
        )
        .order_by(Run.id.desc())
    )
    listed = set(description.get("takers", ()))
    return [
        run_id for run_id, scope in session.execute(query) if set(scope.get("takers", ())) == listed
    ]
