"""Changes of one circumstance, rule or network at a time; each leaves an audit event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, select

from app.access.policy import Action, Principal, authorise
from app.database import WriteSession
from app.events import audit
from app.problems import Conflict, NotFound, Problem, require_version
from app.register.circumstances import CircumstanceRow, CircumstanceRuleRow, ensure_default_rules
from app.register.queries import reference_of
from models.register import (
    Circumstance,
    CircumstanceRule,
    Network,
    NetworkMembership,
    Participant,
)

NOBODY = "is no URN of the register and no key of an organisation; import it first"


class Unknown(Problem):
    """Something named that is not stored."""

    status = 422
    title = "Something that was named is not known"

    def __init__(self, field: str, value: str, reason: str) -> None:
        super().__init__(f"{field} {value!r} {reason}")
        self.error = {"pointer": f"#/{field}", "detail": f"{value!r} {reason}"}

    @property
    def extra(self) -> dict[str, Any]:
        return {"errors": [self.error]}


@dataclass(frozen=True, slots=True)
class Member:
    """A participant's place in a network, from when to when."""

    participant: str
    starts: date | None
    ends: date | None


def create_circumstance(
    session: WriteSession, principal: Principal, row: CircumstanceRow
) -> Circumstance:
    authorise(principal, Action.CHANGE_REGISTER)
    ensure_default_rules(session)
    participant_id = _participant_id(session, row.participant, "participant")
    _require_kind(session, row.kind)
    same = select(Circumstance.id).where(
        Circumstance.participant_id == participant_id,
        Circumstance.kind == row.kind,
        Circumstance.starts == row.starts,
    )
    if (known := session.scalar(same)) is not None:
        raise Conflict(f"{row.participant} has this circumstance already: {known}; change that")
    made = Circumstance(
        participant_id=participant_id,
        kind=row.kind,
        starts=row.starts,
        ends=row.ends,
        source=row.source,
    )
    session.add(made)
    session.flush()
    _record(session, principal, "circumstance.create", f"circumstance:{made.id}", kind=made.kind)
    return made


def change_circumstance(
    session: WriteSession,
    principal: Principal,
    circumstance_id: int,
    *,
    ends: date | None,
    source: str,
    version: int | None,
) -> Circumstance:
    """Say when a circumstance ended, or where it is known from."""
    authorise(principal, Action.CHANGE_REGISTER)
    found = _circumstance(session, circumstance_id, version)
    if ends is not None and ends < found.starts:
        raise Unknown("ends", ends.isoformat(), f"is before it starts on {found.starts}")
    if (found.ends, found.source) != (ends, source):
        found.ends, found.source = ends, source
        found.version += 1
        session.flush()
        _record(
            session, principal, "circumstance.change", f"circumstance:{found.id}", kind=found.kind
        )
    return found


def withdraw_circumstance(
    session: WriteSession, principal: Principal, circumstance_id: int, version: int | None
) -> None:
    """Take away a circumstance that was entered by mistake; the audit keeps that it was."""
    authorise(principal, Action.CHANGE_REGISTER)
    found = _circumstance(session, circumstance_id, version)
    session.delete(found)
    session.flush()
    _record(
        session, principal, "circumstance.withdraw", f"circumstance:{found.id}", kind=found.kind
    )


def create_rule(
    session: WriteSession, principal: Principal, row: CircumstanceRuleRow
) -> CircumstanceRule:
    authorise(principal, Action.EDIT_RULES)
    ensure_default_rules(session)
    if session.get(CircumstanceRule, row.kind) is not None:
        raise Conflict(f"there is already a rule of {row.kind}; change that")
    made = CircumstanceRule(**row.model_dump())
    session.add(made)
    session.flush()
    _record(session, principal, "circumstance_rule.create", f"circumstance_rule:{row.kind}")
    return made


def change_rule(
    session: WriteSession, principal: Principal, row: CircumstanceRuleRow, version: int | None
) -> CircumstanceRule:
    authorise(principal, Action.EDIT_RULES)
    ensure_default_rules(session)
    found = session.get(CircumstanceRule, row.kind, with_for_update=True)
    if found is None:
        raise NotFound(f"there is no rule of a circumstance {row.kind!r}")
    require_version(found.version, version, f"the rule of {row.kind}")
    changed = {
        name: value for name, value in row.model_dump().items() if value != getattr(found, name)
    }
    if changed:
        for name, value in changed.items():
            setattr(found, name, value)
        found.version += 1
        session.flush()
        _record(
            session,
            principal,
            "circumstance_rule.change",
            f"circumstance_rule:{row.kind}",
            changed=sorted(changed),
        )
    return found


def create_network(
    session: WriteSession,
    principal: Principal,
    *,
    key: str,
    name: str,
    kind: str,
    members: Sequence[Member],
) -> Network:
    authorise(principal, Action.CHANGE_REGISTER)
    if session.scalar(select(Network.id).where(Network.key == key)) is not None:
        raise Conflict(f"there is already a network {key}; change that or choose another key")
    made = Network(key=key, name=name, kind=kind)
    session.add(made)
    session.flush()
    _write_members(session, made, members)
    _record(session, principal, "network.create", f"network:{key}", members=len(members))
    return made


def change_network(
    session: WriteSession,
    principal: Principal,
    *,
    key: str,
    name: str,
    kind: str,
    members: Sequence[Member],
    version: int | None,
) -> Network:
    """Replace what a network is called and who is or was in it."""
    authorise(principal, Action.CHANGE_REGISTER)
    found = session.scalar(select(Network).where(Network.key == key).with_for_update())
    if found is None:
        raise NotFound(f"there is no network {key!r}")
    require_version(found.version, version, f"the network {key}")
    found.name, found.kind = name, kind
    found.version += 1
    session.execute(delete(NetworkMembership).where(NetworkMembership.network_id == found.id))
    _write_members(session, found, members)
    _record(session, principal, "network.change", f"network:{key}", members=len(members))
    return found


def _write_members(session: WriteSession, network: Network, members: Sequence[Member]) -> None:
    seen = set()
    for place, member in enumerate(members):
        field = f"members/{place}/participant"
        participant_id = _participant_id(session, member.participant, field)
        if (participant_id, member.starts) in seen:
            raise Unknown(field, member.participant, "is named twice from the same day")
        seen.add((participant_id, member.starts))
        session.add(
            NetworkMembership(
                network_id=network.id,
                participant_id=participant_id,
                starts=member.starts,
                ends=member.ends,
            )
        )
    session.flush()


def _participant_id(session: WriteSession, cell: str, field: str) -> int:
    found = session.scalar(
        select(Participant.id).where(Participant.reference == reference_of(cell))
    )
    if found is None:
        raise Unknown(field, cell, NOBODY)
    return found


def _require_kind(session: WriteSession, kind: str) -> None:
    if session.get(CircumstanceRule, kind) is None:
        known = session.scalars(select(CircumstanceRule.kind).order_by(CircumstanceRule.kind))
        raise Unknown("kind", kind, f"has no rule; there are {', '.join(known)}")


def _circumstance(session: WriteSession, wanted: int, version: int | None) -> Circumstance:
    found = session.get(Circumstance, wanted, with_for_update=True)
    if found is None:
        raise NotFound(f"there is no circumstance {wanted}")
    require_version(found.version, version, f"the circumstance {wanted}")
    return found


def _record(
    session: WriteSession, principal: Principal, action: str, subject: str, **detail: Any
) -> None:
    audit.record(session, actor=principal.name, action=action, subject=subject, **detail)
