"""Addresses that mail went to, compared later by a keyed digest that names nobody."""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from sqlalchemy.orm import Session

_OF_SECRET: Final = 8
"""Letters of a digest that say of which secret it is."""


def mailbox_of(secret: str, address: str) -> str:
    """The same for one address whatever its case, and of no use without the secret.

    It begins with which secret that was: those of two secrets tell nothing of each other.
    """
    key = hashlib.blake2b(secret.encode(), digest_size=32, person=b"consent-mailbox").digest()
    made = hmac.new(key, address.strip().lower().encode(), hashlib.sha256).hexdigest()
    return hashlib.sha256(key).hexdigest()[:_OF_SECRET] + made[:-_OF_SECRET]


def comparable(mailboxes: Iterable[str | None]) -> bool:
    """Whether all are known, and of one secret."""
    of_secrets = {each and each[:_OF_SECRET] for each in mailboxes}
    return None not in of_secrets and len(of_secrets) <= 1


def mailbox_in(session: Session, address: str) -> str | None:
    """The same with the secret of the installation; none where the session was not given it."""
    secret = session.info.get("secret")
    return None if secret is None else mailbox_of(secret(), address)
