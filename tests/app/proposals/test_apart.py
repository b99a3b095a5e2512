"""A pairing from preferred to published: by whoever may, and by nobody alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.access.keys import create_key, revoke_key, rotate_key
from app.access.policy import TERMINAL, Grant, Scope
from app.database import Database
from app.main import create_app
from app.settings import Settings
from models.access import AuditEvent
from models.vocabulary import Role, ScopeKind
from tests.factories import ADMINISTRATOR, new_key, told
from tests.runs import matched

HERE = Scope(ScopeKind.AREA, "999")
TAKER, GIVER = Scope(ScopeKind.INSTITUTION, "1"), Scope(ScopeKind.INSTITUTION, "2")
GRANTS = {
    "broker": [Grant(Role.BROKER, HERE)],
    "elsewhere": [Grant(Role.BROKER, Scope(ScopeKind.AREA, "998"))],
    "taker": [Grant(Role.CONTACT, TAKER)],
    "giver": [Grant(Role.CONTACT, GIVER)],
    "approver": [Grant(Role.APPROVER, HERE)],
    "employed": [Grant(Role.APPROVER, HERE), Grant(Role.VIEWER, GIVER)],
    "both": [Grant(Role.BROKER, HERE), Grant(Role.APPROVER, HERE)],
    "administrator": [ADMINISTRATOR],
}


class People:
    """Everybody with a key of their own, and proposal 1."""

    def __init__(self, client: TestClient, keys: dict[str, str]) -> None:
        self.client = client
        self.keys = keys

    def post(self, who: str, what: str, **body: Any) -> int:
        headers = {"Authorization": f"Bearer {self.keys[who]}", "If-Match": "*"}
        answer = self.client.post(f"/api/v1/proposals/1/{what}", json=body, headers=headers)
        return answer.status_code

    def decide(self, who: str, action: str) -> int:
        return self.post(who, "decisions", action=action)

    def says_yes(self, who: str, side: str) -> int:
        how = {} if who == side else told()
        return self.post(who, "agreements", side=side, says="yes", said_by="headteacher", **how)

    def publishes(self, who: str, side: str) -> int:
        how = {} if who == side else told()
        return self.post(who, "publication-consents", side=side, given_by="headteacher", **how)


@pytest.fixture
def people(database: Database) -> Iterator[People]:
    matched(database)
    with database.write() as session:
        keys = {name: new_key(session, *held, label=name) for name, held in GRANTS.items()}
    with TestClient(create_app(Settings(workers=0), database)) as client:
        yield People(client, keys)


def test_one_key_does_not_do_it_all(people: People) -> None:
    """Whoever preferred a pairing and recorded both answers approves it not, whatever it may."""
    assert people.decide("administrator", "prefer") == 201
    assert [people.says_yes("administrator", side) for side in ("taker", "giver")] == [201, 201]
    assert people.decide("administrator", "approve") == 403
    assert people.decide("both", "approve") == 201


def test_another_key_of_the_same_owner_is_nobody_else(people: People, database: Database) -> None:
    """Nor the one that a key was rotated to: what one put forward the other cannot approve."""
    with database.write() as session:
        made = [
            create_key(session, TERMINAL, label, [ADMINISTRATOR], owner=owner)
            for label, owner in (
                ("one", "Testshire"),
                ("two", "testshire"),
                ("three", "Othershire"),
            )
        ]
        rotated = rotate_key(session, TERMINAL, made[0][0].prefix)[1]
        people.keys |= {key.label: text for key, text in made} | {"rotated": rotated}
    assert people.decide("one", "prefer") == 201
    assert [people.says_yes("three", side) for side in ("taker", "giver")] == [201, 201]
    for who in ("one", "two", "three", "rotated"):
        assert people.decide(who, "approve") == 403
    assert people.decide("approver", "approve") == 201


def test_who_speaks_for_the_giver_with_another_key_decides_nothing(
    people: People, database: Database
) -> None:
    """Neither approves, nor directs: whoever owns a key of the organisation that gives."""
    keys = {
        "school": [Grant(Role.CONTACT, GIVER)],
        "decider": [Grant(Role.APPROVER, HERE)],
    }
    with database.write() as session:
        for label, held in keys.items():
            made = create_key(session, TERMINAL, label, held, owner="Federation of Testshire")
            people.keys[label] = made[1]
    assert people.decide("broker", "prefer") == 201
    notice = {"notice_on": "2026-09-02", "consulted": {"governing_body": "2026-09-01"}}
    assert people.post("decider", "directions", legal_basis="section_63", **notice) == 403
    assert [people.says_yes(who, who) for who in ("taker", "giver")] == [201, 201]
    assert people.decide("decider", "approve") == 403
    with database.write() as session:
        revoke_key(session, TERMINAL, people.keys["school"][3:11])
    assert people.decide("decider", "approve") == 201


def test_the_right_roles_together_do(people: People, database: Database) -> None:
    """Each step is taken by who may take it, and refused to everybody else."""
    for who in ("taker", "giver", "approver"):
        assert people.decide(who, "prefer") == 403
    assert people.decide("elsewhere", "prefer") == 404
    assert people.decide("both", "prefer") == 201
    assert people.says_yes("taker", "giver") == people.says_yes("giver", "taker") == 403
    assert people.says_yes("approver", "taker") == 403
    assert people.says_yes("taker", "taker") == people.says_yes("giver", "giver") == 201
    for who in ("taker", "giver", "broker", "both", "employed"):
        assert people.decide(who, "approve") == 403, who
    assert people.decide("approver", "approve") == 201
    assert people.publishes("taker", "giver") == people.publishes("approver", "taker") == 403
    assert people.publishes("taker", "taker") == 201
    url = "/maps/features/collections/pairings/items"
    assert people.client.get(url).json()["features"] == []
    assert people.publishes("giver", "giver") == 201
    (shown,) = people.client.get(url).json()["features"]
    need = people.client.get(
        "/api/v1/needs/N", headers={"Authorization": f"Bearer {people.keys['taker']}"}
    ).json()
    kept = ("participant", "period", "days", "evidence", "agreed_by", "mode")
    answer = people.client.put(
        "/api/v1/needs/N",
        json={name: need[name] for name in kept} | {"expertise": "reading"},
        headers={"Authorization": f"Bearer {people.keys['taker']}", "If-Match": "*"},
    )
    assert answer.json()["expertise"] == "reading"
    assert people.client.get(url).json()["features"] == [shown], "what both agreed to show"
    with database.read() as session:
        done = select(AuditEvent.actor).where(AuditEvent.subject == "proposal:1").distinct()
        assert len(session.scalars(done).all()) >= 4


def test_histories_name_roles_and_no_keys(people: People) -> None:
    """Who decided is told by label and role."""
    assert people.decide("broker", "prefer") == 201
    headers = {"Authorization": f"Bearer {people.keys['administrator']}"}
    answer = people.client.get("/api/v1/proposals/1/decisions", headers=headers)
    assert [each["author"] for each in answer.json()["items"]] == ["broker (broker)"]
    events = people.client.get(
        "/api/v1/audit-events", params={"subject": "proposal:1"}, headers=headers
    )
    assert {each["by"] for each in events.json()["items"]} >= {"broker (broker)"}


def test_one_person_does_not_publish_for_both_sides(people: People, database: Database) -> None:
    """Neither with one key nor with another of the same owner; a contact or a second broker can."""
    with database.write() as session:
        for label in ("one", "two"):
            made = create_key(session, TERMINAL, label, GRANTS["broker"], owner="Testshire")
            people.keys[label] = made[1]
    assert people.decide("broker", "prefer") == 201
    assert [people.says_yes(who, who) for who in ("taker", "giver")] == [201, 201]
    assert people.publishes("one", "taker") == people.publishes("one", "taker") == 201
    assert people.publishes("one", "giver") == people.publishes("two", "giver") == 403
    assert people.publishes("giver", "giver") == 201
