"""`givetake alliances` and `givetake alliance show`: families of schools and their plans."""

from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out, write_csv

alliance_app = typer.Typer(help="Look at one alliance of schools.", no_args_is_help=True)


def alliances(
    participant: Annotated[
        str | None, typer.Option(help="URN or key of a school or organisation that was asked.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print as CSV.")] = False,
) -> None:
    """List alliances of schools with how many are in them."""
    from app.alliances.queries import list_alliances, members_by_alliance
    from app.alliances.schemas import AllianceListed
    from app.files.csv_writing import csv_of
    from app.portal.labels import label
    from app.wording import counted, on_day
    from models.vocabulary import AllianceKind

    with open_database() as database, database.read() as session:
        found = list_alliances(session, TERMINAL, participant=participant, limit=None)
        counts = members_by_alliance(session, found)
    if as_csv:
        rows = [AllianceListed.of(each, counts[each.id]).model_dump(mode="json") for each in found]
        write_csv(csv_of(list(AllianceListed.model_fields), rows), None)
        return
    for each in found:
        until = each.over_on or each.ends
        dates = f"from {on_day(each.starts)}" + (f" to {on_day(until)}" if until else "")
        out.print(
            f"{each.reference}: {each.name}, {label(each.kind, AllianceKind).lower()}, {dates}, "
            f"{counted(counts[each.id], 'member')}.",
            markup=False,
            soft_wrap=True,
        )
    if not found:
        out.print("There are no such alliances.")


@alliance_app.command()
def show(
    reference: Annotated[str, typer.Argument(metavar="REF", help="Reference of the alliance.")],
) -> None:
    """Show one alliance with its members, plan, reviews and the days given between members."""
    from app.alliances.queries import alliance_numbered, get_alliance
    from app.partnerships.targets import shown_value, stored_measure
    from app.portal.labels import label
    from app.wording import on_day
    from models.vocabulary import (
        ActionState,
        AllianceRole,
        MemberState,
        Rating,
        TargetDirection,
        in_days,
    )

    with open_database() as database, database.read() as session:
        number = alliance_numbered(session, TERMINAL, reference)
        whole = get_alliance(session, TERMINAL, number)
    of = whole.alliance
    told = [f"{of.reference}: {of.name}, from {on_day(of.starts)}", f"Aims: {of.aims}"]
    if of.over_on is not None:
        told.append(f"It was over on {on_day(of.over_on)}: {of.over_reason}")
    told += [
        f"{label(each.member.role, AllianceRole)} {each.participant.name}: "
        f"{label(each.member.state, MemberState).lower()}. Days within: "
        f"{in_days(each.between.given)} given, {in_days(each.between.taken)} taken."
        for each in whole.members
    ]
    told += [
        f"Action {each.action.id}, by {on_day(each.action.due)}, {each.leader.name}: "
        f"{each.action.what} ({label(each.action.state, ActionState).lower()}) "
        f"{each.action.reason or ''}"
        for each in whole.actions
    ]
    told += [
        f"Target: {label(each.direction, TargetDirection)} {stored_measure(each).label}: "
        f"{shown_value(each) or 'as it is'} by {on_day(each.by_date)}"
        for each in whole.targets
    ]
    told += [
        f"Review, {on_day(each.review.on_day)}: {each.participant.name}, "
        f"{label(each.review.rating, Rating).lower()}. {each.review.note or ''}"
        for each in whole.reviews
    ]
    told += [
        f"Partnership {each.partnership.id}: {each.full.giver.name} to {each.full.taker.name}, "
        f"{in_days(each.days.delivered)} of {in_days(each.days.agreed)} days delivered."
        for each in whole.partnerships
    ]
    for line in told:
        out.print(line.rstrip(), markup=False, soft_wrap=True)
