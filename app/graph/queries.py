"""Questions of the support graph, as somebody may see it on a day."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from app.access.policy import Action, Principal, authorise
from app.catalogue.queries import expertise_by_code, get_period
from app.database import ReadSession
from app.errors import NotFound
from app.graph.kept import support_graph
from app.graph.paths import Neighbourhood, Reached, by_place
from app.graph.view import View, seen_by
from app.register.lookups import Scope, find_scope, participants_in
from app.register.naming import reference_named
from models.exchange import Period


@contextmanager
def viewing(session: ReadSession, principal: Principal, day: date) -> Iterator[View]:
    """The graph as the principal may see it, with the usual kinds of edge."""
    authorise(principal, Action.READ)
    seen = seen_by(session, principal)
    names = expertise_by_code(session, principal)
    with support_graph(session) as graph:
        yield View(graph, seen, day, expertise=names)


def node_named(session: ReadSession, principal: Principal, view: View, cell: str) -> str:
    """The key of the node that a cell names.

    That is a URN, an organisation's key, or the name or code of a trust, federation, group,
    network, local authority or region.

    Raises
    ------
    NotFound
        If there is none, with the nearest names of places and groups.
    Conflict
        If several are meant equally.
    """
    if cell in view.of.nodes and not cell.startswith("support:"):
        return cell
    reference = reference_named(session, cell)
    if reference in view.of.nodes:
        return reference
    if cell.isascii() and cell.isdigit() and len(cell) == 6:
        raise NotFound(f"There is no institution {cell} in the register. Check the URN.")
    scope = find_scope(session, principal, cell)
    if scope.exact not in view.of.nodes:
        raise NotFound(f"{scope.name} is a district. Enter a local authority or region.")
    return scope.exact


def keys_in(
    session: ReadSession, principal: Principal, view: View, area: str | None
) -> tuple[Scope | None, frozenset[str] | None]:
    """The place, group or network that a text names, and who takes part there; None: England."""
    if area is None:
        return None, None
    scope = find_scope(session, principal, area)
    ids = participants_in(session, principal, scope, view.day)
    return scope, frozenset(view.of.keys[each] for each in ids if each in view.of.keys)


def period_named(session: ReadSession, principal: Principal, code: str | None) -> Period | None:
    return None if code is None else get_period(session, principal, code)


def joined_to(view: View, among: frozenset[str], most: int) -> Neighbourhood:
    """Those who take part somewhere, everything that they are joined to, and the edges between."""
    edges = {edge.key: edge for key in among for edge in (*view.given(key), *view.taken(key))}
    others = {key for edge in edges.values() for key in (edge.giver, edge.taker)} - among
    order = [(0, key) for key in sorted(among)] + [(1, key) for key in sorted(others)]
    inside = {key for _, key in order[:most]}
    return Neighbourhood(
        tuple(Reached(view.node(key), steps, None) for steps, key in order[:most]),
        tuple(
            sorted(
                (each for each in edges.values() if {each.giver, each.taker} <= inside),
                key=by_place,
            )
        ),
        max(0, len(order) - most),
    )
