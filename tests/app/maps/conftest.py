"""A small exchange on maps, and somebody without a key who looks at it."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.database import Database
from tests.maps import client_of, draw


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    return draw(sqlite_database)


@pytest.fixture
def client(exchange: Database) -> Iterator[TestClient]:
    with client_of(exchange) as client:
        yield client
