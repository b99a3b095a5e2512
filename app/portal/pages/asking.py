"""From self-evaluation to a need in a few short pages, with an introduction where one is asked for.

What was entered goes from page to page in the form itself: nothing is kept until it is sent.
"""

import secrets
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import Reach, does
from app.access.policy import Action
from app.access.scoped import outside
from app.catalogue.everyday_words import meant_by, related
from app.database import ReadSession, WriteSession
from app.errors import NotFound
from app.exchange.finding import Search, details, find
from app.exchange.list_query import NeedQuery
from app.exchange.queries import get_need, list_needs
from app.exchange.rows import NeedRow, SomeHalfDays
from app.exchange.service import create_need
from app.files.csv_reading import Date, Key, RowModel, Text
from app.import_kit.misfits import Unfit
from app.introductions.queries import list_introductions
from app.introductions.service import NewIntroduction, ask
from app.planning.load import PLANNED_NEEDS
from app.portal import forms
from app.portal.choices import Saved
from app.portal.forms import Filled
from app.portal.labels import ASKING_FIELDS
from app.portal.pages.find import own_urn
from app.portal.pages.needs_and_offers import catalogue_choices
from app.portal.pages.partnerships import RoleText, typed_day
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.register.naming import participant_ids, reference_named
from models.exchange import Need
from models.register import Participant
from models.vocabulary import IntroductionKind, Mode, NeedEvidence, NeedState

router = APIRouter()
MOST_LETTERS: Final = 300
NEW: Final = "new"
"""Instead of a need that is recorded already."""
Found = Mapping[str, Any]
"""The offer that the school found."""


class Step(StrEnum):
    """The pages of the form, in their order."""

    WHO = "who"
    WHAT = "what"
    HOW = "how"
    WHY = "why"
    CHECK = "check"


class SchoolForm(RowModel):
    participant: Key


class WhatForm(RowModel):
    expertise: Key


class HowForm(RowModel):
    period: Key
    half_days: SomeHalfDays = Field(alias="days")
    mode: Mode


class WhyForm(RowModel):
    improvement_plan_line: Text | None = None
    agreed_by: RoleText


class ArrangedForm(WhyForm):
    agreed_with: RoleText
    agreed_on: Date


@router.get("/find/need")
@does(Action.CHANGE_NEED, reach=Reach.OPEN)
def begin_need(
    request: Request,
    who: Who,
    now: Now,
    offer: str = "",
    kind: str = "",
    expertise: str = "",
) -> Response:
    """The first page that has something to ask."""
    arranged = kind == IntroductionKind.ARRANGEMENT
    filled = Filled(
        {
            "reference": f"need-{secrets.token_hex(6)}",
            "participant": own_urn(who.principal),
            "offer": offer[:60],
            "kind": IntroductionKind.ARRANGEMENT if arranged else IntroductionKind.INTRODUCTION,
            "mode": Mode.EITHER,
            "agreed_on": typed_day(now.date()),
        }
    )
    with who.database.read() as session:
        found = _offer(session, filled, now.date())
        if expertise:
            filled.values["expertise"] = next(iter(meant_by(session, expertise[:100])), "")
        step = _steps(session, who, filled, found)[0]
        return _show(request, who, session, filled, found, step, now)


@router.post("/find/need")
@does(Action.CHANGE_NEED)
def record_need(request: Request, who: Who, form: SentBy, now: Now) -> Response:
    """Check one page and show the next; after the last, save what was entered."""
    filled = Filled({name: value[:MOST_LETTERS] for name, value in texts(form).items()})
    step = _step(filled.values.get("step"))
    back = filled.values.pop("back", "")
    with who.database.read() as session:
        found = _offer(session, filled, now.date())
        if back:
            return _show(request, who, session, filled, found, _step(back), now)
        steps = _steps(session, who, filled, found)
        # Whatever a browser sends, what is saved has passed every page.
        for each in steps[: steps.index(step) + 1] if step in steps else steps[:1]:
            _check(session, who, filled, each, found)
            if filled.wrong:
                return _show(request, who, session, filled, found, each, now)
        if step is not Step.CHECK:
            steps = _steps(session, who, filled, found)
            after = steps[steps.index(step) + 1] if step in steps else steps[0]
            return _show(request, who, session, filled, found, after, now)
    if (made := _save(who, filled, now)) is not None:
        return RedirectResponse(f"{BASE}{made}", 303)
    with who.database.read() as session:
        return _show(request, who, session, filled, found, Step.CHECK, now)


def _step(text: str | None) -> Step:
    return Step(text) if text in list(Step) else Step.WHO


def _offer(session: ReadSession, filled: Filled, today: date) -> Found | None:
    """The offer that the school found; what it is for and when are settled with it."""
    reference = filled.values.get("offer", "")
    if not reference:
        return None
    rows = details(session, find(session, Search(offer=reference), today))
    if not rows:
        raise NotFound("This offer is no longer open. Go back and look for another one.")
    filled.values |= {"expertise": rows[0]["expertise"], "period": rows[0]["period"]}
    return rows[0]


def _steps(session: ReadSession, who: Visitor, filled: Filled, found: Found | None) -> list[Step]:
    """The pages that have something to ask of this visitor."""
    steps = [] if own_urn(who.principal) else [Step.WHO]
    if found is None or _recorded(session, who, filled, found):
        steps.append(Step.WHAT)
    if filled.values.get("use", NEW) in (NEW, ""):
        steps.append(Step.HOW)
    return [*steps, Step.WHY, Step.CHECK]


