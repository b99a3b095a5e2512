"""Every operation of the document, asked by somebody who may not: refused, and nothing changed."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select

from app.access.callers import caller
from app.access.policy import Role
from app.database import Database
from app.main import create_app
from app.settings import Settings
from models.base import Base
from models.people import AttemptCount
from tests.factories import acting, new_key
from tests.rows import add_calendar, add_need, add_offer, add_school

KEY_ALONE = {"openapi", "list_sessions"}
"""For whoever has a key, whatever it may do: the document itself, and their own sessions."""
WEBHOOKS = {
    *("list_webhooks", "create_webhook", "rotate_webhook_secret", "revoke_webhook"),
    *("list_webhook_deliveries", "retry_webhook_delivery"),
}
BATCHES = {"submit_batch", "cancel_batch", "create_schedule", "end_schedule"}
CHANGES_OF: dict[Role, set[str]] = {
    Role.BROKER: set(),
    Role.ANALYST: {"submit_run", "cancel_run", *BATCHES, *WEBHOOKS},
    Role.APPROVER: {
        *("decide", "allow_exception", "direct", "withdraw_direction", *WEBHOOKS),
        *("answer_concern", "list_concerns", "decide_claim"),
    },
    Role.CONTACT: {
        *("create_need", "change_need", "withdraw_need", "confirm_need"),
        *("ask_for_introduction", "withdraw_introduction"),
        *("create_open_offer", "confirm_open_offer", "withdraw_open_offer"),
        *("create_offer", "change_offer", "withdraw_offer", "answer_offer"),
        *("create_limits", "change_limits"),
        *("agree", "answer_many", "consent_to_publication", "withdraw_publication_consent"),
        *("create_contact", "change_contact", "erase_contact"),
        *("book_visit", "write_up_visit", "sign_visit", "cancel_visit"),
        *("add_review", "set_outcome", "raise_concern"),
        *("declare_interest", "withdraw_interest", "make_claim"),
        *("ask_for_interests", "answer_interest_question"),
        *("add_evidence", "answer_evidence", "withdraw_evidence"),
        *("answer_alliance", "leave_alliance", "review_alliance"),
        *("add_alliance_action", "end_alliance_action"),
        *("add_alliance_target", "remove_alliance_target"),
    },
}
"""What a role may ask for besides reading; of brokers it is shorter to say what they may not."""
CONTACTS = {"list_contacts", "get_contact"}
"""Personal data, for those who speak to people."""
AUDIT = {"list_audit_events", "read_audit_head", "verify_audit"}
NOT_OF_BROKERS = {
    *("create_circumstance_rule", "change_circumstance_rule", "withdraw_circumstance_rule"),
    *("confirm_need", "answer_offer", "allow_exception", "direct", "withdraw_direction"),
    *("list_concerns", "answer_concern", "decide_claim"),
    *AUDIT,
    *("list_keys", "create_key", "rotate_key", "revoke_key"),
}

Operation = tuple[str, str, dict[str, Any]]


def _operations() -> Iterator[Operation]:
    with Database("sqlite://") as nowhere:
        paths = create_app(Settings(workers=0), nowhere).openapi()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            if path != "/health":
                yield method, path, operation


OPERATIONS = [pytest.param(each, id=each[2]["operationId"]) for each in _operations()]


@pytest.fixture(scope="module")
def service(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestClient, Database]]:
    path = tmp_path_factory.mktemp("rights") / "givetake.sqlite3"
    shutil.copy(migrated_sqlite, path)
    with Database(f"sqlite:///{path}") as database:
        with database.write() as session:
            key = new_key(session)
            add_calendar(session)
            add_need(session, "made-up-need-1", add_school(session, 100000))
            add_offer(session, "made-up-offer-1", add_school(session, 100001))
        app = create_app(Settings(workers=0), database)
        client = TestClient(app, headers={"Authorization": f"Bearer {key}"})
        client.get("/api/v1/areas")  # that the key was used is noted with its first request
        yield client, database


def ask(client: TestClient, asked: Operation, **headers: str) -> Any:
    """The operation's own example."""
    method, path, operation = asked
    for parameter in operation.get("parameters", []):
        name, schema = parameter["name"], parameter["schema"]
        if not parameter["required"]:
            continue
        value = "taker" if name == "side" else str(schema["examples"][0])
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        elif parameter["in"] == "query":
            path += f"{'&' if '?' in path else '?'}{name}={quote(value, safe='')}"
        else:
            headers[name] = value
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        field = "establishments" if "gias" in path else "file"
        return client.request(
            method, path, files={field: ("made-up.csv", "reference\n")}, headers=headers
        )
    body = content["application/json"]["example"] if content else None
    return client.request(method, path, json=body, headers=headers)


OF_REFUSALS = {"audit_event", "audit_head", "attempt_count"}
"""Where refusals themselves are written down."""


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.read() as session:
        return {
            name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
            for name, table in Base.metadata.tables.items()
            if name not in OF_REFUSALS
        }


@pytest.mark.parametrize("asked", OPERATIONS)
def test_nothing_is_done_for_who_may_not(
    service: tuple[TestClient, Database], asked: Operation
) -> None:
    """No key or a made-up one: 401. One without the right: 403, whatever is stored or wrong."""
    client, database = service
    app: Any = client.app
    before = everything(database)
    with database.write() as session:
        session.execute(delete(AttemptCount))
    for header in ("", "Bearer gt_00000000_" + "x" * 43):
        assert ask(client, asked, Authorization=header).status_code == 401
    for roles in (frozenset[Role](), *(frozenset({role}) for role in CHANGES_OF)):
        if may(roles, asked):
            continue
        app.dependency_overrides[caller] = lambda roles=roles: acting(*roles, name="key:other")
        answer = ask(client, asked)
        app.dependency_overrides.clear()
        assert answer.status_code == 403, (roles, answer.text)
        assert answer.json()["type"] == "urn:givetake:problem:forbidden"
    assert everything(database) == before


def may(roles: frozenset[Role], asked: Operation) -> bool:
    method, _, operation = asked
    name = operation["operationId"]
    if name in KEY_ALONE:
        return True
    if Role.BROKER in roles:
        return name not in NOT_OF_BROKERS
    if name in CONTACTS:
        return bool(roles & {Role.APPROVER, Role.CONTACT})
    if method == "get":
        own = any(name in CHANGES_OF[role] for role in roles)
        return own or (
            bool(roles) and name not in AUDIT | WEBHOOKS | {"list_keys", "list_concerns"}
        )
    return any(name in CHANGES_OF[role] for role in roles)
