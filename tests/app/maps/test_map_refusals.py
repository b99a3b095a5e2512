"""Tokens of maps that are refused: in the log with the address, and in the audit so often only."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from app.access.holders import principal_of_holder
from app.access.keys import create_key, revoke_key
from app.access.policy import TERMINAL, Grant, Scope
from app.database import Database, database_now
from app.http.attempts import OF_ADDRESS, Attempts
from app.http.refusals import ALL_MAPS, MAPS
from app.maps import service, tokens
from models.access import AuditEvent, EmbedToken, RoleGrant
from models.people import AttemptCount
from models.vocabulary import EmbedLayer, Role, ScopeKind
from tests.factories import ADMINISTRATOR, acting
from tests.maps import ITEMS, ORIGIN, SECRET, exchanged, page_of, token, with_data_token

OAK = Scope(ScopeKind.INSTITUTION, "1")


def nonsense(client: TestClient) -> Any:
    return client.post("/maps/data-tokens", data={"token": "nonsense"})


def refusals(database: Database) -> list[tuple[str, str, Any]]:
    with database.read() as session:
        found = session.scalars(
            select(AuditEvent)
            .where(AuditEvent.action == "embed.refuse")
            .order_by(AuditEvent.sequence)
        )
        return [(each.actor, each.subject, each.detail.get("reason")) for each in found]


def logged(lines: list[Any]) -> list[tuple[Any, ...]]:
    return [
        (each["log_level"], each["client"], each["reason"], each["token"])
        for each in lines
        if each["event"] == "map.refused"
    ]


def test_each_refusal_is_logged_and_audited_with_its_reason(
    client: TestClient, exchange: Database, log_lines: list[Any]
) -> None:
    """Unknown, of another page, revoked, over and of a key that ended."""
    mine, other = token(exchange), token(exchange)
    assert nonsense(client).status_code == 401
    wrong = {"token": mine, "embed": page_of(other)}
    assert client.post("/maps/data-tokens", data=wrong).status_code == 401
    data = with_data_token(client, other)
    with exchange.write() as session:
        service.revoke_embed(session, TERMINAL, 1)
        long_ago = datetime.now(UTC) - timedelta(days=1)
        session.get_one(EmbedToken, 2).expires_at = long_ago
        key = create_key(session, TERMINAL, "portal", [ADMINISTRATOR])[0].prefix
        made = acting(Role.ADMINISTRATOR, name=f"key:{key}")
        ended = service.create_embed(session, made, SECRET, [ORIGIN], EmbedLayer.PUBLIC)[1]
        revoke_key(session, TERMINAL, key)
    for path in ("widget", "list"):
        answer = client.get(f"/maps/{path}", params={"embed": page_of(mine)})
        assert answer.status_code == 401
    assert client.get("/maps/widget", params={"embed": page_of(other)}).status_code == 401
    assert exchanged(client, ended).status_code == 401
    assert client.get("/maps/layer", params={"token": mine}).status_code == 400
    assert client.get("/maps/layer", headers=data).status_code == 200
    as_data = {"Authorization": f"Bearer {other}"}  # the token of a page is none for the layer
    assert client.get("/maps/layer", headers=as_data).status_code == 401
    expected = [
        ("unknown", None),
        ("other_page", 1),
        ("revoked", 1),
        ("revoked", 1),
        ("expired", 2),
        ("key_ended", 3),
        ("in_address", None),
        ("unknown", None),
    ]
    assert logged(log_lines) == [("warning", "testclient", *each) for each in expected]
    assert refusals(exchange) == [
        ("stranger", f"embed:{number or 'unknown'}", reason) for reason, number in expected
    ]
    with exchange.read() as session:
        details = repr(session.scalars(select(AuditEvent.detail)).all())
    assert "testclient" not in details


@pytest.mark.parametrize("page_of_portal", [True, False])
def test_a_map_ends_with_the_role_that_made_it(
    client: TestClient, exchange: Database, log_lines: list[Any], page_of_portal: bool
) -> None:
    """Also where the key goes on with another role: neither token nor data token opens it."""
    here = Grant(Role.BROKER, Scope(ScopeKind.AREA, "999"))
    with exchange.write() as session:
        key = create_key(session, TERMINAL, "portal", [here, Grant(Role.CONTACT, OAK)])[0].prefix
        made = principal_of_holder(session, f"key:{key}", database_now(session))
        assert made is not None
        if page_of_portal:
            now, more = database_now(session), {"run_id": 1, "drafts": True, "maker": made.name}
            granted = tokens.grant([ORIGIN], EmbedLayer.PARTNER, now=now, **more)
            opens = tokens.sign(granted, SECRET, now)
        else:
            origins, partner = [ORIGIN], EmbedLayer.PARTNER
            opens = service.create_embed(session, made, SECRET, origins, partner, run_id=1)[1]
    embed = "" if page_of_portal else page_of(opens)
    body = {"token": opens, "embed": embed}
    answer = client.post("/maps/data-tokens", data=body)
    data = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert client.get("/maps/layer", headers=data).status_code == 200
    with exchange.write() as session:
        session.execute(
            update(RoleGrant)
            .where(RoleGrant.role == Role.BROKER)
            .values(revoked_at=database_now(session))
        )
    assert client.post("/maps/data-tokens", data=body).status_code == 401
    assert client.get("/maps/layer", headers=data).status_code == 401
    assert {reason for *_, reason, _ in logged(log_lines)} == {"role_ended"}


def test_a_flood_writes_so_much_only_and_locks_nobody_out(
    client: TestClient, exchange: Database, log_lines: list[Any]
) -> None:
    """The log has every refusal; the visitors of an old page can still sign in from there."""
    most, tried = MAPS.amount, OF_ADDRESS[0].amount + 1
    for _ in range(tried):
        assert nonsense(client).status_code == 401
    assert len(refusals(exchange)) == most
    assert len(logged(log_lines)) == tried
    with exchange.read() as session:
        counted = session.scalar(select(func.max(AttemptCount.count)))
        assert session.scalar(select(func.count()).select_from(AttemptCount)) == 2
    assert counted == most
    Attempts(exchange).take("testclient")


def test_a_flood_from_everywhere_is_limited_too(
    client: TestClient, exchange: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever address an attacker has next."""
    limit = type(ALL_MAPS)(3, 1)
    monkeypatch.setattr("app.http.refusals.ALL_MAPS", limit)
    addresses = iter(range(100))
    monkeypatch.setattr("app.http.refusals.address_of", lambda _: f"198.51.100.{next(addresses)}")
    for _ in range(6):
        assert nonsense(client).status_code == 401
    assert len(refusals(exchange)) == 3


def test_a_key_that_is_refused_there_counts_as_elsewhere(
    client: TestClient, exchange: Database
) -> None:
    """A run is asked for with a key: after too many wrong ones, no more are tried."""
    asked = {"url": ITEMS.format("pairings"), "params": {"run": 1}}
    wrong = {"Authorization": "Bearer gt_00000000_" + "x" * 43}
    for _ in range(OF_ADDRESS[0].amount):
        assert client.get(**asked, headers=wrong).status_code == 401
    assert client.get(**asked, headers=wrong).status_code == 429
    with exchange.read() as session:
        kept = select(func.count()).where(AuditEvent.action == "key.refuse")
        assert session.scalar(kept) == OF_ADDRESS[0].amount


def test_what_is_right_leaves_no_trace(client: TestClient, exchange: Database) -> None:
    """Neither an exchange nor the layer, nor a page; nor who sends nothing at all."""
    mine = token(exchange)
    with_data_token(client, mine)
    for path in ("widget", "list"):
        assert client.get(f"/maps/{path}", params={"embed": page_of(mine)}).status_code == 200
    assert client.get("/maps/layer").status_code == 401
    assert refusals(exchange) == []
