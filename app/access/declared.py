"""What each route and page is for: declared with it, and asked before anything of it is done.

A route that declares nothing stops the service from starting.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route

from app.access.policy import PHRASES, Action, Principal, may
from app.errors import Forbidden

_NAME: Final = "declared_for"
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class Reach(StrEnum):
    """How far a role goes that is held for a scope."""

    OWN = "own"
    """To what lies in the scope; of lists it sees that part."""
    OPEN = "open"
    """To everything: the public register, the taxonomy and the calendar are open to read."""
    EVERYWHERE = "everywhere"
    """To nothing: what belongs to no area takes a role that is held for everything."""


_EVERYWHERE: Final = frozenset(
    {
        Action.EDIT_RULES,
        Action.CHANGE_CATALOGUE,
        Action.MANAGE_KEYS,
        Action.MANAGE_USERS,
        Action.READ_AUDIT,
    }
)


@dataclass(frozen=True, slots=True)
class Declared:
    """The actions of a route, one of which its caller must be able to do; none: a key is enough."""

    actions: tuple[Action, ...] = ()
    reach: Reach = Reach.OPEN
    public: bool = False
    by_token: bool = False
    """What the token of a map opens, and no key does."""


PUBLIC: Final = Declared(public=True)
BY_TOKEN: Final = Declared(by_token=True)


def does(*actions: Action, reach: Reach | None = None) -> Callable[[Endpoint], Endpoint]:
    """Declare what a route does, and how far that goes for a role that is held for a scope."""
    usual = Reach.EVERYWHERE if set(actions) <= _EVERYWHERE else Reach.OWN
    return _declare(Declared(actions, reach or usual))


def public(endpoint: Endpoint) -> Endpoint:
    """Declare that a route is for anybody, such as the way in."""
    return _declare(PUBLIC)(endpoint)


def by_token(endpoint: Endpoint) -> Endpoint:
    """Declare that a route is for pages that hold the token of a map."""
    return _declare(BY_TOKEN)(endpoint)


def signed_in(endpoint: Endpoint) -> Endpoint:
    """Declare that a route is for whoever has a key, whatever that may do."""
    return _declare(Declared())(endpoint)


def _declare(declared: Declared) -> Callable[[Endpoint], Endpoint]:
    def declare(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _NAME, declared)
        return endpoint

    return declare


def declared_by(endpoint: object) -> Declared | None:
    found: Declared | None = getattr(endpoint, _NAME, None)
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """A route with its whole path, whatever it is mounted in."""

    path: str
    methods: tuple[str, ...]
    endpoint: Callable[..., Any]

    @property
    def declared(self) -> Declared | None:
        return declared_by(self.endpoint)


def places(routes: Sequence[BaseRoute], at: str = "") -> Iterator[Place]:
    """Every route, those of applications mounted within included; files are open anyway."""
    for context in iter_route_contexts(routes):
        route = context.original_route
        if isinstance(route, Mount):
            yield from places(route.routes, at + route.path)
        elif isinstance(route, Route):
            methods = tuple(sorted((context.methods or {"GET"}) - {"HEAD"}))
            yield Place(at + (context.path or ""), methods, route.endpoint)


def require_declared(routes: Sequence[BaseRoute]) -> None:
    """Raise `RuntimeError` with every route that does not say what it is for."""
    lacking = [place.path for place in places(routes) if place.declared is None]
    if lacking:
        raise RuntimeError(
            f"These routes declare no action: {', '.join(lacking)}. Decorate each with @does, "
            "@signed_in, @by_token or @public of app.access.declared, below its @router line."
        )


def authorise_route(request: Request, principal: Principal) -> None:
    """Refuse whoever may do none of what the route of a request is for."""
    declared = declared_by(request.scope.get("endpoint"))
    if declared is None or not declared.actions:
        return
    if not any(may(principal, action) for action in declared.actions):
        raise Forbidden(
            f"You do not have permission to {PHRASES[declared.actions[0]]}. Ask your administrator."
        )
