"""`givetake support`: who supports a school, towards which targets, and what is at odds."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out

if TYPE_CHECKING:
    from app.partnerships.support_register import Arrangement, SupportRegister


def support(
    participant: Annotated[
        str, typer.Argument(metavar="URN", help="URN of a school, or key of an organisation.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the register as JSON.")] = False,
) -> None:
    """Show who supports a school, towards which targets, and which targets contradict."""
    from app.database import database_now
    from app.partnerships.register_schemas import SupportRegisterShown
    from app.partnerships.support_register import support_register

    with open_database() as database, database.read() as session:
        day = database_now(session).date()
        found = support_register(session, TERMINAL, participant, day)
        if as_json:
            out.print_json(SupportRegisterShown.of(found).model_dump_json())
            return
        for line in lines(found):
            out.print(line, markup=False, soft_wrap=True)


def lines(register: "SupportRegister") -> Iterator[str]:
    """The register in sentences, warnings first."""
    from app.wording import counted
    from models.vocabulary import days_text

    yield from (f"Warning: {each}" for each in register.warnings)
    when = f" in {register.period}" if register.period else ""
    yield (
        f"{register.name} has {counted(register.supporters, 'supporting organisation')} at a "
        f"time{when}, of at most {register.allowed:,}."
    )
    for period, half_days in register.leader_half_days.items():
        of = f"in {period}" if period else "without a period"
        yield f"Support {of} takes {days_text(half_days)} of its own leaders."
    for one in register.alliances:
        yield f"It is in alliance {one.alliance.reference}, {one.alliance.name}."
        yield from (f"  {each.measure_label}: {each.aim}" for each in one.compared)
    for each in (*register.current, *register.past):
        yield from _arrangement(each)


def _arrangement(each: "Arrangement") -> Iterator[str]:
    from app.partnerships.targets import shown_value, stored_measure
    from app.portal.labels import SUPPORT_FIELDS, label
    from app.wording import on_day
    from models.vocabulary import SupportAuthority, SupportState, TargetDirection

    row = each.row
    authority = label(row["authority"], SupportAuthority) or "Not recorded"
    yield (
        f"Support {row['reference']} by {each.supporter}, arranged by "
        f"{row['agency'] or 'this service'}: {label(row['state'], SupportState).lower()}. "
        f"{SUPPORT_FIELDS['authority'].label}: {authority}."
    )
    for target in each.targets:
        owner = f" ({target.owner})" if target.owner else ""
        yield (
            f"  {label(target.direction, TargetDirection)} {stored_measure(target).label}: "
            f"{shown_value(target) or 'as it is'} by {on_day(target.by_date)}{owner}"
        )
