"""A small exchange to draw on maps, and who asks for them."""

from typing import Any

import jwt
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.access.policy import TERMINAL
from app.database import Database
from app.main import create_app
from app.maps import service
from app.settings import Settings
from models.exchange import Offer
from models.matching import Proposal, Run
from models.vocabulary import EmbedLayer
from tests import rows

SECRET = "made-up secret of forty characters or so"
ORIGIN = "https://www.example.org"
ITEMS = "/maps/features/collections/{}/items"
PROPOSED = {"half_days": 3, "points": 10, "components": [], "distance_m": 16093}
PROPOSED |= {"ladder": "local_area", "remote": False, "sendable": True}


def draw_run(session: Session) -> None:
    """Run 1, to which proposals can belong."""
    scope = {"kind": "local_authority", "code": "999", "name": "Testshire"}
    run = {"id": 1, "period_code": rows.YEAR, "options": {}, "state": "solved"}
    rows.add(session, Run(**run, scope=scope, actor="terminal", created_at=rows.NOW))


def draw(database: Database) -> Database:
    """Three schools and a hub; one of every kind of offer; a run with a preferred proposal."""
    with database.write() as session:
        rows.add_calendar(session)
        taker, giver, far = (rows.add_school(session, 1 + n, 10.0 * n) for n in range(3))
        rows.add_school(session, 4, latitude=None, longitude=None)
        rows.add_school(session, 5, in_scope=False)
        hub = rows.add_hub(session, "made-up-hub")
        need = rows.add_need(session, "secret-need", taker, priority=1)
        offer = rows.add_offer(session, "own-answer", giver)
        rows.add_offer(session, "unanswered", far, availability="not_answered")
        rows.add_offer(session, "perhaps", far, availability="may_offer")
        rows.add_offer(session, "guessed", far, suggestion={"rule": "made-up"})
        rows.add_offer(session, "withdrawn", far, withdrawn=True)
        rows.add_offer(session, "over", hub, window_ends=rows.STARTS)
        draw_run(session)
        for state, who in (("preferred", offer), ("declined", hub)):
            given = who if isinstance(who, Offer) else rows.add_offer(session, "hubs", who)
            row = Proposal(run_id=1, need_id=need.id, offer_id=given.id, state=state, **PROPOSED)
            rows.add(session, row)
    return database


def client_of(database: Database, **settings: Any) -> TestClient:
    made = Settings(workers=0, secret=SECRET, **settings)
    return TestClient(create_app(made, database))


def page_of(token: str) -> str:
    """The name of a token's page, as the script in a page reads it."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return str(claims.get("page", ""))


def exchanged(client: TestClient, token: str) -> Any:
    """What the map in a page gets for its token."""
    return client.post("/maps/data-tokens", data={"token": token, "embed": page_of(token)})


def with_data_token(client: TestClient, token: str) -> dict[str, str]:
    answer = exchanged(client, token)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def token(database: Database, layer: EmbedLayer = EmbedLayer.PUBLIC) -> str:
    with database.write() as session:
        run_id = 1 if layer is EmbedLayer.PARTNER else None
        return service.create_embed(session, TERMINAL, SECRET, [ORIGIN], layer, run_id=run_id)[1]
