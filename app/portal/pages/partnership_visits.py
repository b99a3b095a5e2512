"""What both sides record of a partnership: visits, reviews, what came of it, and concerns."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action, authorise
from app.errors import NotFound
from app.files.csv_reading import Date, HalfDays, RowModel, YesNo
from app.partnerships import partnership_queries as queries
from app.partnerships import reviews, visits
from app.portal import forms, labels
from app.portal.choices import PartnershipStep, VisitAnswer
from app.portal.forms import Filled
from app.portal.pages.partnerships import RoleText, after, step_form, to_partnership, typed_day
from app.portal.sessions import SentBy, Visitor, Who, texts
from app.proposals.schemas import Note
from models.partnerships import Concern, SupportVisit
from models.vocabulary import Rating, Reviewer, Side, SupportResult

router = APIRouter()
Step = PartnershipStep


class VisitForm(RowModel):
    on_day: Date
    days: HalfDays
    remote: YesNo = False


class ReportForm(RowModel):
    report: Note


class SignatureForm(RowModel):
    answer: VisitAnswer
    dispute: Note | None = None
    role: RoleText


class ReviewForm(RowModel):
    reviewer: Reviewer
    rating: Rating
    on_day: Date
    role: RoleText
    note: Note | None = None


class OutcomeForm(RowModel):
    result: SupportResult
    what_worked: Note | None = None
    role: RoleText


class ConcernForm(RowModel):
    text: Note
    role: RoleText


class AnswerForm(RowModel):
    answer: Note


@router.get("/partnerships/{partnership_id:id}/visits/new")
@does(Action.AGREE_FOR_GIVER)
def ask_visit(request: Request, who: Who, partnership_id: int) -> Response:
    return step_form(request, who, partnership_id, Step.BOOK, Filled({"days": "0.5"}))


@router.post("/partnerships/{partnership_id:id}/visits/new")
@does(Action.AGREE_FOR_GIVER)
def book_visit(request: Request, who: Who, partnership_id: int, form: SentBy) -> Response:
    filled = Filled(texts(form))
    content = forms.read(VisitForm, filled, labels.VISIT_FIELDS)
    if content is not None:
        with forms.refused(filled, labels.VISIT_FIELDS), who.database.write() as session:
            visits.book(
                session,
                who.principal,
                partnership_id,
                content.on_day,
                content.days,
                remote=content.remote,
            )
    return after(request, who, partnership_id, Step.BOOK, filled)


def _visit(who: Visitor, partnership_id: int, visit_id: int) -> SupportVisit:
    with who.database.read() as session:
        whole = queries.get_partnership(session, who.principal, partnership_id)
    found = next((each for each in whole.visits if each.id == visit_id), None)
    if found is None:
        raise NotFound(f"There is no visit {visit_id} of partnership {partnership_id}.")
    return found


@router.get("/partnerships/{partnership_id:id}/visits/{visit_id:id}/report")
@does(Action.AGREE_FOR_GIVER)
def ask_report(request: Request, who: Who, partnership_id: int, visit_id: int) -> Response:
    filled = Filled({"report": _visit(who, partnership_id, visit_id).report or ""})
    return step_form(request, who, partnership_id, Step.WRITE_UP, filled, visit_id=visit_id)


@router.post("/partnerships/{partnership_id:id}/visits/{visit_id:id}/report")
@does(Action.AGREE_FOR_GIVER)
def write_up_visit(
    request: Request, who: Who, partnership_id: int, visit_id: int, form: SentBy, now: Now
) -> Response:
    filled = Filled(texts(form))
    content = forms.read(ReportForm, filled, labels.REPORT_FIELDS)
    if content is not None:
        with forms.refused(filled, labels.REPORT_FIELDS), who.database.write() as session:
            visits.write_up(
                session,
                who.principal,
                partnership_id,
                visit_id,
                content.report,
                version=forms.whole(filled.values.get("version")),
                now=now,
            )
    return after(request, who, partnership_id, Step.WRITE_UP, filled, visit_id=visit_id)


@router.get("/partnerships/{partnership_id:id}/visits/{visit_id:id}/signature")
@does(Action.AGREE_FOR_TAKER)
def ask_signature(request: Request, who: Who, partnership_id: int, visit_id: int) -> Response:
    _visit(who, partnership_id, visit_id)
    return step_form(request, who, partnership_id, Step.SIGN, Filled(), visit_id=visit_id)


@router.post("/partnerships/{partnership_id:id}/visits/{visit_id:id}/signature")
@does(Action.AGREE_FOR_TAKER)
def sign_visit(
    request: Request, who: Who, partnership_id: int, visit_id: int, form: SentBy, now: Now
) -> Response:
    given = texts(form)
    if given.get("answer") == VisitAnswer.SIGN:
        # Without JavaScript the field of a dispute is there too.
        given["dispute"] = ""
    filled = Filled(given)
    content = forms.read(SignatureForm, filled, labels.SIGNATURE_FIELDS)
    if content is not None and content.answer is VisitAnswer.DISPUTE and not content.dispute:
        filled.add("dispute", labels.SIGNATURE_FIELDS["dispute"].enter)
    elif content is not None:
        with forms.refused(filled, labels.SIGNATURE_FIELDS), who.database.write() as session:
            visits.sign(
                session,
                who.principal,
                partnership_id,
                visit_id,
                content.role,
                content.dispute,
                version=forms.whole(filled.values.get("version")),
                now=now,
            )
    return after(request, who, partnership_id, Step.SIGN, filled, visit_id=visit_id)


@router.post("/partnerships/{partnership_id:id}/visits/{visit_id:id}/cancel")
@does(Action.AGREE_FOR_GIVER)
def cancel_visit(who: Who, partnership_id: int, visit_id: int, form: SentBy) -> Response:
    version = forms.whole(texts(form).get("version"))
    with who.database.write() as session:
        visits.cancel(session, who.principal, partnership_id, visit_id, version=version)
    return to_partnership(partnership_id, Step.CANCEL)


@router.get("/partnerships/{partnership_id:id}/reviews/new")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def ask_review(request: Request, who: Who, partnership_id: int, now: Now) -> Response:
    filled = Filled({"on_day": typed_day(now.date())})
    return step_form(request, who, partnership_id, Step.REVIEW, filled)


@router.post("/partnerships/{partnership_id:id}/reviews/new")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def add_review(request: Request, who: Who, partnership_id: int, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    content = forms.read(ReviewForm, filled, labels.REVIEW_FIELDS)
    if content is not None:
        with forms.refused(filled, labels.REVIEW_FIELDS), who.database.write() as session:
            reviews.add_review(
                session,
                who.principal,
                partnership_id,
                content.reviewer,
                content.rating,
                content.on_day,
                content.role,
                content.note,
                now=now,
            )
    return after(request, who, partnership_id, Step.REVIEW, filled)


def _side(name: str) -> Side:
    if name not in list(Side):
        raise NotFound("a partnership has two sides: taker and giver")
    return Side(name)


@router.get("/partnerships/{partnership_id:id}/outcomes/{side}")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def ask_outcome(request: Request, who: Who, partnership_id: int, side: str) -> Response:
    of = _side(side)
    with who.database.read() as session:
        whole = queries.get_partnership(session, who.principal, partnership_id)
    before = next((each for each in whole.outcomes if each.side == of), None)
    values = {}
    if before is not None:
        values = {name: getattr(before, name) or "" for name in labels.OUTCOME_FIELDS}
    return step_form(request, who, partnership_id, Step.OUTCOME, Filled(values), side=of)


@router.post("/partnerships/{partnership_id:id}/outcomes/{side}")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def set_outcome(
    request: Request, who: Who, partnership_id: int, side: str, form: SentBy, now: Now
) -> Response:
    of, filled = _side(side), Filled(texts(form))
    content = forms.read(OutcomeForm, filled, labels.OUTCOME_FIELDS)
    if content is not None:
        with forms.refused(filled, labels.OUTCOME_FIELDS), who.database.write() as session:
            reviews.set_outcome(
                session,
                who.principal,
                partnership_id,
                of,
                content.result,
                content.what_worked,
                content.role,
                now=now,
            )
    return after(request, who, partnership_id, Step.OUTCOME, filled, side=of)


@router.get("/partnerships/{partnership_id:id}/concerns/new")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def ask_concern(request: Request, who: Who, partnership_id: int) -> Response:
    return step_form(request, who, partnership_id, Step.CONCERN, Filled())


@router.post("/partnerships/{partnership_id:id}/concerns/new")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def raise_concern(
    request: Request, who: Who, partnership_id: int, form: SentBy, now: Now
) -> Response:
    filled = Filled(texts(form))
    content = forms.read(ConcernForm, filled, labels.CONCERN_FIELDS)
    if content is not None:
        with forms.refused(filled, labels.CONCERN_FIELDS), who.database.write() as session:
            reviews.raise_concern(
                session, who.principal, partnership_id, content.text, content.role, now=now
            )
    return after(request, who, partnership_id, Step.CONCERN, filled)


def _concern(who: Visitor, concern_id: int) -> Concern:
    authorise(who.principal, Action.APPROVE)
    with who.database.read() as session:
        looked_at = reviews.list_concerns(session, who.principal)
    found = next((each for each in looked_at if each.id == concern_id), None)
    if found is None:
        raise NotFound(f"There is no concern {concern_id}. Check the number.")
    return found


@router.get("/concerns/{concern_id:id}/answer")
@does(Action.APPROVE)
def ask_answer(request: Request, who: Who, concern_id: int) -> Response:
    concern = _concern(who, concern_id)
    filled = Filled({"answer": concern.answer or ""})
    return step_form(request, who, concern.partnership_id, Step.ANSWER, filled, concern=concern)


@router.post("/concerns/{concern_id:id}/answer")
@does(Action.APPROVE)
def answer_concern(request: Request, who: Who, concern_id: int, form: SentBy, now: Now) -> Response:
    concern = _concern(who, concern_id)
    filled = Filled(texts(form))
    content = forms.read(AnswerForm, filled, labels.CONCERN_ANSWER_FIELDS)
    if content is not None:
        with forms.refused(filled, labels.CONCERN_ANSWER_FIELDS), who.database.write() as session:
            reviews.answer_concern(
                session,
                who.principal,
                concern_id,
                content.answer,
                version=forms.whole(filled.values.get("version")),
                now=now,
            )
    return after(request, who, concern.partnership_id, Step.ANSWER, filled, concern=concern)
