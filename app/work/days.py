"""Days in SQL, which the two kinds of database say differently."""

from datetime import date
from typing import Any

from sqlalchemy import Date
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class utc_day(FunctionElement[date]):
    """The day of a moment, by UTC."""

    name = "utc_day"
    type = Date()
    inherit_cache = True


class days_after(FunctionElement[date]):
    """A day, and how many days later."""

    name = "days_after"
    type = Date()
    inherit_cache = True


@compiles(utc_day)
def _day(element: utc_day, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(({compiler.process(element.clauses, **options)}) AT TIME ZONE 'UTC' AS DATE)"


@compiles(utc_day, "sqlite")
def _day_of_text(element: utc_day, compiler: SQLCompiler, **options: Any) -> str:
    # Moments are kept in UTC there, as text.
    return f"date({compiler.process(element.clauses, **options)})"


@compiles(days_after)
def _after(element: days_after, compiler: SQLCompiler, **options: Any) -> str:
    day, days = (compiler.process(each, **options) for each in element.clauses)
    return f"({day} + CAST({days} AS INTEGER))"


@compiles(days_after, "sqlite")
def _after_text(element: days_after, compiler: SQLCompiler, **options: Any) -> str:
    day, days = (compiler.process(each, **options) for each in element.clauses)
    return f"date({day}, '+' || {days} || ' days')"
