"""Alliances of schools: listed, one with its plan, and a form for each step."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import Reach, does
from app.access.policy import Action
from app.access.scoped import authorise_on, may_on
from app.alliances import members, queries, service
from app.alliances.schemas import AllianceListed
from app.alliances.service import NewAlliance
from app.database import WriteSession
from app.exchange.rows import Reference
from app.files.csv_reading import Date, Key, RowModel, Text
from app.import_kit.misfits import Unfit
from app.partnerships.targets import shown_value, stored_measure, target_choices
from app.portal import forms
from app.portal.choices import AllianceStep, Joins
from app.portal.forms import Field, Filled
from app.portal.labels import ALLIANCE_DONE, ALLIANCE_FIELDS, TARGET_FIELDS
from app.portal.pages.institutions import expertise_names
from app.portal.pages.partnerships import RoleText, typed_day
from app.portal.rendering import csv_page, page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.proposals.schemas import Note
from models.vocabulary import AllianceKind, AllianceRole, Channel, MemberState

router = APIRouter()
Step = AllianceStep
OF_BROKERS: Final = frozenset({Step.CHANGE, Step.ASK, Step.END})
FIELDS: Final[dict[str, Field]] = {**TARGET_FIELDS, **ALLIANCE_FIELDS}


class MakeForm(RowModel):
    reference: Reference
    name: Text
    kind: AllianceKind
    aims: Note
    starts: Date
    ends: Date | None = None
    lead: Key
    network: Key | None = None


class ChangeForm(RowModel):
    name: Text
    aims: Note
    starts: Date
    ends: Date | None = None


class AskForm(RowModel):
    participant: Key
    as_role: AllianceRole


class AnswerForm(RowModel):
    joins: Joins
    role: RoleText
    said_on: Date | None = None
    channel: Channel | None = None


class ReasonForm(RowModel):
    reason: Note


class EndForm(RowModel):
    over_on: Date
    reason: Note


@router.get("/alliances")
@does(Action.READ)
def list_alliances(request: Request, who: Who) -> Response:
    participant = request.query_params.get("participant", "")[:60] or None
    with who.database.read() as session:
        found = queries.list_alliances(session, who.principal, participant=participant, limit=None)
        counts = queries.members_by_alliance(session, found)
    if request.query_params.get("as") == "csv":
        rows = [AllianceListed.of(each, counts[each.id]).model_dump(mode="json") for each in found]
        return csv_page("alliances", list(AllianceListed.model_fields), rows)
    return page(request, "alliances.html", who, found=found, counts=counts)


@router.get("/alliances/new")
@does(Action.MAKE_ALLIANCE, reach=Reach.OPEN)
def new_alliance(request: Request, who: Who, now: Now) -> Response:
    return _new(request, who, Filled({"starts": typed_day(now.date())}))


@router.post("/alliances/new")
@does(Action.MAKE_ALLIANCE)
def make_alliance(request: Request, who: Who, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    content = forms.read(MakeForm, filled, FIELDS)
    if content is not None:
        new = NewAlliance(**content.model_dump())
        with forms.refused(filled, FIELDS), who.database.write() as session:
            return to(service.make(session, who.principal, new, now=now).id, Step.MAKE)
    return _new(request, who, filled)


def _new(request: Request, who: Visitor, filled: Filled) -> Response:
    return page(
        request,
        "alliance_form.html",
        who,
        status=422 if filled.wrong else 200,
        step=Step.MAKE,
        whole=None,
        path=f"{BASE}/alliances/new",
        filled=filled,
        fields=FIELDS,
    )


@router.get("/alliances/{alliance_id:id}")
@does(Action.READ)
def show_alliance(request: Request, who: Who, alliance_id: int) -> Response:
    with who.database.read() as session:
        whole = queries.get_alliance(session, who.principal, alliance_id)
        return page(
            request,
            "alliance.html",
            who,
            whole=whole,
            done=_done(request),
            changes=may_on(session, who.principal, Action.CHANGE_ALLIANCE, whole.alliance),
            is_broker=may_on(session, who.principal, Action.MAKE_ALLIANCE, whole.alliance),
            speaks_for={
                each.member.id
                for each in whole.members
                if may_on(session, who.principal, Action.CHANGE_ALLIANCE, each.member)
            },
            measure=lambda target: stored_measure(target).label,
            value=shown_value,
            expertise=expertise_names(session, who),
        )


@router.get("/alliances/{alliance_id:id}/change")
@does(Action.MAKE_ALLIANCE)
def ask_change(request: Request, who: Who, alliance_id: int) -> Response:
    with who.database.read() as session:
        of = queries.get_alliance(session, who.principal, alliance_id).alliance
    values = {"name": of.name, "aims": of.aims, "starts": typed_day(of.starts)}
    values |= {"ends": typed_day(of.ends)} if of.ends else {}
    return form_of(request, who, alliance_id, Step.CHANGE, Filled(values))


@router.post("/alliances/{alliance_id:id}/change")
@does(Action.MAKE_ALLIANCE)
def change_alliance(request: Request, who: Who, alliance_id: int, form: SentBy) -> Response:
    filled = Filled(texts(form))
    content = forms.read(ChangeForm, filled, FIELDS)

    def act(session: WriteSession, version: int | None) -> object:
        assert content is not None
        changes = content.model_dump()
        return service.change(session, who.principal, alliance_id, changes, version=version)

    return done(request, who, alliance_id, Step.CHANGE, filled, act if content else None)


@router.get("/alliances/{alliance_id:id}/end")
@does(Action.MAKE_ALLIANCE)
def ask_end(request: Request, who: Who, alliance_id: int, now: Now) -> Response:
    filled = Filled({"over_on": typed_day(now.date())})
    return form_of(request, who, alliance_id, Step.END, filled)


@router.post("/alliances/{alliance_id:id}/end")
@does(Action.MAKE_ALLIANCE)
def end_alliance(request: Request, who: Who, alliance_id: int, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    content = forms.read(EndForm, filled, FIELDS)

    def act(session: WriteSession, version: int | None) -> object:
        assert content is not None
        said = (content.over_on, content.reason)
        return service.end(session, who.principal, alliance_id, *said, version=version, now=now)

    return done(request, who, alliance_id, Step.END, filled, act if content else None)


@router.get("/alliances/{alliance_id:id}/members/new")
@does(Action.MAKE_ALLIANCE)
def ask_member(request: Request, who: Who, alliance_id: int) -> Response:
    return form_of(request, who, alliance_id, Step.ASK, Filled({"as_role": AllianceRole.MEMBER}))


@router.post("/alliances/{alliance_id:id}/members/new")
@does(Action.MAKE_ALLIANCE)
def add_member(request: Request, who: Who, alliance_id: int, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    content = forms.read(AskForm, filled, FIELDS)

    def act(session: WriteSession, version: int | None) -> object:
        assert content is not None
        asked = (content.participant, content.as_role)
        return members.ask(session, who.principal, alliance_id, *asked, version=version, now=now)

    return done(request, who, alliance_id, Step.ASK, filled, act if content else None)


@router.get("/alliances/{alliance_id:id}/members/{member_id:id}/answer")
@does(Action.CHANGE_ALLIANCE)
def ask_member_answer(request: Request, who: Who, alliance_id: int, member_id: int) -> Response:
    return form_of(request, who, alliance_id, Step.ANSWER, Filled(), member_id=member_id)


@router.post("/alliances/{alliance_id:id}/members/{member_id:id}/answer")
@does(Action.CHANGE_ALLIANCE)
def answer_alliance(
    request: Request, who: Who, alliance_id: int, member_id: int, form: SentBy, now: Now
) -> Response:
    filled = Filled(texts(form))
    content = forms.read(AnswerForm, filled, FIELDS)

    def act(session: WriteSession, version: int | None) -> object:
        assert content is not None
        return members.answer(
            session,
            who.principal,
            alliance_id,
            member_id,
            content.joins is Joins.YES,
            content.role,
            said_on=content.said_on,
            channel=content.channel,
            version=version,
            now=now,
        )

    step = Step.ANSWER
    return done(
        request, who, alliance_id, step, filled, act if content else None, member_id=member_id
    )


@router.get("/alliances/{alliance_id:id}/members/{member_id:id}/leave")
@does(Action.CHANGE_ALLIANCE)
def ask_leave(request: Request, who: Who, alliance_id: int, member_id: int) -> Response:
    return form_of(request, who, alliance_id, Step.LEAVE, Filled(), member_id=member_id)


@router.post("/alliances/{alliance_id:id}/members/{member_id:id}/leave")
@does(Action.CHANGE_ALLIANCE)
def leave_alliance(
    request: Request, who: Who, alliance_id: int, member_id: int, form: SentBy, now: Now
) -> Response:
    filled = Filled(texts(form))
    content = forms.read(ReasonForm, filled, FIELDS)

    def act(session: WriteSession, version: int | None) -> object:
        assert content is not None
        said = (member_id, content.reason)
        return members.leave(session, who.principal, alliance_id, *said, version=version, now=now)

    step = Step.LEAVE
    return done(
        request, who, alliance_id, step, filled, act if content else None, member_id=member_id
    )


def done(
    request: Request,
    who: Visitor,
    alliance_id: int,
    step: AllianceStep,
    filled: Filled,
    act: Callable[[WriteSession, int | None], object] | None,
    **of: int,
) -> Response:
    """The alliance once a step is done, or its form again with what is wrong."""
    if act is not None:
        try:
            with forms.refused(filled, FIELDS), who.database.write() as session:
                act(session, forms.whole(filled.values.get("version")))
        except Unfit as unfit:
            forms.take(filled, unfit.misfits, FIELDS)
    if filled.wrong or act is None:
        return form_of(request, who, alliance_id, step, filled, **of)
    return to(alliance_id, step)


def form_of(
    request: Request,
    who: Visitor,
    alliance_id: int,
    step: AllianceStep,
    filled: Filled,
    *,
    member_id: int | None = None,
    action_id: int | None = None,
) -> Response:
    """The form of one step, for whoever may take it."""
    right = Action.MAKE_ALLIANCE if step in OF_BROKERS else Action.CHANGE_ALLIANCE
    with who.database.read() as session:
        whole = queries.get_alliance(session, who.principal, alliance_id)
        authorise_on(session, who.principal, right, whole.alliance)
        member = next((each for each in whole.members if each.member.id == member_id), None)
        own = member is not None and members.speaks_for_it(
            session, who.principal, member.participant.id
        )
    filled.values.setdefault("version", str(whole.alliance.version))
    standing: list[Any] = [
        (each.participant.reference.partition(":")[2], each.participant.name)
        for each in whole.members
        if each.member.state == MemberState.MEMBER
    ]
    ends = {
        Step.CHANGE: "change",
        Step.END: "end",
        Step.ASK: "members/new",
        Step.ANSWER: f"members/{member_id}/answer",
        Step.LEAVE: f"members/{member_id}/leave",
        Step.ACTION: "actions/new",
        Step.END_ACTION: f"actions/{action_id}/end",
        Step.TARGET: "targets/new",
        Step.REVIEW: "reviews/new",
    }
    return page(
        request,
        "alliance_form.html",
        who,
        status=422 if filled.wrong else 200,
        step=step,
        whole=whole,
        path=f"{BASE}/alliances/{alliance_id}/{ends[step]}",
        member=member,
        own=own,
        action=next((each for each in whole.actions if each.action.id == action_id), None),
        standing=standing,
        measures=target_choices(),
        filled=filled,
        fields=FIELDS,
    )


def _done(request: Request) -> str | None:
    """What has just been done, as the address of the page says."""
    step = request.query_params.get("done", "")
    return ALLIANCE_DONE[Step(step)] if step in list(Step) else None


def to(alliance_id: int, done: AllianceStep | None = None) -> Response:
    told = f"?done={done}" if done else ""
    return RedirectResponse(f"{BASE}/alliances/{alliance_id}{told}", 303)
