"""Why needs were not met: read from what runs stored, with everybody's name."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal
from app.access.scoped import visible
from app.database import Database, ReadSession
from app.errors import NotFound
from app.exchange.queries import get_need
from app.explanations.answers import Answer, answer_of, kept_answers
from app.explanations.words import Names
from app.runs import queries
from models.exchange import Expertise, Need, Offer, Period
from models.matching import Proposal, Run
from models.register import Participant
from models.vocabulary import Operation, RunState
from solver.explain.explained_json import Explained, LimitById, UnmetById

AT_ONCE: Final = 1_000
RUNS_ASKED: Final = 20
"""Newest runs that are looked through for one that planned a need."""


@dataclass(frozen=True, slots=True)
class UnmetNeed:
    """A need that a run left unmet, as far as that was told with the plan."""

    need: Need
    expertise: str
    unmet: UnmetById
    limits: tuple[LimitById, ...]
    refused: dict[str, int]
    answer: Answer | None
    """What came of solving again, where somebody has asked."""


@dataclass(frozen=True, slots=True)
class NeedAnswered:
    """One need in one run: met by somebody, or why not."""

    run: Run
    need: Need
    expertise: str
    met_by: tuple[Proposal, ...]
    offers: dict[int, Offer]
    """Those of `met_by`, by id."""
    refused: dict[str, int]
    answer: Answer | None
    """None where the need is met."""
    names: Names
    proposals: dict[tuple[str, str], int]
    """Of holders: proposal by offer and need."""


def unmet_needs(
    session: Session,
    principal: Principal,
    run_id: int,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> tuple[list[UnmetNeed], Names]:
    """Needs that a run left unmet, as the run had them in order."""
    explained = _explained(session, principal, _solved(session, principal, run_id))
    references = list(explained.needs)
    start = references.index(after) + 1 if after and after in explained.needs else 0
    wanted = references[start:] if limit is None else references[start : start + limit]
    refused = queries.refusals_of(session, principal, run_id)
    answers = kept_answers(session, run_id)
    rows = _needs(session, wanted)
    found = [
        UnmetNeed(
            *rows[reference],
            explained.needs[reference],
            explained.limits,
            refused.get(reference, {}),
            answers.get(reference),
        )
        for reference in wanted
        if reference in rows
    ]
    offers = {tried.offer for each in found for tried in each.unmet.tried}
    limits = {at for each in found for tried in each.unmet.tried for at, _ in tried.binding}
    return found, names_of(session, wanted, offers, [explained.limits[at] for at in sorted(limits)])


def why(
    database: Database,
    principal: Principal,
    run_id: int,
    reference: str,
    cancelled: Callable[[], bool] = lambda: False,
) -> NeedAnswered:
    """Say why a run left a need unmet and try what would meet it, or say who meets it.

    Raises
    ------
    NotFound
        If there is no such need, the run has no plan, or it did not plan the need.
    """
    with database.read() as session:
        need = get_need(session, principal, reference)
        run = _solved(session, principal, run_id)
        met_by = _met_by(session, run_id, need)
        explained = _explained(session, principal, run)
    answer = None
    if not met_by:
        if reference not in explained.needs:
            raise NotFound(f"Run {run_id} did not plan need {reference!r}. Choose another run.")
        answer = answer_of(database, principal, run_id, reference, cancelled)
    with database.read() as session:
        offers = _by_id(session, {each.offer_id for each in met_by})
        asked = {each.reference for each in offers.values()}
        needs = {reference}
        limits: Sequence[LimitById] = ()
        if answer is not None:
            asked |= {tried.offer for tried in answer.unmet.tried}
            asked |= {each.offer for each in answer.nearest}
            needs |= set(answer.left_out)
            limits = answer.limits
        expertise = session.get_one(Expertise, need.expertise_code).name
        refused = queries.refusals_of(session, principal, run_id).get(reference, {})
        return NeedAnswered(
            run,
            need,
            expertise,
            tuple(met_by),
            offers,
            refused,
            answer,
            names_of(session, needs, asked, limits),
            _proposals(session, run_id, limits),
        )


def latest_run(session: ReadSession, principal: Principal, reference: str) -> int:
    """The newest run with a plan that planned the need.

    Raises
    ------
    NotFound
        If there is no such need, or no run has planned it.
    """
    need = get_need(session, principal, reference)
    of_year = select(Period.code).where(
        or_(Period.code == need.period_code, Period.year_code == need.period_code)
    )
    query = (
        select(Run)
        .where(
            Run.operation == Operation.SOLVE,
            Run.state == RunState.SOLVED,
            Run.period_code.in_(of_year),
            visible(principal, Action.READ_PLAN, Run),
        )
        .order_by(Run.id.desc())
        .limit(RUNS_ASKED)
    )
    for run in session.scalars(query):
        met = _met_by(session, run.id, need)
        if met or reference in _explained(session, principal, run).needs:
            return run.id
    raise NotFound(
        f"No run has planned need {reference!r} yet. Plan its school first, like "
        f"`givetake match --area NAME --period {need.period_code}`."
    )


def _solved(session: Session, principal: Principal, run_id: int) -> Run:
    run = queries.get_run(session, principal, run_id, whole=True)
    if run.state != RunState.SOLVED:
        raise NotFound(f"Run {run_id} has no plan to explain: it is {run.state}.")
    return run


@lru_cache(maxsize=4)
def _read(content: bytes) -> Explained:
    """Of the last few runs, as reading a large one takes a second."""
    return queries.read_explained(content)


def _explained(session: Session, principal: Principal, run: Run) -> Explained:
    try:
        return _read(queries.file_of(session, run.id, "explained"))
    except NotFound:
        return queries.explained_of(session, principal, run.id)


def _met_by(session: Session, run_id: int, need: Need) -> Sequence[Proposal]:
    """Pairings of the plan; what was offered later, in place of what ended, is no part of it."""
    query = select(Proposal).where(
        Proposal.run_id == run_id, Proposal.need_id == need.id, Proposal.follows_id.is_(None)
    )
    return session.scalars(query.order_by(Proposal.id)).all()


def _needs(session: Session, references: Sequence[str]) -> dict[str, tuple[Need, str]]:
    found: dict[str, tuple[Need, str]] = {}
    for some in _slices(references):
        query = (
            select(Need, Expertise.name)
            .join(Expertise, Expertise.code == Need.expertise_code)
            .where(Need.reference.in_(some))
        )
        found |= {need.reference: (need, name) for need, name in session.execute(query)}
    return found


def _by_id(session: Session, ids: Collection[int]) -> dict[int, Offer]:
    return {row.id: row for row in session.scalars(select(Offer).where(Offer.id.in_(ids)))}


def names_of(
    session: Session,
    needs: Iterable[str],
    offers: Iterable[str],
    limits: Iterable[LimitById] = (),
) -> Names:
    """Who needs, offers and the holders of limits belong to."""
    needs, offers, who = set(needs), set(offers), set[str]()
    for limit in limits:
        needs |= {holder.need for holder in limit.holders}
        offers |= {holder.offer for holder in limit.holders}
        if limit.subject is not None:
            # A participant's, an offer's or a linking rule's: whichever it is is found.
            who.add(limit.subject)
            offers.add(limit.subject)
    participants: dict[str, str] = {}
    of: dict[type[Need] | type[Offer], dict[str, str]] = {Need: {}, Offer: {}}
    for model, references in ((Need, needs), (Offer, offers)):
        for some in _slices(sorted(references)):
            query = (
                select(model.reference, Participant.reference, Participant.name)
                .join(Participant, Participant.id == model.participant_id)
                .where(model.reference.in_(some))
            )
            for reference, participant, name in session.execute(query):
                of[model][reference] = participant
                participants[participant] = name
    for some in _slices(sorted(who)):
        query_of_who = select(Participant.reference, Participant.name).where(
            Participant.reference.in_(some)
        )
        participants |= {reference: name for reference, name in session.execute(query_of_who)}
    return Names(participants, of[Offer], of[Need])


def _proposals(
    session: Session, run_id: int, limits: Iterable[LimitById]
) -> dict[tuple[str, str], int]:
    needs = sorted({holder.need for limit in limits for holder in limit.holders})
    found: dict[tuple[str, str], int] = {}
    for some in _slices(needs):
        query = (
            select(Offer.reference, Need.reference, Proposal.id)
            .join(Need, Need.id == Proposal.need_id)
            .join(Offer, Offer.id == Proposal.offer_id)
            .where(Proposal.run_id == run_id, Need.reference.in_(some))
        )
        found |= {(offer, need): number for offer, need, number in session.execute(query)}
    return found


def _slices(references: Sequence[str]) -> Iterable[Sequence[str]]:
    return (references[start : start + AT_ONCE] for start in range(0, len(references), AT_ONCE))
