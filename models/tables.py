"""Every table, for Alembic and for tests that make a schema."""

from collections.abc import Mapping
from typing import Any, Final

from models import (
    access,
    alliances,
    batches,
    boundaries,
    consent,
    contacts,
    evidence,
    exchange,
    history,
    interests,
    introductions,
    matching,
    money,
    operations,
    partnerships,
    people,
    register,
    repairs,
    targets,
    webhooks,
)
from models.base import Base

__all__ = [
    "access",
    "alliances",
    "batches",
    "boundaries",
    "consent",
    "contacts",
    "evidence",
    "exchange",
    "history",
    "interests",
    "introductions",
    "is_of_models",
    "matching",
    "metadata",
    "money",
    "operations",
    "partnerships",
    "people",
    "register",
    "repairs",
    "targets",
    "webhooks",
]

metadata = Base.metadata

SEARCH: Final = ("participant_search", "group_search")
"""What `app.register.search` reads; triggers write it, and on SQLite it has tables of its own."""


def is_of_models(name: str | None, kind: str, parents: Mapping[Any, Any]) -> bool:
    """Whether Alembic is to compare what is in a database with the models."""
    return kind != "table" or name is None or not name.startswith(SEARCH)
