"""Support of other agencies over HTTP, with its targets: recorded, changed and refused."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from app.access.policy import Scope
from app.database import Database
from app.errors import Forbidden
from app.partnerships import external
from app.partnerships.service import SupportRow
from models.access import AuditEvent
from models.partnerships import Support
from models.register import Participant
from models.targets import SupportTarget
from models.vocabulary import Role, ScopeKind, SupportState
from tests import rows
from tests.audit import intact, look
from tests.callers import count, said
from tests.factories import acting

SUPPORT = "/api/v1/support"
TARGET = {
    "measure": "persistent_absence_pct",
    "direction": "lower",
    "value": 12.5,
    "by_date": "2027-07-16",
    "owner": "deputy headteacher",
}
CONTENT: dict[str, Any] = {
    "taker": "100000",
    "giver_name": "Made-up Consultants",
    "agency": "made-up programme",
    "authority": "dfe_programme",
    "period": rows.YEAR,
    "days": 3,
    "leader_days": 1.5,
    "starts": "2026-09-01",
    "targets": [TARGET],
}
NEW = CONTENT | {"reference": "s/1"}
ANY = {"If-Match": "*"}


def test_support_of_another_agency_is_recorded_with_its_targets(
    client: TestClient, database: Database
) -> None:
    """Read back as it was sent, with a version; the audit binds it and its targets."""
    made = client.post(SUPPORT, json=NEW)
    assert made.status_code == 201, made.text
    found = client.get(made.headers["location"])
    assert found.json() == made.json()
    assert found.headers["etag"].startswith('"1-')
    shown = found.json()
    assert (shown["authority"], shown["leader_days"], shown["state"]) == (
        "dfe_programme",
        1.5,
        "active",
    )
    [target] = shown["targets"]
    assert target | TARGET == target
    assert (target["measure_label"], target["shown"]) == ("Persistent absence", "12.5% of pupils")
    assert [each["reference"] for each in client.get(SUPPORT).json()["items"]] == ["s/1"]
    assert intact(look(database))
    said(client.post(SUPPORT, json=NEW), 409, "conflict")


def test_a_change_replaces_support_and_its_targets(client: TestClient, database: Database) -> None:
    """From the version that was read; a change of nothing is none, and every change is audited."""
    place = client.post(SUPPORT, json=NEW).headers["location"]
    tag = client.get(place).headers["etag"]
    assert client.put(place, json=CONTENT).status_code == 428
    assert client.put(place, json=CONTENT, headers={"If-Match": tag}).json()["version"] == 1
    other = [TARGET | {"value": 11}, TARGET | {"by_date": "2028-07-14", "value": 9}]
    changed = client.put(place, json=CONTENT | {"targets": other}, headers={"If-Match": tag})
    assert changed.json()["version"] == 2
    assert [each["value"] for each in changed.json()["targets"]] == [11, 9]
    said(client.put(place, json=CONTENT, headers={"If-Match": tag}), 412, "stale")
    ended = CONTENT | {"state": "ended", "result": "worked", "targets": []}
    last = client.put(place, json=ended, headers=ANY).json()
    assert (last["version"], last["state"], last["targets"]) == (3, "ended", [])
    assert count(database, SupportTarget) == 0
    with database.read() as session:
        query = select(AuditEvent.action).where(AuditEvent.subject == "support:s/1")
        assert session.scalars(query).all() == ["support.create", *["support.change"] * 2]
    assert intact(look(database))


@pytest.mark.parametrize(
    ("wrong", "pointer", "detail"),
    [
        ({"taker": "7"}, "taker", "is not in the register"),
        ({"giver": "100000"}, "giver", "is also the school receiving support"),
        ({"giver_name": None}, "giver", "is missing"),
        ({"period": "1999-00"}, "period", "is not a period of the calendar"),
        ({"expertise": "phonic"}, "expertise", "is not in the list of expertise"),
        ({"result": "worked"}, "result", "must be blank while the state is active"),
        (TARGET | {"value": 101}, "targets/0/value", "must be between 0 and 100"),
        (TARGET | {"value": None}, "targets/0/value", "is missing"),
        (TARGET | {"by_date": "2026-08-31"}, "targets/0/by_date", "1 September 2026"),
        (TARGET | {"measure": "atendance_pct"}, "targets/0/measure", "use attendance_pct"),
        (TARGET | {"kind": "number"}, "targets/0/kind", "must be percent"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(
    client: TestClient, database: Database, wrong: dict[str, Any], pointer: str, detail: str
) -> None:
    """At its place in the body, and nothing is stored."""
    body = NEW | ({"targets": [wrong]} if "measure" in wrong else wrong)
    problem = said(client.post(SUPPORT, json=body), 422, "unfit")
    [error] = problem["errors"]
    assert error["pointer"] == f"#/{pointer}"
    assert detail in error["detail"]
    assert count(database, Support) == 0


def test_a_target_without_a_measure_and_one_twice_are_refused(client: TestClient) -> None:
    """Both say what to do."""
    without = {name: value for name, value in TARGET.items() if name != "measure"}
    problem = said(client.post(SUPPORT, json=NEW | {"targets": [without]}), 422, "invalid")
    assert problem["errors"] == [
        {"pointer": "#/targets/0/measure", "detail": "is missing. Enter it"}
    ]
    twice = NEW | {"targets": [TARGET, TARGET | {"value": 9}]}
    problem = said(client.post(SUPPORT, json=twice), 422, "unfit")
    assert problem["errors"][0]["pointer"] == "#/targets/1/measure"


def test_measures_of_ones_own_and_grades_can_be_targets(client: TestClient) -> None:
    """A measure of one's own says its kind; a grade is one of its measure's words, in any case."""
    own = {"measure": "Parents' survey", "kind": "percent", "direction": "keep"}
    grade = {
        "measure": "report_card_inclusion",
        "direction": "raise",
        "value": "strong standard",
    }
    targets = [each | {"by_date": "2027-07-16"} for each in (own, grade)]
    made = client.post(SUPPORT, json=NEW | {"targets": targets})
    assert made.status_code == 201, made.text
    assert [(each["measure"], each["kind"], each["value"]) for each in made.json()["targets"]] == [
        ("parents_survey", "percent", None),
        ("report_card_inclusion", None, "Strong standard"),
    ]


def test_support_that_this_service_arranged_is_not_changed_here(
    client: TestClient, database: Database
) -> None:
    """Nor handed to another agency by the way."""
    with database.write() as session:
        taker, giver = session.scalars(select(Participant).limit(2))
        rows.add_support(session, "ours", taker, giver)
    problem = said(client.put(f"{SUPPORT}/ours", json=CONTENT, headers=ANY), 409, "conflict")
    assert "arranged in this service" in problem["detail"]
    with database.read() as session:
        assert session.scalar(select(Support.agency)) is None
        assert session.scalar(select(func.count(SupportTarget.id))) == 0


def test_another_school_needs_a_new_reference(client: TestClient) -> None:
    """A reference stays with its school."""
    place = client.post(SUPPORT, json=NEW).headers["location"]
    problem = said(client.put(place, json=CONTENT | {"taker": "100001"}, headers=ANY), 422, "unfit")
    assert problem["errors"][0]["pointer"] == "#/taker"


def test_either_side_lies_within_the_scope_of_who_records_it(
    client: TestClient, database: Database
) -> None:
    """As in a file: a broker of the giver may, one of neither may not."""

    def record(urn: int, reference: str) -> None:
        scope = Scope(ScopeKind.INSTITUTION, str(urn))
        row = SupportRow(
            reference=reference,
            taker="100000",
            giver="100001",
            agency="made up",
            state=SupportState.ACTIVE,
        )
        with database.write() as session:
            external.create_support(session, acting(Role.BROKER, scope=scope), row)

    record(100000, "a")
    record(100001, "b")
    with pytest.raises(Forbidden, match="outside it"):
        record(100002, "c")
    assert count(database, Support) == 2


def test_a_creation_sent_again_is_made_once(client: TestClient, database: Database) -> None:
    """By its key."""
    key = {"Idempotency-Key": "k"}
    first = client.post(SUPPORT, json=NEW, headers=key)
    again = client.post(SUPPORT, json=NEW, headers=key)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert count(database, Support) == 1
