"""`givetake users`: the people who sign in, what they may do, and where they are signed in."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import err, open_database, out, own_address
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
from app.wording import at_moment, counted, on_day
from models.vocabulary import Role

if TYPE_CHECKING:
    from app.access.policy import Grant, Scope
    from app.people.users import UserShown

users_app = typer.Typer(help="Manage the people who sign in.", no_args_is_help=True)
Called = Annotated[str, typer.Argument(metavar="USER", help="Label or number of the user.")]
Expires = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Last day on which they hold the roles."),
]


@users_app.command()
def add(
    label: Annotated[
        str, typer.Option(help="What to call them. Do not give the name of a person.")
    ],
    role: Annotated[
        list[Role] | None,
        typer.Option(metavar=ROLE, help=f"Role that they hold: {ROLES}. You can repeat this."),
    ] = None,
    region: Region = None,
    area: Area = None,
    trust: Trust = None,
    network: Network = None,
    institution: Institution = None,
    organisation: Organisation = None,
    everywhere: Everywhere = False,
    expires: Expires = None,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password, in development only.")
    ] = False,
) -> None:
    """Add a user and print their invitation. The first one is the first administrator.

    Each role is held for each scope that you name, or with --everywhere for everything. An
    administrator and an auditor always are.
    """
    from app.people.users import add_user, get_user

    secret = _new_password() if password else None
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
        user, code = add_user(
            session,
            TERMINAL,
            label,
            _grants(role or [], scopes),
            expires_at=end_of(expires),
            password=secret,
        )
        number = user.id
        (roles,) = role_texts(session, [get_user(session, TERMINAL, number).grants])
    _tell(number, label, code, roles)


@users_app.command()
def invite(called: Called) -> None:
    """Invite a user again, and give access back if it was removed."""
    from app.people.users import get_user, invite, user_called

    with open_database() as database, database.write() as session:
        user = user_called(session, TERMINAL, called)
        code = invite(session, TERMINAL, user.id)
        number, label = user.id, user.label
        (roles,) = role_texts(session, [get_user(session, TERMINAL, number).grants])
    _tell(number, label, code, roles)


@users_app.command("list")
def list_(
    details: Annotated[
        bool, typer.Option("--details", help="Show names and email addresses, where known.")
    ] = False,
) -> None:
    """List users with their roles."""
    from app.people.users import list_users

    with open_database() as database, database.read() as session:
        users = list_users(session, TERMINAL)
        for each, roles in zip(users, role_texts(session, (u.grants for u in users)), strict=True):
            out.print(_line(each, roles, details), markup=False, soft_wrap=True)


@users_app.command()
def grant(
    called: Called,
    role: Annotated[
        list[Role], typer.Option(metavar=ROLE, help=f"Role to give: {ROLES}. You can repeat this.")
    ],
    region: Region = None,
    area: Area = None,
    trust: Trust = None,
    network: Network = None,
    institution: Institution = None,
    organisation: Organisation = None,
    everywhere: Everywhere = False,
    expires: Expires = None,
) -> None:
    """Give a user roles, each for each scope that you name, or with --everywhere for everything."""
    from app.people.users import grant, user_called

    with open_database() as database, database.write() as session:
        user = user_called(session, TERMINAL, called)
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
        wanted = _grants(role, scopes)
        grant(session, TERMINAL, user.id, wanted, expires_at=end_of(expires))
    out.print("The roles were given.")


@users_app.command()
def revoke(
    called: Called,
    role: Annotated[
        list[Role] | None,
        typer.Option(metavar=ROLE, help="Role to take away, with its scope. Default: all access."),
    ] = None,
    region: Region = None,
    area: Area = None,
    trust: Trust = None,
    network: Network = None,
    institution: Institution = None,
    organisation: Organisation = None,
    everywhere: Everywhere = False,
) -> None:
    """Take roles away from a user, or all access at once."""
    from app.access.grants import grant_of
    from app.errors import NotFound
    from app.people.users import get_user, revoke_role, revoke_user, user_called

    with open_database() as database, database.write() as session:
        user = user_called(session, TERMINAL, called)
        if not role:
            revoke_user(session, TERMINAL, user.id)
            out.print("The access was removed, and the user was signed out.")
            return
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
        wanted = set(_grants(role, scopes))
        rows = [
            row for row in get_user(session, TERMINAL, user.id).grants if grant_of(row) in wanted
        ]
        if len(rows) < len(wanted):
            raise NotFound(
                f"{user.label!r} does not hold all of these roles. Run `givetake users list`."
            )
        for row in rows:
            revoke_role(session, TERMINAL, user.id, row.id)
    out.print("The roles were taken away.")


@users_app.command()
def sessions(
    called: Called,
    end: Annotated[bool, typer.Option("--end", help="Sign the user out everywhere.")] = False,
) -> None:
    """List where a user is signed in, or end all of their sessions."""
    from app.access.browser_sessions import end_sessions, list_sessions
    from app.access.holders import user_name
    from app.people.users import user_called

    with open_database() as database:
        if end:
            with database.write() as session:
                user = user_called(session, TERMINAL, called)
                ended = end_sessions(session, TERMINAL, user_name(user.id))
            out.print(f"Signed out of {counted(ended, 'session')}.")
            return
        with database.read() as session:
            user = user_called(session, TERMINAL, called)
            found = list_sessions(session, TERMINAL, user_name(user.id))
            if not found:
                err.print(f"{user.label} is not signed in.", markup=False)
            for each in found:
                out.print(
                    f"{each.browser or 'Browser not known'}, signed in {at_moment(each.began_at)}, "
                    f"last used {at_moment(each.seen_at)}",
                    soft_wrap=True,
                )


@users_app.command()
def erase(called: Called) -> None:
    """Erase a user's name and email address, which came from the issuer."""
    from app.people.users import erase_details, user_called

    with open_database() as database, database.write() as session:
        user = user_called(session, TERMINAL, called)
        erase_details(session, TERMINAL, user.id)
    out.print("The name and email address were erased.")


