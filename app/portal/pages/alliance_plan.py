"""The plan of an alliance: a form for each action, target and review."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action
from app.alliances import plan
from app.alliances.plan import NewAction
from app.database import WriteSession
from app.exchange.rows import Reference
from app.files.csv_reading import Date, Key, RowModel, Whole
from app.partnerships.targets import TargetRow, measures_of_targets
from app.portal import forms
from app.portal.forms import Filled
from app.portal.pages.alliances import FIELDS, Step, done, form_of, to
from app.portal.pages.partnerships import RoleText, typed_day
from app.portal.sessions import SentBy, Who, texts
from app.proposals.schemas import Note
from models.vocabulary import ActionState, Rating

router = APIRouter()


class ActionForm(RowModel):
    what: Note
    leader: Key
    due: Date
    need: Reference | None = None
    partnership: Whole | None = None


class EndActionForm(RowModel):
    state: ActionState
    reason: Note | None = None


class ReviewForm(RowModel):
    participant: Key
    rating: Rating
    on_day: Date
    role: RoleText
    note: Note | None = None


@router.get("/alliances/{alliance_id:id}/actions/new")
@does(Action.CHANGE_ALLIANCE)
def ask_action(request: Request, who: Who, alliance_id: int) -> Response:
    return form_of(request, who, alliance_id, Step.ACTION, Filled())


@router.post("/alliances/{alliance_id:id}/actions/new")
@does(Action.CHANGE_ALLIANCE)
def add_action(request: Request, who: Who, alliance_id: int, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    content = forms.read(ActionForm, filled, FIELDS)

    def act(session: WriteSession, version: int | None) -> object:
        assert content is not None
        new = NewAction(**content.model_dump())
        return plan.add_action(session, who.principal, alliance_id, new, version=version, now=now)

    return done(request, who, alliance_id, Step.ACTION, filled, act if content else None)


@router.get("/alliances/{alliance_id:id}/actions/{action_id:id}/end")
@does(Action.CHANGE_ALLIANCE)
def ask_end_of_action(request: Request, who: Who, alliance_id: int, action_id: int) -> Response:
    return form_of(request, who, alliance_id, Step.END_ACTION, Filled(), action_id=action_id)


@router.post("/alliances/{alliance_id:id}/actions/{action_id:id}/end")
@does(Action.CHANGE_ALLIANCE)
def end_action(
    request: Request, who: Who, alliance_id: int, action_id: int, form: SentBy, now: Now
) -> Response:
    filled = Filled(texts(form))
    content = forms.read(EndActionForm, filled, FIELDS)

    def act(session: WriteSession, version: int | None) -> object:
        assert content is not None
        return plan.end_action(
            session,
            who.principal,
            alliance_id,
            action_id,
            content.state,
            content.reason,
            version=version,
            now=now,
        )

    step = Step.END_ACTION
    return done(
        request, who, alliance_id, step, filled, act if content else None, action_id=action_id
    )


@router.get("/alliances/{alliance_id:id}/targets/new")
@does(Action.CHANGE_ALLIANCE)
def ask_target(request: Request, who: Who, alliance_id: int) -> Response:
    return form_of(request, who, alliance_id, Step.TARGET, Filled())


@router.post("/alliances/{alliance_id:id}/targets/new")
@does(Action.CHANGE_ALLIANCE)
def add_target(request: Request, who: Who, alliance_id: int, form: SentBy) -> Response:
    filled = Filled(texts(form))
    chosen = filled.values.get("measure", "")
    known = {each.measure for each in measures_of_targets()}
    cells = filled.values | {"support": f"alliance-{alliance_id}"}
    # What is typed in the fields of another measure counts only where none is selected.
    cells["measure"] = chosen or filled.values.get("other", "")
    if chosen in known:
        cells["kind"] = ""
    read = Filled(cells)
    row = forms.read(TargetRow, read, FIELDS)
    filled.errors, filled.general = read.errors, read.general

    def act(session: WriteSession, version: int | None) -> object:
        assert row is not None
        return plan.add_target(session, who.principal, alliance_id, row, version=version)

    return done(request, who, alliance_id, Step.TARGET, filled, act if row else None)


@router.post("/alliances/{alliance_id:id}/targets/{target_id:id}/remove")
@does(Action.CHANGE_ALLIANCE)
def remove_target(who: Who, alliance_id: int, target_id: int, form: SentBy) -> Response:
    version = forms.whole(texts(form).get("version"))
    with who.database.write() as session:
        plan.remove_target(session, who.principal, alliance_id, target_id, version=version)
    return to(alliance_id)


@router.get("/alliances/{alliance_id:id}/reviews/new")
@does(Action.CHANGE_ALLIANCE)
def ask_review(request: Request, who: Who, alliance_id: int, now: Now) -> Response:
    filled = Filled({"on_day": typed_day(now.date())})
    return form_of(request, who, alliance_id, Step.REVIEW, filled)


@router.post("/alliances/{alliance_id:id}/reviews/new")
@does(Action.CHANGE_ALLIANCE)
def add_review(request: Request, who: Who, alliance_id: int, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    content = forms.read(ReviewForm, filled, FIELDS)

    def act(session: WriteSession, version: int | None) -> object:
        assert content is not None
        said = content.participant, content.rating, content.on_day, content.role, content.note
        return plan.review(session, who.principal, alliance_id, *said, version=version, now=now)

    return done(request, who, alliance_id, Step.REVIEW, filled, act if content else None)
