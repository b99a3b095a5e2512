"""Options that name what roles are for, the same wherever somebody is given a role."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.wording import on_day
from models.vocabulary import ScopeKind

if TYPE_CHECKING:
    from app.access.policy import Scope
    from app.database import ReadSession, WriteSession
    from models.access import RoleGrant

Names = list[str] | None
Region = Annotated[Names, typer.Option(help="Region that the roles are for, by name or code.")]
Area = Annotated[Names, typer.Option(help="Local authority, by name or code.")]
Trust = Annotated[Names, typer.Option(help="Trust or federation, by name, UID or reference.")]
Network = Annotated[Names, typer.Option(help="Network, by name or key.")]
Institution = Annotated[Names, typer.Option(help="Institution, by name or URN.")]
Organisation = Annotated[Names, typer.Option(help="Organisation, by name or key.")]


def scopes_named(
    session: "WriteSession",
    *,
    region: Names,
    area: Names,
    trust: Names,
    network: Names,
    institution: Names,
    organisation: Names,
) -> "list[Scope]":
    """The scopes that these options name."""
    from app.access.scope_names import scope_named

    asked = {
        ScopeKind.REGION: region,
        ScopeKind.AREA: area,
        ScopeKind.TRUST: trust,
        ScopeKind.NETWORK: network,
        ScopeKind.INSTITUTION: institution,
        ScopeKind.ORGANISATION: organisation,
    }
    return [
        scope_named(session, kind, name) for kind, names in asked.items() for name in names or ()
    ]


def role_texts(
    session: "ReadSession", held: "Iterable[Sequence[RoleGrant]]"
) -> "Iterator[list[str]]":
    """What people read of the roles that each holds: "broker for Kent"."""
    from app.access.grants import scope_of
    from app.access.scope_names import scope_texts

    everybody = list(held)
    texts = scope_texts(session, (scope_of(row) for rows in everybody for row in rows))
    for rows in everybody:
        yield [
            f"{row.role.replace('_', ' ')} for {texts[scope_of(row)]}"
            + (f" until {on_day(row.expires_at)}" if row.expires_at else "")
            for row in rows
        ]


def end_of(day: datetime | None) -> datetime | None:
    """The end of the last day on which something works."""
    return None if day is None else day.replace(tzinfo=UTC) + timedelta(days=1)
