"""Many answers at once: a list to fill in, a look at what was entered, and one save of all."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, StringConstraints
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action
from app.consent import many
from app.consent.many import FaultyAnswers, Row
from app.consent.wording import PARTIES
from app.files.csv_reading import Date, RowModel, Text, clean_text
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import MANY_FIELDS
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import Pager, page, page_number
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.proposals.heard import Heard
from app.wording import sentence
from app.work.narrowed import Narrowed
from app.work.unanswered import Unanswered, list_unanswered, speaks_alone, with_proposals
from models.vocabulary import Channel, DeclineReason, Party, Reply

router = APIRouter()
PER_PAGE: Final = 25
MOST_LETTERS: Final = 100
KEY: Final = re.compile(r"says-([1-9]\d{0,8})-(taker|giver|home_head)", re.ASCII)
OF_ROW: Final = ("says", "reason", "note", "said_by", "said_on")
Role = Annotated[str, StringConstraints(max_length=100), BeforeValidator(clean_text)]


class Shared(RowModel):
    """What counts for all rows that do not say otherwise."""

    said_by: Role | None = None
    said_on: Date | None = None
    channel: Channel | None = None


class Line(RowModel):
    """One row of the list."""

    says: Reply
    reason: DeclineReason | None = None
    note: Text | None = None
    said_by: Role | None = None
    said_on: Date | None = None


@dataclass(slots=True)
class Entered:
    """What was entered: the rows that have an answer, and those that have none yet."""

    filled: Filled
    keys: list[tuple[int, Party]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


@router.get("/answers")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def show_answers(request: Request, who: Who) -> Response:
    """Everybody who has not answered yet, as filtered."""
    text = request.query_params.get("q", "").replace("\0", " ")[:MOST_LETTERS].strip()
    number = page_number(request)
    with who.database.read() as session:
        found, total = list_unanswered(
            session,
            who.principal,
            Narrowed(text),
            skip=(number - 1) * PER_PAGE,
            limit=PER_PAGE,
        )
        return _form(request, who, found, Filled(), pager=Pager(number, PER_PAGE, total))


@router.post("/answers")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def record_answers(request: Request, who: Who, form: SentBy, now: Now) -> Response:
    """Check what was entered, and save all of it once that was looked at."""
    given = texts(form)
    entered = _read(given, speaks_alone(who.principal))
    filled = entered.filled
    if not filled.wrong and not given.get("change"):
        _try(request, who, entered, now, keep=bool(given.get("confirmed")))
        if not filled.wrong and given.get("confirmed"):
            return RedirectResponse(f"{BASE}/answers?saved={len(entered.rows)}", 303)
    with who.database.read() as session:
        found = with_proposals(session, who.principal, entered.keys)
    if filled.wrong or given.get("change"):
        return _form(request, who, found, filled, status=422 if filled.wrong else 200)
    by_key = {(each.full.proposal.id, each.party): each for each in found}
    answers = [(by_key[row.proposal_id, row.party], row) for row in entered.rows]
    with who.database.read() as session:
        expertise = expertise_names(session, who)
    return page(
        request,
        "answers_check.html",
        who,
        answers=answers,
        given={name: value for name, value in given.items() if _is_ours(name)},
        own=speaks_alone(who.principal),
        expertise=expertise,
    )


def _is_ours(name: str) -> bool:
    return name in Shared.model_fields or name.partition("-")[0] in OF_ROW


def _read(given: dict[str, str], own: bool) -> Entered:
    """The rows as they were typed, with what is wrong at its field of its row."""
    filled = Filled(given)
    entered = Entered(filled)
    shared = forms.read(Shared, filled, MANY_FIELDS)
    for name, value in given.items():
        matched = KEY.fullmatch(name)
        if matched is None:
            continue
        number, party = int(matched[1]), Party(matched[2])
        entered.keys.append((number, party))
        key = f"{number}-{party}"
        if value and shared is not None:
            row = _row(filled, key, number, party, shared, own)
            if row is not None:
                entered.rows.append(row)
    if len(entered.keys) > many.MOST_ANSWERS:
        entered.rows.clear()
        filled.general.append(f"Send at most {many.MOST_ANSWERS} answers at a time.")
    if not filled.wrong and not entered.rows:
        filled.general.append("Enter at least one answer.")
    return entered


def _row(
    filled: Filled, key: str, number: int, party: Party, shared: Shared, own: bool
) -> Row | None:
    cells = {name: filled.values.get(f"{name}-{key}", "") for name in OF_ROW}
    if cells["says"] != Reply.NO:
        # Without JavaScript the reason can be selected there too; only a no has one.
        cells["reason"] = ""
    of_row = Filled(cells)
    line = forms.read(Line, of_row, MANY_FIELDS)
    if line is not None:
        no = line.says is Reply.NO and party is not Party.HOME_HEAD
        if no and line.reason is None:
            of_row.add("reason", MANY_FIELDS["reason"].enter)
        if not (line.said_by or shared.said_by):
            of_row.add("said_by", MANY_FIELDS["said_by"].enter)
        if not own and not (line.said_on or shared.said_on):
            of_row.add("said_on", MANY_FIELDS["said_on"].enter)
        if not own and shared.channel is None:
            filled.add("channel", MANY_FIELDS["channel"].enter)
    for name, error in of_row.errors.items():
        filled.add(f"{name}-{key}", f"Proposal {number}, {PARTIES[party].lower()}: {error}")
    filled.general += of_row.general
    if line is None or of_row.wrong:
        return None
    heard = Heard(line.said_by or shared.said_by or "")
    if not own:
        heard = Heard(heard.said_by, line.said_on or shared.said_on, shared.channel)
    return Row(number, party, line.says, heard, line.reason, line.note)


def _try(request: Request, who: Visitor, entered: Entered, now: datetime, *, keep: bool) -> None:
    """Save the rows, or only see whether each could be; what could not is said at its row."""
    given: dict[str, Any] = {"hold_days": request.app.state.settings.hold_days, "now": now}
    try:
        if keep:
            with who.database.write() as session:
                many.save(session, who.principal, entered.rows, **given)
        else:
            many.rehearse(who.database, who.principal, entered.rows, **given)
    except FaultyAnswers as faulty:
        for place, number, why in faulty.faults:
            party = entered.rows[place].party
            named = f"Proposal {number}, {PARTIES[party].lower()}"
            entered.filled.add(f"says-{number}-{party}", f"{named}: {sentence(why)}")


def _form(
    request: Request,
    who: Visitor,
    found: list[Unanswered],
    filled: Filled,
    *,
    pager: Pager | None = None,
    status: int = 200,
) -> Response:
    with who.database.read() as session:
        expertise = expertise_names(session, who)
    return page(
        request,
        "answers.html",
        who,
        status=status,
        found=found,
        filled=filled,
        fields=MANY_FIELDS,
        pager=pager,
        own=speaks_alone(who.principal),
        expertise=expertise,
    )
