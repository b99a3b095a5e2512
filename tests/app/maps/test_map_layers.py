"""What the layer of a map shows to whom."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, select, update

from app.access.policy import TERMINAL
from app.database import Database
from app.maps import layer as layers
from app.maps import service, tokens
from app.maps.tokens import Grant
from app.proposals import publication
from app.register.gias.importer import GiasFiles, import_gias
from models.access import AuditEvent
from models.exchange import Need, Offer
from models.matching import Proposal
from models.register import Institution, Participant
from models.vocabulary import EmbedLayer, Ladder, Side
from tests import rows
from tests.factories import heard, new_key
from tests.maps import (
    ITEMS,
    ORIGIN,
    PROPOSED,
    SECRET,
    client_of,
    draw,
    draw_run,
    exchanged,
    page_of,
    token,
    with_data_token,
)

CORS = "access-control-allow-origin"


def layer(client: TestClient, token: str) -> dict[str, Any]:
    answer = client.get("/maps/layer", headers=with_data_token(client, token))
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


def summed(steps: list[int]) -> list[int]:
    return [sum(steps[: place + 1]) for place in range(len(steps))]


def test_both_databases_answer_alike(database: Database) -> None:
    """Layers, boxes, ids and words are looked up on either."""
    draw(database)
    with client_of(database, publish_offers=True) as client:
        read = layer(client, token(database, EmbedLayer.PARTNER))
        assert (len(read["pairings"]["at"]), len(read["offers"]["at"])) == (1, 2)
        for name, count in (("institutions", 4), ("organisations", 1), ("offers", 2)):
            found = client.get(ITEMS.format(name), params={"bbox": "1,54,3,56"}).json()
            assert found["numberMatched"] == count - (name == "institutions")
            first = client.get(ITEMS.format(name), params={"limit": 1}).json()["features"][0]
            assert client.get(f"{ITEMS.format(name)}/{first['id']}").json()["id"] == first["id"]
        asked = {"embed": page_of(token(database)), "q": "TESTSHIRE 3"}
        listed = client.get("/maps/list", params=asked)
        assert "School 3" in listed.text


def test_the_public_layer_names_and_shames_nobody(client: TestClient, exchange: Database) -> None:
    """No need, proposal, refusal or unconfirmed offer is in it, nor who is out of scope."""
    read = layer(client, token(exchange))
    assert sorted(map(str, read["participants"]["id"])) == ["1", "2", "3", "4", "made-up-hub"]
    assert read["pairings"]["at"] == []
    assert read["offers"]["at"] == []
    assert set(read["participants"]) == {
        *("id", "name", "symbol", "type", "area", "postcode", "low", "high", "x", "y")
    }
    for word in ("secret-need", "suggest", "need", "circumstance", "refus", "priority"):
        assert word not in json.dumps(read).lower()


def test_published_offers_are_the_givers_own_answers(exchange: Database) -> None:
    """Where offers are published, only what a giver said of itself, and while it stands."""
    with client_of(exchange, publish_offers=True) as client:
        read = layer(client, token(exchange))
        items = client.get(ITEMS.format("offers")).json()["features"]
    assert [each["id"] for each in items] == ["own-answer", "hubs"]
    givers = {read["participants"]["id"][at] for at in summed(read["offers"]["at"])}
    assert givers == {2, "made-up-hub"}
    assert read["expertise"] == ["Maths"]


def test_the_partner_layer_has_the_live_proposals_of_its_run(
    client: TestClient, exchange: Database
) -> None:
    """From giver to taker, with days, rung and miles; what was declined is not shown."""
    read = layer(client, token(exchange, EmbedLayer.PARTNER))
    pairings, ids = read["pairings"], read["participants"]["id"]
    (giver,) = summed(pairings["at"])
    assert (ids[giver], ids[giver + pairings["taker"][0]]) == (2, 1)
    assert (pairings["half_days"], pairings["miles"]) == ([3], [10.0])
    assert read["ladder"][pairings["ladder"][0]] == "local_area"


def test_drafts_are_for_the_portal_s_own_page(client: TestClient, exchange: Database) -> None:
    """What nobody preferred yet, or what rests on a suggestion, is in no partner's layer."""
    now = datetime.now(UTC)
    asked = {"now": now, "run_id": 1, "drafts": True}
    own = tokens.sign(tokens.grant([ORIGIN], EmbedLayer.PARTNER, **asked), SECRET, now)
    partner = token(exchange, EmbedLayer.PARTNER)
    seen = []
    for version, (state, sendable) in enumerate(
        [("proposed", True), ("preferred", False), ("agreed", True), ("lapsed", True)], 2
    ):
        with exchange.write() as session:
            row = session.get_one(Proposal, 1)
            row.state, row.sendable, row.version = state, sendable, version
        seen.append([len(layer(client, each)["pairings"]["at"]) for each in (own, partner)])
    assert seen == [[1, 0], [1, 0], [1, 1], [0, 0]]
    assert layer(client, own)["pairings"]["priority"] == []
    assert "priority" not in layer(client, partner)["pairings"]


