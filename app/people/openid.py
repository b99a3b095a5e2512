"""OpenID Connect: signing in at an issuer, by the code flow with PKCE (OpenID Connect Core 1.0).

Any issuer will do that keeps the standard and signs with a public key. What it publishes about
itself is read when somebody first signs in, and again after an hour or for a key not seen before.
"""

import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import structlog
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, import_key
from joserfc.jws import JWSRegistry

from app import outside
from app.errors import Problem
from app.settings import Settings

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
TOTAL_S: Final = 10.0
"""For each request to the issuer."""
MOST_BYTES: Final = 2**20
KEPT_S: Final = 3600.0
"""How long what the issuer publishes is taken without reading it again."""
DOWN_S: Final = 5.0
"""How long an issuer that could not be read is not asked again, while everybody waits."""
KEYS_EVERY_S: Final = 30.0
"""How soon its keys are read again for a token that none of them signed: not for every forgery."""
CLOCK_SKEW_S: Final = 60
"""By how much the issuer's clock may differ from the database's."""
SIGNED_BY: Final = ("RS256", "ES256", "PS256", "RS384", "ES384", "PS384", "RS512", "PS512")
"""Signatures with a public key; never with the secret that we share with the issuer, or none."""
LONGEST_SUBJECT: Final = 255

log = structlog.get_logger()


class IssuerUnavailable(Problem):
    status = 503
    title = "Sign-in is not available"


