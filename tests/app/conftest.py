"""Who asks, in tests of what is answered; what they ask about is each file's own `exchange`."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.database import Database
from tests.callers import caller
from tests.portal import Visitor, broker


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    """Somebody with a key, over HTTP."""
    with caller(database) as client:
        yield client


@pytest.fixture
def who(exchange: Database) -> Visitor:
    """A broker signed in at the portal."""
    return broker(exchange)