@pytest.mark.parametrize("first", list(Side))
def test_a_pairing_is_public_while_both_consent(
    client: TestClient, exchange: Database, first: Side
) -> None:
    """In the layer and for map programs; neither one's word, nor an open proposal, will do."""
    mine = token(exchange)

    def seen() -> int:
        features = client.get(ITEMS.format("pairings")).json()["features"]
        assert len(features) == len(layer(client, mine)["pairings"]["at"])
        assert {each["properties"]["state"] for each in features} <= {"approved"}
        return len(features)

    def consents(side: Side) -> None:
        with exchange.write() as session:
            publication.consent(session, TERMINAL, 1, side, heard())

    def turns(state: str) -> None:
        with exchange.write() as session:
            row = session.get_one(Proposal, 1)
            row.state, row.version = state, row.version + 1

    turns("agreed")
    consents(first)
    turns("approved_with_conditions")
    assert seen() == 0
    consents(next(side for side in Side if side is not first))
    assert seen() == 1
    turns("agreed")
    assert seen() == 0
    turns("approved")
    assert seen() == 1
    with exchange.write() as session:
        publication.withdraw(session, TERMINAL, 1, first)
    assert seen() == 0


def test_a_revoked_token_opens_nothing_more(client: TestClient, exchange: Database) -> None:
    """At once, for the layer, the page and the list; the others stay as they were."""
    mine, other = token(exchange), token(exchange)
    data = with_data_token(client, mine)
    with exchange.write() as session:
        for _ in range(2):
            service.revoke_embed(session, TERMINAL, 1)
    pages = [
        client.get(f"/maps/{name}", params={"embed": page_of(mine)}) for name in ("widget", "list")
    ]
    for answer in (*pages, exchanged(client, mine), client.get("/maps/layer", headers=data)):
        assert (answer.status_code, "has been revoked" in answer.text) == (401, True)
    assert layer(client, other)["layer"] == "public"
    with exchange.read() as session:
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.sequence)).all()
    made = [action for action in actions if action != "embed.refuse"]
    assert made[-3:] == ["embed.create", "embed.create", "embed.revoke"]


def test_a_token_of_another_database_opens_nothing(client: TestClient) -> None:
    """One that was signed with the same secret, but never made here."""
    now = datetime.now(UTC)
    granted = replace(tokens.grant([ORIGIN], EmbedLayer.PUBLIC, now=now), id=7)
    assert exchanged(client, tokens.sign(granted, SECRET, now)).status_code == 401


def test_positions_come_back_as_they_are_known(client: TestClient, exchange: Database) -> None:
    """To the metre; an unknown position stays unknown."""
    participants = layer(client, token(exchange))["participants"]
    x, y, places = 0, 0, {}
    for id_, dx, dy in zip(*(participants[name] for name in ("id", "x", "y")), strict=True):
        if dx is not None:
            x, y = x + dx, y + dy
        places[id_] = None if dx is None else (x / 1e5, y / 1e5)
    assert places[4] is None
    assert places[1] == (2.0, 55.0)
    assert places[3] == pytest.approx((2.0, 55 + 20 / 69.17), abs=1e-5)


