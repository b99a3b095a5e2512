"""Institutions, organisations, groups and areas over HTTP."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from app.access.callers import Caller, Reads, Writes, database_of
from app.access.declared import Reach, does
from app.access.policy import Action, Principal
from app.database import ReadSession, WriteSession
from app.http.conditions import Known
from app.http.fields import Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, place_of, shown
from app.register import institution_queries, list_queries, measure_queries, service
from app.register.geocoding import require_place
from app.register.lookups import find_participants
from app.register.measure_schemas import MeasureQuery, Measures, MeasureShown
from app.register.nearby import DEFAULT_MILES, Near
from app.register.organisation_rows import OrganisationKey
from app.register.organisation_schemas import (
    NewOrganisation,
    OrganisationContent,
    OrganisationListed,
    OrganisationQuery,
    Organisations,
    OrganisationShown,
)
from app.register.schemas import (
    AreaQuery,
    Areas,
    AreaShown,
    GroupListed,
    GroupOf,
    GroupQuery,
    Groups,
    GroupShown,
    InstitutionFound,
    InstitutionQuery,
    Institutions,
    InstitutionShown,
    NetworkOf,
    PlaceShown,
    SearchQuery,
    SearchResults,
    Source,
    SuccessionOf,
)
from models.vocabulary import AreaKind

router = APIRouter(tags=["register"])
Urn = Annotated[Id, Path(examples=[100000])]
Uid = Annotated[Id, Path(examples=[5143])]
OrganisationPath = Annotated[OrganisationKey, Path(examples=["made-up-hub"])]


def area_of(code: str | None) -> tuple[AreaKind, str] | None:
    """`kind:code` of a query as what queries take."""
    if code is None:
        return None
    kind, _, rest = code.partition(":")
    return AreaKind(kind), rest


@router.get("/institutions", response_model=Institutions, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_institutions(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[InstitutionQuery, Query()],
) -> Response:
    """Search and filter institutions, by URN; those near a place nearest first."""
    place = None if wanted.near is None else require_place(session, wanted.near)
    miles = DEFAULT_MILES if wanted.within_miles is None else wanted.within_miles
    narrowed = institution_queries.InstitutionFilter(
        **wanted.model_dump(exclude={"limit", "after", "area", "near", "within_miles"}),
        area=area_of(wanted.area),
        near=None if place is None else Near(place.latitude, place.longitude, miles),
    )

    def read(limit: int | None) -> list[InstitutionFound]:
        found = institution_queries.list_institutions(
            session, principal, narrowed, after=wanted.after, limit=limit
        )
        return [InstitutionFound.model_construct(**row) for row in found]

    if place is None:
        return listed(request, wanted, Institutions, read, lambda one: one.urn)
    return listed(
        request,
        wanted,
        Institutions,
        read,
        lambda one: one.urn,
        # By its position, so that all pages are of one place, whoever else may answer then.
        query={"near": f"{place.latitude},{place.longitude}"},
        place=PlaceShown.model_validate(place),
    )


@router.get("/institutions/{urn}", response_model=InstitutionShown)
@does(Action.READ, reach=Reach.OPEN)
async def get_institution(request: Request, principal: Caller, urn: Urn) -> Response:
    """Read one institution, with its groups, its networks and the sources."""
    if database_of(request).is_embedded:
        # Reading a few rows of a file takes less than the way to a thread and back.
        return _institution(request, principal, urn)
    return await run_in_threadpool(_institution, request, principal, urn)


def _institution(request: Request, principal: Principal, urn: int) -> Response:
    # Not by `Reads`: a dependency that is ended afterwards takes as long as a query.
    with database_of(request).read() as session:
        found = institution_queries.get_institution(session, principal, urn)
    source = Source.model_construct(
        register_changed=found.row["register_changed"],
        import_id=found.row["import_id"],
        imported_at=found.row["imported_at"],
    )
    # Rows of the database are what the schema says: checking them again costs time.
    content = InstitutionShown.model_construct(
        **found.row,
        groups=[GroupOf.model_construct(**row) for row in found.groups],
        networks=[NetworkOf.model_construct(**row) for row in found.networks],
        predecessors=[SuccessionOf.model_construct(**row) for row in found.predecessors],
        successors=[SuccessionOf.model_construct(**row) for row in found.successors],
        followed_by=None if found.followed_by is None else found.followed_by.urn,
        source=source,
    )
    link = None
    if found.followed_by is not None:
        base = request.url.path.rpartition("/")[0]
        link = f'<{base}/{found.followed_by.urn}>; rel="successor-version"'
    return shown(request, content, link=link)


@router.get("/institutions/{urn}/measures", response_model=Measures, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_measures(
    request: Request,
    principal: Caller,
    session: Reads,
    urn: Urn,
    wanted: Annotated[MeasureQuery, Query()],
) -> Response:
    """List the published figures of an institution, each with its period."""

    def read(limit: int | None) -> list[MeasureShown]:
        found = measure_queries.list_measures(
            session, principal, urn, measure=wanted.measure, period=wanted.period
        )
        return [MeasureShown.model_validate(one) for one in found]

    return listed(request, None, Measures, read, lambda one: one.measure)


@router.get("/organisations", response_model=Organisations, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_organisations(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[OrganisationQuery, Query()],
) -> Response:
    """Search and filter supporting organisations that are not schools, by key."""

    def read(limit: int | None) -> list[OrganisationListed]:
        found = list_queries.list_organisations(
            session,
            principal,
            q=wanted.q,
            kind=wanted.kind,
            area=area_of(wanted.area),
            serves=area_of(wanted.serves),
            open_on=wanted.open_on,
            after=wanted.after,
            limit=limit,
        )
        return [OrganisationListed.model_validate(row) for row in found]

    return listed(request, wanted, Organisations, read, lambda one: one.key)


@router.post("/organisations", response_model=OrganisationShown, status_code=201)
@does(Action.ADD_ORGANISATION)
def create_organisation(
    request: Request, principal: Caller, session: Writes, body: NewOrganisation, key: Key
) -> Response:
    """Create a supporting organisation, with the areas it serves and its designations."""

    def create() -> Response:
        one = body.described(body.key)
        service.create_organisation(session, principal, one)
        note = one.position_note
        return _organisation(request, session, principal, body.key, status=201, note=note)

    return once(request, session, principal.name, key, body, create)


@router.get("/organisations/{key:path}", response_model=OrganisationShown)
@does(Action.READ, reach=Reach.OPEN)
def get_organisation(
    request: Request, principal: Caller, session: Reads, key: OrganisationPath
) -> Response:
    """Read one organisation, with the areas it serves and its designations."""
    return _organisation(request, session, principal, key)


@router.put(
    "/organisations/{key:path}", response_model=OrganisationShown, responses=PROBLEMS_OF_CHANGES
)
@does(Action.CHANGE_REGISTER)
def change_organisation(
    request: Request,
    principal: Caller,
    session: Writes,
    key: OrganisationPath,
    version: Known,
    body: OrganisationContent,
) -> Response:
    """Replace an organisation. A designation that is left out ends today."""
    one = body.described(key)
    service.change_organisation(session, principal, one, version)
    return _organisation(request, session, principal, key, note=one.position_note)


@router.post(
    "/organisations/{key:path}/withdrawal",
    response_model=OrganisationShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.CHANGE_REGISTER)
def withdraw_organisation(
    request: Request, principal: Caller, session: Writes, key: OrganisationPath, version: Known
) -> Response:
    """Close an organisation from today. It is kept and can still be read."""
    service.withdraw_organisation(session, principal, key, version)
    return _organisation(request, session, principal, key)


def _organisation(
    request: Request,
    session: ReadSession | WriteSession,
    principal: Principal,
    key: str,
    status: int = 200,
    note: str | None = None,
) -> Response:
    found = list_queries.get_organisation(session, principal, key)
    more = {"designations": [dict(row) for row in found["designations"]], "position_note": note}
    return shown(
        request,
        OrganisationShown.model_validate(found | more),
        status=status,
        version=found["version"],
        with_others=True,
        location=place_of(request, key) if status == 201 else None,
    )


@router.get("/groups", response_model=Groups, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_groups(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[GroupQuery, Query()]
) -> Response:
    """Search and filter trusts, federations and sponsors, by UID."""

    def read(limit: int | None) -> list[GroupListed]:
        found = list_queries.list_groups(
            session,
            principal,
            q=wanted.q,
            kind=wanted.kind,
            is_open=wanted.open,
            after=wanted.after,
            limit=limit,
        )
        return [GroupListed.model_validate(dict(row)) for row in found]

    return listed(request, wanted, Groups, read, lambda one: one.uid)


@router.get("/groups/{uid}", response_model=GroupShown)
@does(Action.READ, reach=Reach.OPEN)
def get_group(request: Request, principal: Caller, session: Reads, uid: Uid) -> Response:
    """Read one group, with every institution and organisation that is or was in it."""
    row, members, organisations = list_queries.get_group(session, principal, uid)
    content = {
        **row,
        "members": [dict(member) for member in members],
        "organisations": [dict(one) for one in organisations],
    }
    return shown(request, GroupShown.model_validate(content))


@router.get("/areas", response_model=Areas, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_areas(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[AreaQuery, Query()]
) -> Response:
    """List regions, local authorities and districts."""

    def read(limit: int | None) -> list[AreaShown]:
        found = list_queries.list_areas(
            session,
            principal,
            q=wanted.q,
            kind=wanted.kind,
            region=wanted.region,
            after=area_of(wanted.after),
            limit=limit,
        )
        return [AreaShown.model_validate(dict(row)) for row in found]

    return listed(request, wanted, Areas, read, lambda one: f"{one.kind}:{one.code}")


@router.get("/search", response_model=SearchResults)
@does(Action.READ, reach=Reach.OPEN)
def search_participants(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[SearchQuery, Query()]
) -> Response:
    """Find institutions and organisations by what people type, the best result first.

    A misspelt word is taken for the nearest one, and `note` says so. Unlike lists, results are not
    followed by a `Link`: ask for more of them by `limit`, or for fewer by more words.
    """
    found = find_participants(
        session,
        principal,
        wanted.q,
        on=datetime.now(UTC).date(),
        open_only=wanted.open_only,
        limit=wanted.limit,
    )
    return shown(request, SearchResults.model_validate(found))
