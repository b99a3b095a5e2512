"""The OpenAPI document: current, complete, and good enough to generate a client from."""

import importlib
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from jsonschema_rs import validator_for

from app import errors as problems
from app.database import Database
from app.http.document import as_text
from app.http.problems import TYPE, slug
from app.main import create_app
from app.settings import Settings
from tests.factories import new_key
from tests.rows import YEAR, add_calendar, add_school

ROOT = Path(__file__).parents[3]
SNAPSHOT = ROOT / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def text() -> str:
    with Database("sqlite://") as nowhere:
        return as_text(create_app(Settings(workers=0), nowhere))


@pytest.fixture(scope="module")
def document(text: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(text)
    return made


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_committed_document_is_current(text: str) -> None:
    """What clients are generated from is what the service says: `givetake openapi` renews it."""
    assert SNAPSHOT.read_text("utf-8") == text, "givetake openapi > docs/openapi.json"


def test_every_operation_shows_an_example_that_fits(document: dict[str, Any]) -> None:
    """Each JSON body and answer has an example, and the example is one of its schema."""
    shown = 0
    for label, operation in operations(document):
        contents = [operation.get("requestBody", {})]
        contents += [answer for answer in operation["responses"].values() if "$ref" not in answer]
        for content in contents:
            described = content.get("content", {}).get("application/json")
            if described is None:
                continue
            schema = described["schema"] | {"components": document["components"]}
            errors = list(validator_for(schema).iter_errors(described["example"]))
            assert not errors, (label, [str(error) for error in errors])
            shown += 1
    assert shown > 50


def test_every_operation_is_named_described_and_honest(document: dict[str, Any]) -> None:
    """One name each, a sentence each, and the answers that any of them may give."""
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert document["openapi"].startswith("3.1")
    for label, operation in operations(document):
        assert operation["description"], label
        assert {"400", "404", "405", "406", "413", "415", "422", "500", "503"} <= set(
            operation["responses"]
        ), label
        changes = label.startswith(("PUT", "DELETE"))
        assert ("428" in operation["responses"]) >= changes, label


TERMINAL_ONLY = ("app.cli.", "app.batches.manifest")
"""What these raise is told in the terminal and never over HTTP."""


def problem_types(kind: type[problems.Problem]) -> Iterator[str]:
    for below in kind.__subclasses__():
        if below.__module__.startswith("app.") and not below.__module__.startswith(TERMINAL_ONLY):
            yield slug(below)
            yield from problem_types(below)


def test_every_type_of_problem_is_written_down() -> None:
    """Types are a promise: each is in the docs, so none changes unnoticed."""
    written = (ROOT / "docs" / "http.md").read_text("utf-8")
    for kind in sorted(set(problem_types(problems.Problem))):
        assert f"`{kind}`" in written, f"{TYPE}{kind}"


@pytest.fixture
def service(sqlite_database: Database) -> Iterator[tuple[str, str]]:
    """The address of a running service, and a key."""
    with sqlite_database.write() as session:
        key = new_key(session)
        add_calendar(session)
        add_school(session, 100000)
    app = create_app(Settings(workers=0), sqlite_database)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", key
    finally:
        server.should_exit = True
        thread.join(10)


def test_a_generated_client_works(
    text: str, service: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public generator makes a client that enters a need, changes it and reads it."""
    generator = shutil.which("openapi-python-client", path=Path(sys.prefix) / "client" / "bin")
    if generator is None:
        pytest.skip("the generator is not installed; `make test` installs it")
    (tmp_path / "openapi.json").write_text(text)
    paths = ["--path", tmp_path / "openapi.json", "--output-path", tmp_path / "generated_client"]
    subprocess.run(
        [generator, "generate", "--meta", "none", *paths],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    monkeypatch.syspath_prepend(tmp_path)
    made = importlib.import_module("generated_client")
    models = importlib.import_module("generated_client.models")
    calls = {
        name: importlib.import_module(f"generated_client.api.exchange.{name}")
        for name in ("create_need", "change_need", "get_need", "list_needs")
    }
    address, key = service
    with made.AuthenticatedClient(base_url=address, token=key) as client:
        content = {"participant": "100000", "expertise": "maths", "period": YEAR, "days": 2.5}
        new = models.NewNeed.from_dict(content | {"reference": "a/b"})
        created = calls["create_need"].sync_detailed(client=client, body=new)
        assert created.status_code == 201
        changed = calls["change_need"].sync(
            "a/b",
            client=client,
            body=models.NeedContent.from_dict(content | {"days": 4.0}),
            if_match=created.headers["etag"],
        )
        assert (changed.days, changed.version) == (4, 2)
        assert calls["get_need"].sync("a/b", client=client).reference == "a/b"
        assert [n.reference for n in calls["list_needs"].sync(client=client).items] == ["a/b"]
