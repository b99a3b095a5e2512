"""`givetake case`: a need and everything about it, as it was on any day."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out

if TYPE_CHECKING:
    from app.cases.schemas import AgreementThen, CaseProposal, CaseShown, RequestOfCase
    from app.exchange.schemas import NeedShown


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
    from app.catalogue.queries import expertise_by_code
    from app.database import database_now

    with open_database() as database, database.read() as session:
        day = on.date() if on else database_now(session).date()
        then = case_on(session, TERMINAL, need, day)
        found = CaseShown.of(then, names_of(session, then.actors))
        expertise = expertise_by_code(session, TERMINAL)
    if as_json:
        out.print_json(found.model_dump_json())
        return
    for line in lines(found, expertise):
        out.print(line, markup=False, soft_wrap=True)


def lines(case: "CaseShown", expertise: Mapping[str, str]) -> list[str]:
    """The case in sentences; `expertise` has the names of the taxonomy by code."""
    from app.portal.labels import label
    from app.wording import counted, on_day
    from models.vocabulary import NeedState

    need = case.need
    told = [
        f"Need {need.reference} of {need.participant_name} on {on_day(case.on)}: "
        f"{label(need.state, NeedState).lower()}, {counted(need.days, 'day')} of "
        f"{expertise.get(need.expertise, need.expertise)} in {need.period}, version {need.version}."
    ]
    told += _where_from(need)
    for each in case.proposals:
        told += _proposal(each)
    return told if case.proposals else [*told, "It had no proposal yet."]


def _where_from(need: "NeedShown") -> list[str]:
    """Where a need comes from, where the school looked first, and who signed it."""
    from app.portal.labels import NEED_FIELDS, label
    from app.wording import on_day
    from models.vocabulary import LadderStep, LookedOutcome

    came = {
        step: f" ({label(outcome, LookedOutcome).lower()})"
        for step, outcome in (need.looked_outcomes or {}).items()
    }
    looked = [f"{label(each, LadderStep)}{came.get(each, '')}" for each in need.looked_within or ()]
    if need.looked_within_note:
        looked.append(need.looked_within_note)
    said = {
        "Line of the improvement plan": need.improvement_plan_line,
        NEED_FIELDS["looked_within"].label: "; ".join(looked),
        NEED_FIELDS["outside_stimulus"].label: "Yes" if need.outside_stimulus else None,
        "Signed by the head teacher": on_day(need.signed_by_head_on),
        "Signed by the adviser": on_day(need.signed_by_adviser_on),
    }
    return [f"{name}: {value}." for name, value in said.items() if value]


def _proposal(then: "CaseProposal") -> list[str]:
    from app.portal.labels import label
    from app.wording import at_moment, counted, money
    from models.vocabulary import DecisionAction, DeclineReason, ProposalState, Says, Side

    told = [
        f"Proposal {then.id} of run {then.run}, {counted(then.days, 'day')} from "
        f"{then.offer.participant_name} (offer {then.offer.reference}): "
        f"{label(then.state, ProposalState).lower()}. Public money: "
        f"{money(then.public_money_pounds)}."
    ]
    steps = []
    for said in then.agreements:
        voided = f", no longer counts since {at_moment(said.voided_at)}" if said.voided_at else ""
        words = f"{label(said.side, Side)}: {label(said.says, Says).lower()}"
        steps.append((said.at, f"{words} ({_told(said)}), saved by {said.recorded_by}{voided}"))
    for each in then.decisions:
        reason = f": {label(each.reason, DeclineReason).lower()}" if each.reason else ""
        note = f". {each.note}" if each.note else ""
        words = f"{label(each.action, DecisionAction)}{reason}, by {each.author}{note}"
        steps.append((each.at, words))
    steps += [(one.at, f"Exception, by {one.author}: {one.reason}") for one in then.exceptions]
    for given in then.publication_consents:
        side = label(given.side, Side)
        steps.append((given.given_at, f"{side} consents to the public map ({given.given_by})"))
        if given.withdrawn_at:
            steps.append((given.withdrawn_at, f"{side} withdraws its consent to the public map"))
    for asked in then.requests:
        steps += _asked(asked)
    # What follows from a response has its time, and comes after it.
    steps.sort(key=lambda step: step[0])
    return told + [f"  {at_moment(at)}: {words}" for at, words in steps]


def _asked(asked: "RequestOfCase") -> "list[tuple[datetime, str]]":
    """When somebody was asked by a link, and what came of it."""
    from app.portal.labels import label
    from app.wording import at_moment
    from models.vocabulary import Channel, Party, RequestState

    whom, steps = label(asked.party, Party), []
    if asked.asked_at is not None:
        until = f"to answer by {at_moment(asked.expires_at)}"
        steps.append((asked.asked_at, f"{whom} ({asked.role}) asked by email, {until}"))
    if asked.closed_at is not None:
        state = label(asked.state, RequestState).lower()
        how = label(asked.channel, Channel).lower() if asked.channel else "by the link"
        by = f" ({asked.answered_role}, {how})" if asked.answered_role else ""
        steps.append((asked.closed_at, f"Link of the {whom.lower()}: {state}{by}"))
    return steps


def _told(said: "AgreementThen") -> str:
    """Who said it, how and when, or the legal basis of what stands in for it."""
    from app.portal.labels import label
    from app.wording import on_day
    from models.vocabulary import Channel, Consultee, LegalBasis

    parts = [said.said_by]
    if said.direction is not None:
        parts.append(label(said.direction.legal_basis, LegalBasis))
    if said.channel is not None:
        parts.append(label(said.channel, Channel).lower())
    if said.said_on is not None:
        parts.append(f"on {on_day(said.said_on)}")
    if said.direction is not None:
        parts += [
            f"{label(whom, Consultee).lower()} consulted on {on_day(on)}"
            for whom, on in said.direction.consulted.items()
        ]
    return ", ".join(parts)
