"""The plan of a run: in figures and charts, on a map, and what it leaves unmet."""

import gzip
from collections import Counter, OrderedDict
from datetime import timedelta
from threading import Lock
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.declared import does
from app.access.policy import Action
from app.access.secret import signing_secret
from app.database import ReadSession, database_now
from app.errors import NotFound
from app.explanations import words
from app.insight import rendered
from app.insight.queries import report_data, result_of, rules_in_words
from app.insight.rendered import Summary, Unmet
from app.insight.report import UnmetNeed
from app.insight.report_map import LADDER_COLOURS, ROLE_COLOURS
from app.maps import tokens
from app.maps.tokens import BadEmbed
from app.planning.options import MatchOptions
from app.portal.pages.runs import watched
from app.portal.rendering import HEADERS, VENDOR, Pager, csv_page, page, page_number
from app.portal.sessions import BASE, Visitor, Who, home
from app.runs import queries
from app.runs.decided import decided
from app.runs.leases import ENDED
from app.runs.queries import FileName
from models.matching import Run
from models.vocabulary import AreaKind, EmbedLayer, RunState

router = APIRouter()
PER_PAGE: Final = 50
MOST_KEPT: Final = 12
FOR_ONE_LOOK: Final = timedelta(minutes=10)
"""How long the map of a page can be read; whoever opens the page again gets a new token."""


FILES: Final = ("summary", "unmet", "picture")


class Kept:
    """The last files of plans that this service read or drew; each portal has its own."""

    def __init__(self) -> None:
        self._files: OrderedDict[tuple[int, str], Any] = OrderedDict()
        self._lock = Lock()

    def get(self, run_id: int, name: str) -> Any:
        with self._lock:
            if (run_id, name) in self._files:
                self._files.move_to_end((run_id, name))
            return self._files.get((run_id, name))

    def keep(self, run_id: int, found: dict[str, Any]) -> None:
        with self._lock:
            self._files |= {(run_id, name): content for name, content in found.items()}
            while len(self._files) > MOST_KEPT:
                self._files.popitem(last=False)


def _drawn(request: Request, session: ReadSession, who: Visitor, run: Run, name: FileName) -> Any:
    """What was drawn of a run's plan; its worker did so, or else it is done now."""
    kept: Kept = request.app.state.kept
    if (content := kept.get(run.id, name)) is not None:
        return content
    try:
        found: dict[str, Any] = {name: rendered.read(name, queries.file_of(session, run.id, name))}
    except (NotFound, ValueError):
        # Planned in the terminal, or drawn by another version.
        made = rendered.draw(report_data(session, result_of(session, who.principal, run.id)))
        found = {each: getattr(made, each) for each in FILES}
    kept.keep(run.id, found)
    return found[name]


@router.get("/runs/{run_id:id}")
@does(Action.READ)
def show_run(request: Request, who: Who, run_id: int) -> Response:
    """A run that goes on is watched, one that has ended shows what came of it."""
    with who.database.read() as session:
        run = queries.get_run(session, who.principal, run_id)
        if not queries.sees_all(session, who.principal, run):
            return RedirectResponse(f"{BASE}/runs/{run_id}/proposals", 303)
        if RunState(run.state) not in ENDED:
            return page(request, "run_watch.html", who, **watched(session, who, run))
        if run.state != RunState.SOLVED:
            return page(request, "run_ended.html", who, **watched(session, who, run))
        summary: Summary = _drawn(request, session, who, run, "summary")
        return page(
            request,
            "run.html",
            who,
            run=run,
            data=summary,
            figures=summary.figures,
            charts=summary.charts,
            rules=rules_in_words(MatchOptions.model_validate(run.options)),
            replaced=queries.replaced(session, who.principal, run_id),
            overlaps=queries.overlaps(session, who.principal, run_id),
            decided=decided(session, who.principal, run_id),
        )


@router.get("/runs/{run_id:id}/map")
@does(Action.READ_PLAN)
def show_map(request: Request, who: Who, run_id: int) -> Response:
    with who.database.read() as session:
        run = queries.get_run(session, who.principal, run_id, whole=True)
        return page(request, "map.html", who, run=run, widget=widget_of(request, session, who, run))


