"""`givetake contacts`: people at institutions and organisations."""

from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import confirm, err, open_database, out

contacts_app = typer.Typer(
    help="Manage contacts. Each look at them is recorded.", no_args_is_help=True
)
ParticipantArgument = Annotated[
    str,
    typer.Argument(help="URN, key of an organisation, or reference of a trust or federation."),
]


@contacts_app.command()
def add(
    participant: ParticipantArgument,
    name: Annotated[str, typer.Option(prompt=True, help="Name. Asked for if left out.")],
    role: Annotated[str, typer.Option(prompt=True, help="Role, like headteacher.")],
    email: Annotated[str, typer.Option(prompt=True, help="Email address.")] = "",
    telephone: Annotated[str, typer.Option(prompt=True, help="Telephone number.")] = "",
) -> None:
    """Add a contact. What you leave out is asked for, so that it stays out of your history."""
    from pydantic import ValidationError

    from app.contacts.schemas import ContactContent
    from app.contacts.service import add_contact
    from app.errors import Problem, plain_reason

    given = {"name": name, "role": role, "email": email or None, "telephone": telephone or None}
    try:
        content = ContactContent.model_validate(given)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        field = f"{first['loc'][0]} ".capitalize() if first["loc"] else ""
        raise Problem(f"{field}{plain_reason(first['msg'])}.") from None
    with open_database() as database, database.write() as session:
        number = add_contact(session, TERMINAL, participant, content).id
    out.print(f"Contact {number} was added.")


@contacts_app.command("list")
def list_(participant: ParticipantArgument) -> None:
    """List the contacts of an institution or organisation."""
    from app.contacts.service import list_contacts

    with open_database() as database, database.write() as session:
        for each in list_contacts(session, TERMINAL, participant):
            ways = "  ".join(filter(None, (each.email, each.telephone)))
            typer.echo(f"{each.id}  {each.role}  {each.name}  {ways}")


@contacts_app.command()
def erase(
    number: Annotated[
        int, typer.Argument(min=1, max=2**31 - 1, help="Number in `givetake contacts list`.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Erase without asking.")] = False,
) -> None:
    """Erase a contact for good."""
    from app.contacts.service import erase_contact

    confirm(f"Contact {number} will be erased for good.", yes=yes)
    with open_database() as database, database.write() as session:
        erase_contact(session, TERMINAL, number)
    err.print(f"Contact {number} was erased.")
