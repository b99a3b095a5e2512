"""`givetake webhooks`: other systems that are told what happened."""

from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import err, open_database, out
from app.wording import at_moment, counted
from models.vocabulary import DeliveryState

webhooks_app = typer.Typer(help="Manage addresses that events are sent to.", no_args_is_help=True)
Number = Annotated[
    int, typer.Argument(min=1, max=2**31 - 1, help="Number in `givetake webhooks list`.")
]
SAVE = "Save this secret now. Deliveries are signed with it, and it will not be shown again."


@webhooks_app.command()
def create(
    url: Annotated[str, typer.Option(help="Address that events are sent to.")],
    event: Annotated[
        list[str],
        typer.Option(
            help="Event, like proposal.approved, or all of a kind, like 'run.*'. You can repeat "
            "this."
        ),
    ],
) -> None:
    """Have events sent to an address, and print the secret that they are signed with."""
    from app.access.secret import signing_secret
    from app.settings import settings
    from app.webhooks import service

    with open_database() as database, database.write() as session:
        made = service.create_webhook(session, TERMINAL, url, event, settings().webhook_networks)
        number, secret = made.id, service.secret_of(made, signing_secret(settings()))
    typer.echo(secret)
    err.print(f"Webhook {number} was created. {SAVE}")


@webhooks_app.command("list")
def list_() -> None:
    """List webhooks, newest first."""
    from app.webhooks import service

    with open_database() as database, database.read() as session:
        for each in service.list_webhooks(session, TERMINAL):
            ended = f"  revoked {at_moment(each.revoked_at)}" if each.revoked_at else ""
            line = f"{each.id}  {each.url}  {', '.join(each.events)}{ended}"
            out.print(line, markup=False, soft_wrap=True)


@webhooks_app.command()
def rotate(number: Number) -> None:
    """Give a webhook another secret, and print it."""
    from app.access.secret import signing_secret
    from app.settings import settings
    from app.webhooks import service

    with open_database() as database, database.write() as session:
        made = service.rotate_secret(session, TERMINAL, number)
        secret = service.secret_of(made, signing_secret(settings()))
    typer.echo(secret)
    err.print(SAVE)


@webhooks_app.command()
def revoke(number: Number) -> None:
    """Send nothing more to an address."""
    from app.webhooks import service

    with open_database() as database, database.write() as session:
        service.revoke_webhook(session, TERMINAL, number)
    err.print(f"Webhook {number} was revoked.")


@webhooks_app.command()
def deliveries(
    number: Number,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
) -> None:
    """List what became of the events for a webhook, newest first."""
    from app.webhooks import service

    with open_database() as database, database.read() as session:
        for each in service.list_deliveries(session, TERMINAL, number, state=state, limit=None):
            told = f"{each.id}  event {each.sequence}  {each.state}  "
            told += counted(each.attempts, "attempt")
            if each.error:
                told += f"  {each.error}"
            if each.state == DeliveryState.WAITING:
                told += f"  next {at_moment(each.due_at)}"
            out.print(told, markup=False, soft_wrap=True)


@webhooks_app.command()
def retry(
    number: Number,
    delivery: Annotated[
        int, typer.Argument(min=1, max=2**31 - 1, help="Number in `givetake webhooks deliveries`.")
    ],
) -> None:
    """Send an event again that was given up."""
    from app.webhooks import service

    with open_database() as database, database.write() as session:
        service.retry(session, TERMINAL, number, delivery)
    err.print(f"Delivery {delivery} will be sent again.")
