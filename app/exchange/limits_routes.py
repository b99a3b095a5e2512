"""Participants' own limits over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Reads, Writes
from app.access.declared import does
from app.access.policy import Action
from app.catalogue.routes import PeriodPath
from app.exchange import limits
from app.exchange.rows import LimitsRow
from app.exchange.schemas import LimitsContent, LimitsFilter, LimitsPage, LimitsShown
from app.files.csv_reading import Key as Code
from app.files.csv_writing import columns
from app.http.conditions import Known
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, shown

router = APIRouter(tags=["exchange"])
ParticipantPath = Annotated[Code, Path(examples=["100000"])]


@router.get("/limits", response_model=LimitsPage, responses=AS_CSV)
@does(Action.READ)
def list_limits(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[LimitsFilter, Query()]
) -> Response:
    """List participants' own limits; as CSV they are as an import reads them."""
    ids: dict[tuple[str, str], int] = {}

    def read(limit: int | None) -> list[LimitsShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = limits.list_limits(session, principal, **filters, limit=limit)
        names = limits.named(session, (one.participant_id for one in found))
        made = [LimitsShown.of(one, names[one.participant_id][0]) for one in found]
        ids.update(((m.participant, m.period), f.id) for m, f in zip(made, found, strict=True))
        return made

    return listed(
        request,
        wanted,
        LimitsPage,
        read,
        lambda one: ids[one.participant, one.period],
        columns(LimitsRow),
    )


@router.get("/limits/{participant}/{period:path}", response_model=LimitsShown)
@does(Action.READ)
def get_limits(
    request: Request,
    principal: Caller,
    session: Reads,
    participant: ParticipantPath,
    period: PeriodPath,
) -> Response:
    """Read a participant's own limits in a period."""
    found = limits.get_limits(session, principal, participant, period)
    return shown(request, LimitsShown.of(found, participant), version=found.version)


@router.post("/limits/{participant}/{period:path}", response_model=LimitsShown, status_code=201)
@does(Action.CHANGE_OFFER)
def create_limits(
    request: Request,
    principal: Caller,
    session: Writes,
    participant: ParticipantPath,
    period: PeriodPath,
    body: LimitsContent,
    key: Key,
) -> Response:
    """Create a participant's limits in a period."""

    def create() -> Response:
        row = body.row(participant, period)
        made = limits.set_limits(session, principal, row, None, new=True)
        return shown(
            request,
            LimitsShown.of(made, participant),
            status=201,
            version=made.version,
            location=request.url.path,
        )

    return once(request, session, principal.name, key, body, create)


@router.put(
    "/limits/{participant}/{period:path}",
    response_model=LimitsShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.CHANGE_OFFER)
def change_limits(
    request: Request,
    principal: Caller,
    session: Writes,
    participant: ParticipantPath,
    period: PeriodPath,
    version: Known,
    body: LimitsContent,
) -> Response:
    """Replace a participant's limits in a period."""
    row = body.row(participant, period)
    made = limits.set_limits(session, principal, row, version, new=False)
    return shown(request, LimitsShown.of(made, participant), version=made.version)
