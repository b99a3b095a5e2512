"""Options that name what roles are for, the same wherever somebody is given a role."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from models.vocabulary import ScopeKind

if TYPE_CHECKING:
    from app.access.policy import Scope
    from app.database import WriteSession

Names = list[str] | None
Region = Annotated[Names, typer.Option(help="Region that the roles are for, by name or code.")]
Area = Annotated[Names, typer.Option(help="Local authority, by name or code.")]
Trust = Annotated[Names, typer.Option(help="Trust or federation, by name, UID or reference.")]
Network = Annotated[Names, typer.Option(help="Network, by name or key.")]
Institution = Annotated[Names, typer.Option(help="Institution, by name or URN.")]
Organisation = Annotated[Names, typer.Option(help="Organisation, by name or key.")]


def scopes_named(
    session: "WriteSession", asked: Mapping[ScopeKind, Sequence[str] | None]
) -> "list[Scope]":
    from app.access.scope_names import scope_named

    return [
        scope_named(session, kind, name) for kind, names in asked.items() for name in names or ()
    ]


def end_of(day: datetime | None) -> datetime | None:
    """The end of the last day on which something works."""
    return None if day is None else day.replace(tzinfo=UTC) + timedelta(days=1)
