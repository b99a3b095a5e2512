"""The two-heads sheet: one page about a proposal in plain words, for whoever has to answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.consent.wording import PARTIES, STATES
from app.evidence.reading import quality_on
from app.evidence.wording import comes_from
from app.proposals.queries import Full, get_proposal
from app.proposals.states import LAPSING
from app.proposals.terms import standing, terms_today
from app.wording import CHANNELS, at_moment, counted, money, number, on_day
from models.consent import ConsentRequest
from models.exchange import Expertise
from models.matching import Proposal
from models.vocabulary import (
    ENDED_PROPOSALS,
    HOLDING,
    METRES_PER_MILE,
    Channel,
    Mode,
    NeedEvidence,
    Party,
    ProposalState,
    RequestState,
    Says,
    days_text,
    miles_text,
)
from solver.pairing.points import Component
from solver.pairing.quality import Quality

PLAIN: Final = (Component.LADDER, Component.CONTINUITY)
"""Components of the points whose sentences say something to a head."""
FOUND_BY: Final[Mapping[NeedEvidence, str]] = {
    NeedEvidence.SELF_EVALUATION: "The school found the need in its own evaluation.",
    NeedEvidence.INSPECTION: "An inspection found the need.",
    NeedEvidence.DATA_TRIGGER: "Published figures of the school point to the need.",
}
NOT_RECORDED: Final = "Not recorded yet. Ask whoever sent you this sheet."
MODES: Final[Mapping[Mode, str]] = {
    Mode.ON_SITE: "on site",
    Mode.REMOTE: "remotely",
    Mode.EITHER: "on site or remotely",
}
SAID: Final[Mapping[Says, str]] = {
    Says.YES: "yes",
    Says.NO: "no",
    Says.DIRECTED: "a statutory direction",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with sentences below it."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the page says, in order; HTML and PDF show the same."""

    proposal_id: int
    title: str
    lead: str
    sections: tuple[Section, ...]
    as_of: date


def sheet_of(session: Session, principal: Principal, proposal_id: int, today: date) -> Sheet:
    """The sheet of a proposal as it stands today, as far as the principal may read it."""
    authorise(principal, Action.READ)
    full = get_proposal(session, principal, proposal_id)
    code = full.need.expertise_code
    expertise = session.scalar(select(Expertise.name).where(Expertise.code == code)) or code
    terms = terms_today(session, full.proposal, full.need, full.offer)
    starts, ends = _days_of(terms)
    days = days_text(full.proposal.half_days)
    return Sheet(
        proposal_id,
        f"{full.giver.name} supporting {full.taker.name}",
        _lead(full, f"{days} of support with {expertise}"),
        (
            Section("Why you", _why(full, expertise, quality_on(session, full.offer, today))),
            Section("What the support is", _what(full, expertise)),
            Section("Days and rhythm", _rhythm(full.proposal.half_days, starts, ends, today)),
            Section("Terms", _terms(full)),
            Section("Who pays", _who_pays(full)),
            Section("When it ends", _end(terms, ends)),
            Section("What happens if it does not work", IF_NOT),
            Section("Who is asked, and what they said", _who_said(session, full)),
        ),
        today,
    )


OF_ENDED: Final[Mapping[ProposalState, str]] = {
    ProposalState.DECLINED: "The proposal was declined.",
    ProposalState.WITHDRAWN: "The proposal was withdrawn.",
    ProposalState.LAPSED: "The proposal lapsed, because not everybody answered in time.",
    ProposalState.REPLACED: "A newer plan has replaced the proposal.",
    ProposalState.COMPLETED: "The support is over.",
}
"""What is said of a proposal that has ended, in the place of its terms."""


IF_NOT: Final = (
    "Either side can say so at any time, to whoever sent you this sheet. You do not have to wait "
    "for a review.",
    "The support then stops, with the reason on record, and the days that are left are free for "
    "others. If the school still needs support, another organisation is looked for.",
    "Nobody is judged by having said so.",
)


def _lead(full: Full, what: str) -> str:
    """What it is about; of what has ended, that it has."""
    ended = OF_ENDED.get(ProposalState(full.proposal.state))
    if ended:
        return (
            f"We suggested that {full.giver.name} gives {what} to {full.taker.name}. {ended} This "
            "page stays as a record."
        )
    return (
        f"We suggest that {full.giver.name} gives {what} to {full.taker.name}. This page says what "
        "that means. It happens only if everybody who is asked says yes."
    )


def _days_of(terms: Mapping[str, Any]) -> tuple[date, date]:
    """The first and last day on which the support can be given."""
    first = [date.fromisoformat(terms[each]["window_starts"]) for each in ("need", "offer")]
    last = [date.fromisoformat(terms[each]["window_ends"]) for each in ("need", "offer")]
    if "closes" in terms:
        last.append(date.fromisoformat(terms["closes"]))
    return max(first), min(last)


