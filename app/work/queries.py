"""What waits for somebody, and for whom they wait: across all runs, areas and periods."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Date, func, literal, select, tuple_, union_all
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.chunks import chunked
from app.database import ReadSession
from app.errors import Problem
from app.http.fields import LARGEST
from app.proposals.queries import Full, find_proposals
from app.work.kinds import GROUP_OF, GROUPS, STEPS, WorkGroup, WorkKind
from app.work.narrowed import Narrowed
from app.work.source import Whose
from app.work.sources import sources
from models.exchange import Need, Offer
from models.matching import Proposal
from models.register import Participant
from models.vocabulary import Party

EVERY: Final = Narrowed()
LAST: Final = date(9999, 12, 31)
FIRST: Final = date(1900, 1, 1)
K = WorkKind
PAGES: Final[Mapping[WorkKind, str]] = {
    K.RESPOND_TAKER: "{about}/agreements/taker",
    K.RESPOND_GIVER: "{about}/agreements/giver",
    K.WRITE_UP: "{about}/visits/{number}/report",
    K.CORRECT: "{about}/visits/{number}/report",
    K.SIGN: "{about}/visits/{number}/signature",
    K.REVIEW: "{about}/reviews/new",
    K.ASK: "{about}/requests",
    K.TALK: "{about}/agreements/{party}",
    K.ANSWER_EVIDENCE: "{about}/answer",
    K.JOIN: "{about}/members/{number}/answer",
    K.CLAIMED: "/claims/{number}",
    K.START: "{about}/partnership",
    K.LINK: "{about}#asked",
}
"""Pages of the portal, where something else is done than on that of what it is about."""


class BadPlace(Problem):
    """Where a list is to go on, in words that are none of ours."""

    status = 422
    title = "Invalid place in a list"


class Place(NamedTuple):
    """Where an item stands in the list: what is due first, then what waits longest."""

    due: date
    since: date
    kind: str
    number: int
    party: str

    def __str__(self) -> str:
        return "~".join(str(part) for part in self)

    @classmethod
    def read(cls, text: str) -> "Place":
        try:
            due, since, kind, number, party = text.split("~")
            return cls(
                date.fromisoformat(due),
                date.fromisoformat(since),
                WorkKind(kind).value,
                min(int(number[:18]), LARGEST),
                Party(party).value if party else "",
            )
        except ValueError as wrong:
            raise BadPlace(
                f"`after` is {text!r}, which is no place in this list. Follow the `Link` of an "
                "answer, or leave it out."
            ) from wrong


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing to do or to wait for, with whose it is."""

    kind: WorkKind
    number: int
    """Of the visit, link, concern or whatever else waits."""
    party: str
    """Who is awaited, where that is a party of the proposal."""
    role: str | None
    """Who was asked, by role, where a link went out."""
    since: date | None
    since_at: datetime | None
    due: date | None
    due_at: datetime | None
    partnership: int | None
    full: Full | None
    item: Need | Offer | None
    """What is to be confirmed or answered, where it is about no proposal."""
    school: Participant
    """Who receives the support; of an offer, who would give it; of anything else, whose it is."""
    path: str | None
    """Of what it is about, where that is no proposal, need or offer."""
    name: str | None
    """Of the alliance that asks."""
    day: date | None
    """Of the visit."""

    @property
    def group(self) -> WorkGroup:
        return GROUP_OF[self.kind]

    @property
    def step(self) -> str:
        return STEPS[self.kind]

    @property
    def place(self) -> Place:
        return Place(
            self.due or LAST, self.since or FIRST, self.kind.value, self.number, self.party
        )

    @property
    def need(self) -> Need | None:
        if self.full is not None:
            return self.full.need
        return self.item if isinstance(self.item, Need) else None

    @property
    def offer(self) -> Offer | None:
        if self.full is not None:
            return self.full.offer
        return self.item if isinstance(self.item, Offer) else None

    @property
    def about(self) -> str:
        """The path of what it is about: the same in the API and in the portal."""
        if self.partnership is not None:
            return f"/partnerships/{self.partnership}"
        if self.full is not None:
            return f"/proposals/{self.full.proposal.id}"
        if self.path is not None:
            return self.path
        assert self.item is not None
        room = "needs" if isinstance(self.item, Need) else "offers"
        return f"/{room}/{self.item.reference}"

    @property
    def page(self) -> str:
        """The page of the portal on which it is done, or seen."""
        if self.kind is K.TALK and self.party == Party.HOME_HEAD:
            return f"{self.about}/release"
        page = PAGES.get(self.kind, "{about}")
        return page.format(about=self.about, number=self.number, party=self.party)


