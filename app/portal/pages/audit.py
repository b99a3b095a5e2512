"""The audit: who did what, page by page, and whether it is what it was."""

from datetime import UTC, datetime, time
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access import queries
from app.access.declared import does
from app.access.names import names_of
from app.access.policy import Action
from app.cases.queries import end_of
from app.events.verify import BadAnchor
from app.portal import forms
from app.portal.rendering import csv_page, page
from app.portal.sessions import Visitor, Who

router = APIRouter()
PER_PAGE: Final = 50
TEXTS: Final = ("actor", "action", "subject")
DAYS: Final = {"since": "from-", "until": "to-"}
"""Of the first and the last day, how the names of their inputs begin."""
PARTS: Final = ("day", "month", "year")
COLUMNS: Final = ["sequence", "at", "actor", "action", "subject", "digest", "detail", "hash"]


@router.get("/audit")
@does(Action.READ_AUDIT)
def show_audit(request: Request, who: Who) -> Response:
    """Events, the newest first, by who did what on what and when; as a page or as CSV."""
    asked = request.query_params
    filters: dict[str, Any] = {each: asked.get(each, "").strip()[:100] or None for each in TEXTS}
    days = {
        name: {part: asked.get(prefix + part, "") for part in PARTS}
        for name, prefix in DAYS.items()
    }
    errors = {}
    for name, values in days.items():
        if any(values.values()):
            on, error = forms.day_of(values)
            if on is None:
                errors[name] = error
            else:
                first = datetime.combine(on, time(), UTC)
                filters[name] = first if name == "since" else end_of(on)
    as_csv = asked.get("as") == "csv"
    before = forms.whole(asked.get("before"))
    with who.database.read() as session:
        events = queries.list_events(
            session,
            who.principal,
            **filters,
            before=before,
            newest_first=True,
            limit=None if as_csv else PER_PAGE + 1,
        )
        if as_csv and not errors:
            rows = [{name: getattr(each, name) for name in COLUMNS} for each in events]
            return csv_page("audit", COLUMNS, rows)
        shown = [] if errors else events[:PER_PAGE]
        return page(
            request,
            "audit.html",
            who,
            status=422 if errors else 200,
            events=shown,
            more=len(events) > PER_PAGE and not errors,
            names=names_of(session, {each.actor for each in shown}),
            days=days,
            prefixes=DAYS,
            errors=errors,
            head=queries.audit_head(session, who.principal),
        )


@router.get("/audit/check")
@does(Action.READ_AUDIT)
def check_audit(request: Request, who: Who) -> Response:
    """Whether every event and every row that they bind is what it was."""
    given = request.query_params.get("anchor")
    with who.database.read() as session:
        if given is None:
            return _check(request, who, queries.audit_head(session, who.principal))
        try:
            found = queries.verify_audit(session, who.principal, [given] if given.strip() else [])
        except BadAnchor as wrong:
            head = queries.audit_head(session, who.principal)
            return _check(request, who, head, status=422, error=wrong.detail)
        return _check(request, who, queries.audit_head(session, who.principal), found=found)


def _check(
    request: Request, who: Visitor, head: Any, *, status: int = 200, **content: Any
) -> Response:
    return page(request, "audit_check.html", who, status=status, head=head, **content)
