"""Reviewing proposals: listed and filtered, one by one, and decided on singly or in bulk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from starlette.datastructures import FormData, QueryParams
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action, authorise, may
from app.access.scoped import may_on, outside
from app.consent.queries import requests_of
from app.database import ReadSession, WriteSession, database_now
from app.errors import NotFound, Problem
from app.files.csv_writing import days
from app.portal import labels
from app.portal import lists as filtered
from app.portal.choices import ReviewAction
from app.portal.forms import whole
from app.portal.lists import PER_PAGE, Asked
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import Pager, csv_list, page, page_number
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.proposals import decisions, pins_and_exclusions, publication
from app.proposals import queries as lists
from app.proposals.agreements import approval_if_any
from app.proposals.apart import why_kept_apart
from app.proposals.heard import OF_SIDE
from app.proposals.list_query import ProposalQuery
from app.proposals.open_requests import is_release_due
from app.proposals.pair_check import pair_today_if_any, rule_results
from app.proposals.queries import Full
from app.proposals.running import partnership_of
from app.proposals.statement import statement_of
from app.proposals.states import APPROVED, LAPSING, possible_from
from app.runs import queries
from app.wording import miles, number
from models.matching import Run
from models.vocabulary import (
    DecisionAction,
    DeclineReason,
    Ladder,
    ProposalState,
    Says,
    Side,
    SteeringKind,
)

router = APIRouter()
MOST_AT_ONCE: Final = 1_000
DEFAULT_SORT: Final = "-total_points"
CSV_COLUMNS: Final = [
    "id", "run", "taker", "taker_name", "giver", "giver_name", "expertise", "days", "priority",
    "miles", "ladder", "remote", "points", "points_once", "total_points", "state", "taker_says",
    "giver_says", "directed", "public_money_pounds", "sendable", "flagged", "need", "offer",
]  # fmt: skip
STEERING: Final = {
    ReviewAction.PIN: SteeringKind.PIN,
    ReviewAction.EXCLUDE: SteeringKind.EXCLUSION,
}
AT_ONCE: Final = frozenset({ReviewAction.PREFER, ReviewAction.START_DUE_DILIGENCE})
"""What is done without being asked for more first."""
MOST_LETTERS: Final = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one proposal of several; `refused` says why nothing did."""

    full: Full
    refused: str | None


def _read(params: Mapping[str, str], run_id: int | None) -> Asked[ProposalQuery]:
    """What the address of a list asks for, of one run or of all."""
    fixed = {} if run_id is None else {"run": run_id}
    return filtered.read(ProposalQuery, params, DEFAULT_SORT, **fixed)


@router.get("/proposals")
@does(Action.READ)
def list_all_proposals(request: Request, who: Who) -> Response:
    """Those of all runs."""
    asked = filtered.asked(request, who, ProposalQuery, DEFAULT_SORT)
    if isinstance(asked, Response):
        return asked
    with who.database.read() as session:
        answer = _list(request, who, session, asked, None)
    return filtered.remember(request, who, asked, answer)


@router.get("/runs/{run_id:id}/proposals")
@does(Action.READ)
def list_proposals(request: Request, who: Who, run_id: int) -> Response:
    if "clear" in request.query_params:
        return RedirectResponse(f"{BASE}/runs/{run_id}/proposals", 303)
    asked = _read(request.query_params, run_id)
    asked = replace(asked, page=page_number(request))
    with who.database.read() as session:
        run = queries.get_run(session, who.principal, run_id)
        return _list(request, who, session, asked, run)


