"""Every table, for Alembic and for tests that make a schema."""

from models import (
    access,
    alliances,
    batches,
    consent,
    contacts,
    evidence,
    exchange,
    history,
    interests,
    matching,
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
    "consent",
    "contacts",
    "evidence",
    "exchange",
    "history",
    "interests",
    "matching",
    "metadata",
    "operations",
    "partnerships",
    "people",
    "register",
    "repairs",
    "targets",
    "webhooks",
]

metadata = Base.metadata
