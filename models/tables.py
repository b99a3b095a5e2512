"""Every table, for Alembic and for tests that make a schema."""

from models import (
    access,
    batches,
    consent,
    contacts,
    exchange,
    history,
    matching,
    operations,
    partnerships,
    people,
    register,
    repairs,
    webhooks,
)
from models.base import Base

__all__ = [
    "access",
    "batches",
    "consent",
    "contacts",
    "exchange",
    "history",
    "matching",
    "metadata",
    "operations",
    "partnerships",
    "people",
    "register",
    "repairs",
    "webhooks",
]

metadata = Base.metadata
