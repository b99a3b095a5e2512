"""A database with an audit."""

import pytest

from app.database import Database
from tests.factories import new_key
from tests.traffic import a_day


@pytest.fixture
def busy(database: Database) -> Database:
    """A shorter day, with an event at its end that no salt belongs to."""
    a_day(database, pairs=6)
    with database.write() as session:
        new_key(session)
    return database
