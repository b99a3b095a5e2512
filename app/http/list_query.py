"""What a list is filtered and sorted by, said once: for the API, the portal and the CSV alike.

A list has a subclass of `ListQuery`. A field that has `By` filters, and `sort` has `SortBy`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import Field, GetCoreSchemaHandler, ValidationError, ValidationInfo, field_validator
from pydantic_core import CoreSchema, core_schema
from sqlalchemy import ColumnElement, Select, case, or_
from sqlalchemy.orm import Session

from app.http.fields import LARGEST
from app.http.replies import Page

Q = TypeVar("Q", bound=Select[Any])
_BY_NUMBER: Final = "id"


@dataclass(frozen=True, slots=True, eq=False)
class By:
    """Of a field: which rows a value of it wants."""

    condition: Callable[[Any, Any], ColumnElement[bool]]
    """Of a session and the value."""


@dataclass(frozen=True, slots=True, eq=False)
class SortBy:
    """Of `sort`: what the list can be sorted by; with `-` before it the highest comes first."""

    keys: Mapping[str, ColumnElement[Any]]
    """None of them is ever null: what is compared with null is lost from the pages that follow."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.literal_schema(
            [f"{sign}{key}" for key in self.keys for sign in ("", "-")]
        )


class ListQuery(Page):
    """Which rows of a list, in which order, and from where on."""

    sort: str = _BY_NUMBER
    after: Annotated[str, Field(max_length=400, description="as `Link` gives it")] = ""

    @field_validator("after")
    @classmethod
    def _is_place(cls, value: str, info: ValidationInfo) -> str:
        if value and "sort" in info.data:
            _place(cls._keys(), info.data["sort"], value)
        return value

    @classmethod
    def _keys(cls) -> Mapping[str, ColumnElement[Any]]:
        return next(
            each.keys for each in cls.model_fields["sort"].metadata if isinstance(each, SortBy)
        )

    @classmethod
    def sorts(cls) -> list[str]:
        """What the list can be sorted by."""
        return list(cls._keys())

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Self:
        """What the address of a page asks for; what no such list has is left out."""
        return cls.model_validate(cls.kept(given))

    @classmethod
    def kept(cls, given: Mapping[str, str]) -> dict[str, str]:
        """Of the parameters of a page those that filter and sort the list, as they were typed."""
        known = {
            name: text.strip()
            for name, text in given.items()
            if text.strip() and name in cls.model_fields and name not in ("limit", "after")
        }
        while known:
            try:
                cls.model_validate(known)
                break
            except ValidationError as wrong:
                faulty = {str(error["loc"][0]) for error in wrong.errors()}
                known = {name: text for name, text in known.items() if name not in faulty}
        return known

    def conditions(self, session: Session) -> list[ColumnElement[bool]]:
        """What holds of the rows that are wanted."""
        return [
            by.condition(session, value)
            for name, by in self._filters()
            if (value := getattr(self, name)) is not None
        ]

    @property
    def is_filtered(self) -> bool:
        return any(getattr(self, name) is not None for name, _ in self._filters())

    @classmethod
    def _filters(cls) -> list[tuple[str, By]]:
        return [
            (name, by)
            for name, field in cls.model_fields.items()
            for by in field.metadata
            if isinstance(by, By)
        ]

    def ordered(self, query: Q, number: ColumnElement[int]) -> Q:
        """The query in the order that is wanted, after the place; of two alike the older first."""
        key, descending = self._key
        if self.after:
            value, row = _place(self._keys(), self.sort, self.after)
            beyond = key < value if descending else key > value
            query = query.where(or_(beyond, (key == value) & (number > row)))
        return query.order_by(key.desc() if descending else key, number)

    def place(self, session: Session, query: Select[Any], number: ColumnElement[int]) -> str:
        """Where the row of a query stands in the order, for `after` of the page that follows it."""
        value, row = session.execute(query.add_columns(self._key[0], number)).one()
        return str(row) if self.sort.removeprefix("-") == _BY_NUMBER else f"{value}~{row}"

    @property
    def _key(self) -> tuple[ColumnElement[Any], bool]:
        return self._keys()[self.sort.removeprefix("-")], self.sort.startswith("-")


def in_order_of(column: Any, words: type[StrEnum]) -> ColumnElement[int]:
    """To sort by a word of the vocabulary as that lists them, and not by the alphabet."""
    ranks = {word.value: rank for rank, word in enumerate(words)}
    return case(ranks, value=column, else_=len(ranks))


def _place(keys: Mapping[str, ColumnElement[Any]], sort: str, after: str) -> tuple[Any, int]:
    """The value and the number of the row that a page follows."""
    name = sort.removeprefix("-")
    value, _, number = after.rpartition("~")
    if not (number.isascii() and number.isdigit()) or int(number[:18]) > LARGEST:
        raise ValueError("must be a place in this list, as the `Link` of an answer gives it")
    if name == _BY_NUMBER:
        return int(number), int(number)
    kind = keys[name].type.python_type
    try:
        return date.fromisoformat(value) if kind is date else kind(value), int(number)
    except ValueError as wrong:
        raise ValueError(
            f"must be a place in this list as sorted by {name}: follow the `Link` of an answer, or "
            "leave it out"
        ) from wrong
