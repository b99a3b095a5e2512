"""Evidence of quality at the portal and over HTTP: added, answered and withdrawn."""

from datetime import UTC, datetime

import pytest

from app.access.policy import Scope
from app.database import Database
from app.portal.labels import EVIDENCE_DONE
from models.vocabulary import Role, ScopeKind
from tests.callers import keyed
from tests.portal import Visitor, broker
from tests.runs import contested

TODAY = datetime.now(UTC).date()
TYPED = f"{TODAY.day}/{TODAY.month}/{TODAY.year}"
CLAIM = {"kind": "claim", "strength": 5, "role": "headteacher", "on_day": TODAY.isoformat()}


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """One need that two givers can serve."""
    return contested(sqlite_database)


def add(who: Visitor, **values: str) -> str:
    form = who.open("/offers/near/evidence/new")
    content = {"strength": "5", "on_day": TYPED, "role": "assessor"} | values
    return who.send(form, "/offers/near/evidence/new", **content).text


def test_evidence_is_added_answered_and_withdrawn_on_pages(exchange: Database) -> None:
    """What others say counts once it is answered, and no longer once it is withdrawn."""
    who = broker(exchange)
    assert "no evidence of the quality" in who.open("/offers/near").text
    assert "Enter what it rests on" in add(who, kind="accreditation", body="made-up body")
    shown = add(who, kind="accreditation", body="made-up body", source="certificate 12")
    assert "made-up body" in shown
    assert EVIDENCE_DONE["added"] in shown
    assert "or once it is answered" in shown
    form = who.open("/evidence/1/answer")
    refused = who.send(form, "/evidence/1/answer", answer="thanks", role="headteacher")
    assert "You recorded this evidence" in refused.text
    who.limit_to(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "2"))
    assert "Visit by another organisation" not in who.open("/offers/near/evidence/new").text
    form = who.open("/evidence/1/answer")
    answered = who.send(form, "/evidence/1/answer", answer="thanks", role="headteacher")
    assert answered.status == 200, answered.text
    assert EVIDENCE_DONE["answered"] in answered.text
    page = who.open("/offers/near")
    assert "counts as 4 out of 5: a body that accredited it said 5" in page.text
    assert page.faults == []
    form = who.open("/evidence/1/withdraw")
    assert "because you speak for" in who.send(form, "/evidence/1/withdraw", reason="x").text
    who.limit_to(Role.BROKER)
    assert "Enter a reason" in who.send(form, "/evidence/1/withdraw").text
    gone = who.send(form, "/evidence/1/withdraw", reason="it has ended")
    assert EVIDENCE_DONE["withdrawn"] in gone.text
    page = who.open("/offers/near")
    assert "no evidence of the quality" in page.text
    assert "it has ended" in page.text


def test_http_adds_reads_and_withdraws_evidence(exchange: Database) -> None:
    """An offer's evidence is read with what it comes to, in words."""
    with keyed(exchange) as client:
        wrong = client.post("/api/v1/evidence", json=CLAIM)
        assert (wrong.status_code, wrong.json()["type"][-12:]) == (422, "bad-evidence")
        made = client.post("/api/v1/evidence", json=CLAIM | {"offer": "near"})
        assert made.status_code == 201, made.text
        found = client.get("/api/v1/evidence/offers/near").json()
        assert (found["quality"], found["claim"], found["claim_counts"]) == (3, 5, 3)
        assert "a claim counts as 3 at most" in found["sentence"]
        [listed] = client.get("/api/v1/evidence", params={"participant": "2"}).json()["items"]
        assert (listed["id"], listed["said_by"]) == (1, "2")
        at = made.headers["location"]
        gone = client.post(
            f"{at}/withdrawal",
            json={"reason": "made up"},
            headers={"If-Match": made.headers["etag"]},
        )
        assert gone.json()["withdrawn_reason"] == "made up"
        assert client.get("/api/v1/evidence/offers/near").json()["quality"] is None