def test_a_layer_is_sent_once_until_something_changes(
    client: TestClient, exchange: Database
) -> None:
    """Whatever data token asks, the same ETag is answered with 304; a new name is a new layer."""
    mine = token(exchange)

    def read(tag: str = "") -> Any:
        known = {"If-None-Match": tag} if tag else {}
        return client.get("/maps/layer", headers=with_data_token(client, mine) | known)

    first = read()
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert "authorization" in first.headers["vary"].lower()
    assert read(tag).status_code == 304
    of_partner = with_data_token(client, token(exchange, EmbedLayer.PARTNER))
    other = client.get("/maps/layer", headers=of_partner | {"If-None-Match": tag})
    assert (other.status_code, other.json()["layer"]) == (200, "partner")
    with exchange.write() as session:
        changed = {"name": "New name", "updated_at": datetime(2026, 9, 2, tzinfo=UTC)}
        session.execute(update(Participant).where(Participant.name == "School 3").values(changed))
    second = read(tag)
    assert second.status_code == 200
    assert "New name" in second.json()["participants"]["name"]


def test_a_decision_changes_the_partner_layer(client: TestClient, exchange: Database) -> None:
    """A proposal that is withdrawn leaves the map."""
    mine = token(exchange, EmbedLayer.PARTNER)
    assert len(layer(client, mine)["pairings"]["at"]) == 1
    with exchange.write() as session:
        session.execute(update(Proposal).values(state="withdrawn", version=2))
    assert layer(client, mine)["pairings"]["at"] == []


