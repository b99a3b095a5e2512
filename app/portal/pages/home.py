"""The first page: what waits for whoever looks, for whom they wait, and what lapses next."""

from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action, may
from app.catalogue import queries as catalogue
from app.consent.reminders import NoReminder, remind
from app.database import ReadSession
from app.exchange import queries as items
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import Pager, csv_page, page, page_number
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.repairs.broken import list_broken
from app.runs import queries as matching
from app.successions.queries import count_unsettled
from app.work.kinds import GROUPS, WorkGroup, WorkKind
from app.work.narrowed import Narrowed
from app.work.own import own_of
from app.work.queries import by_group, count_work, first_of_groups, list_work
from app.work.schemas import WorkShown

router = APIRouter()
RECENT: Final = 5
FIRST: Final = 5
"""Of what waits for somebody, how much of each group the first page shows."""
MOST_BROKEN: Final = 5
PER_PAGE: Final = 50
MOST_LETTERS: Final = 100


@router.get("/")
@does(Action.READ)
def home(request: Request, who: Who, now: Now) -> Response:
    return _home(request, who, now.date())


def _home(
    request: Request, who: Visitor, today: date, *, status: int = 200, said: str = ""
) -> Response:
    with who.database.read() as session:
        principal = who.principal
        counts = count_work(session, principal, today)
        broken = []
        if may(principal, Action.REVIEW):
            broken = list_broken(session, principal, limit=MOST_BROKEN + 1)
        return page(
            request,
            "home.html",
            who,
            status=status,
            said=said,
            counts=by_group(counts),
            work=first_of_groups(session, principal, today, FIRST),
            own=own_of(session, principal, today, FIRST),
            runs=matching.list_runs(session, principal, limit=RECENT),
            any_need=bool(items.list_needs(session, principal, limit=1)),
            broken=broken[:MOST_BROKEN],
            more_broken=len(broken) > MOST_BROKEN,
            expertise=expertise_names(session, who),
            unsettled=count_unsettled(session, principal, today),
        )


@router.get("/work")
@does(Action.READ)
def show_work(request: Request, who: Who, now: Now) -> Response:
    """All of it, as filtered."""
    with who.database.read() as session:
        return _work(request, who, session, now.date())


def _work(request: Request, who: Visitor, session: ReadSession, today: date) -> Response:
    asked = request.query_params
    group, kind = asked.get("group"), asked.get("kind")
    kinds = set(GROUPS[WorkGroup(group)] if group in list(WorkGroup) else WorkKind)
    chosen = kinds & {WorkKind(kind)} if kind in list(WorkKind) else kinds
    text = asked.get("q", "").replace("\0", " ")[:MOST_LETTERS].strip()
    periods = catalogue.list_periods(session, who.principal, limit=None)
    period = asked.get("period")
    narrowed = Narrowed(text, period if period in {each.code for each in periods} else None)
    if asked.get("as") == "csv":
        found = list_work(session, who.principal, today, chosen, narrowed, limit=None)
        rows: list[dict[str, Any]] = [
            WorkShown.of(each, "/api/v1").model_dump(mode="json") for each in found
        ]
        return csv_page("work", list(WorkShown.model_fields), rows)
    counts = count_work(session, who.principal, today, narrowed)
    total = sum(number for each, number in counts.items() if each in chosen)
    pager = Pager(page_number(request), PER_PAGE, total)
    return page(
        request,
        "work.html",
        who,
        found=list_work(
            session,
            who.principal,
            today,
            chosen,
            narrowed,
            skip=(pager.page - 1) * PER_PAGE,
            limit=PER_PAGE,
        ),
        pager=pager,
        counts=counts,
        kinds=[each for each in WorkKind if each in kinds and counts.get(each)],
        periods=[(each.code, each.name) for each in periods],
        filtered=any(asked.get(name) for name in ("q", "group", "kind", "period")),
        expertise=expertise_names(session, who),
    )


@router.post("/requests/{request_id:id}/reminder")
@does(Action.REVIEW)
def send_reminder(request: Request, who: Who, request_id: int, form: SentBy, now: Now) -> Response:
    """Remind whoever has not answered a link, and go back to the list it was asked from."""
    try:
        with who.database.write() as session:
            remind(session, who.principal, request_id, now=now)
    except NoReminder as refused:
        return _home(request, who, now.date(), status=409, said=refused.detail)
    where = (
        "/work?group=awaited&reminded=1" if texts(form).get("from") == "work" else "/?reminded=1"
    )
    return RedirectResponse(BASE + where, 303)
