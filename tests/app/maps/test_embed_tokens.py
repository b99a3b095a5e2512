"""Embed tokens: what they open, for whom, for how long, and what is refused."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from app.access.keys import Unauthenticated
from app.access.policy import BROKERS, EVERYTHING, TERMINAL, Role
from app.access.secret import signing_secret
from app.database import Database
from app.errors import Forbidden, NotFound
from app.maps import service, tokens
from app.maps.tokens import BadEmbed, Grant
from app.settings import Settings
from models.access import AuditEvent
from models.vocabulary import EmbedLayer
from tests.factories import acting

SECRET = "made-up secret of forty characters or so"
NOW = datetime(2026, 9, 1, 9, 30, tzinfo=UTC)
ORIGIN = "https://www.example.org"
GRANTED = Grant((ORIGIN,), EmbedLayer.PUBLIC, NOW, id=1, page="1-a")


def signed(until: timedelta = timedelta(hours=1), secret: str = SECRET) -> str:
    now = datetime.now(UTC)
    return tokens.sign(Grant((ORIGIN,), EmbedLayer.PUBLIC, now + until), secret, now)


def test_a_token_opens_what_was_granted() -> None:
    """Origins, layer and run come back as they were signed."""
    now = datetime.now(UTC)
    for layer, run_id in ((EmbedLayer.PUBLIC, None), (EmbedLayer.PARTNER, 7)):
        granted = tokens.grant([ORIGIN, "http://localhost:8080"], layer, now=now, run_id=run_id)
        assert tokens.read(tokens.sign(granted, SECRET, now), SECRET, datetime.now(UTC)) == granted


def test_an_expired_token_opens_nothing_but_says_whose_it_was() -> None:
    """The pages it was for can be told that it has expired."""
    with pytest.raises(tokens.Expired) as caught:
        tokens.read(signed(until=timedelta(seconds=-1)), SECRET, datetime.now(UTC))
    assert caught.value.grant.origins == (ORIGIN,)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "no token",
        signed(secret="another made-up secret, also of forty"),
        signed()[:-2],
        jwt.encode({"aud": tokens.AUDIENCE, "exp": 2**31}, "", algorithm="none"),
    ],
)
def test_what_was_not_signed_here_opens_nothing(token: str) -> None:
    """Nobody can make or change a token without the secret, and none goes without a signature."""
    with pytest.raises(Unauthenticated) as caught:
        tokens.read(token, SECRET, datetime.now(UTC))
    assert not isinstance(caught.value, tokens.Expired)


@pytest.mark.parametrize("left_out", tokens.CLAIMS)
def test_a_token_without_one_of_its_claims_opens_nothing(left_out: str) -> None:
    """Also where it was signed with the right key."""
    claims = jwt.decode(signed(), options={"verify_signature": False})
    del claims[left_out]
    key = tokens.signing_key(SECRET)
    with pytest.raises(Unauthenticated):
        tokens.read(jwt.encode(claims, key, algorithm="HS256"), SECRET, datetime.now(UTC))


def test_the_key_of_tokens_signs_nothing_else() -> None:
    """A token signed with the bare secret is not ours: the key is derived for this use."""
    claims = jwt.decode(signed(), options={"verify_signature": False})
    with pytest.raises(Unauthenticated):
        tokens.read(jwt.encode(claims, SECRET, algorithm="HS256"), SECRET, datetime.now(UTC))


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*",
        "https://*.example.org",
        "http://www.example.org",
        "https://www.example.org/",
        "https://www.example.org/page",
        "https://WWW.example.org",
        "https://user@example.org",
        "https://example.org; script-src *",
        "https://example.org https://other.example",
        "https://example.org\n",
        "null",
        "javascript:alert(1)",
        "https://",
        "https://example.org:port",
    ],
)
def test_only_whole_origins_are_taken(origin: str) -> None:
    """What could open the frame to others, or break out of the policy, is refused."""
    with pytest.raises(BadEmbed, match="is not a valid origin"):
        tokens.grant([origin], EmbedLayer.PUBLIC, now=NOW)


def test_tokens_end() -> None:
    """No layer can be granted for longer than its longest time, nor for none."""
    for layer, run_id in ((EmbedLayer.PUBLIC, None), (EmbedLayer.PARTNER, 7)):
        longest = tokens.LONGEST[layer]
        tokens.grant([ORIGIN], layer, now=NOW, valid_for=longest, run_id=run_id)
        for wrong in (longest + timedelta(seconds=1), timedelta()):
            with pytest.raises(BadEmbed, match="valid for at least 1 minute and at most"):
                tokens.grant([ORIGIN], layer, now=NOW, valid_for=wrong, run_id=run_id)


def test_the_partner_layer_is_of_a_run_and_the_public_one_of_none() -> None:
    """A run can neither be forgotten nor slip into the public layer."""
    for layer, run_id in ((EmbedLayer.PARTNER, None), (EmbedLayer.PUBLIC, 7)):
        with pytest.raises(BadEmbed, match="enter a run"):
            tokens.grant([ORIGIN], layer, now=NOW, run_id=run_id)


def test_making_a_token_is_on_the_record(sqlite_database: Database) -> None:
    """The audit says for which pages and until when; the token itself is nowhere."""
    with sqlite_database.write() as session:
        granted, token = service.create_embed(
            session, TERMINAL, SECRET, [ORIGIN], EmbedLayer.PUBLIC
        )
    with sqlite_database.read() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "embed.create")).one()
        assert event.detail == {
            "layer": "public",
            "run": None,
            "origins": [ORIGIN],
            "expires_at": granted.expires_at.isoformat(),
        }
        assert token not in str(event.detail) + event.subject


def test_who_may_not_gets_no_token(sqlite_database: Database) -> None:
    """Neither does anybody for a run that is not there."""
    with sqlite_database.write() as session:
        nobody = acting(*(frozenset(Role) - BROKERS - EVERYTHING), name="nobody")
        with pytest.raises(Forbidden):
            service.create_embed(session, nobody, SECRET, [ORIGIN], EmbedLayer.PUBLIC)
        with pytest.raises(Forbidden):
            service.revoke_embed(session, nobody, 1)
        with pytest.raises(Forbidden):
            service.list_embeds(session, nobody)
        with pytest.raises(NotFound):
            service.create_embed(session, TERMINAL, SECRET, [ORIGIN], EmbedLayer.PARTNER, run_id=7)


def test_a_broker_makes_and_revokes_tokens(sqlite_database: Database) -> None:
    """Without being an administrator; each has a number of its own, and says when it ended."""
    broker = acting(Role.BROKER, name="broker")
    with sqlite_database.write() as session:
        made = [
            service.create_embed(session, broker, SECRET, [ORIGIN], EmbedLayer.PUBLIC)
            for _ in range(2)
        ]
        service.revoke_embed(session, broker, made[0][0].id or 0, NOW)
        service.revoke_embed(session, TERMINAL, made[0][0].id or 0)
        with pytest.raises(NotFound):
            service.revoke_embed(session, broker, 99)
    assert tokens.read(made[1][1], SECRET, datetime.now(UTC)) == made[1][0]
    with sqlite_database.read() as session:
        held = service.list_embeds(session, broker)
        assert [(each.id, each.revoked_at, each.revoked_by) for each in held] == [
            (2, None, None),
            (1, NOW, "broker"),
        ]


def test_an_installation_makes_its_own_secret_once(tmp_path: Path) -> None:
    """It is long, only its owner reads it, and it stays; a given secret goes before it."""
    settings = Settings(database_url=f"sqlite:///{tmp_path}/data/givetake.sqlite3")
    made = signing_secret(settings)
    assert len(made) >= 32
    assert signing_secret(settings) == made
    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    given = settings.model_copy(update={"secret": SecretStr(SECRET)})
    assert signing_secret(given) == SECRET


def test_a_secret_that_can_be_guessed_is_refused() -> None:
    """A short secret is no setting."""
    with pytest.raises(ValueError, match="at least 32"):
        Settings(secret=SecretStr("short"))


def test_what_is_copied_can_hold_nothing_else() -> None:
    """An address with quotes in it stays within its attribute."""
    lines = service.snippet('https://example.org/"><script>', GRANTED, "t")
    lines += service.frame('"x', GRANTED, "t")
    assert '"><script>' not in lines
    assert '""x' not in lines
