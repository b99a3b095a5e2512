"""Who is the same person under several names: a key with those it was rotated to, and its owner's.

A user is themselves, whoever answers through a link is whoever reads the mail of its address, and
so is whatever else acts.
"""

import unicodedata
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.access import OWNER_NOT_RECORDED, ApiKey
from models.consent import ConsentRequest
from models.contacts import Contact
from models.people import UserDetails

KEY: Final = "key:"
LINK: Final = "link:"
USER: Final = "user:"
_MAILBOX: Final = "mailbox "
"""What a person is called here, and nowhere else, who is known by an email address alone."""


def link_name(request_id: int) -> str:
    """As whom somebody acts who answers through the link of a request."""
    return f"{LINK}{request_id}"


def persons_of(session: Session, names: Iterable[str]) -> dict[str, str]:
    """Whom each name stands for: the same text for names of the same person."""
    names = list(names)
    keys = _persons_of_keys(session) if any(each.startswith(KEY) for each in names) else {}
    boxes = _mailboxes(session, names) if any(each.startswith(LINK) for each in names) else {}
    return {name: boxes.get(name, keys.get(name, name)) for name in names}


def same_person(session: Session, name: str) -> frozenset[str]:
    """Every name under which whoever acts as `name` acts, or did."""
    keys = _persons_of_keys(session) if name.startswith(KEY) else {}
    person = keys.get(name, name)
    return frozenset(each for each, of in keys.items() if of == person) | _by_mailbox(session, name)


def _mailboxes(session: Session, names: Iterable[str]) -> dict[str, str]:
    """Of links and users, the address that their mail goes to now.

    Contacts that were erased count as one: nobody can tell any more that they are two.
    """
    links = {each: number for each in names if (number := _number(each, LINK)) is not None}
    users = {each: number for each in names if (number := _number(each, USER)) is not None}
    to = select(ConsentRequest.id, func.lower(Contact.email)).join(
        Contact, Contact.id == ConsentRequest.contact_id
    )
    known = select(UserDetails.user_id, func.lower(UserDetails.email)).where(
        UserDetails.email.is_not(None)
    )
    of_links = _by_number(session, to.where(ConsentRequest.id.in_(links.values())))
    of_users = _by_number(session, known.where(UserDetails.user_id.in_(users.values())))
    found = {name: _MAILBOX + of_links.get(number, "") for name, number in links.items()}
    return found | {
        name: _MAILBOX + of_users[number] for name, number in users.items() if number in of_users
    }


def _by_number(session: Session, query: Select[Any]) -> dict[int, str]:
    return {number: address or "" for number, address in session.execute(query)}


def _by_mailbox(session: Session, name: str) -> frozenset[str]:
    """The links and users whose mail goes where that of a link or user goes, with the name."""
    if not name.startswith((LINK, USER)):
        return frozenset({name})
    box = _mailboxes(session, [name]).get(name, _MAILBOX).removeprefix(_MAILBOX)
    if not box:
        return frozenset({name})
    links = session.scalars(
        select(ConsentRequest.id)
        .join(Contact, Contact.id == ConsentRequest.contact_id)
        .where(func.lower(Contact.email) == box)
    )
    users = session.scalars(select(UserDetails.user_id).where(func.lower(UserDetails.email) == box))
    return frozenset(
        {name, *(link_name(each) for each in links), *(f"{USER}{each}" for each in users)}
    )


def _number(name: str, kind: str) -> int | None:
    found = name.removeprefix(kind)
    return int(found) if name.startswith(kind) and found.isdecimal() else None


def _persons_of_keys(session: Session) -> dict[str, str]:
    """Of all keys, ended ones too, the name of the first that is the same person's."""
    query = select(ApiKey.prefix, ApiKey.owner, ApiKey.replaced_by)
    rows = session.execute(query.order_by(ApiKey.created_at, ApiKey.prefix)).all()
    leads_to = {prefix: prefix for prefix, _, _ in rows}
    rank = {prefix: number for number, prefix in enumerate(leads_to)}

    def first(prefix: str) -> str:
        while leads_to[prefix] != prefix:
            prefix = leads_to[prefix]
        return prefix

    first_of_owner: dict[str, str] = {}
    for prefix, owner, replaced_by in rows:
        same = [] if replaced_by is None else [replaced_by]
        if owner != OWNER_NOT_RECORDED:
            same.append(first_of_owner.setdefault(_folded(owner), prefix))
        for other in same:
            early, late = sorted((first(prefix), first(other)), key=rank.__getitem__)
            leads_to[late] = early
    return {f"{KEY}{prefix}": f"{KEY}{first(prefix)}" for prefix in leads_to}


def _folded(owner: str) -> str:
    """An owner whatever the case, the spaces and the form of its letters."""
    return " ".join(unicodedata.normalize("NFKC", owner).casefold().split())
