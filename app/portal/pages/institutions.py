"""Finding an institution or organisation, and everything that is known of it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from sqlalchemy import RowMapping
from starlette.responses import Response

from app.access.declared import Reach, does
from app.access.names import with_names
from app.access.policy import Action
from app.catalogue.queries import expertise_by_code
from app.database import ReadSession
from app.errors import NotFound
from app.exchange import queries
from app.exchange.limits import list_limits
from app.exchange.list_query import NeedQuery, OfferQuery
from app.exchange.progress import progress_of
from app.interests.queries import list_interests
from app.interests.questions import list_questions
from app.partnerships.balance import accounts, balances
from app.partnerships.list_query import PartnershipQuery
from app.partnerships.partnership_queries import Summary, list_partnerships
from app.partnerships.queries import list_support
from app.partnerships.support_register import contradictions_in
from app.portal.rendering import Pager, csv_page, page, page_number
from app.portal.sessions import Who
from app.proposals.list_query import ProposalQuery
from app.proposals.queries import list_proposals
from app.register import institution_queries, list_queries, measure_queries
from app.register.answering import answering_for
from app.register.geocoder_server import GeocoderUnavailable
from app.register.geocoding import UnknownPlace, require_place
from app.register.lookups import (
    Results,
    find_near,
    find_participants,
)
from app.register.naming import reference_named
from app.register.nearby import DEFAULT_MILES, Near
from app.register.schemas import WithdrawnShown
from app.wording import miles as in_miles
from models.vocabulary import RUNNING_SUPPORT, InterestKind

router = APIRouter()
PER_PAGE: Final = 25
MOST_ROWS: Final = 60_000
MOST_LETTERS: Final = 100
RADII: Final = (1, 2, 5, 10, 20, 50)
"""Miles that can be chosen."""


@router.get("/institutions")
@does(Action.READ, reach=Reach.OPEN)
def search(
    request: Request, who: Who, q: str = "", near: str = "", miles: str = "", closed: str = ""
) -> Response:
    number = page_number(request)
    text, near = _typed(q), _typed(near)
    radius = int(miles) if miles in map(str, RADII) else int(DEFAULT_MILES)
    as_csv = request.query_params.get("as") == "csv"
    which: dict[str, Any] = {
        "on": datetime.now(UTC).date(),
        "open_only": not closed,
        "skip": 0 if as_csv else (number - 1) * PER_PAGE,
        "limit": MOST_ROWS if as_csv else PER_PAGE,
    }
    results, place, error, status = Results([], 0), None, "", 200
    with who.database.read() as session:
        if not near:
            results = find_participants(session, who.principal, text, **which)
        else:
            try:
                place = require_place(session, near)
                around = Near(place.latitude, place.longitude, radius)
                results = find_near(session, who.principal, text, around, **which)
            except (UnknownPlace, GeocoderUnavailable) as unknown:
                error, status = unknown.detail, unknown.status
    if as_csv and not error:
        columns = ["reference", "name", "type_name", "town", "postcode", "local_authority"]
        rows = [{name: getattr(each, name) for name in columns} for each in results.found]
        if near:
            columns.append("miles")
            for row, each in zip(rows, results.found, strict=True):
                row["miles"] = in_miles(each.distance_m)
        return csv_page("institutions", columns, rows)
    return page(
        request,
        "institutions.html",
        who,
        status=status,
        text=text,
        near=near,
        radius=radius,
        radii=RADII,
        place=place,
        error=error,
        closed=bool(closed),
        found=results.found,
        note=results.note,
        pager=Pager(number, PER_PAGE, results.total),
    )


def _typed(text: str) -> str:
    return text.replace("\0", " ")[:MOST_LETTERS].strip()


@router.get("/participants/{cell:path}")
@does(Action.READ, reach=Reach.OPEN)
def participant(request: Request, who: Who, cell: str) -> Response:
    """An institution by its URN, an organisation by its key, a trust by its reference or UID."""
    today = datetime.now(UTC).date()
    with who.database.read() as session:
        reference = reference_named(session, cell)
        kind, _, cell = reference.partition(":")
        if kind == "urn":
            about = _institution(session, who, int(cell[:10]))
        else:
            about = _organisation(session, who, cell)
        needs = queries.list_needs(session, who.principal, NeedQuery(participant=cell), limit=None)
        offers = queries.list_offers(
            session, who.principal, OfferQuery(participant=cell), limit=None
        )
        support = list_support(session, who.principal, participant=cell, limit=None)
        circumstances = list_queries.list_circumstances(
            session, who.principal, participant=cell, limit=None
        )
        withdrawn = with_names(
            session,
            [
                WithdrawnShown.of(row)
                for row in list_queries.list_withdrawn(
                    session, who.principal, participant=cell, limit=None
                )
            ],
            "withdrawn_by",
        )
        rules = {
            rule.kind: rule
            for rule in list_queries.list_circumstance_rules(session, who.principal, limit=None)
        }
        proposals = [
            *list_proposals(
                session, who.principal, ProposalQuery(taker=cell, sort="-total_points")
            ),
            *list_proposals(
                session, who.principal, ProposalQuery(giver=cell, sort="-total_points")
            ),
        ]
        partnerships = list_partnerships(
            session, who.principal, PartnershipQuery(participant=cell), limit=None
        )
        interests = list_interests(session, who.principal, participant=cell, limit=None)
        advisers = [*_monitors(partnerships, reference), *_employers(interests, reference, today)]
        return page(
            request,
            "participant.html",
            who,
            partnerships=partnerships,
            cell=cell,
            reference=reference,
            about=about,
            needs=needs,
            interest_questions=list_questions(session, who.principal, participant=cell, limit=None),
            came=progress_of(session, needs),
            offers=offers,
            support=support,
            contradictions=contradictions_in(
                session, [row for row in support if row["taker_reference"] == reference], today
            ),
            circumstances=circumstances,
            withdrawn=withdrawn,
            rules=rules,
            interests=interests,
            answering=(
                answering_for(about, about["groups"], advisers, today) if about["is_school"] else []
            ),
            proposals=proposals,
            limits=list_limits(session, who.principal, participant=cell, limit=None),
            balances=balances(session, who.principal, about["participant_id"]),
            accounts=accounts(session, who.principal, about["participant_id"], today),
            expertise=expertise_names(session, who),
            today=today,
        )


def _monitors(partnerships: Sequence[Summary], reference: str) -> Iterator[str]:
    """Who monitors support that the school receives, by role."""
    for each in partnerships:
        running = each.partnership.state in RUNNING_SUPPORT
        if running and each.full.taker.reference == reference and each.partnership.monitor_role:
            yield each.partnership.monitor_role


def _employers(interests: Sequence[RowMapping], reference: str, today: date) -> Iterator[str]:
    """Whose adviser the school has, as declared."""
    for each in interests:
        begun = each["starts"] is None or each["starts"] <= today
        holds = begun and (each["ends"] is None or each["ends"] >= today)
        of_adviser = each["kind"] == InterestKind.ADVISER_EMPLOYED_BY
        about_it = of_adviser and each["about_reference"] == reference
        if about_it and holds and each["withdrawn_at"] is None:
            yield f"employed by {each['holder_name']}"


def _institution(session: ReadSession, who: Who, urn: int) -> dict[str, Any]:
    if urn > 2**31 - 1:
        raise NotFound(f"there is no school with URN {urn} in the register")
    found = institution_queries.get_institution(session, who.principal, urn)
    return {
        **found.row,
        "is_school": True,
        "predecessors": found.predecessors,
        "successors": found.successors,
        "followed_by": found.followed_by,
        "groups": found.groups,
        "networks": found.networks,
        "measures": measure_queries.list_measures(session, who.principal, urn),
    }


def _organisation(session: ReadSession, who: Who, key: str) -> dict[str, Any]:
    found = list_queries.get_organisation(session, who.principal, key)
    networks = list_queries.list_networks(session, who.principal, member=key, limit=None)
    groups = list_queries.groups_of(session, who.principal, found["participant_id"])
    return {**found, "is_school": False, "groups": groups, "networks": networks}


def expertise_names(session: ReadSession, who: Who) -> dict[str, str]:
    return expertise_by_code(session, who.principal)
