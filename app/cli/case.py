"""`givetake case`: a need and everything about it, as it was on any day."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out

if TYPE_CHECKING:
    from app.cases.schemas import AgreementThen, CaseProposal, CaseShown


def case(
    need: Annotated[str, typer.Argument(help="Reference of a need.")],
    on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="As it was at the end of this day, by UTC. Default: now."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the case as JSON.")] = False,
) -> None:
    """Show a need, its proposals, decisions and agreements as they were on a day."""
    from app.access.names import names_of
    from app.cases.queries import case_on
    from app.cases.schemas import CaseShown
    from app.database import database_now

    with open_database() as database, database.read() as session:
        day = on.date() if on else database_now(session).date()
        then = case_on(session, TERMINAL, need, day)
        found = CaseShown.of(then, names_of(session, then.actors))
    if as_json:
        out.print_json(found.model_dump_json())
        return
    for line in lines(found):
        out.print(line, markup=False, soft_wrap=True)


def lines(case: "CaseShown") -> list[str]:
    """The case in sentences."""
    from app.wording import counted, on_day

    need = case.need
    told = [
        f"Need {need.reference} of {need.participant_name} on {on_day(case.on)}: {need.state}, "
        f"{counted(need.days, 'day')} of {need.expertise} in {need.period}, version {need.version}."
    ]
    for each in case.proposals:
        told += _proposal(each)
    return told if case.proposals else [*told, "It had no proposal yet."]


def _proposal(then: "CaseProposal") -> list[str]:
    from app.wording import at_moment, counted

    told = [
        f"Proposal {then.id} of run {then.run}, {counted(then.days, 'day')} from "
        f"{then.offer.participant_name} (offer {then.offer.reference}): "
        f"{then.state.replace('_', ' ')}."
    ]
    steps = [
        (each.at, f"{each.action.replace('_', ' ')}, by {each.author}") for each in then.decisions
    ]
    for said in then.agreements:
        voided = f", voided {at_moment(said.voided_at)}" if said.voided_at else ""
        words = f"{said.side} says {said.says} ({_told(said)}), recorded by {said.recorded_by}"
        steps.append((said.at, words + voided))
    steps += [
        (each.at, f"exception from {each.rule}, by {each.author}") for each in then.exceptions
    ]
    for given in then.publication_consents:
        steps.append((given.given_at, f"{given.side} consents to publication ({given.given_by})"))
        if given.withdrawn_at:
            steps.append((given.withdrawn_at, f"{given.side} withdraws consent to publication"))
    return told + [f"  {at_moment(at)}: {words}" for at, words in sorted(steps)]


def _told(said: "AgreementThen") -> str:
    """Who said it, how and when."""
    from app.wording import on_day

    channel = "" if said.channel is None else f", {said.channel.replace('_', ' ')}"
    day = "" if said.said_on is None else f", on {on_day(said.said_on)}"
    return f"{said.said_by}{channel}{day}"
