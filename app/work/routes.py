"""What waits for whoever asks, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads
from app.access.declared import does
from app.access.policy import Action
from app.http.media import AS_CSV, wants_csv
from app.http.replies import listed
from app.work.kinds import GROUPS, WorkKind
from app.work.narrowed import Narrowed
from app.work.queries import Place, count_work, list_work
from app.work.schemas import Counted, WorkPage, WorkQuery, WorkShown

router = APIRouter(tags=["work"])


@router.get("/me/work", response_model=WorkPage, responses=AS_CSV)
@does(Action.READ)
def list_my_work(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[WorkQuery, Query()],
    now: Now,
) -> Response:
    """List what waits for you, for whom you wait, what lapses and what is due: due first.

    Of all runs, areas and periods that your roles are for. `counts` has how much there is of each
    kind, whichever kind or group you ask for.
    """
    today = now.date()
    narrowed = Narrowed(wanted.text or "", wanted.period)
    after = None if wanted.after is None else Place.read(wanted.after)
    kinds = set(WorkKind if wanted.group is None else GROUPS[wanted.group])
    if wanted.kind is not None:
        kinds &= {wanted.kind}
    places: dict[int, str] = {}

    def read(limit: int | None) -> list[WorkShown]:
        found = list_work(session, principal, today, kinds, narrowed, after=after, limit=limit)
        shown = [WorkShown.of(each, request.url.path.removesuffix("/me/work")) for each in found]
        places.update((id(one), str(each.place)) for one, each in zip(shown, found, strict=True))
        return shown

    counts = [] if wants_csv(request) else count_work(session, principal, today, narrowed).items()
    return listed(
        request,
        wanted,
        WorkPage,
        read,
        lambda one: places[id(one)],
        counts=[Counted(kind=kind, number=number) for kind, number in counts],
    )
