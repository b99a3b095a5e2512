"""Pots and claims over HTTP: made once, changed from the version read, refused in sentences."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.access.queries import verify_audit
from app.database import Database
from app.proposals.flags import review
from models.matching import ProposalFlag
from tests import pots, rows, runs
from tests.callers import csv_rows, keyed, said

API = "/api/v1/pots"
BODY = {
    "name": "Made-up fund",
    "holder": pots.COUNCIL,
    "holder_kind": "commissioner",
    "budget_pence": 200_000,
    "starts": "2026-09-01",
    "ends": "2027-08-31",
    "day_rate_pence": 50_000,
    "fee_pence": 5_000,
}
ANY = {"If-Match": "*"}


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    """Somebody with a key, and a planned need that a pot pays."""
    pots.paid(database)
    database.before_commit = review  # type: ignore[assignment]
    with keyed(database, pots.NOW) as made:
        yield made


def test_a_pot_is_made_once_and_changed_from_the_version_read(client: TestClient) -> None:
    """The same key and content give the same answer; without or with an old version, no change."""
    sent, new = {"Idempotency-Key": "once"}, BODY | {"reference": "new/2026"}
    made = client.post(API, json=new, headers=sent)
    assert made.status_code == 201, made.text
    assert client.post(API, json=new, headers=sent).json() == made.json()
    said(client.post(API, json=new), 409, "conflict")
    read = client.get(f"{API}/new/2026")
    assert (read.json()["left_pence"], read.headers["etag"][:2]) == (200_000, '"1')
    change = BODY | {"budget_pence": 300_000}
    assert client.put(f"{API}/new/2026", json=change).status_code == 428
    known = {"If-Match": read.headers["etag"]}
    changed = client.put(f"{API}/new/2026", json=change, headers=known)
    assert (changed.json()["budget_pence"], changed.json()["version"]) == (300_000, 2)
    said(client.put(f"{API}/new/2026", json=BODY, headers=known), 412, "stale")
    page = client.get(f"{API}?limit=1")
    assert [each["reference"] for each in page.json()["items"]] == ["fund"]
    assert 'rel="next"' in page.headers["link"]
    listed = csv_rows(client.get(API, headers={"Accept": "text/csv"}))
    assert [each["reference"] for each in listed] == ["fund", "new/2026"]
    assert client.get(f"{API}?open=false").json()["items"] == []


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        ({"holder": "nobody"}, "#/holder", "is not in the register"),
        ({"highest_day_rate_pence": 49_999}, "#/highest_day_rate_pence", "£500.00, or more"),
        ({"fee_basis_points": 750}, "#/fee_basis_points", "Enter one of the two"),
        ({"areas": ["local_authority:000"]}, "#/areas", "is not an area of the register"),
        ({"expertise": ["cooking"]}, "#/expertise", "is not in the list of expertise"),
        ({"organisations": ["nobody"]}, "#/organisations", "is not in the register"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(
    client: TestClient, changes: dict[str, Any], pointer: str, words: str
) -> None:
    told = said(client.post(API, json=BODY | changes | {"reference": "new"}), 422, "unfit")
    [error] = told["errors"]
    assert error["pointer"] == pointer
    assert words in error["detail"]


@pytest.mark.parametrize(
    "changes", [{"budget_pence": -1}, {"budget_pence": 1.5}, {"ends": "2026-01-01"}, {"more": 1}]
)
def test_what_is_no_pot_is_invalid(client: TestClient, changes: dict[str, Any]) -> None:
    said(client.post(API, json=BODY | changes | {"reference": "new"}), 422, "invalid")


def test_a_budget_is_never_lowered_below_what_is_committed(
    client: TestClient, database: Database
) -> None:
    """Nor its dates beyond support that runs; a proposal that it no longer pays for is flagged."""
    low = client.put(f"{API}/fund", json=BODY | {"budget_pence": 109_999}, headers=ANY)
    assert low.status_code == 200, low.text
    with database.read() as session:
        [flag] = session.scalars(select(ProposalFlag)).all()
        assert "pot fund has £1,099.99 left, and they cost £1,100.00" in flag.reasons[0]
    assert client.put(f"{API}/fund", json=BODY, headers=ANY).status_code == 200
    with database.read() as session:
        assert session.scalars(select(ProposalFlag.outcome)).one() == "cause_gone"
    runs.approved(database, pots.NOW)
    pots.start(database)
    told = client.put(f"{API}/fund", json=BODY | {"budget_pence": 109_999}, headers=ANY)
    [error] = said(told, 422, "unfit")["errors"]
    assert "is less than the £1,100.00 that are committed" in error["detail"]
    told = client.put(f"{API}/fund", json=BODY | {"ends": "2027-07-15"}, headers=ANY)
    [error] = said(told, 422, "unfit")["errors"]
    assert "is before 16 July 2027, when support that it pays for ends" in error["detail"]
    [commitment] = client.get(f"{API}/fund/commitments").json()["items"]
    assert (commitment["state"], commitment["pence"]) == ("running", 110_000)
    with database.read() as session:
        assert verify_audit(session, TERMINAL).fault is None


def test_a_claim_over_http_is_made_once_and_decided(client: TestClient, database: Database) -> None:
    runs.approved(database, pots.NOW)
    pots.start(database)
    number = pots.visit(database, pots.STARTS)
    claims, sent = "/api/v1/partnerships/1/claims", {"Idempotency-Key": "claim"}
    made = client.post(claims, json={"visits": [number]}, headers=sent)
    assert made.status_code == 201, made.text
    assert client.post(claims, json={"visits": [number]}, headers=sent).json() == made.json()
    said(client.post(claims, json={"visits": [number]}), 422, "bad-claim")
    said(client.post(claims, json={}), 409, "conflict")
    read = client.get(made.headers["location"])
    assert read.json() == made.json()
    decisions = f"{made.headers['location']}/decisions"
    told = said(client.post(decisions, json={"action": "approve"}, headers=ANY), 403, "forbidden")
    assert "because you made it" in told["detail"]
    assert [each["id"] for each in client.get("/api/v1/claims?pot=fund").json()["items"]] == [1]
    assert client.get("/api/v1/claims?state=paid").json()["items"] == []
    with keyed(database, pots.LATER) as other:
        refused = other.post(decisions, json={"action": "refuse", "reason": "made up"}, headers=ANY)
        assert (refused.json()["state"], refused.json()["reason"]) == ("refused", "made up")
    report = client.get(f"{API}/fund/report?period={rows.YEAR}").json()
    assert (report["committed_pence"], report["claimed_pence"]) == (110_000, 0)
    [line] = csv_rows(client.get(f"{API}/fund/report", headers={"Accept": "text/csv"}))
    assert (line["school"], line["days_agreed"]) == ("1", "2.0")