def _list(
    request: Request,
    who: Visitor,
    session: ReadSession,
    asked: Asked[ProposalQuery],
    run: Run | None,
) -> Response:
    if asked.as_csv:
        name = "proposals" if run is None else f"run-{run.id}-proposals"
        ids = lists.proposal_ids(session, who.principal, asked.wanted)

        def rows(session: ReadSession, some: Sequence[int]) -> list[dict[str, object]]:
            answers = lists.answers_to(session, who.principal, some)
            found = lists.load(session, some)
            return [_csv(each, answers.get(each.proposal.id, {})) for each in found]

        return csv_list(who, name, CSV_COLUMNS, ids, rows)
    found = lists.list_proposals(
        session, who.principal, asked.wanted, skip=asked.skip, limit=PER_PAGE
    )
    number, half_days = lists.count_proposals(session, who.principal, asked.wanted)
    counts = {} if run is None else lists.counts_by(session, who.principal, run.id)
    expertise = expertise_names(session, who)
    # Of one run a form offers only what is there, and tells how often.
    counted = _counted(counts, expertise) if run else None
    runs = {each.proposal.run_id for each in found}
    return page(
        request,
        "proposals.html",
        who,
        run=run,
        runs=queries.named(session, who.principal, runs),
        found=found,
        half_days=half_days,
        answers=lists.answers_to(session, who.principal, [each.proposal.id for each in found]),
        pager=Pager(asked.page, PER_PAGE, number),
        sort=asked.wanted.sort,
        filters=filtered.filters_of(session, who, ProposalQuery, counted),
        sorts=[each for each in ProposalQuery.sorts() if run is None or each != "run"],
        states={each.proposal.state for each in found},
        expertise=expertise,
        steered=_steered(session, who),
        filtered=bool(set(asked.kept) - {"sort", "run"}),
        done=done_in(request.query_params),
        done_number=whole(request.query_params.get("n")) or 0,
    )


def _counted(
    counts: Mapping[str, Sequence[tuple[str, int]]], expertise: Mapping[str, str]
) -> dict[str, list[tuple[str, str]]]:
    def told(name: str, text_of: Callable[[str], str]) -> list[tuple[str, str]]:
        return [(value, f"{text_of(value)} ({number(times)})") for value, times in counts[name]]

    directed = sum(times for _, times in counts["directed"])
    return {
        "state": told("state", lambda value: labels.label(value, ProposalState)),
        "expertise": told("expertise", lambda value: expertise[value]),
        "ladder": told("ladder", lambda value: labels.label(value, Ladder)),
        "directed": [("yes", f"Yes ({number(directed)})"), ("no", "No")] if directed else [],
        "period": [],
    }


def _csv(full: Full, answers: Mapping[Side, Says]) -> dict[str, object]:
    proposal = full.proposal
    return {
        "id": proposal.id,
        "run": proposal.run_id,
        "taker": full.taker.reference.partition(":")[2],
        "taker_name": full.taker.name,
        "giver": full.giver.reference.partition(":")[2],
        "giver_name": full.giver.name,
        "expertise": full.need.expertise_code,
        "days": days(proposal.half_days),
        "priority": full.need.priority,
        "miles": miles(proposal.distance_m),
        "ladder": proposal.ladder,
        "remote": proposal.remote,
        "points": proposal.points,
        "points_once": proposal.points_once,
        "total_points": proposal.total_points,
        "state": proposal.state,
        "taker_says": answers.get(Side.TAKER),
        "giver_says": answers.get(Side.GIVER),
        "directed": full.directed,
        "public_money_pounds": proposal.public_money_pounds,
        "sendable": full.sendable,
        "flagged": full.flag is not None,
        "need": full.need.reference,
        "offer": full.offer.reference,
    }


def _steered(session: ReadSession, who: Visitor) -> dict[tuple[str, str], Any]:
    """Pins and exclusions in force, by need and offer."""
    now = database_now(session)
    return {
        (need, offer): made
        for kind in SteeringKind
        for made, need, offer in lists.list_steering(
            session, who.principal, kind, now=now, standing=True, limit=None
        )
    }


