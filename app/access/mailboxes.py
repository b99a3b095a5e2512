"""Addresses that mail went to, compared later by a keyed digest that names nobody."""

import hashlib
import hmac

from sqlalchemy.orm import Session


def mailbox_of(secret: str, address: str) -> str:
    """The same for one address whatever its case, and of no use without the secret."""
    key = hashlib.blake2b(secret.encode(), digest_size=32, person=b"consent-mailbox").digest()
    return hmac.new(key, address.strip().lower().encode(), hashlib.sha256).hexdigest()


def mailbox_in(session: Session, address: str) -> str | None:
    """The same with the secret of the installation; none where the session was not given it."""
    secret = session.info.get("secret")
    return None if secret is None else mailbox_of(secret(), address)
