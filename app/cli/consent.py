"""`givetake ask` and `givetake sheet`: ask both sides by email, and the page that they read."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import BadFile, open_database, out, require_writable

if TYPE_CHECKING:
    from app.consent.service import Choice

MOST = 2**31 - 1
_NUMBERS = re.compile(r":(\d{0,9})(?::(\d{1,9}))?$", re.ASCII)
"""Of contacts, behind the reference of an offer: who gives, and the home head."""
Number = Annotated[int, typer.Argument(min=1, max=MOST, help="Number of the proposal.")]


def ask(
    proposal: Number,
    taker: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="Number of a contact of the school receiving support."),
    ] = None,
    giver: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="Number of a contact of the supporting organisation."),
    ] = None,
    home_head: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST, help="Number of the contact of the head who releases the person."
        ),
    ] = None,
    choice: Annotated[
        list[str] | None,
        typer.Option(
            help="Another offer that the school may choose, with the contact to ask then after a "
            "colon, like offer-2:7, and after another the home head to ask first, like "
            "offer-2:7:9. You can repeat this once."
        ),
    ] = None,
) -> None:
    """Send each contact an email with the sheet and a link that takes one answer."""
    from app.consent.service import Whom
    from app.consent.service import ask as send
    from app.settings import settings
    from app.wording import at_moment

    whom = Whom(taker, giver, home_head, tuple(_choice(each) for each in choice or ()))
    with open_database() as database, database.write() as session:
        made = send(
            session,
            TERMINAL,
            proposal,
            whom,
            answer_hours=settings().answer_hours,
            hold_days=settings().hold_days,
        )
        for each in made:
            until = f"until {at_moment(each.expires_at)}" if each.expires_at else "asked later"
            line = f"{each.party.replace('_', ' ')}: contact {each.contact_id}, {until}"
            out.print(line, markup=False, soft_wrap=True)
    out.print("The service or `givetake worker` sends the emails.")


def _choice(text: str) -> "Choice":
    from app.consent.service import Choice

    named = _NUMBERS.search(text)
    if named is None:
        return Choice(text)
    giver, home_head = (each and int(each) for each in named.groups())
    return Choice(text[: named.start()], giver or None, home_head or None)


def sheet(
    proposal: Number,
    file: Annotated[
        Path, typer.Option("--out", help="File to write: a name that ends in .pdf or .html.")
    ],
) -> None:
    """Write the two-heads sheet of a proposal: one page in plain words."""
    from app.consent.printed import as_html, as_pdf
    from app.consent.sheet import sheet_of
    from app.database import database_now
    from solver.formats.whole_files import write_whole

    kind = file.suffix.lower()
    if kind not in (".pdf", ".html"):
        raise BadFile(f"{file} must be a name that ends in .pdf or .html.")
    require_writable(file)
    with open_database() as database, database.read() as session:
        made = sheet_of(session, TERMINAL, proposal, database_now(session).date())
    write_whole(file, as_pdf(made) if kind == ".pdf" else as_html(made).encode())
    out.print(f"{file}: sheet of proposal {proposal}", markup=False, soft_wrap=True)