def list_work(
    session: ReadSession,
    principal: Principal,
    today: date,
    kinds: Collection[WorkKind] = tuple(WorkKind),
    narrowed: Narrowed = EVERY,
    *,
    after: Place | None = None,
    skip: int = 0,
    limit: int | None = 50,
) -> list[WorkItem]:
    """A page of somebody's work, what is due first at the top, of these kinds."""
    authorise(principal, Action.READ)
    whose = Whose.of(session, principal)
    rows = _rows(session, whose, today, kinds, narrowed, after=after, skip=skip, limit=limit)
    return _items(session, principal, rows)


def first_of_groups(
    session: ReadSession, principal: Principal, today: date, limit: int
) -> dict[WorkGroup, list[WorkItem]]:
    """The first few of each group."""
    authorise(principal, Action.READ)
    whose = Whose.of(session, principal)
    rows = [
        row
        for kinds in GROUPS.values()
        for row in _rows(session, whose, today, kinds, EVERY, limit=limit)
    ]
    found: dict[WorkGroup, list[WorkItem]] = {group: [] for group in GROUPS}
    for each in _items(session, principal, rows):
        found[each.group].append(each)
    return found


def count_work(
    session: ReadSession, principal: Principal, today: date, narrowed: Narrowed = EVERY
) -> dict[WorkKind, int]:
    """How much there is of each kind; kinds of which there is nothing are left out."""
    authorise(principal, Action.READ)
    whose = Whose.of(session, principal)
    found = [each.count() for each in sources(whose, today, narrowed)]
    counts: dict[WorkKind, int] = {}
    if found:
        for kind, number in session.execute(union_all(*found)):
            counts[WorkKind(kind)] = counts.get(WorkKind(kind), 0) + number
    return {kind: counts[kind] for kind in WorkKind if counts.get(kind)}


def by_group(counts: Mapping[WorkKind, int]) -> dict[WorkGroup, int]:
    """How much there is in each group."""
    return {group: sum(counts.get(kind, 0) for kind in kinds) for group, kinds in GROUPS.items()}


def _rows(
    session: Session,
    whose: Whose,
    today: date,
    kinds: Collection[WorkKind],
    narrowed: Narrowed,
    *,
    after: Place | None = None,
    skip: int = 0,
    limit: int | None,
) -> Sequence[Any]:
    found = [each.items() for each in sources(whose, today, narrowed) if each.kind in kinds]
    if not found:
        return []
    work = union_all(*found).subquery("work").c
    due: ColumnElement[Any] = func.coalesce(work.due, literal(LAST, Date))
    since: ColumnElement[Any] = func.coalesce(work.since, literal(FIRST, Date))
    order = (due, since, work.kind, work.number, work.party)
    query = select(*work).order_by(*order).offset(skip).limit(limit)
    if after is not None:
        place = (literal(each, column.type) for each, column in zip(after, order, strict=True))
        query = query.where(tuple_(*order) > tuple_(*place))
    return session.execute(query).all()


def _items(session: Session, principal: Principal, rows: Sequence[Any]) -> list[WorkItem]:
    """The same with all that people read of them, in one query for each table."""
    proposals: dict[int, Full] = {}
    for ids in chunked(sorted({row.proposal_id for row in rows if row.proposal_id is not None})):
        for full in find_proposals(session, principal, Proposal.id.in_(ids)):
            proposals[full.proposal.id] = full
    needs = _with_owners(session, Need, (row.need_id for row in rows))
    offers = _with_owners(session, Offer, (row.offer_id for row in rows))
    others = _people(session, (row.participant_id for row in rows))
    found = []
    for row in rows:
        about: Full | None = proposals.get(row.proposal_id)
        item, owner = needs.get(row.need_id) or offers.get(row.offer_id) or (None, None)
        school = about.taker if about is not None else owner or others.get(row.participant_id)
        assert school is not None
        found.append(
            WorkItem(
                WorkKind(row.kind),
                row.number,
                row.party,
                row.role,
                row.since,
                row.since_at,
                row.due,
                row.due_at,
                row.partnership_id,
                about,
                item,
                school,
                row.path,
                row.name,
                row.day,
            )
        )
    return found


def _people(session: Session, ids: Iterable[int | None]) -> dict[int, Participant]:
    found: dict[int, Participant] = {}
    for some in chunked(sorted({each for each in ids if each is not None})):
        people = session.scalars(select(Participant).where(Participant.id.in_(some)))
        found |= {one.id: one for one in people}
    return found


def _with_owners(
    session: Session, model: Any, ids: Iterable[int | None]
) -> dict[int, tuple[Need | Offer, Participant]]:
    found: dict[int, tuple[Need | Offer, Participant]] = {}
    for some in chunked(sorted({each for each in ids if each is not None})):
        query = (
            select(model, Participant)
            .join(Participant, Participant.id == model.participant_id)
            .where(model.id.in_(some))
        )
        found |= {item.id: (item, owner) for item, owner in session.execute(query)}
    return found
