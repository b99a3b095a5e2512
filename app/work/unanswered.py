"""Who has not answered yet to what is held: each party of each proposal, for who may record it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import exists, func, literal, select, union_all
from sqlalchemy.orm import Session

from app.access.policy import AGREES_FOR, Action, Principal, may
from app.access.scoped import visible
from app.chunks import chunked
from app.database import ReadSession
from app.errors import Forbidden
from app.proposals.heard import OF_SIDE
from app.proposals.queries import Full, find_proposals
from app.work.narrowed import Narrowed
from app.work.source import BROKERING, HELD, answered, only
from models.consent import ConsentRequest
from models.matching import Proposal
from models.vocabulary import Party, RequestState, Role, Side

ORDER: Final = {party: place for place, party in enumerate(Party)}


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A proposal, and a party of it that has not answered."""

    full: Full
    party: Party

    @property
    def key(self) -> str:
        return f"{self.full.proposal.id}-{self.party}"

    @property
    def of(self) -> str:
        """The name of the school or organisation that is to answer."""
        side = self.full.taker if self.party is Party.TAKER else self.full.giver
        return side.name


def speaks_alone(principal: Principal) -> bool:
    """Whether somebody records nothing but what they say themselves."""
    return not only(principal, *BROKERING).grants


def list_unanswered(
    session: ReadSession,
    principal: Principal,
    narrowed: Narrowed,
    *,
    skip: int = 0,
    limit: int = 50,
) -> tuple[list[Unanswered], int]:
    """A page of them, what lapses first at the top, and how many there are."""
    if not any(may(principal, action) for action in AGREES_FOR.values()):
        raise Forbidden("You do not have permission to record answers. Ask your administrator.")
    found = union_all(*_sources(principal, narrowed)).subquery("unanswered").c
    rows = session.execute(
        select(found.id, found.party)
        .order_by(found.held_until, found.id, found.place)
        .offset(skip)
        .limit(limit)
    ).all()
    total = session.scalar(select(func.count(found.id))) or 0
    return with_proposals(session, principal, [(row.id, Party(row.party)) for row in rows]), total


def with_proposals(
    session: Session, principal: Principal, keys: Sequence[tuple[int, Party]]
) -> list[Unanswered]:
    """The same with their proposals; those that the principal may not read are left out."""
    proposals: dict[int, Full] = {}
    for ids in chunked(sorted({number for number, _ in keys})):
        for full in find_proposals(session, principal, Proposal.id.in_(ids)):
            proposals[full.proposal.id] = full
    return [Unanswered(proposals[number], party) for number, party in keys if number in proposals]


def _sources(principal: Principal, narrowed: Narrowed) -> list[Any]:
    speaker = only(principal, Role.CONTACT, *BROKERING)
    found = [
        _rows(
            Party(side.value), narrowed, visible(speaker, OF_SIDE[side], Proposal), ~answered(side)
        )
        for side in Side
    ]
    asked = exists().where(
        ConsentRequest.proposal_id == Proposal.id,
        ConsentRequest.party == Party.HOME_HEAD,
        ConsentRequest.state.in_([RequestState.OPEN]),
    )
    seen = visible(only(principal, *BROKERING), Action.REVIEW, Proposal)
    return [*found, _rows(Party.HOME_HEAD, narrowed, seen, asked.correlate(Proposal))]


def _rows(party: Party, narrowed: Narrowed, *conditions: Any) -> Any:
    return select(
        Proposal.id,
        Proposal.held_until,
        literal(party.value).label("party"),
        literal(ORDER[party]).label("place"),
    ).where(HELD, *conditions, *narrowed.proposals())