@router.get("/proposals/{proposal_id:id}")
@does(Action.READ)
def show_proposal(request: Request, who: Who, proposal_id: int) -> Response:
    with who.database.read() as session:
        shown = about(session, who, proposal_id)
        full: Full = shown["full"]
        run_id = full.proposal.run_id
        decided = lists.decisions_of(session, who.principal, proposal_id)
        said = lists.agreements_of(session, who.principal, proposal_id)
        may_review = may_on(session, who.principal, Action.REVIEW, full.proposal)
        settings = request.app.state.settings
        clocks = settings.remind_hours, settings.remind_again_hours
        return page(
            request,
            "proposal.html",
            who,
            **shown,
            done=done_in(request.query_params),
            run=queries.get_run(session, who.principal, run_id),
            rules=rule_results(full.proposal, shown["today"]),
            alternates=lists.alternates_of(session, who.principal, full.proposal),
            # What follows from an agreement has its time, and comes after it.
            history=sorted([*said, *decided], key=lambda each: each.at),
            kept_apart=why_kept_apart(session, who.principal, full.proposal, full.offer),
            standing={each.side: each for each in said if each.voided_at is None},
            sides={Side.TAKER: full.taker, Side.GIVER: full.giver},
            speaks={
                side: may_on(session, who.principal, action, full.proposal)
                for side, action in OF_SIDE.items()
            },
            consents={
                each.side: each
                for each in publication.consents_of(session, who.principal, proposal_id)
                if each.withdrawn_at is None
            },
            declares={
                side
                for side, of in ((Side.TAKER, full.taker), (Side.GIVER, full.giver))
                if may(who.principal, Action.DECLARE_INTEREST)
                and not outside(session, who.principal, Action.DECLARE_INTEREST, [of.id])
            },
            statement=statement_of(session, proposal_id, database_now(session).date()),
            is_public=publication.is_public(session, full.proposal),
            replacements=queries.replacements(session, who.principal, full.proposal),
            asked=requests_of(session, who.principal, proposal_id, *clocks),
            release_due=is_release_due(session, proposal_id),
            may_publish=full.proposal.state in publication.ASKABLE,
            may_agree=full.proposal.state in LAPSING and not shown["missing"],
            may_review=may_review,
            partnership=partnership_of(session, proposal_id),
            may_start=may_review and full.proposal.state in APPROVED,
            may_direct=may_on(session, who.principal, Action.DIRECT, full.proposal),
            approval=approval_if_any(
                session,
                full.proposal,
                full.need,
                full.offer,
                [each for each in said if each.voided_at is None],
            ),
        )


def about(session: ReadSession, who: Visitor, proposal_id: int) -> dict[str, Any]:
    """What a page or card of one proposal tells, and what can be done with it."""
    full = lists.get_proposal(session, who.principal, proposal_id)
    today = pair_today_if_any(session, full.proposal, full.need, full.offer)
    return {
        "full": full,
        "today": today,
        "missing": today.to_confirm if today else (),
        "steering": _steered(session, who).get((full.need.reference, full.offer.reference)),
        "expertise": expertise_names(session, who),
        "can": possible_from(ProposalState(full.proposal.state)),
    }


@router.post("/proposals/decide")
@does(Action.REVIEW, Action.APPROVE, Action.STEER)
def decide(request: Request, who: Who, form: SentBy, now: Now) -> Response:
    """Carry a decision out on every chosen proposal, each by itself."""
    given = texts(form)
    action = action_of(given)
    if action is None:
        raise NotFound("select what to do with the proposals")
    chosen = _chosen(who, form, given)
    error = lacks(action, given) if given.get("confirmed") else None
    if chosen and action not in AT_ONCE and (error or not given.get("confirmed")):
        authorise(who.principal, _right_to(action))
        return _ask(request, who, action, chosen, given, error)
    if not chosen:
        error = "Select at least one proposal"
        return page(request, "decided.html", who, status=422, error=error, back=_back(given))
    act = act_of(action, given, request.app.state.settings.hold_days, now)
    outcomes = [carry_out(who, act, proposal_id, version) for proposal_id, version in chosen]
    refused = [each for each in outcomes if each.refused]
    if not refused:
        query = {"done": action, "n": len(outcomes)}
        return RedirectResponse(_back(given, **query), 303)
    return page(
        request,
        "decided.html",
        who,
        action=action,
        refused=refused,
        number=len(outcomes) - len(refused),
        back=_back(given),
    )


def action_of(given: Mapping[str, str]) -> ReviewAction | None:
    """What the button that was pressed does."""
    action = given.get("action", "")
    return ReviewAction(action) if action in list(ReviewAction) else None


def done_in(params: QueryParams) -> ReviewAction | None:
    """What has just been done, as the address of the page says."""
    return action_of({"action": params.get("done", "")})


