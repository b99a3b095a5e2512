"""Pots of money on pages: listed, one with commitments and claims, made, changed, claimed from."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import Reach, does
from app.access.persons import same_person
from app.access.policy import Action, authorise
from app.access.scoped import authorise_on, may_on
from app.files.csv_reading import RowModel, Text
from app.import_kit.misfits import Misfit, Unfit
from app.money import claims, queries, report_page, service
from app.money.claims import claimable
from app.money.report import as_csv, pot_report
from app.money.rows import ClaimRow, PotRow
from app.money.schemas import PotShown
from app.partnerships.partnership_queries import get_partnership
from app.portal import forms
from app.portal.choices import ClaimStep
from app.portal.forms import Filled
from app.portal.labels import CLAIM_DECISION_FIELDS, CLAIM_FIELDS, POT_FIELDS
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import HEADERS, csv_file, csv_page, page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from models.money import Pot
from models.register import Participant
from models.vocabulary import ClaimAction, ClaimState

router = APIRouter()
FIELD_OF: Final[Mapping[str, str]] = {
    "budget_pence": "budget",
    "highest_day_rate_pence": "highest_day_rate",
    "fee_basis_points": "fee_percent",
}
"""Fields of the form by what the service calls what is wrong."""


class ClaimDecisionForm(RowModel):
    action: ClaimAction
    reason: Text | None = None


@router.get("/pots")
@does(Action.READ)
def list_pots(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        found = queries.list_pots(session, who.principal, limit=None)
        waiting = queries.list_claims(session, who.principal, state=ClaimState.MADE, limit=None)
        if request.query_params.get("as") == "csv":
            rows = [PotShown.of(each).model_dump(mode="json") for each in found]
            return csv_page("pots", list(PotShown.model_fields), rows)
        return page(request, "pots.html", who, found=found, waiting=waiting)


@router.get("/pots/new")
@does(Action.CHANGE_POT, reach=Reach.OPEN)
def new_pot(request: Request, who: Who) -> Response:
    authorise(who.principal, Action.CHANGE_POT)
    return _pot_form(request, who, Filled({"open": "yes"}))


@router.post("/pots/new")
@does(Action.CHANGE_POT)
def create_pot(request: Request, who: Who, form: SentBy) -> Response:
    filled = Filled(texts(form))
    row = forms.read(PotRow, filled, POT_FIELDS)
    if row is not None and not filled.wrong:
        with _refused(filled), who.database.write() as session:
            made = service.create(session, who.principal, row.content).id
            return _to_pot(made, ClaimStep.POT)
    return _pot_form(request, who, filled)


@router.get("/pots/{pot_id:id}")
@does(Action.READ)
def show_pot(request: Request, who: Who, pot_id: int) -> Response:
    done = request.query_params.get("done")
    with who.database.read() as session:
        sums = queries.find_pot(session, who.principal, pot_id)
        return page(
            request,
            "pot.html",
            who,
            sums=sums,
            committed=queries.commitments_of(session, who.principal, sums.pot),
            claims=queries.list_claims(session, who.principal, pot=sums.pot.reference, limit=None),
            may_change=may_on(session, who.principal, Action.CHANGE_POT, sums.pot),
            done=ClaimStep(done) if done in list(ClaimStep) else None,
            expertise=expertise_names(session, who),
        )


@router.get("/pots/{pot_id:id}/change")
@does(Action.CHANGE_POT)
def ask_change_pot(request: Request, who: Who, pot_id: int) -> Response:
    with who.database.read() as session:
        sums = queries.find_pot(session, who.principal, pot_id)
        authorise_on(session, who.principal, Action.CHANGE_POT, sums.pot)
        return _pot_form(request, who, Filled(_typed(sums.pot, sums.holder)), sums.pot)


@router.post("/pots/{pot_id:id}/change")
@does(Action.CHANGE_POT)
def change_pot(request: Request, who: Who, pot_id: int, form: SentBy) -> Response:
    filled = Filled(texts(form))
    with who.database.read() as session:
        pot = queries.find_pot(session, who.principal, pot_id).pot
        authorise_on(session, who.principal, Action.CHANGE_POT, pot)
    filled.values["reference"] = pot.reference
    row = forms.read(PotRow, filled, POT_FIELDS)
    if row is not None and not filled.wrong:
        version = forms.whole(filled.values.get("version"))
        with _refused(filled), who.database.write() as session:
            service.change(session, who.principal, pot.reference, row.content, version)
            return _to_pot(pot_id, ClaimStep.POT)
    return _pot_form(request, who, filled, pot)


@router.get("/pots/{pot_id:id}/report")
@does(Action.READ)
def show_report(request: Request, who: Who, pot_id: int, now: Now) -> Response:
    """The report as a page that prints; as CSV its rows alone."""
    period = request.query_params.get("period") or None
    with who.database.read() as session:
        reference = queries.find_pot(session, who.principal, pot_id).pot.reference
        report = pot_report(session, who.principal, reference, period, today=now.date())
    if request.query_params.get("as") == "csv":
        return csv_file(f"pot-{reference}", as_csv(report))
    headers = {**HEADERS, "Content-Security-Policy": report_page.STYLE_POLICY}
    return Response(report_page.as_html(report), 200, headers, "text/html; charset=utf-8")


@router.get("/partnerships/{partnership_id:id}/claims/new")
@does(Action.AGREE_FOR_GIVER)
def ask_claim(request: Request, who: Who, partnership_id: int) -> Response:
    return _claim_form(request, who, partnership_id, Filled())


@router.post("/partnerships/{partnership_id:id}/claims/new")
@does(Action.AGREE_FOR_GIVER)
def make_claim(request: Request, who: Who, partnership_id: int, form: SentBy, now: Now) -> Response:
    filled = _with_visits(form)
    row = forms.read(ClaimRow, filled, CLAIM_FIELDS)
    if row is not None and not filled.wrong:
        numbers = [number for each in row.visits if (number := forms.whole(each)) is not None]
        with forms.refused(filled, CLAIM_FIELDS), who.database.write() as session:
            made = claims.make(session, who.principal, partnership_id, numbers, row.pounds, now=now)
            return _to_claim(made.id, ClaimStep.CLAIM)
    return _claim_form(request, who, partnership_id, filled)


@router.get("/claims/{claim_id:id}")
@does(Action.READ)
def show_claim(request: Request, who: Who, claim_id: int) -> Response:
    return _claim_page(request, who, claim_id, Filled())


@router.post("/claims/{claim_id:id}")
@does(Action.DECIDE_CLAIM)
def decide_claim(request: Request, who: Who, claim_id: int, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    row = forms.read(ClaimDecisionForm, filled, CLAIM_DECISION_FIELDS)
    if row is not None and not filled.wrong:
        with forms.refused(filled, CLAIM_DECISION_FIELDS), who.database.write() as session:
            claims.decide(
                session,
                who.principal,
                claim_id,
                row.action,
                row.reason,
                version=forms.whole(filled.values.get("version")),
                now=now,
            )
            return _to_claim(claim_id, ClaimStep(row.action.value))
    return _claim_page(request, who, claim_id, filled)


@contextmanager
def _refused(filled: Filled) -> Iterator[None]:
    """Put why a pot was refused into its form, what does not fit at its field."""
    with forms.refused(filled, POT_FIELDS):
        try:
            yield
        except Unfit as unfit:
            misfits = [
                Misfit(FIELD_OF.get(each.column, each.column), each.value, each.reason)
                for each in unfit.misfits
            ]
            forms.take(filled, misfits, POT_FIELDS)


def _typed(pot: Pot, holder: Participant) -> dict[str, str]:
    """What is stored, as it would have been typed."""

    def pounds(pence: int | None) -> str:
        return "" if pence is None else f"{pence // 100}.{pence % 100:02}".removesuffix(".00")

    share = pot.fee_basis_points
    return {
        "name": pot.name,
        "holder": holder.reference.partition(":")[2],
        "holder_kind": pot.holder_kind,
        "budget": pounds(pot.budget_pence),
        "starts": f"{pot.starts.day}/{pot.starts.month}/{pot.starts.year}",
        "ends": f"{pot.ends.day}/{pot.ends.month}/{pot.ends.year}",
        "day_rate": pounds(pot.day_rate_pence),
        "highest_day_rate": pounds(pot.highest_day_rate_pence),
        "fee": pounds(pot.fee_pence),
        "fee_percent": "" if share is None else f"{share / 100:g}",
        "areas": "; ".join(pot.areas or ()),
        "organisations": "; ".join(each.partition(":")[2] for each in pot.organisations or ()),
        "expertise": "; ".join(pot.expertise or ()),
        "open": "yes" if pot.open else "no",
    }


def _pot_form(request: Request, who: Visitor, filled: Filled, pot: Pot | None = None) -> Response:
    if pot is not None:
        filled.values.setdefault("version", str(pot.version))
    return page(
        request,
        "pot_form.html",
        who,
        status=422 if filled.wrong else 200,
        filled=filled,
        fields=POT_FIELDS,
        pot=pot,
    )


def _with_visits(form: FormData) -> Filled:
    chosen = [each for each in form.getlist("visits") if isinstance(each, str)]
    return Filled(texts(form) | {"visits": ";".join(chosen)})


def _claim_form(request: Request, who: Visitor, partnership_id: int, filled: Filled) -> Response:
    with who.database.read() as session:
        whole = get_partnership(session, who.principal, partnership_id)
        proposal = whole.summary.full.proposal
        authorise_on(session, who.principal, Action.AGREE_FOR_GIVER, proposal)
        paid = queries.paid_from(session, proposal.id)
        free = claimable(session, partnership_id) if paid else []
        if not filled.wrong:
            filled.values.setdefault("visits", ";".join(str(each.id) for each in free))
        return page(
            request,
            "claim_form.html",
            who,
            status=422 if filled.wrong else 200,
            whole=whole,
            paid=paid,
            free=free,
            worth=sum(each.pence or 0 for each in free),
            filled=filled,
            fields=CLAIM_FIELDS,
            expertise=expertise_names(session, who),
        )


def _claim_page(request: Request, who: Visitor, claim_id: int, filled: Filled) -> Response:
    done = request.query_params.get("done")
    with who.database.read() as session:
        found = queries.get_claim(session, who.principal, claim_id)
        own = found.claim.claimed_by in same_person(session, who.principal.name)
        decides = not own and may_on(session, who.principal, Action.DECIDE_CLAIM, found.pot)
        filled.values.setdefault("version", str(found.claim.version))
        return page(
            request,
            "claim.html",
            who,
            status=422 if filled.wrong else 200,
            of=found,
            actions=claims.possible(found.claim) if decides else [],
            sees_pot=may_on(session, who.principal, Action.READ, found.pot),
            filled=filled,
            fields=CLAIM_DECISION_FIELDS,
            done=ClaimStep(done) if done in list(ClaimStep) else None,
        )


def _to_pot(pot_id: int, step: ClaimStep) -> Response:
    return RedirectResponse(f"{BASE}/pots/{pot_id}?done={step}", 303)


def _to_claim(claim_id: int, step: ClaimStep) -> Response:
    return RedirectResponse(f"{BASE}/claims/{claim_id}?done={step}", 303)