@router.get("/runs/{run_id:id}/picture")
@does(Action.READ_PLAN)
def show_picture(request: Request, who: Who, run_id: int) -> Response:
    """The plan as it was made, for paper and for browsers that run no script."""
    with who.database.read() as session:
        run = queries.get_run(session, who.principal, run_id, whole=True)
        return page(
            request,
            "picture.html",
            who,
            run=run,
            summary=_drawn(request, session, who, run, "summary"),
            ladder_colours=LADDER_COLOURS,
            role_colours=ROLE_COLOURS,
        )


@router.get("/runs/{run_id:id}/picture.svg")
@does(Action.READ_PLAN)
def read_picture(request: Request, who: Who, run_id: int) -> Response:
    with who.database.read() as session:
        run = queries.get_run(session, who.principal, run_id, whole=True)
        content: bytes = _drawn(request, session, who, run, "picture")
    if not content:
        raise NotFound("no school or organisation in this run has a known location")
    headers = HEADERS | {"Content-Encoding": "gzip"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        headers, content = HEADERS, gzip.decompress(content)
    return Response(content, 200, headers, "image/svg+xml")


def widget_of(request: Request, session: ReadSession, who: Visitor, run: Run) -> str | None:
    """The address of the map that people move and ask, for this page only; none without it."""
    origin = f"{request.url.scheme}://{request.url.netloc}"
    now = database_now(session)
    try:
        granted = tokens.grant(
            [origin],
            EmbedLayer.PARTNER,
            now=now,
            valid_for=FOR_ONE_LOOK,
            run_id=run.id,
            drafts=True,
            maker=who.principal.name,
        )
    except BadEmbed:
        return None
    if not (VENDOR / "leaflet.js").is_file():
        return None
    token = tokens.sign(granted, signing_secret(request.app.state.settings), now)
    query = {"heading": f"Run {run.id}", "cards": "page"}
    if run.scope.get("kind") in list(AreaKind):
        query["area"] = run.scope["name"]
    return f"{home(request)}/maps/widget?{urlencode(query)}#{token}"


@router.get("/runs/{run_id:id}/unmet")
@does(Action.READ_PLAN)
def list_unmet(request: Request, who: Who, run_id: int) -> Response:
    asked = request.query_params
    number = page_number(request)
    with who.database.read() as session:
        run = queries.get_run(session, who.principal, run_id, whole=True)
        unmet: Unmet = _drawn(request, session, who, run, "unmet")
        name = unmet.names
        found = [need for need in unmet.needs if _fits(need, name, asked)]
        found.sort(key=lambda need: (need.priority, -need.days_needed, need.need))
        if asked.get("as") == "csv":
            rows = [_csv(need, name) for need in found]
            return csv_page(f"run-{run_id}-unmet", list(_csv_columns), rows)
        skip = (number - 1) * PER_PAGE
        return page(
            request,
            "unmet.html",
            who,
            run=run,
            found=found[skip : skip + PER_PAGE],
            name=name,
            pager=Pager(number, PER_PAGE, len(found)),
            reasons=_counted(unmet.needs),
            expertise=sorted({need.expertise for need in unmet.needs}),
            total=len(unmet.needs),
            no_offer=words.NO_OFFER,
        )


def _counted(unmet: tuple[UnmetNeed, ...]) -> list[tuple[str, int]]:
    """How many needs each reason weighs on the most."""
    return Counter(need.reasons[0].sentence for need in unmet if need.reasons).most_common()


def _fits(need: UnmetNeed, name: dict[str, str], asked: Any) -> bool:
    words = asked.get("q", "").casefold().split()
    main = need.reasons[0].sentence if need.reasons else ""
    return (
        all(word in name[need.taker].casefold() for word in words)
        and asked.get("expertise", "") in ("", need.expertise)
        and asked.get("priority", "") in ("", str(need.priority))
        and asked.get("reason", "") in ("", main)
    )


_csv_columns: Final = (
    "need", "taker", "taker_name", "expertise", "days", "priority", "reasons", "change",
)  # fmt: skip


def _csv(need: UnmetNeed, name: dict[str, str]) -> dict[str, object]:
    return {
        "need": need.need,
        "taker": need.taker.partition(":")[2],
        "taker_name": name[need.taker],
        "expertise": need.expertise,
        "days": f"{need.days_needed:g}",
        "priority": need.priority,
        "reasons": [f"{each.offers} offers: {each.sentence}" for each in need.reasons],
        "change": need.change or "",
    }
