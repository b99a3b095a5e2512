"""Embed tokens: signed, for a while, for the pages of named origins and one layer.

Such a token stands in a page, and never in an address that a server sees. The map in the page
exchanges it for a data token, which opens the layer for a few minutes.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt

from app.access.keys import Unauthenticated
from app.errors import Problem
from models.vocabulary import EmbedLayer

AUDIENCE: Final = "givetake-map"
DATA_AUDIENCE: Final = "givetake-map-data"
DATA_FOR: Final = timedelta(minutes=5)
ALGORITHM: Final = "HS256"
CLAIMS: Final = ("aud", "exp", "iat", "layer", "origins")
MOST_ORIGINS: Final = 20
_HOST = r"(?=.{1,253}(?::|$))[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
_ORIGIN = re.compile(rf"https://{_HOST}(?::[0-9]{{1,5}})?")
_LOOPBACK = re.compile(r"http://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?")


LONGEST: Final = {
    EmbedLayer.PUBLIC: timedelta(days=366),
    EmbedLayer.PARTNER: timedelta(hours=12),
}
USUAL: Final = {
    EmbedLayer.PUBLIC: timedelta(days=90),
    EmbedLayer.PARTNER: timedelta(hours=1),
}


class BadEmbed(Problem):
    """A token asked for that would let in nobody or too many."""

    status = 422
    title = "Invalid request to embed the map"


class Expired(Unauthenticated):
    """A token that was good; `grant` says for which pages, so that they can be told.

    `reason` is what the log and the audit call why it opens nothing any more.
    """

    title = "The token of this map has expired"

    def __init__(
        self, grant: "Grant", became: str = "has expired", reason: str = "expired"
    ) -> None:
        super().__init__(f"the token of this map {became}; ask for a new one")
        self.grant = grant
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token opens: one layer, in frames of pages of these origins."""

    origins: tuple[str, ...]
    layer: EmbedLayer
    expires_at: datetime
    run_id: int | None = None
    drafts: bool = False
    """Of the partner layer: also proposals that nobody preferred yet."""
    id: int | None = None
    """By which it can be revoked; none for the portal's own page, which lasts minutes."""
    page: str | None = None
    """What the address of its page has in place of the token: it tells for whom, and opens
    nothing; none for the portal's own page."""
    maker: str | None = None
    """Of the portal's own page, who looks at it; of others the stored token tells."""


def grant(
    origins: list[str],
    layer: EmbedLayer,
    *,
    now: datetime,
    valid_for: timedelta | None = None,
    run_id: int | None = None,
    drafts: bool = False,
    maker: str | None = None,
) -> Grant:
    """What may be granted, or `BadEmbed` with the reason why not."""
    if not 1 <= len(origins) <= MOST_ORIGINS:
        raise BadEmbed(f"enter between 1 and {MOST_ORIGINS} origins, not {len(origins)}")
    for origin in origins:
        if not (_ORIGIN.fullmatch(origin) or _LOOPBACK.fullmatch(origin)):
            raise BadEmbed(
                f"{origin!r} is not a valid origin; enter it like https://www.example.org, in "
                "lower case and without a path (http only for localhost)"
            )
    expires_at = end_of(layer, now, valid_for)
    if (run_id is None) == (layer is EmbedLayer.PARTNER):
        raise BadEmbed("enter a run for the partner layer, and none for the public layer")
    named = tuple(dict.fromkeys(origins))
    return Grant(named, layer, expires_at, run_id, drafts, maker=maker)


def end_of(layer: EmbedLayer, now: datetime, valid_for: timedelta | None = None) -> datetime:
    """When a token ends that is made or renewed now; without a time, after the usual one."""
    valid_for = USUAL[layer] if valid_for is None else valid_for
    if not timedelta() < valid_for <= LONGEST[layer]:
        raise BadEmbed(
            f"a token of the {layer} layer must be valid for at least 1 minute and at most "
            f"{_said(LONGEST[layer])}"
        )
    return (now + valid_for).replace(microsecond=0)


def page_of(token_id: int, secret: str) -> str:
    """The name of a token in addresses, which nobody can guess from that of another."""
    digest = hashlib.blake2b(
        str(token_id).encode(), key=signing_key(secret), digest_size=8, person=b"embed-page"
    )
    return f"{token_id}-{digest.hexdigest()}"


def id_of(page: str, secret: str) -> int | None:
    """Whose token's name it is; none where it was not made here."""
    number = page.partition("-")[0]
    if not number.isdecimal() or len(number) > 9:
        return None
    return int(number) if hmac.compare_digest(page, page_of(int(number), secret)) else None


def for_data(granted: Grant, now: datetime) -> Grant:
    """The same for as long as it takes to fetch the data."""
    soon = (now + DATA_FOR).replace(microsecond=0)
    return replace(granted, expires_at=min(granted.expires_at, soon))


def sign(granted: Grant, secret: str, now: datetime, audience: str = AUDIENCE) -> str:
    claims = {
        "aud": audience,
        "iat": now,
        "exp": granted.expires_at,
        "layer": granted.layer.value,
        "origins": list(granted.origins),
    }
    if granted.run_id is not None:
        claims["run"] = granted.run_id
    if granted.drafts:
        claims["drafts"] = True
    if granted.id is not None:
        claims["jti"] = str(granted.id)
    if granted.page is not None:
        claims["page"] = granted.page
    if granted.maker is not None:
        claims["maker"] = granted.maker
    return jwt.encode(claims, signing_key(secret), algorithm=ALGORITHM)


def read(token: str, secret: str, now: datetime, audience: str = AUDIENCE) -> Grant:
    """What a token opens.

    Of one that is stored, the row tells until when, so that it can be renewed where it stands;
    only its short data tokens end by what is signed. Raises `Expired` for one that was ours, else
    `Unauthenticated`, in the same words whatever is wrong with it.
    """
    try:
        claims = jwt.decode(
            token,
            signing_key(secret),
            algorithms=[ALGORITHM],
            audience=audience,
            options={"require": list(CLAIMS), "verify_exp": False},
        )
        granted = Grant(
            tuple(claims["origins"]),
            EmbedLayer(claims["layer"]),
            datetime.fromtimestamp(claims["exp"], UTC),
            claims.get("run"),
            bool(claims.get("drafts")),
            int(claims["jti"]) if "jti" in claims else None,
            claims.get("page"),
            claims.get("maker"),
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as wrong:
        raise Unauthenticated(
            "the token of this map is not valid; `givetake embed create` makes one"
        ) from wrong
    is_stored = granted.id is not None and audience == AUDIENCE
    if granted.expires_at <= now and not is_stored:
        raise Expired(granted)
    return granted


def signing_key(secret: str) -> bytes:
    """A key for nothing but this, whatever else the secret is used for."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"embed-token").digest()


def _said(time: timedelta) -> str:
    return f"{time.days} days" if time.days else f"{time.seconds // 3600} hours"