def test_a_layer_is_packed_for_who_can_unpack(client: TestClient, exchange: Database) -> None:
    """Others have it as it is."""
    mine = with_data_token(client, token(exchange))
    packed = client.get("/maps/layer", headers=mine | {"Accept-Encoding": "gzip"})
    plain = client.get("/maps/layer", headers=mine | {"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert "accept-encoding" in plain.headers["vary"].lower()


def test_a_layer_is_opened_by_a_data_token_alone(client: TestClient, exchange: Database) -> None:
    """Not by a page's token, a key, or anything in an address, and for minutes only."""
    mine, now = token(exchange), datetime.now(UTC)
    assert client.get("/maps/layer").status_code == 401
    for wrong in ("x", mine):
        answer = client.get("/maps/layer", headers={"Authorization": f"Bearer {wrong}"})
        assert answer.status_code == 401
        refused = client.get("/maps/layer", params={"token": wrong})
        assert (refused.status_code, "maps/data-tokens" in refused.text) == (400, True)
        assert wrong == "x" or wrong not in refused.text
    data = with_data_token(client, mine)["Authorization"].removeprefix("Bearer ")
    assert exchanged(client, data).status_code == 401
    read = tokens.read(data, SECRET, now, tokens.DATA_AUDIENCE)
    assert timedelta() < read.expires_at - datetime.now(UTC) <= timedelta(minutes=5)
    with pytest.raises(tokens.Expired):
        tokens.read(data, SECRET, read.expires_at, tokens.DATA_AUDIENCE)
    soon = tokens.grant([ORIGIN], EmbedLayer.PUBLIC, now=now, valid_for=timedelta(minutes=1))
    assert tokens.for_data(soon, now).expires_at == soon.expires_at


def test_a_token_is_exchanged_on_its_own_page_alone(client: TestClient, exchange: Database) -> None:
    """Whoever took it from there cannot show its map in a page of their own code."""
    mine, other = token(exchange, EmbedLayer.PARTNER), token(exchange)
    for page in ("", page_of(other), "1-0000000000000000", "x"):
        sent = {"token": mine, "embed": page}
        assert client.post("/maps/data-tokens", data=sent).status_code == 401
    assert client.post("/maps/data-tokens", data={"embed": "x"}).status_code == 400


def test_a_frame_without_an_origin_reads_data_and_what_is_wrong(
    client: TestClient, exchange: Database
) -> None:
    """The exchange is a plain form, the layer is asked for with a header after a preflight."""
    client.headers["Origin"] = "null"
    assert exchanged(client, token(exchange)).headers[CORS] == "*"
    refused = client.post("/maps/data-tokens", data={"token": "x"})
    assert (refused.status_code, refused.headers[CORS]) == (401, "*")
    asks = {"Access-Control-Request-Method": "GET"}
    asks["Access-Control-Request-Headers"] = "authorization"
    first = client.options("/maps/layer", headers=asks)
    assert first.status_code == 200
    assert (first.headers[CORS], first.headers["access-control-max-age"]) == ("*", "86400")
    assert "authorization" in first.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in first.headers


@pytest.mark.national
def test_the_whole_country_stays_small(national_data: Path, sqlite_database: Database) -> None:
    """Every school with 37,000 drawn pairings is less than 1.5 MB, gzipped."""
    drawn = random.Random(1)
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        import_gias(session, TERMINAL, GiasFiles(national_data / "gias" / "edubasealldata.csv"))
        who = session.scalars(select(Institution.participant_id)).all()
        offer = rows.add_offer(session, "o", session.get_one(Participant, who[0]))
        need = rows.add_need(session, "n", session.get_one(Participant, who[0]))
        draw_run(session)
        column = {c.name: getattr(offer, c.name) for c in Offer.__table__.columns}
        asked = {c.name: getattr(need, c.name) for c in Need.__table__.columns}
        offers, needs, proposals = [], [], []
        for n in range(2, 37_002):
            giver = drawn.randrange(len(who))
            taker = min(max(giver + drawn.randrange(-300, 300), 0), len(who) - 1)
            mine = {"id": n, "reference": f"made-up-{n}"}
            offers.append(column | mine | {"participant_id": who[giver]})
            needs.append(asked | mine | {"participant_id": who[taker]})
            plan = {"half_days": drawn.randrange(1, 20), "distance_m": drawn.randrange(40_000)}
            plan |= {"offer_id": n, "need_id": n, "ladder": drawn.choice(list(Ladder))}
            proposals.append(PROPOSED | plan | {"run_id": 1, "state": "proposed"})
        for table, made in ((Offer, offers), (Need, needs), (Proposal, proposals)):
            session.execute(insert(table), made)
    with sqlite_database.read() as session:
        granted = Grant((ORIGIN,), EmbedLayer.PARTNER, rows.NOW, 1, drafts=True)
        made_layer = layers.layer(session, granted, offers=True)
    assert len(made_layer["participants"]["id"]) > 24_000
    assert len(made_layer["pairings"]["id"]) == 37_000
    assert len(layers.packed(made_layer).gzipped) < 1_500_000


def test_a_key_makes_tokens_over_http(client: TestClient, exchange: Database) -> None:
    """The answer has the lines to copy; the token in them opens the layer."""
    wanted = {"origins": [ORIGIN], "minutes": 60}
    assert client.post("/api/v1/embed-tokens", json=wanted).status_code == 401
    with exchange.write() as session:
        key = f"Bearer {new_key(session)}"
    client.headers["Authorization"] = key
    answer = client.post("/api/v1/embed-tokens", json=wanted)
    assert answer.status_code == 201, answer.text
    content = answer.json()
    assert content["token"] in content["html"]
    assert f'#{content["token"]}"' in content["frame"]
    assert "?token=" not in content["html"] + content["frame"]
    assert layer(client, content["token"])["layer"] == "public"
    (made,) = client.get("/api/v1/embed-tokens").json()["items"]
    assert (made["id"], made["origins"], made["revoked_at"]) == (content["id"], [ORIGIN], None)
    assert content["token"] not in str(made)
    revoked = client.post(f"/api/v1/embed-tokens/{made['id']}/revocation")
    assert revoked.json()["revoked_by"] == "test (administrator)"
    del client.headers["Authorization"]
    assert exchanged(client, content["token"]).status_code == 401
    client.headers["Authorization"] = key
    assert client.post("/api/v1/embed-tokens/99/revocation").status_code == 404
    for wrong in ({"origins": ["*"]}, {"origins": []}, {"origins": [ORIGIN], "layer": "partner"}):
        assert client.post("/api/v1/embed-tokens", json=wrong).status_code == 422
