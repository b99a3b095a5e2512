"""What can be published of how a pairing came about: who matched it, and what was declared."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.names import names_of
from app.access.persons import request_of_link
from app.access.policy import TERMINAL
from app.chunks import chunked
from app.interests.queries import Sides, between
from app.interests.questions import COUNTS_FOR, Question, questions_to
from app.proposals.heard import WHOSE
from app.wording import on_day
from models.consent import ConsentRequest
from models.exchange import Need, Offer, Period
from models.matching import Decision, Proposal, RuleException, Run
from models.vocabulary import DecisionAction, InterestAnswer, Side
from solver.pairing.interest_rule import sentence
from solver.pairing.pair_rules import INTEREST

BY_THE_TERMINAL: Final = "an administrator"
SCHOOL_CHOSE: Final = "the school receiving support, which chose"
NOT_MATCHED: Final = "Nobody has marked this match as preferred yet"


@dataclass(frozen=True, slots=True)
class AskedOf:
    """Whether each side was asked to declare its interests, and said that it has none."""

    taker: Question | None
    giver: Question | None
    """The last that counts for the match; the answered one, where there is one."""

    @property
    def text(self) -> str:
        """That no interest was declared, only where both sides were asked."""
        sides = ((WHOSE[Side.TAKER], self.taker), (WHOSE[Side.GIVER], self.giver))
        not_asked = [f"the {who}" for who, question in sides if question is None]
        if len(not_asked) == len(sides):
            return "neither side was asked to declare interests"
        none = [
            f"the {who} said on {on_day(question.answered_on)} that it has none"
            for who, question in sides
            if question is not None and question.answer is InterestAnswer.NONE
        ]
        if not_asked:
            told = f"; {none[0]}" if none else ""
            return f"{not_asked[0]} was not asked to declare interests{told}"
        silent = [f"the {who} has not answered" for who, question in sides if not _answer(question)]
        if len(silent) == len(sides):
            return "no interest declared: both sides were asked, and neither has answered yet"
        both = none + silent
        return f"no interest declared{': ' if both else ''}{' and '.join(both)}"


def _answer(question: Question | None) -> InterestAnswer | None:
    return None if question is None or question.answer is None else InterestAnswer(question.answer)


@dataclass(frozen=True, slots=True)
class Statement:
    """Who matched two sides, what was declared between them, and who let that be."""

    matched_by: str | None
    """As people read it; None: nobody has preferred it yet."""
    matched_on: date | None
    interests: Sequence[Mapping[str, Any]]
    """Figures of each, as the rule of a pair has them."""
    exceptions: Sequence[tuple[str, date]]
    """Who allowed one, and when."""
    asked: "AskedOf"

    @property
    def text(self) -> str:
        if self.matched_by is None or self.matched_on is None:
            begins = NOT_MATCHED
        else:
            begins = f"Matched by {self.matched_by} on {on_day(self.matched_on)}"
        if not self.interests:
            return f"{begins}; {self.asked.text}."
        allowed = [
            f"An exception was allowed by {by} on {on_day(day)}." for by, day in self.exceptions
        ]
        return " ".join([f"{begins}.", *map(sentence, self.interests), *allowed])


def statement_of(session: Session, proposal_id: int, today: date) -> Statement:
    return statements_of(session, [proposal_id], today)[proposal_id]


def statements_of(
    session: Session, proposal_ids: Collection[int], today: date
) -> dict[int, Statement]:
    """The statement of each proposal, for whoever may see it.

    What held on some day from the match, or the start of its period, to the end of the period was
    declared, whatever has ended since; what was withdrawn was not.
    """
    found: dict[int, Statement] = {}
    for ids in chunked(sorted(proposal_ids)):
        found |= _statements(session, ids, today)
    return found


def _statements(session: Session, ids: Collection[int], today: date) -> dict[int, Statement]:
    matched = _preferred(session, ids)
    sides = {
        proposal_id: Sides(giver, taker, min(starts, _day(matched, proposal_id, starts)), ends)
        for proposal_id, giver, taker, starts, ends in session.execute(
            select(
                Proposal.id,
                Offer.participant_id,
                Need.participant_id,
                Period.starts,
                Period.ends,
            )
            .join(Run, Run.id == Proposal.run_id)
            .join(Period, Period.code == Run.period_code)
            .join(Need, Need.id == Proposal.need_id)
            .join(Offer, Offer.id == Proposal.offer_id)
            .where(Proposal.id.in_(ids))
        )
    }
    declared = between(session, sides, today)
    asked_of = _asked_of(session, sides)
    allowed = session.execute(
        select(RuleException.proposal_id, RuleException.author, RuleException.at)
        .where(RuleException.proposal_id.in_(ids), RuleException.rule == INTEREST.name)
        .order_by(RuleException.id)
    ).all()
    authors = {author for _, author in matched.values()} | {row.author for row in allowed}
    asked = _who_asked(session, authors)
    names = {TERMINAL.name: BY_THE_TERMINAL} | names_of(session, authors | set(asked.values()))
    names |= {link: f"{names.get(by, by)} and {SCHOOL_CHOSE}" for link, by in asked.items()}
    found = {}
    for proposal_id in sides:
        day, author = matched.get(proposal_id, (None, None))
        found[proposal_id] = Statement(
            author and names.get(author, author),
            day,
            declared[proposal_id],
            [
                (names.get(row.author, row.author), row.at.date())
                for row in allowed
                if row.proposal_id == proposal_id
            ],
            asked_of[proposal_id],
        )
    return found


def _asked_of(session: Session, sides: Mapping[int, Sides]) -> dict[int, AskedOf]:
    """Of each pair, what its two sides were asked, of what counts for it."""
    if not sides:
        return {}
    people = {side for each in sides.values() for side in (each.giver, each.taker)}
    first, last = min(each.first for each in sides.values()), max(e.last for e in sides.values())
    questions = questions_to(session, people, first, last)

    def of(who: int, pair: Sides) -> Question | None:
        counting = [
            each for each in questions[who] if pair.first - COUNTS_FOR <= each.asked_on <= pair.last
        ]
        answered = [each for each in counting if each.answer is not None]
        found = answered or counting
        return found[-1] if found else None

    return {key: AskedOf(of(each.taker, each), of(each.giver, each)) for key, each in sides.items()}


def _who_asked(session: Session, authors: Collection[str]) -> dict[str, str]:
    """Of links through which a school picked, who let it choose."""
    links = {found: each for each in authors if (found := request_of_link(each)) is not None}
    query = select(ConsentRequest.id, ConsentRequest.asked_by)
    asked = session.execute(query.where(ConsentRequest.id.in_(links)))
    return {links[number]: by for number, by in asked}


def _day(matched: Mapping[int, tuple[date, str]], proposal_id: int, otherwise: date) -> date:
    return matched[proposal_id][0] if proposal_id in matched else otherwise


def _preferred(session: Session, ids: Collection[int]) -> dict[int, tuple[date, str]]:
    """The day on which each proposal was preferred last, and by whom."""
    query = (
        select(Decision.proposal_id, Decision.at, Decision.author)
        .where(Decision.proposal_id.in_(ids), Decision.action == DecisionAction.PREFER)
        .order_by(Decision.id)
    )
    return {proposal: (at.date(), author) for proposal, at, author in session.execute(query)}
