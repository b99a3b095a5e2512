"""Lists that are filtered and sorted: what is asked for, and remembered for the rest of the visit.

Filters, their choices and their order come from the list's `ListQuery`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar, get_args
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from app.catalogue.queries import list_expertise, list_periods
from app.database import ReadSession
from app.http.list_query import ListQuery
from app.portal import labels
from app.portal.rendering import page_number
from app.portal.sessions import BASE, Visitor, cookie_value, set_cookie, unset_cookie
from app.register.list_queries import list_areas, list_networks
from models.vocabulary import AreaKind

Q = TypeVar("Q", bound=ListQuery)
Choice = tuple[str, str]
PER_PAGE: Final = 50
EM_SPACE: Final = "\u2003"
REMEMBERED: Final = "list"
MOST_REMEMBERED: Final = 1_500
"""Letters of a filter that a cookie has room for."""
ONLY_IN_ADDRESSES: Final = frozenset(
    {"limit", "sort", "after", "run", "participant", "taker", "giver", "need", "offer"}
)
"""What other pages lead here with; the form has no field for it, and keeps it."""
YES_NO: Final = [("yes", "Yes"), ("no", "No")]
RANKS: Final = [(str(rank), str(rank)) for rank in range(1, 6)]
WITHIN: Final = [(str(miles), f"Within {miles} miles") for miles in (5, 10, 20, 40)]


@dataclass(frozen=True, slots=True)
class Filter:
    """A field of the form that filters a list; without groups of choices something is typed."""

    name: str
    label: str
    groups: Sequence[tuple[str, Sequence[Choice]]] | None


@dataclass(frozen=True, slots=True)
class Asked(Generic[Q]):
    """What the address of a list asks for."""

    wanted: Q
    kept: dict[str, str]
    """What filters and sorts, as it was typed."""
    page: int
    as_csv: bool

    @property
    def skip(self) -> int:
        return (self.page - 1) * PER_PAGE


def asked(
    request: Request, who: Visitor, kind: type[Q], sort: str, **fixed: Any
) -> Asked[Q] | Response:
    """What is asked for, or the way to what was asked for last; `sort` is the order by default."""
    given = dict(request.query_params)
    if "clear" in given:
        answer = RedirectResponse(_place(request), 303)
        unset_cookie(request, answer, REMEMBERED, _place(request))
        return answer
    if not request.url.query and (last := _remembered(request, who)):
        return RedirectResponse(f"{_place(request)}?{urlencode(kind.kept(last))}", 303)
    return read(kind, given, sort, page_number(request), **fixed)


def read(
    kind: type[Q], given: Mapping[str, str], sort: str, number: int = 1, **fixed: Any
) -> Asked[Q]:
    kept = kind.kept(given)
    wanted = kind.model_validate({"sort": sort, **kept, **fixed})
    return Asked(wanted, kept, number, given.get("as") == "csv")


def remember(request: Request, who: Visitor, asked: Asked[Any], answer: Response) -> Response:
    """Let the browser keep the filter for when the list is opened again in this visit."""
    if set(request.query_params).isdisjoint(type(asked.wanted).model_fields):
        return answer
    text = urlencode(asked.kept)
    if not asked.kept or len(text) > MOST_REMEMBERED:
        unset_cookie(request, answer, REMEMBERED, _place(request))
    else:
        set_cookie(
            request, answer, f"{_mark(request, who)}.{text}", REMEMBERED, below=_place(request)
        )
    return answer


def _remembered(request: Request, who: Visitor) -> dict[str, str]:
    mark, _, text = cookie_value(request, REMEMBERED, _place(request)).partition(".")
    return dict(parse_qsl(text)) if mark == _mark(request, who) else {}


def _mark(request: Request, who: Visitor) -> str:
    """Of this visit alone: whoever signs in next at the same browser begins anew."""
    return who.token(_place(request))[:16]


def _place(request: Request) -> str:
    return BASE + request.url.path.removeprefix(request.scope["root_path"])


def filters_of(
    session: ReadSession,
    who: Visitor,
    kind: type[ListQuery],
    counted: Mapping[str, Sequence[Choice]] | None = None,
) -> list[Filter]:
    """The fields of the form; `counted` has choices of its own for some of them."""
    found = []
    for name, field in kind.model_fields.items():
        if name in ONLY_IN_ADDRESSES:
            continue
        of_its_own = (counted or {}).get(name)
        if of_its_own is None:
            groups = _groups(session, who, name, field.annotation)
        else:
            groups = [("", of_its_own)]
        if groups is None or any(choices for _, choices in groups):
            found.append(Filter(name, labels.LIST_FILTERS[name], groups))
    return sorted(found, key=lambda each: labels.FIRST_FILTERS.get(each.name, len(found)))


def _groups(
    session: ReadSession, who: Visitor, name: str, annotation: Any
) -> list[tuple[str, Sequence[Choice]]] | None:
    match name:
        case "area":
            return [
                (title, sorted(_areas(session, who, kind), key=lambda each: each[1]))
                for title, kind in labels.AREA_GROUPS
            ]
        case "network":
            networks = list_networks(session, who.principal, limit=None)
            return [("", [(row["key"], row["name"]) for row in networks])]
        case "period":
            periods = list_periods(session, who.principal, limit=None)
            return [("", [(each.code, each.name) for each in periods])]
        case "expertise":
            return [("", as_tree(list_expertise(session, who.principal, limit=None)))]
        case "priority" | "quality":
            return [("", RANKS)]
        case "miles":
            return [("", WITHIN)]
    kinds = [each for each in get_args(annotation) if isinstance(each, type)]
    for each in kinds:
        if issubclass(each, StrEnum):
            return [("", [(value, text) for value, text, _ in labels.choices(each)])]
        if each is bool:
            return [("", YES_NO)]
    return None


def _areas(session: ReadSession, who: Visitor, kind: AreaKind) -> list[Choice]:
    found = list_areas(session, who.principal, kind=kind, limit=None)
    return [(f"{row['kind']}:{row['code']}", row["name"]) for row in found]


def as_tree(entries: Sequence[Any]) -> list[Choice]:
    """Codes and names, what is narrower indented below what is broader."""
    below: dict[str | None, list[Any]] = {}
    codes = {each.code for each in entries}
    for each in sorted(entries, key=lambda entry: entry.name):
        below.setdefault(each.parent_code if each.parent_code in codes else None, []).append(each)

    def walk(parent: str | None, depth: int) -> list[Choice]:
        found = []
        for each in below.get(parent, []):
            found.append((each.code, EM_SPACE * depth + each.name))
            found += walk(each.code, depth + 1)
        return found

    return walk(None, 0)
