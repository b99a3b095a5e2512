"""The link of a request: made from its nonce and the secret of the installation, kept nowhere."""

import hashlib
import hmac
import re
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFound
from models.consent import ConsentRequest

TOKEN: Final = re.compile(r"([0-9]{1,9})-([0-9a-f]{64})", re.ASCII)


class NoSuchLink(NotFound):
    title = "This link does not work"


NOT_OURS: Final = (
    "The link is not complete, or it was not made by this service. Open it again from the email, "
    "all of it. If that does not help, ask whoever sent it to you."
)


def token_of(request: ConsentRequest, secret: str) -> str:
    """What the link of a request ends with."""
    return f"{request.id}-{_proof(secret, 'link', str(request.id), request.nonce)}"


def proof_of_form(request: ConsentRequest, secret: str) -> str:
    """What an answer must come with: that it is from the page which the link opens."""
    return _proof(secret, "form", str(request.id), request.nonce)


def request_of(session: Session, token: str, secret: str) -> ConsentRequest:
    """Whose link ends so. Raises `NoSuchLink`, in the same words whatever is wrong."""
    matched = TOKEN.fullmatch(token)
    if matched is not None:
        query = select(ConsentRequest).where(ConsentRequest.id == int(matched[1]))
        found = session.scalar(query.execution_options(populate_existing=True))
        if found is not None and hmac.compare_digest(token, token_of(found, secret)):
            return found
    raise NoSuchLink(NOT_OURS)


def _proof(secret: str, *of: str) -> str:
    key = hashlib.blake2b(secret.encode(), digest_size=32, person=b"consent-link").digest()
    return hmac.new(key, "\n".join(of).encode(), hashlib.sha256).hexdigest()
