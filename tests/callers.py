"""Callers of the HTTP interface, and what they are told."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import StringIO
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import func, select

from app.access.callers import moment
from app.database import Database
from app.main import create_app
from app.settings import Settings
from tests.factories import new_key
from tests.rows import YEAR, add_calendar, add_school

NEEDS = "/api/v1/needs"
NEED = {"participant": "100000", "expertise": "maths", "period": YEAR, "days": 2.5}
PROBLEM = "urn:givetake:problem:"


def csv_rows(answer: Any) -> list[dict[str, str]]:
    """The rows of a CSV file, which begins with a byte order mark."""
    text = answer.content.decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(text[1:])))


@contextmanager
def keyed(database: Database, now: datetime | None = None, **settings: Any) -> Iterator[TestClient]:
    """Somebody with a key; runs wait, unless the settings give the service a worker.

    `now`: what is asked for, is asked for then.
    """
    with database.write() as session:
        key = new_key(session)
    app = create_app(Settings(**({"workers": 0} | settings)), database)
    if now is not None:
        app.dependency_overrides[moment] = lambda: now
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


@contextmanager
def caller(database: Database) -> Iterator[TestClient]:
    """Somebody with a key, to a service that knows the calendar and three schools."""
    with database.write() as session:
        add_calendar(session)
        for urn in (100000, 100001, 100002):
            add_school(session, urn)
    with keyed(database) as client:
        yield client


def raw(client: TestClient, body: str | bytes, **headers: str) -> Any:
    return client.post(
        NEEDS,
        content=body.encode() if isinstance(body, str) else body,
        headers={"Content-Type": "application/json"} | headers,
    )


def said(response: Any, status: int, type_: str) -> dict[str, Any]:
    """The problem of a response, once it is what was expected."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (problem["type"], problem["status"]) == (f"{PROBLEM}{type_}", status)
    return problem


def count(database: Database, model: Any) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0
