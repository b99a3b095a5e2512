"""Every table, for Alembic and for tests that make a schema."""

from models import access, exchange, matching, operations, partnerships, register
from models.base import Base

__all__ = ["access", "exchange", "matching", "metadata", "operations", "partnerships", "register"]

metadata = Base.metadata