class SignInRefused(Problem):
    """What came back from the issuer does not prove who signed in."""

    status = 403
    title = "You could not be signed in"

    def __init__(self, reason: str) -> None:
        super().__init__("Go to the sign-in page and try again.")
        self.reason = reason
        """A code for the log."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Where people sign in, and as whom it knows this service."""

    url: str
    client_id: str
    client_secret: str | None
    scope: str

    @classmethod
    def of(cls, settings: Settings) -> "Issuer | None":
        if settings.issuer is None:
            return None
        assert settings.issuer_client is not None
        secret = settings.issuer_secret
        return cls(
            settings.issuer,
            settings.issuer_client,
            secret.get_secret_value() if secret else None,
            settings.issuer_scope,
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """What must be known again when the browser comes back."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def anew(cls) -> "Begun":
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the issuer vouches for; `name` and `email` only if the scope asked for them."""

    issuer: str
    subject: str
    name: str | None
    email: str | None
    organisation: Mapping[str, Any] | None
    id_token: str


@dataclass(frozen=True, slots=True)
class _Published:
    metadata: dict[str, Any]
    keys: KeySet
    read_at: float


@dataclass(frozen=True, slots=True)
class _Answer:
    status_code: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def raise_for_status(self) -> None:
        raise OAuth2Error(error="server_error")


class _Session:
    """What Authlib sends requests with; ours are bounded in time and length."""

    def post(self, url: str, data: Mapping[str, str], headers: Any, auth: Any) -> _Answer:
        url, headers, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return _Answer(*_ask(url, headers, body.encode()))


class OpenIdClient:
    """This service as a client of one issuer; it is safe to use from several threads."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self._published: _Published | None = None
        self._failed_at = float("-inf")
        self._lock = Lock()

    @classmethod
    def of(cls, settings: Settings) -> "OpenIdClient | None":
        issuer = Issuer.of(settings)
        return None if issuer is None else cls(issuer)

    def begin(self, redirect: str, begun: Begun) -> str:
        """The issuer's address to send a browser to."""
        metadata = self._read().metadata
        address, _ = self._client(metadata).create_authorization_url(
            metadata["authorization_endpoint"],
            redirect_uri=redirect,
            state=begun.state,
            nonce=begun.nonce,
            code_verifier=begun.verifier,
        )
        return str(address)

    def finish(
        self, redirect: str, begun: Begun, given: Mapping[str, str], now: datetime
    ) -> Person:
        """Who signed in, by what a browser brought back in the `given` query.

        Raises
        ------
        SignInRefused
            If it does not prove that somebody signed in now, in this browser, for this service.
        IssuerUnavailable
            If the issuer could not be asked.
        """
        if not secrets.compare_digest(given.get("state", "").encode(), begun.state.encode()):
            raise SignInRefused("state")
        published = self._read()
        # RFC 9207: an answer of another issuer than the one that was asked.
        if given.get("iss", self.issuer.url) != self.issuer.url:
            raise SignInRefused("issuer_of_answer")
        if "error" in given or not given.get("code"):
            raise SignInRefused("denied" if given.get("error") == "access_denied" else "no_code")
        try:
            tokens = self._client(published.metadata).fetch_token(
                published.metadata["token_endpoint"],
                grant_type="authorization_code",
                code=given["code"],
                redirect_uri=redirect,
                code_verifier=begun.verifier,
            )
        except OAuth2Error as refused:
            if refused.error in ("invalid_client", "unauthorized_client"):
                raise _unavailable("client_refused") from refused
            raise SignInRefused("code") from refused
        except ValueError as unreadable:
            raise _unavailable("unreadable_tokens") from unreadable
        return self._person(published, tokens, begun, now)

    def end_session(self, id_token: str | None, back: str) -> str | None:
        """Where to send a browser so that it is signed out of the issuer, too, and comes back."""
        endpoint = self._read().metadata.get("end_session_endpoint")
        if endpoint is None:
            return None
        asked = {"client_id": self.issuer.client_id, "post_logout_redirect_uri": back}
        if id_token is not None:
            asked["id_token_hint"] = id_token
        return str(add_params_to_uri(endpoint, list(asked.items())))

    def _client(self, metadata: Mapping[str, Any]) -> OAuth2Client:
        known = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        method = "none"
        if self.issuer.client_secret is not None:
            basic = "client_secret_basic" in known
            method = "client_secret_basic" if basic else "client_secret_post"
        return OAuth2Client(
            _Session(),
            self.issuer.client_id,
            self.issuer.client_secret,
            token_endpoint_auth_method=method,
            scope=self.issuer.scope,
            code_challenge_method="S256",
        )

    def _person(
        self, published: _Published, tokens: Mapping[str, Any], begun: Begun, now: datetime
    ) -> Person:
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise SignInRefused("no_id_token")
        claims = self._claims(published, tokens, id_token, begun, now)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
            raise SignInRefused("subject")
        told = dict(claims)
        asked_for = {"email", "organisation"} & set(self.issuer.scope.split())
        if asked_for - told.keys():
            told = self._user_info(published.metadata, tokens, subject) | told
        organisation = told.get("organisation")
        return Person(
            issuer=self.issuer.url,
            subject=subject,
            name=_text(told.get("name")) or _full_name(told),
            email=_text(told.get("email")),
            organisation=organisation if isinstance(organisation, dict) else None,
            id_token=id_token,
        )

    def _claims(
        self,
        published: _Published,
        tokens: Mapping[str, Any],
        id_token: str,
        begun: Begun,
        now: datetime,
    ) -> CodeIDToken:
        known = published.metadata.get("id_token_signing_alg_values_supported", ["RS256"])
        registry = JWSRegistry(
            algorithms=[each for each in SIGNED_BY if each in known], strict_check_header=False
        )
        try:
            try:
                decoded = jwt.decode(id_token, published.keys, registry=registry)
            except (InvalidKeyIdError, BadSignatureError, ValueError):
                # The issuer may have new keys, be they called as before or not.
                newer = self._read(keys_before=published)
                decoded = jwt.decode(id_token, newer.keys, registry=registry)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self.issuer.url},
                    "aud": {"essential": True, "value": self.issuer.client_id},
                },
                {
                    "nonce": begun.nonce,
                    "client_id": self.issuer.client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(now=int(now.timestamp()), leeway=CLOCK_SKEW_S)
        except (JoseError, ValueError) as bad:
            raise SignInRefused(_reason(bad)) from bad
        return claims

    def _user_info(
        self, metadata: Mapping[str, Any], tokens: Mapping[str, Any], subject: str
    ) -> dict[str, Any]:
        """What some issuers say only if they are asked for it."""
        endpoint, token = metadata.get("userinfo_endpoint"), tokens.get("access_token")
        if endpoint is None or not isinstance(token, str):
            return {}
        told = _document(endpoint, Authorization=f"Bearer {token}")
        if told.get("sub") != subject:
            raise SignInRefused("subject_of_user_info")
        return told

    def _read(self, keys_before: _Published | None = None) -> _Published:
        """What the issuer publishes: as kept, or read anew if it may have new keys."""
        with self._lock:
            kept, now = self._published, time.monotonic()
            age = now - kept.read_at if kept else KEPT_S
            fresh_for = KEYS_EVERY_S if keys_before is kept else KEPT_S
            if kept is not None and age < fresh_for:
                return kept
            if now - self._failed_at < DOWN_S:
                raise _unavailable("was_unavailable")
            self._failed_at = now
            url = self.issuer.url.rstrip("/")
            metadata = _document(f"{url}/.well-known/openid-configuration")
            self._check(metadata)
            keys = _keys(_document(metadata["jwks_uri"]))
            self._published, self._failed_at = _Published(metadata, keys, now), float("-inf")
            return self._published

    def _check(self, metadata: Mapping[str, Any]) -> None:
        if metadata.get("issuer") != self.issuer.url:
            raise _unavailable("another_issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not is_private(metadata.get(name)):
                raise _unavailable(name)
        for name in ("userinfo_endpoint", "end_session_endpoint"):
            if name in metadata and not is_private(metadata[name]):
                raise _unavailable(name)


def is_private(address: object) -> bool:
    """Whether nobody else can read what is sent there: over TLS, or on this machine."""
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


def _document(address: str, **headers: str) -> dict[str, Any]:
    status, body = _ask(address, {"Accept": "application/json"} | headers)
    try:
        found = json.loads(body)
    except ValueError as unreadable:
        raise _unavailable("unreadable") from unreadable
    if status != 200 or not isinstance(found, dict):
        raise _unavailable("status")
    return found


def _keys(published: Mapping[str, Any]) -> KeySet:
    """The keys that we can use; an issuer may publish others beside them."""
    keys = []
    for each in published.get("keys", ()):
        with suppress(JoseError, ValueError, KeyError, TypeError):
            keys.append(import_key(each))
    if not keys:
        raise _unavailable("no_keys")
    return KeySet(keys)


def _ask(address: str, headers: Mapping[str, str], form: bytes | None = None) -> tuple[int, bytes]:
    try:
        return outside.fetch(address, headers, total_s=TOTAL_S, most_bytes=MOST_BYTES, form=form)
    except outside.NoAnswer as none:
        raise _unavailable("no_answer") from none


def _unavailable(reason: str) -> IssuerUnavailable:
    log.error("sign_in.issuer_unavailable", reason=reason)
    return IssuerUnavailable(
        "The sign-in service did not answer as expected. Try again in a few minutes, or ask your "
        "administrator."
    )


def _reason(bad: Exception) -> str:
    """A code: the claim that is wrong, or the kind of error; never a value."""
    claim = getattr(bad, "claim", None)
    return f"claim_{claim}" if claim else str(getattr(bad, "error", None) or "unreadable_token")


def _text(value: object) -> str | None:
    return value[:200] if isinstance(value, str) and value.strip() else None


def _full_name(claims: Mapping[str, Any]) -> str | None:
    parts = (_text(claims.get(name)) for name in ("given_name", "family_name"))
    return " ".join(part for part in parts if part) or None
