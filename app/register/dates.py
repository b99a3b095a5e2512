"""Dates that belong together."""

from collections.abc import Callable
from datetime import date

from pydantic import ValidationInfo


def not_before(first: str) -> Callable[[date, ValidationInfo], date]:
    """A validator of a later date's field: it must not be before that of the field `first`."""

    def check(value: date, info: ValidationInfo) -> date:
        starts = info.data.get(first)
        if starts is not None and value < starts:
            raise ValueError(f"must not be before {first} ({starts:%d-%m-%Y})")
        return value

    return check
