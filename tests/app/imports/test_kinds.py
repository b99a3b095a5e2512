"""A kind of file is declared once: every place that lists kinds lists those of the registry."""

import inspect
import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.access.policy import Role, may
from app.cli.exports import export_app
from app.cli.imports import gias, import_app
from app.cli.main import app
from app.cli.templates import SUGGEST_RULES
from app.database import Database
from app.demo.service import FILES
from app.errors import FaultyFile, Forbidden
from app.imports.kinds import GIAS, KINDS, SINGLE_FILES, Kind
from app.main import create_app
from app.register.gias.importer import GiasFiles
from app.settings import Settings
from tests import rows
from tests.callers import keyed
from tests.factories import acting
from tests.portal import broker

DOCS = Path(__file__).parents[3] / "docs" / "imports.md"
TEMPLATES = [kind.name for kind in KINDS.values() if kind.row]
EXPORTS = [kind.name for kind in KINDS.values() if kind.exporter]


def test_nothing_is_registered_twice() -> None:
    """No two kinds share a name, a title, a help text or an importer."""
    for name in ("name", "title", "help", "importer"):
        counts = Counter(getattr(kind, name) for kind in KINDS.values())
        assert len(counts) == len(KINDS) == counts.total(), name
    assert [kind.name for kind in KINDS.values()] == list(KINDS)


def test_the_terminal_lists_the_registry() -> None:
    """`import`, `export` and `template` know the registry's kinds, in its order and words."""
    assert [command.name for command in import_app.registered_commands] == list(KINDS)
    assert [command.help for command in import_app.registered_commands] == [
        kind.help for kind in KINDS.values()
    ]
    exports = [command.name for command in export_app.registered_commands]
    assert exports == [*EXPORTS, "proposals", "unmet"]
    unknown = CliRunner().invoke(app, ["template", "nothing"])
    assert str(unknown.exception).endswith(f"one of: {', '.join([*TEMPLATES, SUGGEST_RULES])}.")


def test_http_lists_the_registry(sqlite_database: Database) -> None:
    """The document's words for kinds are the registry's; several files have a path of their own."""
    document = create_app(Settings(workers=0), sqlite_database).openapi()
    assert document["components"]["schemas"]["Kind"]["enum"] == list(SINGLE_FILES)
    roles = [role.name for role in GIAS.roles]
    for name in ("import_gias", "preview_gias"):
        body = next(
            body
            for schema, body in document["components"]["schemas"].items()
            if schema.startswith("Body_") and schema.endswith(name)
        )
        assert list(body["properties"]) == roles
        assert body["required"] == [role.name for role in GIAS.roles if role.required]
    assert {*SINGLE_FILES, GIAS.name} == set(KINDS)


def test_the_portal_lists_the_registry(sqlite_database: Database) -> None:
    """Its form offers each kind by its title, and asks for each file of several."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
    who = broker(sqlite_database).client
    text = who.get("/portal/imports/new").text
    options = re.findall(r'<option value="([^"]+)"[^>]*>([^<]+)</option>', text)
    assert options == [(kind.name, kind.title) for kind in KINDS.values()]
    text = who.get(f"/portal/imports/new?kind={GIAS.name}").text
    assert re.findall(r'type="file"[^>]*name="([^"]+)"|name="([^"]+)"[^>]*type="file"', text) == [
        ("", role.name) for role in GIAS.roles
    ]


def test_templates_are_the_same_everywhere(sqlite_database: Database) -> None:
    """Who has no terminal downloads them in the portal, or over HTTP; each is found by a link."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
    who, caller = broker(sqlite_database), keyed(sqlite_database)
    page = who.open("/imports")
    with caller as client:
        for name in TEMPLATES:
            said = CliRunner().invoke(app, ["template", name]).stdout
            path = f"/imports/templates/{name}"
            assert f"/portal{path}" in page.links
            found = who.client.get(f"/portal{path}")
            assert found.text == said
            assert f'filename="{name}.csv"' in found.headers["content-disposition"]
            over_http = client.get(f"/api/v1/imports/{name}/template")
            assert (over_http.status_code, over_http.text) == (200, said)
        assert f"/portal/imports/templates/{GIAS.name}" not in page.links
        assert who.open(f"/imports/templates/{GIAS.name}").status == 404
        assert client.get(f"/api/v1/imports/{GIAS.name}/template").status_code == 422


def test_the_files_of_the_register_are_the_same_everywhere() -> None:
    """The importer, the command and the registry name the same roles, in the same order."""
    roles = [role.name for role in GIAS.roles]
    assert [field.name for field in fields(GiasFiles)] == roles
    command = list(inspect.signature(gias).parameters)
    assert command == ["file", *roles[1:], "as_json"]
    assert [role.required for role in GIAS.roles] == [True] + [False] * (len(roles) - 1)


def test_the_made_up_county_holds_kinds_of_the_registry() -> None:
    """What `givetake demo` imports besides the register are kinds of one file."""
    assert set(FILES) <= set(SINGLE_FILES)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_every_kind_is_documented(kind: Kind) -> None:
    """The list of the docs has one line of each kind: its title, its template and its export."""
    lines = [line for line in DOCS.read_text().splitlines() if f"import {kind.name}`" in line]
    assert len(lines) == 1, f"one line of {DOCS.name} names `givetake import {kind.name}`"
    line = lines[0]
    assert line.startswith(f"| {kind.title} ")
    assert (f"`givetake template {kind.name}`" in line) == (kind.row is not None)
    assert (f"`givetake export {kind.name}`" in line) == (kind.exporter is not None)


def test_the_docs_name_no_other_kind() -> None:
    """A kind that was removed is removed from the docs' list as well."""
    named = re.findall(r"^\| .*`givetake import ([a-z-]+)`", DOCS.read_text(), re.MULTILINE)
    assert sorted(named) == sorted(KINDS)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_the_importer_lets_in_whom_the_registry_names(
    sqlite_database: Database, tmp_path: Path, kind: Kind, role: Role
) -> None:
    """Whoever may import a kind gets as far as the file; whoever may not is refused before."""
    path = tmp_path / "absent.csv"
    paths = {each.name: path for each in kind.roles} or {kind.name: path}
    somebody = acting(role, name="somebody")
    allowed = may(somebody, kind.action)
    with (
        pytest.raises(FaultyFile if allowed else Forbidden),
        sqlite_database.write() as session,
    ):
        kind.import_files(session, somebody, paths)
