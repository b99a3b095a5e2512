"""Options that name what roles are for, the same wherever somebody is given a role."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.wording import last_day
from models.vocabulary import SERVICE_ROLES, Role, ScopeKind

if TYPE_CHECKING:
    from app.access.policy import Scope
    from app.database import ReadSession, WriteSession
    from models.access import RoleGrant

Names = list[str] | None
ROLE: Final = "ROLE"
"""What stands for a role in help: the choices themselves would hold the service's own."""
ROLES: Final = ", ".join(role for role in Role if role not in SERVICE_ROLES)
Region = Annotated[Names, typer.Option(help="Region that the roles are for, by name or code.")]
Area = Annotated[Names, typer.Option(help="Local authority, by name or code.")]
Trust = Annotated[Names, typer.Option(help="Trust or federation, by name, UID or reference.")]
Network = Annotated[Names, typer.Option(help="Network, by name or key.")]
Institution = Annotated[Names, typer.Option(help="Institution, by name or URN.")]
Everywhere = Annotated[
    bool, typer.Option("--everywhere", help="The roles are for everything, not for one scope.")
]
Organisation = Annotated[Names, typer.Option(help="Organisation, by name or key.")]


def scopes_named(
    session: "ReadSession | WriteSession",
    *,
    region: Names,
    area: Names,
    trust: Names,
    network: Names,
    institution: Names,
    organisation: Names,
    everywhere: bool,
) -> "list[Scope]":
    """The scopes that these options name."""
    from app.access.policy import EVERYWHERE
    from app.access.scope_names import scope_named

    asked = {
        ScopeKind.REGION: region,
        ScopeKind.AREA: area,
        ScopeKind.TRUST: trust,
        ScopeKind.NETWORK: network,
        ScopeKind.INSTITUTION: institution,
        ScopeKind.ORGANISATION: organisation,
    }
    return [EVERYWHERE] * everywhere + [
        scope_named(session, kind, name) for kind, names in asked.items() for name in names or ()
    ]


def role_texts(
    session: "ReadSession | WriteSession", held: "Iterable[Sequence[RoleGrant]]"
) -> "Iterator[list[str]]":
    """What people read of the roles that each holds: "broker for Kent"."""
    from app.access.grants import scope_of
    from app.access.scope_names import scope_texts

    everybody = list(held)
    texts = scope_texts(session, (scope_of(row) for rows in everybody for row in rows))
    for rows in everybody:
        yield [
            f"{row.role.replace('_', ' ')} for {_scope_text(row, texts)}"
            + (f" until {last_day(row.expires_at)}" if row.expires_at else "")
            for row in rows
        ]


def _scope_text(row: "RoleGrant", texts: "Mapping[Scope, str]") -> str:
    from app.access.grants import scope_of

    return "everything" if row.scope_kind == ScopeKind.ALL else texts[scope_of(row)]


def end_of(day: datetime | None) -> datetime | None:
    """The end of the last day on which something works."""
    from app.access import grants

    return None if day is None else grants.end_of(day.date())
