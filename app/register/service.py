"""Changes of one circumstance, rule, network or organisation at a time, each audited."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import delete, func, or_, select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for, authorise_on, visible
from app.database import WriteSession
from app.errors import Conflict, Fault, NotFound, Problem, require_version
from app.events import audit, touched
from app.import_kit.report import ImportReport
from app.register import facts
from app.register.circumstances import (
    CircumstanceRow,
    CircumstanceRuleRow,
    ensure_default_rules,
    having,
    is_earlier,
)
from app.register.group_actors import Named, name_participants
from app.register.group_members import members_of
from app.register.organisation_positions import place_organisations
from app.register.organisation_rows import Described
from app.register.organisations import settle, store
from app.register.uses import require_unused
from app.wording import counted
from models.base import Base
from models.exchange import Need, Offer
from models.register import (
    Circumstance,
    CircumstanceRule,
    Network,
    NetworkMembership,
    Organisation,
    Participant,
)
from models.vocabulary import FactKind


class Unknown(Problem):
    """Something named that is not stored."""

    status = 422
    title = "Unknown reference"

    def __init__(self, field: str, value: str, reason: str) -> None:
        super().__init__(f"{field} {value!r} {reason}.")
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
    participant_id = _participant_id(session, principal, row.participant, "participant")
    authorise_for(session, principal, Action.CHANGE_REGISTER, [participant_id])
    _require_kind(session, row.kind)
    same = select(Circumstance.id).where(
        Circumstance.participant_id == participant_id,
        Circumstance.kind == row.kind,
        Circumstance.starts == row.starts,
    )
    if (known := session.scalar(same)) is not None:
        raise Conflict(
            f"{row.participant} already has this circumstance. Change circumstance {known}."
        )
    made = Circumstance(
        participant_id=participant_id,
        kind=row.kind,
        starts=row.starts,
        ends=row.ends,
        source=row.source,
    )
    session.add(made)
    session.flush()
    touched.mark(session, principal.name, [participant_id])
    _record(
        session, principal, "circumstance.create", f"circumstance:{made.id}", made, kind=made.kind
    )
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
    """Change when a circumstance ended, or its source."""
    authorise(principal, Action.CHANGE_REGISTER)
    found = _circumstance(session, principal, circumstance_id, version)
    if ends is not None and ends < found.starts:
        raise Unknown("ends", ends.isoformat(), f"must not be before the start, {found.starts}")
    if (found.ends, found.source) != (ends, source):
        if is_earlier(ends, found.ends):
            ended = [(found.participant_id, found.kind)]
            facts.note_ended(session, principal.name, ended)
        found.ends, found.source = ends, source
        found.version += 1
        session.flush()
        touched.mark(session, principal.name, [found.participant_id])
        _record(
            session,
            principal,
            "circumstance.change",
            f"circumstance:{found.id}",
            found,
            kind=found.kind,
        )
    return found


def withdraw_circumstance(
    session: WriteSession,
    principal: Principal,
    circumstance_id: int,
    reason: str,
    version: int | None,
) -> None:
    """Take away a circumstance that was entered by mistake; that it was, and why, is kept."""
    authorise(principal, Action.CHANGE_REGISTER)
    found = _circumstance(session, principal, circumstance_id, version)
    facts.note_deleted(session, principal.name, found, reason)
    session.delete(found)
    session.flush()
    _record(
        session,
        principal,
        "circumstance.withdraw",
        f"circumstance:{found.id}",
        found,
        kind=found.kind,
    )


def create_rule(
    session: WriteSession, principal: Principal, row: CircumstanceRuleRow
) -> CircumstanceRule:
    authorise(principal, Action.EDIT_RULES, everywhere=True)
    ensure_default_rules(session)
    if session.get(CircumstanceRule, row.kind) is not None:
        raise Conflict(f"There is already a circumstance rule {row.kind}. Change it.")
    made = CircumstanceRule(**row.model_dump())
    session.add(made)
    session.flush()
    _record(session, principal, "circumstance_rule.create", f"circumstance_rule:{row.kind}", made)
    return made


def change_rule(
    session: WriteSession, principal: Principal, row: CircumstanceRuleRow, version: int | None
) -> CircumstanceRule:
    authorise(principal, Action.EDIT_RULES, everywhere=True)
    ensure_default_rules(session)
    found = _rule(session, row.kind, version)
    changed = {
        name: value for name, value in row.model_dump().items() if value != getattr(found, name)
    }
    if changed:
        for name, value in changed.items():
            setattr(found, name, value)
        found.version += 1
        session.flush()
        touched.mark(session, principal.name, having(session, [row.kind]))
        _record(
            session,
            principal,
            "circumstance_rule.change",
            f"circumstance_rule:{row.kind}",
            found,
            changed=sorted(changed),
        )
    return found


def withdraw_rule(
    session: WriteSession, principal: Principal, kind: str, version: int | None
) -> None:
    """Take away the rule of a kind of circumstance that nobody is in or ever was."""
    authorise(principal, Action.EDIT_RULES, everywhere=True)
    found = _rule(session, kind, version)
    held = session.scalar(select(func.count()).where(Circumstance.kind == kind))
    if held:
        raise Conflict(
            f"The rule {kind} is in use by {counted(held, 'circumstance')}. Delete those first."
        )
    session.delete(found)
    session.flush()
    _record(session, principal, "circumstance_rule.withdraw", f"circumstance_rule:{kind}", found)


def _rule(session: WriteSession, kind: str, version: int | None) -> CircumstanceRule:
    found = session.get(CircumstanceRule, kind, with_for_update=True)
    if found is None:
        raise NotFound(f"There is no circumstance rule {kind!r}. Check the kind.")
    require_version(found.version, version, f"Circumstance rule {kind}")
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
        raise Conflict(f"There is already a network {key}. Change it, or use another key.")
    _authorise_members(session, principal, members)
    made = Network(key=key, name=name, kind=kind)
    session.add(made)
    session.flush()
    _write_members(session, principal, made, members)
    _record(session, principal, "network.create", f"network:{key}", made, members=len(members))
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
    found = _network(session, principal, key, version)
    _authorise_members(session, principal, members)
    found.name, found.kind = name, kind
    found.version += 1
    of_it = NetworkMembership.network_id == found.id
    before = {_place(each) for each in session.scalars(select(NetworkMembership).where(of_it))}
    session.execute(delete(NetworkMembership).where(of_it))
    _write_members(session, principal, found, members, before)
    _record(session, principal, "network.change", f"network:{key}", found, members=len(members))
    return found


def withdraw_network(
    session: WriteSession, principal: Principal, key: str, version: int | None
) -> Network:
    """Let everybody leave a network today; who was in it, and until when, is kept."""
    authorise(principal, Action.CHANGE_REGISTER)
    found = _network(session, principal, key, version)
    today = _today()
    lasting = or_(NetworkMembership.ends.is_(None), NetworkMembership.ends > today)
    members = session.scalars(
        select(NetworkMembership).where(NetworkMembership.network_id == found.id, lasting)
    ).all()
    for member in members:
        member.ends = max(today, member.starts or today)
    if members:
        found.version += 1
        session.flush()
        _record(
            session, principal, "network.withdraw", f"network:{key}", found, members=len(members)
        )
    return found


def _network(session: WriteSession, principal: Principal, key: str, version: int | None) -> Network:
    found = session.scalar(select(Network).where(Network.key == key).with_for_update())
    if found is None:
        raise NotFound(f"There is no network {key!r}. Check the key.")
    of_it = NetworkMembership.network_id == found.id
    members = session.scalars(select(NetworkMembership.participant_id).where(of_it)).all()
    authorise_for(session, principal, Action.CHANGE_REGISTER, members)
    require_version(found.version, version, f"Network {key}")
    return found


def _authorise_members(
    session: WriteSession, principal: Principal, members: Sequence[Member]
) -> None:
    """Also of a network leader: whoever takes somebody in would else reach what is theirs by that.

    Asked before the members are written, when its scope is still what it was.
    """
    named = name_participants(session, principal, {member.participant for member in members})
    known = [named.id_of(member.participant) for member in members]
    ids = [each for each in known if each is not None]
    authorise_for(session, principal, Action.CHANGE_REGISTER, ids)


def _place(membership: NetworkMembership) -> tuple[int, date | None, date | None]:
    return membership.participant_id, membership.starts, membership.ends


def _write_members(
    session: WriteSession,
    principal: Principal,
    network: Network,
    members: Sequence[Member],
    before: Collection[tuple[int, date | None, date | None]] = (),
) -> None:
    """Store who is or was in a network, and note those who were not so `before`."""
    named = name_participants(session, principal, {member.participant for member in members})
    seen = set()
    made = []
    for place, member in enumerate(members):
        field = f"members/{place}/participant"
        participant_id = _id_of(named, member.participant, field)
        if (participant_id, member.starts) in seen:
            raise Unknown(field, member.participant, "is repeated from the same day. Keep one")
        seen.add((participant_id, member.starts))
        made.append(
            NetworkMembership(
                network_id=network.id,
                participant_id=participant_id,
                starts=member.starts,
                ends=member.ends,
            )
        )
    session.add_all(made)
    session.flush()
    changed = [(each.participant_id, network.key) for each in made if _place(each) not in before]
    facts.note(session, principal.name, FactKind.NETWORK, changed)


def create_organisation(session: WriteSession, principal: Principal, one: Described) -> None:
    authorise(principal, Action.ADD_ORGANISATION)
    place_organisations(session, [one])
    key = one.row.key
    if session.scalar(select(Organisation.key).where(Organisation.key == key)) is not None:
        raise Conflict(f"There is already an organisation {key}. Change it, or use another key.")
    _store_organisation(session, principal, one)
    _authorise_organisation(session, principal, key)
    _authorise_link(session, principal, one.row.group_uid)
    _record(session, principal, "organisation.create", f"organisation:{key}")


def change_organisation(
    session: WriteSession, principal: Principal, one: Described, version: int | None
) -> None:
    """Replace what an organisation is; a designation that it no longer has ends today."""
    authorise(principal, Action.CHANGE_REGISTER)
    place_organisations(session, [one])
    key, closed = one.row.key, one.row.closed
    found = _organisation(session, key, version)
    _authorise_organisation(session, principal, key)
    if closed is not None and _is_open(found) and closed <= _today():
        _require_unused(session, found)
    linked = found.group_uid
    changed = _store_organisation(session, principal, one)
    _authorise_organisation(session, principal, key)
    if one.row.group_uid != linked:
        _authorise_link(session, principal, one.row.group_uid)
    if changed:
        _record(session, principal, "organisation.change", f"organisation:{key}")


def withdraw_organisation(
    session: WriteSession, principal: Principal, key: str, version: int | None
) -> None:
    """Close an organisation that neither needs nor offers anything any more, as of today."""
    authorise(principal, Action.CHANGE_REGISTER)
    found = _organisation(session, key, version)
    _authorise_organisation(session, principal, key)
    if _is_open(found):
        _require_unused(session, found)
        who = session.get_one(Participant, found.participant_id)
        found.closed, found.follows_register = _today(), False
        touched.mark(session, principal.name, [who.id])
        who.version += 1
        who.updated_at = datetime.now(UTC)
        session.flush()
        _record(session, principal, "organisation.withdraw", f"organisation:{key}", found)


def _authorise_organisation(session: WriteSession, principal: Principal, key: str) -> None:
    """Where it lies now; what was written already goes with the refusal."""
    query = select(Participant.id).where(Participant.reference == f"org:{key}")
    authorise_for(session, principal, Action.CHANGE_REGISTER, session.scalars(query).all())


def _authorise_link(session: WriteSession, principal: Principal, uid: int | None) -> None:
    """Also for all who belong to the group that an organisation stands for.

    What anybody enters for the group becomes the organisation's, and lies where that does.
    """
    if uid is not None:
        members = members_of(session, uid, _today())
        authorise_for(session, principal, Action.CHANGE_REGISTER, members)


def _organisation(session: WriteSession, key: str, version: int | None) -> Organisation:
    # Its participant is locked first, as an import does: in another order they could block.
    query = select(Participant).where(Participant.reference == f"org:{key}").with_for_update()
    who = session.scalar(query)
    if who is None:
        raise NotFound(f"There is no organisation {key!r}. Check the key.")
    require_version(who.version, version, f"Organisation {key}")
    return session.get_one(Organisation, who.id)


def _is_open(organisation: Organisation) -> bool:
    return organisation.closed is None or organisation.closed > _today()


def _require_unused(session: WriteSession, organisation: Organisation) -> None:
    of = organisation.participant_id
    needs, offers = Need.participant_id == of, Offer.participant_id == of
    require_unused(session, organisation.key, _today(), needs=needs, offers=offers)


def _store_organisation(session: WriteSession, principal: Principal, one: Described) -> bool:
    """Write an organisation as an import of it alone would; whether that changed anything."""
    faults: list[Fault] = []
    regions = settle(session, one.row.key, [one], faults)
    for fault in faults:
        raise Unknown(fault.column or "key", fault.value or "", fault.reason)
    report = ImportReport("organisations", {}, "")
    store(session, principal, [one], regions, report, _today())
    return report.any_change


def _today() -> date:
    return datetime.now(UTC).date()


def _participant_id(session: WriteSession, principal: Principal, cell: str, field: str) -> int:
    return _id_of(name_participants(session, principal, [cell]), cell, field)


def _id_of(named: Named, cell: str, field: str) -> int:
    found = named.id_of(cell)
    if found is None:
        raise Unknown(field, cell, named.why_not(cell))
    return found


def _require_kind(session: WriteSession, kind: str) -> None:
    if session.get(CircumstanceRule, kind) is None:
        known = session.scalars(select(CircumstanceRule.kind).order_by(CircumstanceRule.kind))
        raise Unknown("kind", kind, f"has no circumstance rule. Use one of: {', '.join(known)}")


def _circumstance(
    session: WriteSession, principal: Principal, wanted: int, version: int | None
) -> Circumstance:
    seen = visible(principal, Action.READ, Circumstance)
    query = select(Circumstance).where(Circumstance.id == wanted, seen)
    found = session.scalar(query.with_for_update())
    if found is None:
        raise NotFound(f"There is no circumstance {wanted}. Check the number.")
    authorise_on(session, principal, Action.CHANGE_REGISTER, found)
    require_version(found.version, version, f"Circumstance {wanted}")
    return found


def _record(
    session: WriteSession,
    principal: Principal,
    action: str,
    subject: str,
    of: Base | None = None,
    **detail: Any,
) -> None:
    audit.record(session, actor=principal.name, action=action, subject=subject, of=of, **detail)
