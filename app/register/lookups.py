"""Reads of the register: who a cell names, what a place or group is, and who is in it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from difflib import get_close_matches
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select, true

from app.access.policy import Action, Principal, authorise
from app.chunks import chunked
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound
from app.folding import folded
from app.register import search
from app.register.gias.classification import TRUST_KINDS
from app.register.group_members import MEMBERS, belongs_on
from app.register.naming import reference_named
from app.register.nearby import Near
from app.register.successors.resolve import current
from app.search_index import PARTICIPANT_SEARCH
from models.register import (
    Area,
    Group,
    Institution,
    Network,
    NetworkMembership,
    Participant,
)
from models.vocabulary import AreaKind, GroupKind

AnySession = ReadSession | WriteSession
GROUP: Final = "group"
NETWORK: Final = "network"
COUNTRY: Final = "country"
ENGLAND: Final = "E92000001"
NEAREST: Final = 5


@dataclass(frozen=True, slots=True)
class Scope:
    """A country, region, local authority, district, group or network, by its code."""

    kind: str
    code: str
    name: str

    @property
    def exact(self) -> str:
        """How to write it so that nothing else can be meant."""
        return f"{self.kind}:{self.code}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Found:
    """A participant as a list shows it."""

    participant_id: int
    reference: str
    name: str
    kind: str
    type_name: str | None
    town: str | None
    postcode: str | None
    local_authority: str | None
    in_scope: bool
    distance_m: float | None = None
    """From the place that was named, where one was."""
    successor: str | None = None
    """Of a closed institution that was named: the URN of its one successor."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    scope: Scope
    codes: tuple[str, ...]
    rank: int
    """The lowest wins where one text names several: a trust before a sponsor of its name, a
    local authority before a district, what is open before what is closed."""


def find_scope(session: AnySession, principal: Principal, text: str) -> Scope:
    """The one thing that `text` names: a code, name, trust reference, UID or network key.

    `kind:code`, as `local_authority:886` or `group:5143`, is never ambiguous.
    Raises `Conflict` where several are meant equally, `NotFound` with the nearest names.
    """
    authorise(principal, Action.READ)
    wanted, name = text.strip().casefold(), folded(text)
    candidates = _candidates(session)
    exact = [one.scope for one in candidates if one.scope.exact.casefold() == wanted]
    if exact:
        return exact[0]
    named = [one for one in candidates if wanted in one.codes or folded(one.scope.name) == name]
    best = [one.scope for one in named if one.rank == min(other.rank for other in named)]
    if len(best) == 1:
        return best[0]
    if best:
        listed = ", ".join(f"{scope.exact} ({scope.name})" for scope in best)
        raise Conflict(f"{text!r} could mean several areas: {listed}. Enter one of these.")
    raise NotFound(_nothing_named(text, candidates))


def _nothing_named(text: str, candidates: Iterable[_Candidate]) -> str:
    wanted = text.strip().casefold()
    names = {one.scope.name.casefold(): one.scope.name for one in candidates}
    if not names:
        return f"There is no {text!r}. Import the register first."
    holding = sorted((name for name in names if wanted and wanted in name), key=len)
    near = holding + get_close_matches(wanted, names, n=NEAREST, cutoff=0.6)
    nearest = [names[name] for name in dict.fromkeys(near)][:NEAREST]
    hint = f"Did you mean {', '.join(nearest)}?" if nearest else "Check the name or code."
    return f"There is no region, local authority, district, group or network {text!r}. {hint}"


def _candidates(session: AnySession) -> list[_Candidate]:
    found = [_Candidate(Scope(COUNTRY, ENGLAND, "England"), (ENGLAND.casefold(), "gb-eng"), 0)]
    for kind, code, name in session.execute(
        select(Area.kind, Area.code, Area.name).order_by(Area.kind, Area.code)
    ):
        rank = 3 if kind == AreaKind.DISTRICT else 0
        found.append(_Candidate(Scope(kind, code, name), (code.casefold(),), rank))
    for uid, reference, name, kind, is_open in session.execute(
        select(Group.uid, Group.reference, Group.name, Group.kind, Group.open).order_by(Group.uid)
    ):
        codes = (str(uid), (reference or "").casefold())
        joined = kind in TRUST_KINDS or kind == GroupKind.FEDERATION
        rank = 4 if not is_open else 1 if joined else 2
        found.append(_Candidate(Scope(GROUP, str(uid), name), codes, rank))
    for key, name in session.execute(select(Network.key, Network.name).order_by(Network.key)):
        found.append(_Candidate(Scope(NETWORK, key, name), (key.casefold(),), 1))
    return found


def participants_in(
    session: AnySession, principal: Principal, scope: Scope, day: date
) -> list[int]:
    """Ids of those who take part and are in `scope` on `day`, in order."""
    authorise(principal, Action.READ)
    query = (
        select(Participant.id)
        .outerjoin(Institution)
        .where(or_(Institution.participant_id.is_(None), Institution.in_scope))
        .where(is_in(scope, day))
        .order_by(Participant.id)
    )
    return list(session.scalars(query))


