"""Contacts: added, read, changed and erased; the audit has who did so and to which number.

Reading is a change here: each look is recorded, in the transaction in which it happens.
"""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Engine, select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for, outside
from app.contacts.schemas import ContactContent
from app.database import ReadSession, WriteSession, database_now
from app.errors import NotFound, require_version
from app.events import audit
from app.register.naming import reference_named
from models.contacts import Contact
from models.register import Participant


def list_contacts(session: WriteSession, principal: Principal, cell: str) -> Sequence[Contact]:
    """The contacts of the participant that a cell names; recorded, whether there are any or not."""
    who = whose(session, principal, cell, Action.READ_CONTACTS)
    query = select(Contact).where(Contact.participant_id == who.id).order_by(Contact.id)
    found = session.scalars(query).all()
    _record(session, principal, "read", who.reference, contacts=[each.id for each in found])
    return found


def get_contact(session: WriteSession, principal: Principal, contact_id: int) -> Contact:
    """One contact; recorded, too."""
    found, who = _find(session, principal, contact_id, Action.READ_CONTACTS)
    _record(session, principal, "read", who.reference, contacts=[found.id])
    return found


def add_contact(
    session: WriteSession, principal: Principal, cell: str, content: ContactContent
) -> Contact:
    """A new contact; the same again is the one that there is."""
    who = whose(session, principal, cell, Action.CHANGE_CONTACTS)
    # Whoever sends the same at the same time waits here.
    session.execute(select(Participant.id).where(Participant.id == who.id).with_for_update())
    values = content.model_dump(include=set(ContactContent.model_fields))
    same = select(Contact).where(
        Contact.participant_id == who.id,
        *(getattr(Contact, name).is_not_distinct_from(value) for name, value in values.items()),
    )
    if (known := session.scalars(same).first()) is not None:
        return known
    made = Contact(participant_id=who.id, updated_at=database_now(session), **values)
    session.add(made)
    session.flush()
    _record(session, principal, "create", f"contact:{made.id}", participant=who.reference)
    return made


def change_contact(
    session: WriteSession,
    principal: Principal,
    contact_id: int,
    content: ContactContent,
    version: int | None = None,
) -> Contact:
    """Replace what is known of a contact; what was known before is gone."""
    found, _ = _find(session, principal, contact_id, Action.CHANGE_CONTACTS)
    require_version(found.version, version, f"Contact {contact_id}")
    values = content.model_dump(include=set(ContactContent.model_fields))
    changed = [name for name, value in values.items() if value != getattr(found, name)]
    if changed:
        _forget(session)
        for name in changed:
            setattr(found, name, values[name])
        found.version += 1
        found.updated_at = database_now(session)
        session.flush()
        _record(session, principal, "change", f"contact:{contact_id}", changed=changed)
    return found


def erase_contact(
    session: WriteSession, principal: Principal, contact_id: int, version: int | None = None
) -> None:
    """Delete a contact for good: no copy of it is kept, and its number is never used again."""
    found, who = _find(session, principal, contact_id, Action.CHANGE_CONTACTS)
    require_version(found.version, version, f"Contact {contact_id}")
    _forget(session)
    session.delete(found)
    session.flush()
    _record(session, principal, "erase", f"contact:{contact_id}", participant=who.reference)


def _forget(session: WriteSession) -> None:
    """Let SQLite overwrite what is deleted, in its file and, after the commit, in its journal.

    PostgreSQL keeps it until the table is vacuumed.
    """
    engine = cast(Engine, session.get_bind())
    if engine.dialect.name != "sqlite":
        return
    session.connection().exec_driver_sql("PRAGMA secure_delete=ON")

    def empty_journal() -> None:
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

    session.once_committed(empty_journal)


def whose(
    session: ReadSession | WriteSession, principal: Principal, cell: str, action: Action
) -> Participant:
    """The institution or organisation that a cell names, if the principal may do `action` to it."""
    authorise(principal, action)
    reference = reference_named(session, cell)
    found = session.scalar(select(Participant).where(Participant.reference == reference))
    if found is None:
        raise NotFound(
            f"There is no institution or organisation {cell!r}. Check the URN, key or reference."
        )
    authorise_for(session, principal, action, [found.id])
    return found


def cell_of(session: WriteSession, contact: Contact) -> str:
    """What names the institution or organisation of a contact in a cell."""
    return session.get_one(Participant, contact.participant_id).reference.partition(":")[2]


def _find(
    session: WriteSession, principal: Principal, contact_id: int, action: Action
) -> tuple[Contact, Participant]:
    authorise(principal, action)
    found = session.get(Contact, contact_id, with_for_update=True)
    if found is None or outside(session, principal, Action.READ_CONTACTS, [found.participant_id]):
        raise NotFound(f"There is no contact {contact_id}. Check the number.")
    authorise_for(session, principal, action, [found.participant_id])
    return found, session.get_one(Participant, found.participant_id)


def _record(
    session: WriteSession, principal: Principal, what: str, subject: str, **detail: Any
) -> None:
    audit.record(session, actor=principal.name, action=f"contact.{what}", subject=subject, **detail)