def _why(full: Full, expertise: str, quality: Quality) -> tuple[str, ...]:
    """What a head would say of the pair; how it was scored stays with those who match."""
    said = {each["name"]: str(each.get("sentence") or "") for each in full.proposal.components}
    lines = [
        f"{full.taker.name} needs support with {expertise}, and {full.giver.name} offers it.",
        FOUND_BY[NeedEvidence(full.need.evidence)],
    ]
    if full.directed:
        lines.append("A statutory direction asks for this support.")
    worth = {each["name"] for each in full.proposal.components if each["points"] > 0}
    lines += [said[name] for name in PLAIN if name in worth and said.get(name)]
    if quality.step:
        lines.append(comes_from(quality))
    return tuple(lines)


def _what(full: Full, expertise: str) -> tuple[str, ...]:
    modes = {Mode(full.need.mode), Mode(full.offer.mode)} - {Mode.EITHER}
    how = Mode.REMOTE if full.proposal.remote else next(iter(modes), Mode.EITHER)
    lines = [f"Support with {expertise}, given {MODES[how]}."]
    if full.proposal.distance_m is not None:
        apart = miles_text(full.proposal.distance_m / METRES_PER_MILE)
        lines.append(f"The two of you are {apart} apart.")
    return tuple(lines)


def _rhythm(half_days: int, starts: date, ends: date, today: date) -> tuple[str, ...]:
    """How often, over the days that are left: nobody visits in the past."""
    starts = max(starts, today)
    if starts > ends:
        return (f"{days_text(half_days)} in all. The last day was {on_day(ends)}.",)
    lines = [f"{days_text(half_days)} in all, between {on_day(starts)} and {on_day(ends)}."]
    weeks = ((ends - starts).days + 1) / 7
    if weeks >= 1 and half_days:
        every = weeks / half_days
        if every >= 1:
            spaced = "every week" if every < 1.5 else f"every {number(round(every))} weeks"
            lines.append(f"Spread evenly, that is about half a day {spaced}.")
        else:
            a_week = counted(round(half_days / weeks), "half-day")
            lines.append(f"Spread evenly, that is about {a_week} a week.")
    lines.append("The two of you agree the dates of the visits between you.")
    return tuple(lines)


def _terms(full: Full) -> tuple[str, ...]:
    least = days_text(full.need.half_days_min)
    if full.proposal.state in ENDED_PROPOSALS:
        return (OF_ENDED[ProposalState(full.proposal.state)] + " No days are held for it.",)
    return (
        f"{_held(full.proposal)} Fewer than {least} would not be useful.",
        "If the days, the dates, the price or the aims change, what you said no longer counts, and "
        "you are asked again.",
    )


def _held(proposal: Proposal) -> str:
    """Whether its days are held, and until when."""
    if proposal.state not in HOLDING:
        return "No days are held yet."
    if proposal.state not in LAPSING or proposal.held_until is None:
        return "The days are held for you."
    return f"The days are held for you until {at_moment(proposal.held_until)} while you decide."


def _who_pays(full: Full) -> tuple[str, ...]:
    pounds = full.proposal.public_money_pounds
    if pounds is None:
        return (NOT_RECORDED,)
    if pounds == 0:
        return ("No public money is paid for it.",)
    return (f"Public funds pay {money(pounds)} in all.",)


def _end(terms: Mapping[str, Any], ends: date) -> tuple[str, ...]:
    lines = [f"The last day is {on_day(ends)}. It is not extended unless both of you agree anew."]
    if terms.get("closes") == ends.isoformat():
        lines.append("One side is to close after that day.")
    return tuple(lines)


def _who_said(session: Session, full: Full) -> tuple[str, ...]:
    said = {each.side: each for each in standing(session, full.proposal.id)}
    asked = latest_requests(session, full.proposal.id)
    names = {Party.TAKER: full.taker.name, Party.GIVER: full.giver.name}
    lines = []
    for party in Party:
        request, word = asked.get(party), said.get(party.value)
        who = PARTIES[party] + (f" ({names[party]})" if party in names else "")
        if word is not None:
            how = f", {CHANNELS[Channel(word.channel)]}" if word.channel else ""
            lines.append(f"{who}: {SAID[Says(word.says)]}, {word.said_by}{how}.")
        elif request is not None:
            lines.append(f"{who}: {STATES[RequestState(request.state)].lower()}.")
        elif party is not Party.HOME_HEAD:
            lines.append(f"{who}: not asked yet.")
    return tuple(lines)


def latest_requests(session: Session, proposal_id: int) -> dict[Party, ConsentRequest]:
    """The newest request to each party of a proposal."""
    found: Sequence[ConsentRequest] = session.scalars(
        select(ConsentRequest)
        .where(ConsentRequest.proposal_id == proposal_id)
        .order_by(ConsentRequest.id)
    ).all()
    return {Party(each.party): each for each in found}