def _chosen(who: Visitor, form: FormData, given: dict[str, str]) -> list[tuple[int, int]]:
    """Ids and versions that were ticked, or all that the filter shows."""
    run = whole(given.get("run"))
    if given.get("all"):
        wanted = _read(QueryParams(given.get("filter", "")), run).wanted
        with who.database.read() as session:
            found = lists.list_proposals(session, who.principal, wanted, limit=MOST_AT_ONCE)
            return [(each.proposal.id, each.proposal.version) for each in found]
    chosen = []
    for value in form.getlist("chosen")[:MOST_AT_ONCE]:
        proposal_id, version = map(whole, str(value).partition(":")[::2])
        if proposal_id is not None and version is not None:
            chosen.append((proposal_id, version))
    return chosen


def _right_to(action: ReviewAction) -> Action:
    if action in STEERING:
        return Action.STEER
    return Action.APPROVE if action.value in decisions.APPROVING else Action.REVIEW


def lacks(action: ReviewAction, given: dict[str, str]) -> str | None:
    """What has to be said with a decision and was not."""
    reason, note = given.get("reason", ""), given.get("note", "")
    if action is ReviewAction.DECLINE:
        if reason not in list(DeclineReason):
            return labels.DECLINE_NEEDED
        if reason == DeclineReason.OTHER and not note:
            return labels.OTHER_NEEDED
    elif not note:
        return labels.NOTE_NEEDED.get(action)
    return None


def _ask(
    request: Request,
    who: Visitor,
    action: ReviewAction,
    chosen: list[tuple[int, int]],
    given: dict[str, str],
    error: str | None,
) -> Response:
    with who.database.read() as session:
        first = [lists.get_proposal(session, who.principal, each) for each, _ in chosen[:10]]
        return page(
            request,
            "decide.html",
            who,
            status=422 if error else 200,
            action=action,
            chosen=chosen,
            first=first,
            given=given,
            error=error,
            back=_back(given),
            approving=decisions.APPROVING,
            expertise=expertise_names(session, who),
        )


Act = Callable[[WriteSession, Visitor, Full, int], object]


def act_of(action: ReviewAction, given: dict[str, str], hold_days: int, now: datetime) -> Act:
    note = given.get("note", "")[:MOST_LETTERS] or None

    def steer(session: WriteSession, who: Visitor, full: Full, version: int) -> object:
        need, offer = full.need.reference, full.offer.reference
        kind = STEERING[action]
        return pins_and_exclusions.steer(
            session, who.principal, kind, need, offer, reason=note or "", now=now
        )

    def decide(session: WriteSession, who: Visitor, full: Full, version: int) -> object:
        taken = DecisionAction(action.value)
        reason = given.get("reason", "")
        declined = taken is DecisionAction.DECLINE and reason in list(DeclineReason)
        said = decisions.Said(DeclineReason(reason) if declined else None, note)
        return decisions.decide(
            session,
            who.principal,
            full.proposal.id,
            taken,
            said,
            version=version,
            hold_days=hold_days,
            now=now,
        )

    return steer if action in STEERING else decide


def carry_out(who: Visitor, act: Act, proposal_id: int, version: int) -> Outcome:
    """Each in a transaction of its own: one that cannot be leaves the others be."""
    with who.database.read() as session:
        full = lists.get_proposal(session, who.principal, proposal_id)
    try:
        with who.database.write() as session:
            act(session, who, full, version)
    except Problem as problem:
        return Outcome(full, problem.detail)
    return Outcome(full, None)


def _back(given: dict[str, str], **query: object) -> str:
    """The page that the decision came from."""
    one, run = whole(given.get("proposal")), whole(given.get("run"))
    if one is not None:
        return f"{BASE}/proposals/{one}?{urlencode(query)}".rstrip("?")
    kept = [pair for pair in parse_qsl(given.get("filter", "")) if pair[0] not in ("done", "n")]
    place = f"{BASE}/proposals" if run is None else f"{BASE}/runs/{run}/proposals"
    return f"{place}?{urlencode([*kept, *query.items()])}".rstrip("?")


@router.post("/steering/{kind}/{steering_id:id}/lift")
@does(Action.STEER)
def lift(request: Request, who: Who, kind: str, steering_id: int, form: SentBy) -> Response:
    if kind not in list(SteeringKind):
        raise NotFound("pins and exclusions are the only kinds there are")
    given = texts(form)
    with who.database.write() as session:
        pins_and_exclusions.lift(
            session,
            who.principal,
            SteeringKind(kind),
            steering_id,
            version=whole(given.get("version")),
        )
    return RedirectResponse(_back(given), 303)
