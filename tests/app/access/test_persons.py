"""Keys of one owner, and those that they were rotated to, stand for one person."""

import pytest

from app.access.holders import hold
from app.access.keys import create_key, revoke_key, rotate_key
from app.access.persons import persons_of, same_person
from app.access.policy import TERMINAL
from app.database import Database, WriteSession
from models.access import OWNER_NOT_RECORDED, ApiKey
from tests.factories import ADMINISTRATOR


def key_of(session: WriteSession, owner: str, label: str = "portal") -> str:
    return f"key:{create_key(session, TERMINAL, label, [ADMINISTRATOR], owner=owner)[0].prefix}"


def test_keys_of_one_owner_are_one_person_however_it_is_written(database: Database) -> None:
    """Case, spaces and forms of letters make no other owner; without one, the label is it."""
    with database.write() as session:
        names = [
            key_of(session, "Kent County Council"),
            key_of(session, " kent  COUNTY council "),
            key_of(session, "\uff2bent County Council"),  # a full-width K
            key_of(session, "", label="kent county council"),
        ]
        other = key_of(session, "Essex County Council")
        for name in names:
            assert same_person(session, name) == set(names)
        assert same_person(session, other) == {other}
        persons = persons_of(session, [*names, other, "user:1", "terminal", "key:unknown1"])
    assert {persons[name] for name in names} == {names[0]}
    assert len(set(persons.values())) == 5


def test_a_rotated_key_is_the_one_it_was(database: Database) -> None:
    """Along the whole chain, after the old ones ended, and where the owner was never kept."""
    with database.write() as session:
        first = key_of(session, OWNER_NOT_RECORDED)
        second = rotate_key(session, TERMINAL, first.removeprefix("key:"))[0].prefix
        third = rotate_key(session, TERMINAL, second)[0].prefix
        revoke_key(session, TERMINAL, second)
        stranger = key_of(session, OWNER_NOT_RECORDED)
        names = {first, f"key:{second}", f"key:{third}"}
        for name in names:
            assert same_person(session, name) == names
        assert same_person(session, stranger) == {stranger}
        hold(session, names)


@pytest.mark.parametrize("name", ["user:17", "terminal", "worker", "key:0a1b2c3d"])
def test_everybody_else_is_themselves(sqlite_database: Database, name: str) -> None:
    """A user, the service itself, and a key that nobody knows."""
    with sqlite_database.write() as session:
        key_of(session, name)
        assert same_person(session, name) == {name}
        hold(session, [name])


def test_a_person_keeps_the_name_of_the_first_key(sqlite_database: Database) -> None:
    """A new key changes nothing for a worker that remembers whose turn it was."""
    with sqlite_database.write() as session:
        first = key_of(session, "Testshire")
        session.flush()
        for _ in range(3):
            later = key_of(session, "Testshire")
            moved = session.get_one(ApiKey, later.removeprefix("key:"))
            moved.created_at = moved.created_at.replace(year=2100)
            session.flush()
            assert persons_of(session, [later])[later] == first
