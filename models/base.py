"""The declarative base: names of constraints, and the types every table shares."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from sqlalchemy import JSON, DateTime, Dialect, MetaData
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

FREE_TEXT: Final[dict[str, Any]] = {"bound_as": "salted"}
"""`info` of a column that people write freely in: audited by a salted hash."""
UNBOUND: Final[dict[str, Any]] = {"bound_as": None}
"""`info` of a column that changes after what the row records was decided."""
COUNTERS: Final = ("revision", "version")
"""Columns in which a row counts its changes: the first of these that its table has."""

BOUND_IF_SET: Final[dict[str, Any]] = {"bound_as": "if_set"}
"""`info` of a column that came after rows had been bound without it."""
FREE_TEXT_IF_SET: Final[dict[str, Any]] = {"bound_as": "salted_if_set"}
"""The same of a column that people write freely in."""
IF_SET: Final = frozenset({"if_set", "salted_if_set"})
SALTED: Final = frozenset({"salted", "salted_if_set"})


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: naive values are refused, and SQLite gives the zone back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; give a moment in UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
    }