@users_app.command()
def password(called: Called) -> None:
    """Set another password, in development only."""
    from app.people.users import set_password, user_called

    secret = _new_password()
    with open_database() as database, database.write() as session:
        user = user_called(session, TERMINAL, called)
        set_password(session, TERMINAL, user.id, secret)
    out.print("The password was changed, and the user was signed out.")


def _new_password() -> str:
    """Ask for a password, where people can sign in with one."""
    from app.errors import Conflict
    from app.settings import settings

    if not settings().local_sign_in:
        raise Conflict(
            "Passwords are for development only: set GIVETAKE_DEVELOPMENT=true, and no "
            "GIVETAKE_ISSUER."
        )
    secret: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return secret


def _grants(roles: list[Role], scopes: "list[Scope]") -> "list[Grant]":
    from app.access.grants import combine

    return combine(roles, scopes) if roles or scopes else []


def _tell(number: int, label: str, code: str | None, roles: list[str]) -> None:
    """What to do with an invitation, and what it opens."""
    from app.settings import settings

    if code is None:
        out.print(f"User {number} can sign in as {label}.", markup=False)
    else:
        typer.echo(f"{own_address()}/portal/join/{code}")
        err.print(
            f"Send this link to user {number}. It works once, for 7 days, and is not shown again."
        )
        if settings().issuer is None:
            err.print(
                "Nobody can use the link yet: set GIVETAKE_ISSUER (docs/sign-in.md). In "
                f"development, set a password instead: `givetake users password {number}`."
            )
    if roles:
        err.print(f"User {number} is {', '.join(roles)}.", markup=False)
    else:
        err.print(
            f"User {number} holds no role, so cannot sign in. Give one: "
            f"`givetake users grant {number} --role ROLE`.",
            markup=False,
        )


def _line(shown: "UserShown", roles: list[str], details: bool) -> str:
    user = shown.user
    parts = [f"{user.id}  {user.label}"]
    if details and shown.details is not None:
        parts += [each for each in (shown.details.name, shown.details.email) if each]
    parts += roles or ["no roles"]
    if user.revoked_at is not None:
        parts.append(f"removed {on_day(user.revoked_at)}")
    elif shown.invited:
        parts.append("invited")
    seen = user.signed_in_at
    parts.append("never signed in" if seen is None else f"last signed in {at_moment(seen)}")
    return ", ".join(parts)
