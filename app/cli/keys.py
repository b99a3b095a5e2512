"""`givetake keys`: who may come in with a key, what for, and until when."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import err, open_database, out
from app.cli.scope_options import (
    ROLE,
    ROLES,
    Area,
    Everywhere,
    Institution,
    Network,
    Organisation,
    Region,
    Trust,
    end_of,
    role_texts,
    scopes_named,
)
from app.wording import at_moment, on_day
from models.vocabulary import Role

if TYPE_CHECKING:
    from models.access import ApiKey

keys_app = typer.Typer(
    help="Manage keys for other systems and for signing in.", no_args_is_help=True
)
Prefix = Annotated[str, typer.Argument(metavar="PREFIX", help="First characters of the key.")]
Expires = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Last day on which the key works."),
]
SAVE = "Save this key now. It will not be shown again."


@keys_app.command()
def create(
    role: Annotated[
        list[Role],
        typer.Option(metavar=ROLE, help=f"Role that the key holds: {ROLES}. You can repeat this."),
    ],
    label: Annotated[
        str, typer.Option(help="What the key is for. Do not give a person's name.")
    ] = "",
    owner: Annotated[
        str, typer.Option(help="Role or organisation that is responsible for the key.")
    ] = "",
    region: Region = None,
    area: Area = None,
    trust: Trust = None,
    network: Network = None,
    institution: Institution = None,
    organisation: Organisation = None,
    everywhere: Everywhere = False,
    expires: Expires = None,
) -> None:
    """Create a key and print it. You cannot see it again.

    Each role is held for each scope that you name, or with --everywhere for everything. An
    administrator and an auditor always are.
    """
    from app.access.grants import combine
    from app.access.keys import create_key

    with open_database() as database, database.write() as session:
        scopes = scopes_named(
            session,
            region=region,
            area=area,
            trust=trust,
            network=network,
            institution=institution,
            organisation=organisation,
            everywhere=everywhere,
        )
        key, text = create_key(
            session,
            TERMINAL,
            label,
            combine(role, scopes),
            owner=owner,
            expires_at=end_of(expires),
        )
        prefix = key.prefix
    typer.echo(text)
    err.print(f"{SAVE} To revoke it, run `givetake keys revoke {prefix}`.")


@keys_app.command("list")
def list_() -> None:
    """List keys by their first characters. The keys themselves are not stored."""
    from app.access.keys import list_keys

    with open_database() as database, database.read() as session:
        keys = list_keys(session, TERMINAL)
        for each, roles in zip(keys, role_texts(session, (k.grants for k in keys)), strict=True):
            out.print(_line(each.key, roles), markup=False, soft_wrap=True)


def _line(key: "ApiKey", roles: list[str]) -> str:
    parts = [f"{key.prefix}  {key.label}", f"of {key.owner}", *roles]
    parts.append(f"created {on_day(key.created_at)}")
    used = "never used" if key.last_used_at is None else f"last used {on_day(key.last_used_at)}"
    parts.append(used)
    if key.revoked_at is not None:
        parts.append(f"revoked {on_day(key.revoked_at)}")
    elif key.expires_at is not None:
        parts.append(f"expires {at_moment(key.expires_at)}")
    if key.replaced_by is not None:
        parts.append(f"replaced by {key.replaced_by}")
    return ", ".join(parts)


@keys_app.command()
def revoke(prefix: Prefix) -> None:
    """Revoke a key, and sign out whoever signed in with it."""
    from app.access.keys import revoke_key

    with open_database() as database, database.write() as session:
        revoke_key(session, TERMINAL, prefix)
    out.print(f"Key {prefix} was revoked.")


@keys_app.command()
def rotate(
    prefix: Prefix,
    keep_old_hours: Annotated[
        int, typer.Option(min=0, max=31 * 24, help="Hours for which the old key still works.")
    ] = 24,
    expires: Expires = None,
) -> None:
    """Replace a key by a new one with the same roles, and print that."""
    from app.access.keys import rotate_key

    with open_database() as database, database.write() as session:
        _, text = rotate_key(
            session,
            TERMINAL,
            prefix,
            keep_old=timedelta(hours=keep_old_hours),
            expires_at=end_of(expires),
        )
    typer.echo(text)
    err.print(f"{SAVE} Key {prefix} stops working in {keep_old_hours} hours.")
