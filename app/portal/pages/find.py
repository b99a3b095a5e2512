"""Find support: who gives what is needed near a place, and what each organisation gives.

The pages are open to anybody where the operator publishes offers, and otherwise to whoever is
signed in. Without a sign-in only what an organisation said that it can offer is shown, without its
days.
"""

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.access.callers import Now, database_of
from app.access.declared import Reach, does
from app.access.policy import Action, Principal, grants_for, may
from app.access.scoped import outside
from app.catalogue.everyday_words import everyday_words
from app.database import ReadSession
from app.errors import Problem
from app.evidence.queries import counting
from app.exchange.finding import (
    ANSWERED,
    NoSuchExpertise,
    Origin,
    Search,
    details,
    expertise_covering,
    find,
    origin_of,
)
from app.exchange.open_offers import list_open
from app.exchange.queries import load
from app.exchange.supporters import expertise_to_choose, networks_to_choose, supporter
from app.maps.queries import published_of
from app.portal.forms import Filled
from app.portal.found_map import rings_of, spots_of
from app.portal.lists import as_tree
from app.portal.pages.needs_and_offers import saved
from app.portal.rendering import Pager, csv_page, page, page_number
from app.portal.sessions import SignInNeeded, Visitor, visitor
from app.wording import capital
from models.exchange import Offer
from models.vocabulary import (
    Availability,
    Mode,
    Phase,
    Role,
    ScopeKind,
)

router = APIRouter()
PER_PAGE: Final = 20
MOST_ROWS: Final = 5_000
MOST_LETTERS: Final = 100
MINUTES: Final = (15, 30, 45, 60, 90)
MILES: Final = (5, 10, 25, 50, 100)
COLUMNS: Final = (
    *("reference", "participant", "participant_name", "town", "postcode", "local_authority"),
    *("miles", "minutes", "expertise", "expertise_name", "period", "mode", "window_starts"),
    *("window_ends", "availability", "availability_updated"),
)


def _anybody(request: Request) -> Visitor | None:
    """Whoever is signed in; where offers are published, also whoever is not."""
    try:
        return visitor(request)
    except SignInNeeded:
        if request.app.state.settings.publish_offers:
            return None
        raise


Anybody = Annotated[Visitor | None, Depends(_anybody)]


@router.get("/find")
@does(Action.READ, reach=Reach.OPEN)
def find_support(request: Request, who: Anybody, now: Now) -> Response:
    """The form, and what was found: a list with its map."""
    asked = {
        name: value.replace("\0", " ")[:MOST_LETTERS].strip()
        for name, value in request.query_params.items()
    }
    filled = Filled(asked)
    with database_of(request).read() as session:
        if not asked and who is not None:
            filled.values["near"] = own_urn(who.principal)
        search, meant = _search(session, who, filled)
        found = [] if search is None else find(session, search, now.date())
        if asked.get("as") == "csv" and search is not None:
            rows = [
                {name: row[name] for name in COLUMNS} for row in details(session, found[:MOST_ROWS])
            ]
            return csv_page("support", list(COLUMNS), rows)
        pager = Pager(page_number(request), PER_PAGE, len(found))
        shown = details(session, found[pager.first - 1 : pager.last] if found else [])
        origin = search.origin if search else None
        entries = expertise_to_choose(session)
        return page(
            request,
            "find.html",
            who,
            status=422 if filled.wrong else 200,
            filled=filled,
            searched=search is not None,
            origin=origin,
            meant=[each.name for each in entries if each.code in meant],
            found=shown,
            open_offers=[]
            if search is None
            else list_open(
                session, now.date(), origin=search.origin, expertise=search.expertise, limit=10
            ),
            pager=pager,
            spots=spots_of(shown, origin, pager.first) if origin else [],
            rings=rings_of(shown) if origin else [],
            words=sorted({*everyday_words(), *(each.name for each in entries)}),
            tree=as_tree(entries),
            networks=networks_to_choose(session),
            all_minutes=MINUTES,
            all_miles=MILES,
            phases=Phase,
        )


def own_urn(principal: Principal) -> str:
    """The one school that somebody speaks for, to begin with."""
    own = {
        grant.scope.id
        for grant in grants_for(principal, Action.READ)
        if grant.role is Role.CONTACT and grant.scope.kind is ScopeKind.INSTITUTION
    }
    return own.pop() if len(own) == 1 else ""


def _search(
    session: ReadSession, who: Visitor | None, filled: Filled
) -> tuple[Search | None, list[str]]:
    """What is looked for, and what its words were taken for; none where that is not known yet."""
    asked = filled.values
    help_with, near = asked.get("help", ""), asked.get("near", "")
    origin: Origin | None = None
    meant: list[str] = []
    covering: set[str] | None = None
    if not any(name in asked for name in ("help", "expertise", "page", "within", "miles")):
        return None, []
    if not help_with and not near:
        filled.add("help", "Enter what you want help with, or a place to look near")
    if help_with:
        try:
            meant, covering = expertise_covering(session, help_with)
        except NoSuchExpertise as unknown:
            filled.add("help", unknown.detail)
    if near:
        try:
            origin = origin_of(session, near)
        except Problem as unknown:
            filled.add("near", capital(unknown.detail))
    if filled.wrong:
        return None, meant
    modes, phases = {each.value: each for each in Mode}, {each.value: each for each in Phase}
    within, miles = asked.get("within", ""), asked.get("miles", "")
    return (
        Search(
            origin,
            miles=float(miles) if miles in map(str, MILES) else None,
            minutes=int(within) if within in map(str, MINUTES) else None,
            expertise=covering,
            network=asked.get("network") or None,
            phase=phases.get(asked.get("phase", "")),
            mode=modes.get(asked.get("mode", "")),
            availability=_shown_to(who),
        ),
        meant,
    )


def _shown_to(who: Visitor | None) -> tuple[Availability, ...]:
    """What is public is what somebody said for certain."""
    return ANSWERED if who is not None else (Availability.CAN_OFFER,)


@router.get("/find/supporters/{cell:path}")
@does(Action.READ, reach=Reach.OPEN)
def show_supporter(request: Request, who: Anybody, cell: str, now: Now) -> Response:
    """What one organisation gives, what is known of it, and whom it supports where both agreed."""
    today = now.date()
    with database_of(request).read() as session:
        about = supporter(session, cell)
        search = Search(participant=about["reference"], availability=_shown_to(who))
        found = details(session, find(session, search, today))
        return page(
            request,
            "supporter.html",
            who,
            about=about,
            cell=about["reference"].partition(":")[2],
            found=found,
            known=_known(session, who, found, today),
            open_offers=list_open(session, today, participant=about["reference"]),
            mine=who is not None and _is_own(session, who.principal, about["id"]),
            done=saved(request),
            supported=published_of(session, about["reference"]),
        )


def _is_own(session: ReadSession, principal: Principal, participant_id: int) -> bool:
    """Whether somebody may change what it offers."""
    return may(principal, Action.CHANGE_OFFER) and not outside(
        session, principal, Action.CHANGE_OFFER, [participant_id]
    )


def _known(
    session: ReadSession, who: Visitor | None, found: list[dict[str, Any]], today: date
) -> dict[int, Any]:
    """Evidence of each offer and what it comes to, for whoever is signed in."""
    if who is None or not found:
        return {}
    offers = load(session, Offer, [each["id"] for each in found])
    return {each.id: counting(session, who.principal, each, today) for each in offers}
