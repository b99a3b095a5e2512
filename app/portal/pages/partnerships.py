"""Partnerships: listed, one with all that belongs to it, started, paused and ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, StringConstraints
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import does
from app.access.persons import same_person
from app.access.policy import Action, authorise
from app.access.scoped import authorise_on, may_on
from app.catalogue.queries import list_periods
from app.database import ReadSession, database_now
from app.files.csv_reading import Date, HalfDays, Key, RowModel, Whole, clean_text
from app.money.queries import list_claims, paid_from
from app.partnerships import life, reviews
from app.partnerships import partnership_queries as queries
from app.partnerships.list_query import PartnershipQuery
from app.partnerships.observed import observed
from app.partnerships.partnership_queries import Whole as WholePartnership
from app.partnerships.partnership_schemas import PartnershipShown, Rhythm
from app.partnerships.terms import Later, LaterAgreed, Terms
from app.portal import forms, labels, lists
from app.portal.choices import PartnershipStep
from app.portal.forms import Field, Filled
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import Pager, csv_list, page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.proposals.apart import is_employed
from app.proposals.queries import Full, get_proposal
from app.proposals.running import conditions_of
from app.proposals.schemas import Note
from app.runs.queries import get_run
from models.exchange import Period
from models.partnerships import Concern
from models.vocabulary import (
    RUNNING_SUPPORT,
    Channel,
    EndReason,
    NeedState,
    PaidBy,
    Reviewer,
    Side,
)

router = APIRouter()
LATER: Final = (1, 2, 3)
"""Later periods that the form to start has rows for."""
RoleText = Annotated[str, StringConstraints(max_length=100), BeforeValidator(clean_text)]


class StartForm(RowModel):
    """The terms of a partnership as its form asks for them."""

    starts: Date
    ends: Date
    aims: Note
    taker_role: RoleText
    giver_role: RoleText
    monitor_role: RoleText | None = None
    rhythm: Rhythm | None = None
    exit_plan: Note | None = None
    paid_by: PaidBy | None = None
    day_rate_pounds: Whole | None = None
    fee_pounds: Whole | None = None
    period_1: Key | None = None
    days_1: HalfDays | None = None
    period_2: Key | None = None
    days_2: HalfDays | None = None
    period_3: Key | None = None
    days_3: HalfDays | None = None
    later_said_on: Date | None = None
    later_channel: Channel | None = None
    conditions_met: Literal["yes"] | None = None

    @property
    def terms(self) -> Terms:
        later = {f"{name}_{n}" for name in ("period", "days") for n in LATER}
        later |= {"later_said_on", "later_channel", "conditions_met"}
        return Terms(**self.model_dump(exclude={"starts", "ends", *later}))

    @property
    def later_agreed(self) -> LaterAgreed | None:
        if self.later_said_on is None or self.later_channel is None:
            return None
        return LaterAgreed(self.later_said_on, self.later_channel)

    def later(self, filled: Filled) -> list[Later]:
        """The rows that are filled in; what is half of one is said at its other field."""
        found = []
        for n in LATER:
            period, half_days = getattr(self, f"period_{n}"), getattr(self, f"days_{n}")
            if period and half_days:
                found.append(Later(period, half_days))
            elif period or half_days:
                lacks = f"{'days' if period else 'period'}_{n}"
                filled.add(lacks, labels.START_FIELDS[lacks].enter)
        return found


class ChangeForm(RowModel):
    """What of the terms can change without both sides agreeing anew."""

    aims: Note
    taker_role: RoleText
    giver_role: RoleText
    monitor_role: RoleText | None = None
    rhythm: Rhythm | None = None
    exit_plan: Note | None = None


class PauseForm(RowModel):
    reason: EndReason
    note: Note | None = None


class EndForm(PauseForm):
    over_on: Date
    need_becomes: NeedState


@dataclass(frozen=True, slots=True)
class Rights:
    """What the visitor may do with one partnership, as the services have it."""

    review: bool
    taker: bool
    giver: bool
    reviewers: tuple[Reviewer, ...]
    outcomes: tuple[Side, ...]
    answers_concerns: bool
    names: frozenset[str]
    """Under which the visitor acts, so that nobody signs their own work."""


@router.get("/partnerships")
@does(Action.READ)
def list_partnerships(request: Request, who: Who) -> Response:
    asked = lists.asked(request, who, PartnershipQuery, "-id")
    if isinstance(asked, Response):
        return asked
    with who.database.read() as session:
        if asked.as_csv:
            ids = queries.partnership_ids(session, who.principal, asked.wanted)

            def rows(session: ReadSession, some: Sequence[int]) -> list[dict[str, object]]:
                found = queries.load(session, who.principal, some)
                return [PartnershipShown.of(each).model_dump(mode="json") for each in found]

            columns = list(PartnershipShown.model_fields)
            return csv_list(who, "partnerships", columns, ids, rows)
        found = queries.list_partnerships(
            session, who.principal, asked.wanted, skip=asked.skip, limit=lists.PER_PAGE
        )
        number, days = queries.count_partnerships(session, who.principal, asked.wanted)
        answer = page(
            request,
            "partnerships.html",
            who,
            found=found,
            days=days,
            latest=queries.latest_reviews(session, found),
            pager=Pager(asked.page, lists.PER_PAGE, number),
            sort=asked.wanted.sort,
            sorts=PartnershipQuery.sorts(),
            filters=lists.filters_of(session, who, PartnershipQuery),
            filtered=asked.wanted.is_filtered,
            expertise=expertise_names(session, who),
        )
    return lists.remember(request, who, asked, answer)


@router.get("/partnerships/{partnership_id:id}")
@does(Action.READ)
def show_partnership(request: Request, who: Who, partnership_id: int, now: Now) -> Response:
    done = request.query_params.get("done")
    with who.database.read() as session:
        whole = queries.get_partnership(session, who.principal, partnership_id)
        rights = rights_on(session, who, whole, now.date())
        return page(
            request,
            "partnership.html",
            who,
            whole=whole,
            rights=rights,
            observed=observed(session, who.principal, whole, now.date()),
            concerns=reviews.list_concerns(session, who.principal, partnership_id),
            latest=queries.latest_reviews(session, [whole.summary])[partnership_id],
            paid=paid_from(session, whole.summary.full.proposal.id),
            claims=list_claims(session, who.principal, partnership=partnership_id, limit=None),
            running=whole.summary.partnership.state in RUNNING_SUPPORT,
            today=now.date(),
            done=PartnershipStep(done) if done in list(PartnershipStep) else None,
            expertise=expertise_names(session, who),
        )


def rights_on(session: ReadSession, who: Visitor, whole: WholePartnership, today: date) -> Rights:
    partnership, full = whole.summary.partnership, whole.summary.full
    principal, proposal = who.principal, full.proposal
    review, taker, giver = (
        may_on(session, principal, action, proposal)
        for action in (Action.REVIEW, Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
    )
    names = same_person(session, principal.name)
    wider = reviews.as_wider(principal)
    running = partnership.state in RUNNING_SUPPORT
    employed = is_employed(session, principal, full.offer)
    return Rights(
        review,
        taker,
        giver,
        tuple(
            reviewer
            for reviewer, may in (
                (Reviewer.TAKER, taker),
                (Reviewer.GIVER, giver),
                (Reviewer.MONITOR, review and not employed),
            )
            if may and running and partnership.starts <= today
        ),
        () if running else _outcomes(whole, names, taker=taker and not employed, giver=giver),
        may_on(session, wider, Action.APPROVE, proposal),
        names,
    )


def _outcomes(
    whole: WholePartnership, names: frozenset[str], *, taker: bool, giver: bool
) -> tuple[Side, ...]:
    """The sides that the visitor can speak for now, on what came of it."""
    said = {Side(each.side): each for each in whole.outcomes}
    if Side.GIVER in said:
        return ()
    first = said.get(Side.TAKER)
    answers = giver and first is not None and not first.is_work_of(names)
    return tuple(side for side, may in ((Side.TAKER, taker), (Side.GIVER, answers)) if may)


@router.get("/proposals/{proposal_id:id}/partnership")
@does(Action.REVIEW)
def ask_start(request: Request, who: Who, proposal_id: int, now: Now) -> Response:
    with who.database.read() as session:
        full = get_proposal(session, who.principal, proposal_id)
        first = _period_of(session, who, full)
    opens = max(full.need.window_starts, full.offer.window_starts, first.starts, now.date())
    values = {"version": str(full.proposal.version)}
    if opens <= first.ends:
        ends = min(full.need.window_ends, full.offer.window_ends, first.ends)
        values |= {"starts": typed_day(opens), "ends": typed_day(ends)}
    return _start_form(request, who, proposal_id, Filled(values))


def typed_day(day: date) -> str:
    return f"{day.day}/{day.month}/{day.year}"


@router.post("/proposals/{proposal_id:id}/partnership")
@does(Action.REVIEW)
def start_partnership(
    request: Request, who: Who, proposal_id: int, form: SentBy, now: Now
) -> Response:
    filled = Filled(texts(form))
    content = forms.read(StartForm, filled, labels.START_FIELDS)
    later = [] if content is None else content.later(filled)
    if content is not None and not filled.wrong:
        # Terms of later periods are refused together, and stand in several fields.
        fields = {**labels.START_FIELDS, "later": Field("", "")}
        with forms.refused(filled, fields), who.database.write() as session:
            made = life.start(
                session,
                who.principal,
                proposal_id,
                content.terms,
                content.starts,
                content.ends,
                later,
                later_agreed=content.later_agreed,
                conditions_met=content.conditions_met == "yes",
                version=forms.whole(filled.values.get("version")),
                now=now,
            )
            return to_partnership(made.id, PartnershipStep.START)
    if "later" in filled.errors:
        filled.add("period_1", filled.errors.pop("later"))
    return _start_form(request, who, proposal_id, filled)


def _start_form(request: Request, who: Visitor, proposal_id: int, filled: Filled) -> Response:
    with who.database.read() as session:
        full = get_proposal(session, who.principal, proposal_id)
        authorise_on(session, who.principal, Action.REVIEW, full.proposal)
        first = _period_of(session, who, full)
        later = [
            (each.code, each.name)
            for each in list_periods(session, who.principal, limit=None)
            if each.starts > first.ends
        ]
        return page(
            request,
            "partnership_start.html",
            who,
            status=422 if filled.wrong else 200,
            full=full,
            filled=filled,
            fields=labels.START_FIELDS,
            periods=later,
            rows=LATER,
            conditions=conditions_of(session, proposal_id),
            expertise=expertise_names(session, who),
        )


def _period_of(session: ReadSession, who: Visitor, full: Full) -> Period:
    code = get_run(session, who.principal, full.proposal.run_id).period_code
    return next(
        each for each in list_periods(session, who.principal, limit=None) if each.code == code
    )


@router.get("/partnerships/{partnership_id:id}/change")
@does(Action.REVIEW)
def ask_change(request: Request, who: Who, partnership_id: int) -> Response:
    with who.database.read() as session:
        of = queries.get_partnership(session, who.principal, partnership_id).summary.partnership
        stored = {name: getattr(of, name) or "" for name in ChangeForm.model_fields}
    return step_form(request, who, partnership_id, PartnershipStep.CHANGE, Filled(stored))


@router.post("/partnerships/{partnership_id:id}/change")
@does(Action.REVIEW)
def change_partnership(request: Request, who: Who, partnership_id: int, form: SentBy) -> Response:
    filled = Filled(texts(form))
    content = forms.read(ChangeForm, filled, labels.START_FIELDS)
    if content is not None:
        with forms.refused(filled, labels.START_FIELDS), who.database.write() as session:
            life.change_terms(
                session,
                who.principal,
                partnership_id,
                content.model_dump(),
                version=forms.whole(filled.values.get("version")),
            )
    return after(request, who, partnership_id, PartnershipStep.CHANGE, filled)


@router.get("/partnerships/{partnership_id:id}/pause")
@does(Action.REVIEW)
def ask_pause(request: Request, who: Who, partnership_id: int) -> Response:
    return step_form(request, who, partnership_id, PartnershipStep.PAUSE, Filled())


@router.post("/partnerships/{partnership_id:id}/pause")
@does(Action.REVIEW)
def pause_partnership(request: Request, who: Who, partnership_id: int, form: SentBy) -> Response:
    filled = Filled(texts(form))
    content = forms.read(PauseForm, filled, labels.REASON_FIELDS)
    if content is not None:
        with forms.refused(filled, labels.REASON_FIELDS), who.database.write() as session:
            life.pause(
                session,
                who.principal,
                partnership_id,
                content.reason,
                content.note,
                version=forms.whole(filled.values.get("version")),
            )
    return after(request, who, partnership_id, PartnershipStep.PAUSE, filled)


@router.post("/partnerships/{partnership_id:id}/resume")
@does(Action.REVIEW)
def go_on(who: Who, partnership_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        life.resume(
            session,
            who.principal,
            partnership_id,
            version=forms.whole(texts(form).get("version")),
        )
    return to_partnership(partnership_id, PartnershipStep.RESUME)


@router.get("/partnerships/{partnership_id:id}/end")
@does(Action.REVIEW)
def ask_end(request: Request, who: Who, partnership_id: int, now: Now) -> Response:
    filled = Filled({"over_on": typed_day(now.date())})
    return step_form(request, who, partnership_id, PartnershipStep.END, filled)


@router.post("/partnerships/{partnership_id:id}/end")
@does(Action.REVIEW)
def end_partnership(
    request: Request, who: Who, partnership_id: int, form: SentBy, now: Now
) -> Response:
    filled = Filled(texts(form))
    content = forms.read(EndForm, filled, labels.END_FIELDS)
    if content is not None:
        with forms.refused(filled, labels.END_FIELDS), who.database.write() as session:
            life.end(
                session,
                who.principal,
                partnership_id,
                content.reason,
                content.over_on,
                content.need_becomes,
                content.note,
                version=forms.whole(filled.values.get("version")),
                now=now,
            )
    return after(request, who, partnership_id, PartnershipStep.END, filled)


def after(
    request: Request,
    who: Visitor,
    partnership_id: int,
    step: PartnershipStep,
    filled: Filled,
    **more: Any,
) -> Response:
    """The partnership once a step is done, or its form again with what is wrong."""
    if filled.wrong:
        return step_form(request, who, partnership_id, step, filled, **more)
    return to_partnership(partnership_id, step)


def to_partnership(partnership_id: int, step: PartnershipStep) -> Response:
    return RedirectResponse(f"{BASE}/partnerships/{partnership_id}?done={step}", 303)


RIGHT: Final = {
    PartnershipStep.CHANGE: (Action.REVIEW,),
    PartnershipStep.PAUSE: (Action.REVIEW,),
    PartnershipStep.END: (Action.REVIEW,),
    PartnershipStep.BOOK: (Action.AGREE_FOR_GIVER,),
    PartnershipStep.WRITE_UP: (Action.AGREE_FOR_GIVER,),
    PartnershipStep.SIGN: (Action.AGREE_FOR_TAKER,),
    PartnershipStep.REVIEW: (Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER),
    PartnershipStep.OUTCOME: (Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER),
    PartnershipStep.CONCERN: (Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER),
    PartnershipStep.ANSWER: (Action.APPROVE,),
}
FIELDS: Final = {
    PartnershipStep.CHANGE: labels.START_FIELDS,
    PartnershipStep.PAUSE: labels.REASON_FIELDS,
    PartnershipStep.END: labels.END_FIELDS,
    PartnershipStep.BOOK: labels.VISIT_FIELDS,
    PartnershipStep.WRITE_UP: labels.REPORT_FIELDS,
    PartnershipStep.SIGN: labels.SIGNATURE_FIELDS,
    PartnershipStep.REVIEW: labels.REVIEW_FIELDS,
    PartnershipStep.OUTCOME: labels.OUTCOME_FIELDS,
    PartnershipStep.CONCERN: labels.CONCERN_FIELDS,
    PartnershipStep.ANSWER: labels.CONCERN_ANSWER_FIELDS,
}


def step_form(
    request: Request,
    who: Visitor,
    partnership_id: int,
    step: PartnershipStep,
    filled: Filled,
    *,
    visit_id: int | None = None,
    side: Side | None = None,
    concern: Concern | None = None,
) -> Response:
    """The form of one step, for whoever may take it."""
    with who.database.read() as session:
        whole = queries.get_partnership(session, who.principal, partnership_id)
        proposal = whole.summary.full.proposal
        one_of = RIGHT[step]
        if not any(may_on(session, who.principal, action, proposal) for action in one_of):
            authorise(who.principal, one_of[0])
            authorise_on(session, who.principal, one_of[0], proposal)
        visit = next((each for each in whole.visits if each.id == visit_id), None)
        version = (visit or concern or whole.summary.partnership).version
        filled.values.setdefault("version", str(version))
        return page(
            request,
            "partnership_form.html",
            who,
            status=422 if filled.wrong else 200,
            whole=whole,
            step=step,
            visit=visit,
            side=side,
            concern=concern,
            heard=step is PartnershipStep.CONCERN
            and reviews.is_heard(session, who.principal, proposal, database_now(session)),
            filled=filled,
            fields=FIELDS[step],
            reviewers=[
                (each, labels.label(each, Reviewer), "")
                for each in rights_on(session, who, whole, date.max).reviewers
            ],
            becomes=[(state, text, "") for state, text in labels.NEED_AFTER.items()],
            expertise=expertise_names(session, who),
        )
