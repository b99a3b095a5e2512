"""Contacts: whom to speak to, seen on record, and gone for good when they are to be."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select, text
from typer.testing import CliRunner

from app.access.policy import TERMINAL, Scope
from app.access.queries import verify_audit
from app.cli.main import app
from app.contacts import service
from app.contacts.schemas import ContactContent
from app.database import Database
from app.errors import Forbidden, NotFound, Stale
from app.imports.kinds import KINDS
from app.settings import settings
from models.access import AuditEvent
from models.base import Base
from models.contacts import Contact
from models.matching import RunFile
from models.vocabulary import Role, ScopeKind
from tests import rows
from tests.callers import caller, keyed, said
from tests.factories import acting
from tests.runs import matched

NAME = "Zephyrine Quillfeather-Ost"
EMAIL = "zephyrine.quillfeather@school.example"
TELEPHONE = "01632 960 417"
PLANTED = (NAME, EMAIL, TELEPHONE, "Quillfeather", "960 417")
PATH = "/api/v1/contacts"


def content(**given: Any) -> ContactContent:
    facts = {"role": "headteacher", "name": NAME, "email": EMAIL, "telephone": TELEPHONE}
    return ContactContent.model_validate(facts | given)


@pytest.fixture
def schooled(database: Database) -> Database:
    with database.write() as session:
        rows.add_school(session, 100000)
        rows.add_hub(session, "hub")
    return database


def add(database: Database, cell: str = "100000", **given: Any) -> int:
    with database.write() as session:
        return service.add_contact(session, TERMINAL, cell, content(**given)).id


def events(database: Database) -> list[tuple[str, str, dict[str, Any]]]:
    with database.read() as session:
        found = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence))
        return [(each.action, each.subject, each.detail) for each in found]


def test_a_contact_is_added_read_changed_and_erased(schooled: Database) -> None:
    """Each step is one event that names a number; the same sent again changes nothing."""
    first = add(schooled)
    assert add(schooled) == first
    with schooled.write() as session:
        (found,) = service.list_contacts(session, TERMINAL, "100000")
        assert (found.name, found.version) == (NAME, 1)
        assert service.list_contacts(session, TERMINAL, "hub") == []
    with schooled.write() as session:
        service.change_contact(session, TERMINAL, first, content(role="head"), 1)
    with schooled.write() as session, pytest.raises(Stale):
        service.change_contact(session, TERMINAL, first, content(role="x"), 1)
    with schooled.write() as session:
        same = service.change_contact(session, TERMINAL, first, content(role="head"), 2)
        assert same.version == 2
    with schooled.write() as session:
        service.erase_contact(session, TERMINAL, first, 2)
    with schooled.write() as session, pytest.raises(NotFound, match=f"no contact {first}"):
        service.get_contact(session, TERMINAL, first)
    assert add(schooled, role="chair of governors") > first
    of = {"participant": "urn:100000"}
    assert events(schooled) == [
        ("contact.create", f"contact:{first}", of),
        ("contact.read", "urn:100000", {"contacts": [first]}),
        ("contact.read", "org:hub", {"contacts": []}),
        ("contact.change", f"contact:{first}", {"changed": ["role"]}),
        ("contact.erase", f"contact:{first}", of),
        ("contact.create", f"contact:{first + 1}", of),
    ]
    with schooled.read() as session:
        assert verify_audit(session, TERMINAL).fault is None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"email": None, "telephone": None}, "Enter an email address or a telephone number"),
        ({"email": "nobody"}, "must be an email address"),
        ({"telephone": "ring me"}, "must be a telephone number"),
        ({"name": ""}, "at least 1"),
        ({"name": "x" * 201}, "at most 200"),
    ],
)
def test_what_nobody_can_be_reached_by_is_refused(given: dict[str, Any], reason: str) -> None:
    """An email address or a telephone number, and each as such."""
    with pytest.raises(ValidationError, match=reason):
        content(**given)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.AUDITOR, Role.EMBED])
def test_who_looks_at_figures_sees_no_contacts(schooled: Database, role: Role) -> None:
    """Nor does a look that was refused become an event of a read."""
    number = add(schooled)
    someone = acting(role)
    with schooled.write() as session, pytest.raises(Forbidden, match="read contacts"):
        service.list_contacts(session, someone, "100000")
    with schooled.write() as session, pytest.raises(Forbidden, match="change contacts"):
        service.erase_contact(session, someone, number)
    assert len(events(schooled)) == 1


def holding(database: Database) -> dict[str, list[str]]:
    """Every table, but for that of contacts, in which anything planted stands."""
    found: dict[str, list[str]] = {}
    with database.read() as session:
        for name, table in Base.metadata.tables.items():
            if name != Contact.__tablename__:
                whole = repr(session.execute(table.select()).all())
                if hit := [each for each in PLANTED if each in whole]:
                    found[name] = hit
    return found


def test_no_other_place_has_what_identifies_a_person(
    database: Database, log_lines: list[Any]
) -> None:
    """Not logs, the audit, problem files, exports or any other table, whatever was done."""
    matched(database)
    with keyed(database) as client:
        body = {"participant": "1", "role": "headteacher", "name": NAME}
        body |= {"email": EMAIL, "telephone": TELEPHONE}
        again = {"Idempotency-Key": "k1"}
        made = client.post(PATH, json=body, headers=again)
        assert made.status_code == 201, made.text
        assert client.post(PATH, json=body, headers=again).json() == made.json()
        address = made.headers["location"]
        assert client.get(PATH, params={"participant": "1"}).json()["items"] == [made.json()]
        assert client.get(address).json()["name"] == NAME
        for wrong in ({"email": PLANTED[3]}, {"telephone": NAME}, {"name": [NAME]}, {NAME: 1}):
            refused = client.post(PATH, json=body | wrong)
            assert refused.status_code == 422
            if NAME not in wrong:
                assert not [each for each in PLANTED if each in refused.text]
        change = {name: value for name, value in body.items() if name != "participant"}
        tag = {"If-Match": made.headers["etag"]}
        changed = client.put(address, json=change | {"role": "head"}, headers=tag)
        assert changed.status_code == 200, changed.text
        assert (
            client.get(
                PATH, params={"participant": "1"}, headers={"Accept": "text/csv"}
            ).status_code
            == 406
        )
        exported = [
            client.get(f"/api/v1/{name}", headers={"Accept": "text/csv"}).text
            for name in ("institutions", "needs", "offers", "proposals", "audit-events")
        ]
    assert holding(database) == {}
    with database.read() as session:
        exported += [
            kind.export(session, TERMINAL, None) for kind in KINDS.values() if kind.exporter
        ]
        files = session.scalars(select(RunFile.content)).all()
        assert files
    everything = json.dumps(log_lines, default=repr) + "".join(exported)
    everything += "".join(gzip.decompress(each).decode("utf-8", "replace") for each in files)
    assert not [each for each in PLANTED if each in everything]
    assert "contact.create" in everything


def test_http_answers_are_guarded_like_any_other(sqlite_database: Database) -> None:
    """A change needs the version it was made from, and nobody is found under a made-up number."""
    with caller(sqlite_database) as client:
        body = {"participant": "100000", "role": "head", "name": NAME, "email": EMAIL}
        made = client.post(PATH, json=body)
        address = made.headers["location"]
        said(client.delete(address), 428, "precondition-missing")
        said(client.delete(address, headers={"If-Match": '"7"'}), 412, "stale")
        assert client.delete(address, headers={"If-Match": '"1"'}).status_code == 204
        said(client.get(address), 404, "not-found")
        said(client.get(PATH, params={"participant": "nobody"}), 404, "not-found")
        said(client.post(PATH, json=body | {"participant": "nobody"}), 404, "not-found")


def test_nothing_of_an_erased_contact_is_left_in_the_file(sqlite_database: Database) -> None:
    """Nor of what was known before a change, neither in SQLite's file nor in its journal."""
    path = Path(str(sqlite_database.write_engine.url.database))

    def left() -> list[str]:
        files = path.parent.glob(f"{path.name}*")
        whole = b"".join(each.read_bytes() for each in files)
        return [each for each in PLANTED if each.encode() in whole]

    with sqlite_database.write() as session:
        rows.add_school(session, 100000)
    number = add(sqlite_database)
    assert left() == list(PLANTED)
    with sqlite_database.write() as session:
        changed = content(email="other@school.example", telephone=None)
        service.change_contact(session, TERMINAL, number, changed)
    assert left() == [NAME, "Quillfeather"]
    with sqlite_database.write() as session:
        service.erase_contact(session, TERMINAL, number)
    assert left() == []
    with sqlite_database.read() as session:
        assert verify_audit(session, TERMINAL).fault is None


