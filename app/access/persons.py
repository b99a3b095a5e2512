"""Who is the same person under several names: a key with those it was rotated to, and its owner's.

A user is themselves, whoever answers through a link is whoever reads the mail of the address that
it went to, and so is whatever else acts.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.access.mailboxes import comparable, mailbox_in
from models.access import OWNER_NOT_RECORDED, ApiKey
from models.consent import ConsentRequest
from models.contacts import Contact
from models.people import UserDetails

KEY: Final = "key:"
LINK: Final = "link:"
USER: Final = "user:"
_MAILBOX: Final = "mailbox "
"""What a person is called here, and nowhere else, who is known by a mailbox alone."""


def link_name(request_id: int) -> str:
    """As whom somebody acts who answers through the link of a request."""
    return f"{LINK}{request_id}"


def request_of_link(name: str) -> int | None:
    """The request through whose link somebody acted under this name; none of others."""
    return _number(name, LINK)


def persons_of(session: Session, names: Iterable[str]) -> dict[str, str]:
    """Whom each name stands for: the same text for names of the same person.

    A link of which nobody knows where it went, or knew by another secret, may be anybody's: then
    all are one.
    """
    names = list(names)
    keys = _persons_of_keys(session) if any(each.startswith(KEY) for each in names) else {}
    boxes = _mailboxes(session, names) if any(each.startswith(LINK) for each in names) else {}
    if not comparable(boxes.values()):
        return dict.fromkeys(names, _MAILBOX)
    found = {name: _MAILBOX + str(box) for name, box in boxes.items()}
    return {name: found.get(name, keys.get(name, name)) for name in names}


def same_person(session: Session, name: str) -> frozenset[str]:
    """Every name under which whoever acts as `name` acts, or did."""
    keys = _persons_of_keys(session) if name.startswith(KEY) else {}
    person = keys.get(name, name)
    return frozenset(each for each, of in keys.items() if of == person) | _by_mailbox(session, name)


def _mailboxes(session: Session, names: Iterable[str]) -> dict[str, str | None]:
    """Of links, the mailbox that they went to, and of users, that of their address now.

    None where it is not known. Whatever a contact's address is now says nothing of who answered.
    """
    links = {each: number for each in names if (number := _number(each, LINK)) is not None}
    users = {each: number for each in names if (number := _number(each, USER)) is not None}
    to = select(ConsentRequest.id, ConsentRequest.sent_to)
    known = select(UserDetails.user_id, UserDetails.email).where(UserDetails.email.is_not(None))
    of_links = to.where(ConsentRequest.id.in_(links.values()))
    sent = {number: box for number, box in session.execute(of_links)}
    of_these = known.where(UserDetails.user_id.in_(users.values()))
    of_users = {number: address for number, address in session.execute(of_these)}
    found = {name: sent.get(number) for name, number in links.items()}
    return found | {
        name: mailbox_in(session, address)
        for name, number in users.items()
        if (address := of_users.get(number))
    }


def _by_mailbox(session: Session, name: str) -> frozenset[str]:
    """The links and users whose mail goes, or went, where that of a link or user does.

    Links by where they went and by where their contacts are now: rather one name too many.
    """
    link, user = _number(name, LINK), _number(name, USER)
    if link is None and user is None:
        return frozenset({name})
    now = func.lower(Contact.email)
    with_contact = select(ConsentRequest.id, ConsentRequest.sent_to, now).outerjoin(
        Contact, Contact.id == ConsentRequest.contact_id
    )
    known = select(UserDetails.user_id, func.lower(UserDetails.email)).where(
        UserDetails.email.is_not(None)
    )
    box: str | None = None
    address: str | None = None
    if link is not None:
        of_link = session.execute(with_contact.where(ConsentRequest.id == link)).first()
        if of_link is not None:
            _, box, address = of_link
    else:
        of_user = session.execute(known.where(UserDetails.user_id == user)).first()
        address = None if of_user is None else of_user[1]
        box = None if address is None else mailbox_in(session, address)
    if box is None and address is None:
        return frozenset({name})
    same = [ConsentRequest.sent_to == box] if box is not None else []
    same += [now == address] if address is not None else []
    there = with_contact.where(or_(*same))
    users = [
        number
        for number, of in session.execute(known)
        if of == address or (box is not None and mailbox_in(session, of) == box)
    ]
    return frozenset(
        {
            name,
            *(link_name(number) for number, _, _ in session.execute(there)),
            *(f"{USER}{number}" for number in users),
        }
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