def _recorded(
    session: ReadSession, who: Visitor, filled: Filled, found: Found | None
) -> list[Need]:
    """Open needs of the school that the offer covers."""
    cell = filled.values.get("participant", "")
    if found is None or not cell:
        return []
    needs = list_needs(
        session,
        who.principal,
        NeedQuery(period=found["period"], participant=cell),
        limit=None,
    )
    covered = related(session, [found["expertise"]])
    return [
        each
        for each in needs
        if each.reference != filled.values.get("reference")  # made by this form, sent before
        and each.state in PLANNED_NEEDS
        and each.state != NeedState.SUGGESTED
        and each.expertise_code in covered
    ]


def _check(
    session: ReadSession, who: Visitor, filled: Filled, step: Step, found: Found | None
) -> None:
    """Put what is wrong with the answers of one page at their fields."""
    match step:
        case Step.WHO:
            if forms.read(SchoolForm, filled, ASKING_FIELDS) is not None:
                _check_school(session, who, filled)
        case Step.WHAT if found is None:
            forms.read(WhatForm, filled, ASKING_FIELDS)
        case Step.WHAT:
            known = {each.reference for each in _recorded(session, who, filled, found)}
            if filled.values.get("use") not in {NEW, *known}:
                filled.add("use", ASKING_FIELDS["use"].enter)
        case Step.HOW:
            forms.read(HowForm, filled, ASKING_FIELDS)
        case Step.WHY:
            forms.read(ArrangedForm if _arranged(filled) else WhyForm, filled, ASKING_FIELDS)


def _check_school(session: ReadSession, who: Visitor, filled: Filled) -> None:
    cell = filled.values["participant"]
    known = participant_ids(session, [reference_named(session, cell)])
    if not known:
        filled.add("participant", f"There is no school {cell} in the register. Enter a URN")
    elif outside(session, who.principal, Action.CHANGE_NEED, known.values()):
        filled.add(
            "participant",
            f"School {cell} is outside the area or organisation that you may record needs for. "
            "Enter another URN",
        )


def _arranged(filled: Filled) -> bool:
    values = filled.values
    return bool(values.get("offer")) and values.get("kind") == IntroductionKind.ARRANGEMENT


def _save(who: Visitor, filled: Filled, now: datetime) -> str | None:
    """Where what was saved is shown; none where the form says why it was not."""
    try:
        with forms.refused(filled, ASKING_FIELDS), who.database.write() as session:
            return _saved(session, who, filled, now)
    except Unfit as unfit:
        forms.take(filled, unfit.misfits, ASKING_FIELDS)
    return None


def _saved(session: WriteSession, who: Visitor, filled: Filled, now: datetime) -> str:
    values = filled.values
    if (sent := _sent_before(session, who, values)) is not None:
        return sent
    reference = values.get("use", NEW)
    if reference in (NEW, ""):
        reference = values["reference"]
        create_need(session, who.principal, _row(values))
    if not values.get("offer"):
        return f"/needs/{reference}?done={Saved.CREATED}"
    agreed: dict[str, Any] = {}
    if _arranged(filled):
        form = ArrangedForm.model_validate(
            {name: values[name] for name in ("agreed_by", "agreed_with", "agreed_on")}
        )
        agreed = {"agreed_with": form.agreed_with, "agreed_on": form.agreed_on}
    new = NewIntroduction(
        IntroductionKind(values["kind"]),
        reference,
        values["offer"],
        values["agreed_by"],
        **agreed,
    )
    made = ask(session, who.principal, new, now=now)
    return f"/introductions/{made.id}?done={Saved.CREATED}"


def _sent_before(session: WriteSession, who: Visitor, values: Mapping[str, str]) -> str | None:
    """Where what the same form made is shown, if it was sent twice."""
    try:
        need = get_need(session, who.principal, values.get("reference", ""))
    except NotFound:
        return None
    for each in list_introductions(session, who.principal, need=need.reference):
        return f"/introductions/{each.introduction.id}?done={Saved.CREATED}"
    return f"/needs/{need.reference}?done={Saved.CREATED}"


def _row(values: Mapping[str, str]) -> NeedRow:
    names = ("participant", "expertise", "period", "days", "mode", "agreed_by")
    cells = {name: values[name] for name in names}
    if line := values.get("improvement_plan_line"):
        cells["improvement_plan_line"] = line
    return NeedRow.model_validate(
        cells | {"reference": values["reference"], "evidence": NeedEvidence.SELF_EVALUATION}
    )


def _show(
    request: Request,
    who: Visitor,
    session: ReadSession,
    filled: Filled,
    found: Found | None,
    step: Step,
    now: datetime,
) -> Response:
    cell = filled.values.get("participant", "")
    ids = participant_ids(session, [reference_named(session, cell)]) if cell else {}
    school = session.get(Participant, next(iter(ids.values()))) if ids else None
    choices = catalogue_choices(session, who)
    periods = [each for each in choices.pop("periods") if each.ends >= now.date()]
    if not filled.values.get("period"):
        years = [each.code for each in periods if each.year_code is None]
        filled.values["period"] = years[0] if years else ""
    used = filled.values.get("use", NEW)
    return page(
        request,
        "asking.html",
        who,
        status=422 if filled.wrong else 200,
        filled=filled,
        fields=ASKING_FIELDS,
        step=step,
        steps=_steps(session, who, filled, found),
        offer=found,
        school=school,
        recorded=_recorded(session, who, filled, found),
        used=None if used in (NEW, "") else get_need(session, who.principal, used),
        arranged=_arranged(filled),
        periods=periods,
        **choices,
    )