def is_in(scope: Scope, day: date) -> ColumnElement[bool]:
    """Whether a participant is in `scope` on `day`."""
    if scope.kind == COUNTRY:
        return true()
    if scope.kind == GROUP:
        return Participant.id.in_(
            select(MEMBERS.c.participant_id)
            .join(Group, Group.id == MEMBERS.c.group_id)
            .where(Group.uid == int(scope.code), belongs_on(day))
        )
    if scope.kind == NETWORK:
        return Participant.id.in_(
            select(NetworkMembership.participant_id)
            .join(Network)
            .where(
                Network.key == scope.code,
                or_(NetworkMembership.starts.is_(None), NetworkMembership.starts <= day),
                or_(NetworkMembership.ends.is_(None), NetworkMembership.ends >= day),
            )
        )
    column = {
        AreaKind.REGION: Participant.region_code,
        AreaKind.LOCAL_AUTHORITY: Participant.local_authority_code,
        AreaKind.DISTRICT: Participant.district_code,
    }[AreaKind(scope.kind)]
    return column == scope.code


@dataclass(frozen=True, slots=True)
class Results:
    """A page of what a search found, the best first, and how many there are in all."""

    found: list[Found]
    total: int
    note: str | None = None
    """What was searched for instead of a word that nothing holds."""


def find_participants(
    session: AnySession,
    principal: Principal,
    text: str,
    *,
    on: date,
    open_only: bool = False,
    skip: int = 0,
    limit: int = 20,
) -> Results:
    """Those whose URN, key or trust is `text`, else those that `search.holds` it, by relevance.

    `open_only` leaves out institutions that are closed or take no part; naming one finds it, and
    after it its successor. A word that nothing holds is taken for the nearest that something has.
    """
    authorise(principal, Action.READ)
    by_reference = _named(session, text)
    if by_reference:
        return Results(by_reference[skip : skip + limit], len(by_reference))
    if not search.search_words(text):
        return Results([], 0)
    meant = search.asked(session, text)
    matching = [search.holds(meant.text, on), *_taking_part(open_only=open_only)]
    total = session.scalar(
        select(func.count()).select_from(Participant).outerjoin(Institution).where(*matching)
    )
    best = search.by_relevance(meant.text)
    found = _found(session, *matching, order_by=best, skip=skip, limit=limit) if total else []
    return Results(found, total or 0, meant.note if total else None)


def find_near(
    session: AnySession,
    principal: Principal,
    text: str,
    near: Near,
    *,
    on: date,
    open_only: bool = False,
    skip: int = 0,
    limit: int = 20,
) -> Results:
    """Those near a place, nearest first; of `text`, if any, as `find_participants` has it."""
    authorise(principal, Action.READ)
    query = select(Participant.id, Participant.latitude, Participant.longitude)
    query = query.outerjoin(Institution).where(near.in_box)
    named = query.where(Participant.reference == reference_named(session, text.strip()))
    rows, meant = session.execute(named).all(), search.Asked(text)
    if not rows:
        query = query.where(*_taking_part(open_only=open_only))
        if text.strip():
            meant = search.asked(session, text)
            query = query.where(search.holds(meant.text, on))
        rows = session.execute(query).all()
    found = near.sorted_by_distance(rows)
    metres = {participant_id: far for far, participant_id in found[skip : skip + limit]}
    shown: dict[int, Found] = {}
    for ids in chunked(metres):
        some = Participant.id.in_(ids)
        shown |= {one.participant_id: one for one in _found(session, some, limit=len(ids))}
    page = [replace(shown[each], distance_m=far) for each, far in metres.items()]
    return Results(page, len(found), meant.note if found else None)


def _taking_part(*, open_only: bool) -> list[ColumnElement[bool]]:
    return [func.coalesce(Institution.in_scope, true())] if open_only else []


def _named(session: AnySession, text: str) -> list[Found]:
    """Whom `text` names by URN, key or trust, and who took the place of a closed institution."""
    reference = reference_named(session, text.strip())
    found = _found(session, Participant.reference == reference, limit=1)
    if not found or found[0].in_scope:
        return found
    successor = current(session, [reference]).get(reference)
    if successor is None:
        return found
    return [
        replace(found[0], successor=str(successor.urn)),
        *_found(session, Participant.id == successor.participant_id, limit=1),
    ]


def _found(
    session: AnySession,
    *conditions: ColumnElement[bool],
    limit: int,
    skip: int = 0,
    order_by: Sequence[ColumnElement[Any]] = (),
) -> list[Found]:
    query = (
        select(
            Participant.id,
            Participant.reference,
            Participant.name,
            Participant.kind,
            Institution.type_name,
            Participant.town,
            Participant.postcode,
            Area.name,
            func.coalesce(Institution.in_scope, true()),
        )
        .outerjoin(Institution)
        .outerjoin(
            Area,
            (Area.kind == AreaKind.LOCAL_AUTHORITY.value)
            & (Area.code == Participant.local_authority_code),
        )
        .outerjoin(PARTICIPANT_SEARCH, PARTICIPANT_SEARCH.c.rowid == Participant.id)
        .where(*conditions)
        .order_by(*(order_by or (Participant.name, Participant.id)))
        .offset(skip)
        .limit(limit)
    )
    return [Found(*row) for row in session.execute(query)]