def test_the_terminal_asks_for_what_is_left_out(
    schooled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no name has to stand in the history of a shell."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", schooled.url)
    settings.cache_clear()
    run = CliRunner()
    typed = f"{NAME}\nheadteacher\n{EMAIL}\n\n"
    added = run.invoke(app, ["contacts", "add", "100000"], input=typed)
    assert added.exit_code == 0, added.output
    assert "Contact 1 was added" in added.output
    told = run.invoke(app, ["contacts", "list", "100000"]).stdout
    assert told.split("  ") == ["1", "headteacher", NAME, f"{EMAIL}\n"]
    wrong = run.invoke(app, ["contacts", "add", "100000"], input=f"{NAME}\nx\n\n\n")
    assert wrong.exit_code != 0
    assert run.invoke(app, ["contacts", "erase", "1"]).exit_code != 0
    assert run.invoke(app, ["contacts", "erase", "1", "--yes"]).exit_code == 0
    assert run.invoke(app, ["contacts", "list", "100000"]).stdout == ""
    with schooled.read() as session:
        assert session.execute(text("select count(*) from contact")).scalar_one() == 0
    settings.cache_clear()


def test_contacts_lie_where_their_institution_does(schooled: Database) -> None:
    """Elsewhere nothing is read, added, changed or erased, and a number tells nothing."""
    number = add(schooled)
    here, there = (
        acting(Role.CONTACT, scope=Scope(kind, code))
        for kind, code in ((ScopeKind.INSTITUTION, "100000"), (ScopeKind.ORGANISATION, "hub"))
    )
    with schooled.write() as session:
        assert [each.id for each in service.list_contacts(session, here, "100000")] == [number]
        assert service.get_contact(session, here, number).name == NAME
        service.change_contact(session, here, number, content(telephone=None))
    for act in (
        lambda session: service.list_contacts(session, there, "100000"),
        lambda session: service.add_contact(session, there, "100000", content(name="Another")),
    ):
        with schooled.write() as session, pytest.raises(Forbidden):
            act(session)
    for act in (
        lambda session: service.get_contact(session, there, number),
        lambda session: service.change_contact(session, there, number, content()),
        lambda session: service.erase_contact(session, there, number),
    ):
        with schooled.write() as session, pytest.raises(NotFound):
            act(session)
