"""Expertise and periods entered, changed and withdrawn one at a time, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.access.policy import TERMINAL, Role
from app.catalogue import service
from app.catalogue.rows import ExpertiseRow
from app.database import Database
from app.errors import FaultyFile, Forbidden
from app.exchange.files import import_needs
from app.exchange.rows import NeedRow
from app.exchange.service import confirm_need, create_need, withdraw_need
from app.import_kit.misfits import Unfit
from models.access import AuditEvent
from tests.callers import keyed
from tests.factories import acting
from tests.rows import TERM, YEAR, add_calendar, add_need, add_offer, add_school

API = "/api/v1"
ART = {"code": "arts/music", "name": "Music", "version": "2026.2"}
SPRING = {"code": f"{YEAR}/spring", "name": "Spring", "year": YEAR}
SPRING |= {"starts": "2027-01-05", "ends": "2027-03-25"}


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    with database.write() as session:
        add_calendar(session)
        school = add_school(session, 100000)
        add_need(session, "need", school)
        add_offer(session, "offer", school, expertise_code="reading")
    with keyed(database) as client:
        yield client


def content(answer: Any, *without: str) -> dict[str, Any]:
    """What was read, as it is written back."""
    return {k: v for k, v in answer.json().items() if k not in without}


def test_an_entry_of_the_taxonomy_lives_by_itself(client: TestClient, database: Database) -> None:
    """It is entered, read, changed from a version, withdrawn and taken up again, each on record."""
    made = client.post(f"{API}/expertise", json=ART | {"parent": "maths"})
    assert (made.status_code, made.headers["etag"]) == (201, '"1"'), made.text
    place = made.headers["location"]
    assert place == f"{API}/expertise/arts%2Fmusic"
    assert client.get(place).json() == made.json()
    assert client.post(f"{API}/expertise", json=ART).status_code == 409
    body = {"name": "Music and song", "version": "2026.2"}
    assert client.put(place, json=body).status_code == 428
    changed = client.put(place, json=body, headers={"If-Match": '"1"'})
    assert (changed.json()["parent"], changed.json()["revision"]) == (None, 2)
    assert client.put(place, json=body, headers={"If-Match": '"1"'}).status_code == 412
    gone = client.post(f"{place}/withdrawal", headers={"If-Match": '"2"'})
    assert (gone.json()["retired"], gone.headers["etag"]) == (True, '"3"')
    listed = client.get(f"{API}/expertise").json()["items"]
    assert "arts/music" not in [entry["code"] for entry in listed]
    again = client.put(place, json=body, headers={"If-Match": '"3"'})
    assert (again.json()["retired"], again.json()["revision"]) == (False, 4)
    same = client.put(place, json=body, headers={"If-Match": '"4"'})
    assert same.headers["etag"] == '"4"'
    with database.read() as session:
        events = select(AuditEvent.action).where(AuditEvent.subject == "expertise:arts/music")
        kinds = [action.partition(".")[2] for action in session.scalars(events)]
    assert kinds == ["create", "change", "withdraw", "change"]


@pytest.mark.parametrize(
    ("code", "what"),
    [("maths-primary", None), ("maths", "maths-primary"), ("reading", "1 current offer")],
)
def test_what_is_in_use_is_not_withdrawn(client: TestClient, code: str, what: str | None) -> None:
    """Entries below, open needs and offers that stand keep an entry in use; the answer says so."""
    answer = client.post(f"{API}/expertise/{code}/withdrawal", headers={"If-Match": "*"})
    if what is None:
        assert answer.json()["retired"]
        return
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:givetake:problem:conflict")
    assert what in answer.json()["detail"]
    assert not client.get(f"{API}/expertise/{code}").json()["retired"]


def test_an_entry_is_free_once_nobody_names_it(client: TestClient) -> None:
    """With its offer withdrawn and what lay below retired, nothing keeps an entry."""
    anything = {"If-Match": "*"}
    assert client.post(f"{API}/offers/offer/withdrawal", headers=anything).status_code == 200
    assert client.post(f"{API}/expertise/reading/withdrawal", headers=anything).json()["retired"]
    below = f"{API}/expertise/maths-primary"
    assert client.post(f"{below}/withdrawal", headers=anything).status_code == 200
    needed = client.post(f"{API}/expertise/maths/withdrawal", headers=anything)
    assert "1 open need" in needed.json()["detail"]
    assert client.post(f"{API}/needs/need/withdrawal", headers=anything).status_code == 200
    assert client.post(f"{API}/expertise/maths/withdrawal", headers=anything).json()["retired"]
    under = {"parent": "maths", "name": "Primary maths", "version": "test"}
    refused = client.put(below, json=under, headers=anything)
    assert refused.json()["errors"][0]["pointer"] == "#/parent"


@pytest.mark.parametrize("parent", ["unheard-of", "maths-primary", "maths"])
def test_the_taxonomy_stays_a_tree(client: TestClient, parent: str) -> None:
    """No entry lies below itself, or below what there is not."""
    body = {"name": "Maths", "version": "test", "parent": parent}
    answer = client.put(f"{API}/expertise/maths", json=body, headers={"If-Match": "*"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == "#/parent"


def test_of_two_changes_from_one_version_one_is_told(client: TestClient) -> None:
    """Whoever comes second in the same moment gets 412 and has written nothing."""
    place = f"{API}/expertise/reading"

    def rename(name: str) -> int:
        body = {"name": name, "version": "test"}
        return client.put(place, json=body, headers={"If-Match": '"1"'}).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(rename, ("One", "Other"))) == [200, 412]
    assert client.get(place).json()["revision"] == 2


@pytest.mark.parametrize(("kind", "body"), [("expertise", ART), ("periods", SPRING)])
def test_a_creation_sent_again_makes_one(
    client: TestClient, kind: str, body: dict[str, Any]
) -> None:
    """The same key is answered as the first time, however many send it at once."""

    def send(_: int) -> Any:
        return client.post(f"{API}/{kind}", json=body, headers={"Idempotency-Key": "k"})

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(send, range(3)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    other = client.post(
        f"{API}/{kind}", json=body | {"name": "Other"}, headers={"Idempotency-Key": "k"}
    )
    assert other.json()["type"] == "urn:givetake:problem:key-used-otherwise"


def test_a_file_of_the_taxonomy_counts_as_a_change_too(client: TestClient) -> None:
    """Who read an entry before the import cannot write over what it brought."""
    file = (
        "code,parent,name,version\nmaths,,Mathematics,2\nmaths-primary,maths,Maths-Primary,test\n"
    )
    sent = client.post(f"{API}/imports/expertise", files={"file": ("e.csv", file)})
    assert sent.status_code == 201, sent.text
    found = {code: client.get(f"{API}/expertise/{code}").json() for code in ("maths", "reading")}
    assert (found["maths"]["revision"], found["maths"]["version"]) == (2, "2")
    assert (found["reading"]["revision"], found["reading"]["retired"]) == (2, True)
    unchanged = client.get(f"{API}/expertise/maths-primary")
    assert unchanged.headers["etag"] == '"1"'
    body = {"name": "Sums", "version": "test"}
    stale = client.put(f"{API}/expertise/maths", json=body, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


def test_a_period_is_entered_moved_and_taken_away(client: TestClient) -> None:
    """A term lies within its year; as long as nothing is in it, it can go."""
    made = client.post(f"{API}/periods", json=SPRING)
    assert made.status_code == 201, made.text
    assert (made.json()["kind"], made.json()["version"]) == ("term", 1)
    place = made.headers["location"]
    body = content(client.get(place), "code", "kind", "version") | {"ends": "2027-04-01"}
    changed = client.put(place, json=body, headers={"If-Match": made.headers["etag"]})
    assert (changed.json()["ends"], changed.headers["etag"]) == ("2027-04-01", '"2"')
    assert client.delete(place, headers={"If-Match": '"1"'}).status_code == 412
    assert client.delete(place, headers={"If-Match": '"2"'}).status_code == 204
    assert client.get(place).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"year": "2030-31"}, "#/year"),
        ({"year": None}, "#/starts"),
        ({"starts": "2026-12-01"}, "#/starts"),
        ({"ends": "2028-01-01"}, "#/starts"),
        ({"ends": "2026-01-01"}, "#/ends"),
    ],
)
def test_a_period_that_does_not_fit_the_calendar_is_refused(
    client: TestClient, change: dict[str, Any], pointer: str
) -> None:
    """Periods of a kind do not overlap, and a term lies within a year that there is."""
    answer = client.post(f"{API}/periods", json=SPRING | change)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_period_that_holds_something_stays(client: TestClient) -> None:
    """Neither its terms nor the needs in it lose their period, or the days of their windows."""
    anything = {"If-Match": "*"}
    refused = client.delete(f"{API}/periods/{YEAR}", headers=anything)
    assert refused.status_code == 409
    assert all(kind in refused.json()["detail"] for kind in ("need", "offer", "period"))
    place = f"{API}/periods/{YEAR}"
    body = {"name": "Short year", "starts": "2026-09-01", "ends": "2027-07-01"}
    outside = client.put(place, json=body, headers=anything)
    assert outside.status_code == 422
    assert "leaves windows of 1 offer outside" in outside.json()["detail"]
    term = client.put(f"{API}/periods/{TERM}", json=body, headers=anything)
    assert term.json()["errors"][0]["pointer"] == "#/year"


def test_what_is_being_withdrawn_is_not_named_meanwhile(database: Database) -> None:
    """Who enters a need beside a withdrawal waits for it, and is then told."""
    with database.write() as session:
        add_calendar(session)
        add_school(session, 100000)
    row = NeedRow(
        reference="n", participant="100000", expertise="reading", period=YEAR, half_days=4
    )

    def enter() -> None:
        with database.write() as session:
            create_need(session, TERMINAL, row)

    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            service.withdraw_expertise(session, TERMINAL, "reading", None)
            entered = pool.submit(enter)
            # Time to go wrong in: a need that did not wait would be stored by then.
            wait([entered], 0.3)
        with pytest.raises(Unfit, match="retired"):
            entered.result()


def test_what_is_being_changed_is_not_overwritten_by_a_file(
    database: Database, tmp_path: Path
) -> None:
    """An import beside a withdrawal and a confirmation waits for both and sees what they did."""
    path = tmp_path / "needs.csv"
    head = "reference,participant,expertise,period,days,state"
    path.write_text(f"{head}\nn,100000,maths,{YEAR},3,suggested\n")
    with database.write() as session:
        add_calendar(session)
        add_need(session, "n", add_school(session, 100000), state="suggested")

    def take_in() -> None:
        with database.write() as session:
            import_needs(session, TERMINAL, path)

    for change, refused in (
        (lambda session: confirm_need(session, TERMINAL, "n", by_role="head"), "does not follow"),
        (lambda session: withdraw_need(session, TERMINAL, "n"), "is closed"),
    ):
        with ThreadPoolExecutor(1) as pool:
            with database.write() as session:
                change(session)
                taken = pool.submit(take_in)
                wait([taken], 0.3)
            with pytest.raises(FaultyFile) as told:
                taken.result()
            assert refused in str(told.value.faults[0])
    path.write_text(f"{head}\nm,100000,maths-primary,{YEAR},3,identified\n")
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            service.withdraw_expertise(session, TERMINAL, "maths-primary", None)
            taken = pool.submit(take_in)
            wait([taken], 0.3)
        with pytest.raises(FaultyFile) as told:
            taken.result()
        assert "retired" in str(told.value.faults[0])


def test_only_those_who_may_change_the_catalogue(sqlite_database: Database) -> None:
    """An analyst reads the taxonomy and changes nothing of it."""
    analyst = acting(Role.ANALYST, name="analyst")
    row = ExpertiseRow(code="music", name="Music", version="test")
    with (
        sqlite_database.write() as session,
        pytest.raises(Forbidden, match="change the list of expertise or the calendar"),
    ):
        service.create_expertise(session, analyst, row)
