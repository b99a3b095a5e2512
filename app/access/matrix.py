"""Who may ask what, as a table: printed by the policy from what each route declares."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from app.access.declared import Declared, Place, Reach
from app.access.policy import MAY, Action
from models.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of caller: nobody, or who holds a role, for a scope or for everything."""

    name: str
    role: Role | None
    everywhere: bool = False


KINDS: Final = (
    Kind("nobody", None),
    Kind("viewer", Role.VIEWER),
    Kind("analyst", Role.ANALYST),
    Kind("broker", Role.BROKER),
    Kind("broker of all", Role.BROKER, everywhere=True),
    Kind("network leader", Role.NETWORK_LEADER),
    Kind("approver", Role.APPROVER),
    Kind("contact", Role.CONTACT),
    Kind("auditor", Role.AUDITOR, everywhere=True),
    Kind("administrator", Role.ADMINISTRATOR, everywhere=True),
)
YES: Final = "yes"
OWN: Final = "own"
NO: Final = "–"
MAP_ONLY: Final = "token"
"""Whoever has the token of a map, with or without a key."""


def cell(declared: Declared, kind: Kind) -> str:
    """Whether a caller may ask for a route: for everything, for its own alone, or not at all."""
    if declared.by_token:
        return MAP_ONLY
    if declared.public:
        return YES
    if kind.role is None:
        return NO
    if not declared.actions:
        return YES
    by = {action for action in declared.actions if may_by_role(kind.role, action)}
    if not by:
        return NO
    if kind.everywhere or declared.reach is Reach.OPEN:
        return YES
    return OWN if declared.reach is Reach.OWN else NO


def may_by_role(role: Role, action: Action) -> bool:
    return role is Role.ADMINISTRATOR or role in MAY[action]


def rows(places: Iterable[Place]) -> Iterator[tuple[str, ...]]:
    """A row for each route: what is asked, what it takes, and a cell for each kind of caller."""
    for place in sorted(places, key=lambda one: (one.path, one.methods)):
        declared = place.declared
        assert declared is not None, place.path
        actions = ", ".join(action.value.replace("_", " ") for action in declared.actions)
        takes = actions or ("nothing" if declared.public else "a key")
        if declared.by_token:
            takes = "a map's token"
        asked = f"`{' '.join(place.methods)} {place.path}`"
        yield asked, takes, *(cell(declared, kind) for kind in KINDS)


def table(places: Iterable[Place]) -> str:
    """The same as a table for a document."""
    heads = ("route", "takes", *(kind.name for kind in KINDS))
    lines = [heads, tuple("--" for _ in heads), *rows(places)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
