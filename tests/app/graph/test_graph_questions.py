"""Each question of the graph, against plain SQL over the same rows."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import networkx as nx
import pytest
from sqlalchemy import text

from app.access.policy import TERMINAL
from app.database import Database, ReadSession
from app.graph.communities import bridges, communities
from app.graph.isolated import by_area, isolated, with_networks
from app.graph.kinds import EdgeKind, Over
from app.graph.load import loads
from app.graph.loops import loops
from app.graph.paths import Direction, around, shortest
from app.graph.queries import keys_in, node_named, viewing
from app.graph.view import View
from models.exchange import Period
from tests import rows
from tests.graphs import DAY, fill

SEEDS = (1, 2, 3)
DATES = {"day": DAY.isoformat()}
RUNS = "s.state in ('active', 'paused') and (s.ends is null or s.ends >= :day)"
EDGES = f"""
select p.reference as giver, 'group:' || g.uid as taker, 'member' as kind
from membership m join participant p on p.id = m.participant_id join "group" g on g.id = m.group_id
where m.joined is null
union all
select p.reference, 'network:' || n.key, 'member'
from network_membership m join participant p on p.id = m.participant_id
join network n on n.id = m.network_id where m.ends is null or m.ends >= :day
union all
select 'urn:' || predecessor_urn, 'urn:' || successor_urn, 'succession' from succession
union all
select coalesce(g.reference, 'support:' || s.reference), t.reference,
case when {RUNS} then 'support' else 'past_support' end
from support s join participant t on t.id = s.taker_id left join participant g on g.id = s.giver_id
union all
select g.reference, t.reference, 'proposed' from proposal x
join need n on n.id = x.need_id join participant t on t.id = n.participant_id
join offer o on o.id = x.offer_id join participant g on g.id = o.participant_id
where x.state in ('proposed', 'preferred', 'approved')
union all
select h.reference, a.reference, 'interest' from interest i
join participant h on h.id = i.holder_id join participant a on a.id = i.about_id
"""
"""The edges of the usual kinds, as SQL has them."""


@pytest.fixture(params=SEEDS)
def session(request: pytest.FixtureRequest, database: Database) -> Iterator[ReadSession]:
    with database.write() as writing:
        fill(writing, request.param)
    with database.read() as reading:
        yield reading


@pytest.fixture
def view(session: ReadSession) -> Iterator[View]:
    with viewing(session, TERMINAL, DAY) as found:
        yield found


def _edges(session: ReadSession) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in session.execute(text(EDGES), DATES)]


def test_edges_are_those_of_the_rows(session: ReadSession, view: View) -> None:
    """Each row is one edge of the kind that it is on the day, and nothing else is one."""
    told = Counter((edge.giver, edge.taker, str(edge.kind_on(DAY))) for edge in view.edges())
    assert told == Counter(_edges(session))


def test_shortest_paths_are_as_long_as_sql_finds(session: ReadSession, view: View) -> None:
    """Between any two, each step is an edge, and no way has fewer."""
    steps = text(
        f"""with recursive e as ({EDGES}), both_ways as (
        select giver as a, taker as b from e union select taker, giver from e),
        walk(at, steps) as (select cast(:start as varchar), 0 union
        select b, steps + 1 from walk join both_ways on a = at where steps < 9)
        select at, min(steps) from walk group by at"""
    )
    keys = [key for key in view.of.nodes if key.startswith(("urn:", "org:", "group:"))]
    for start in keys[::5]:
        found = session.execute(steps, DATES | {"start": start}).all()
        expected = {str(at): int(far) for at, far in found}
        for goal in keys:
            path = shortest(view, start, goal)
            assert (None if path is None else len(path)) == expected.get(goal), (start, goal)
            at = start
            for edge in path or ():
                assert at in (edge.giver, edge.taker)
                at = edge.giver if at == edge.taker else edge.taker
            assert path is None or at == goal
        reached = around(view, start, 2).reached
        assert {each.node.key: each.steps for each in reached} == {
            at: far for at, far in expected.items() if far <= 2
        }


def test_supporters_are_told_with_those_through_whom(view: View) -> None:
    """Along one direction only those lie who give to it, or to one who does."""
    gives = view.only((EdgeKind.SUPPORT, EdgeKind.PAST_SUPPORT))
    pairs = {(edge.giver, edge.taker) for edge in gives.edges()}
    for start in {taker for _, taker in pairs}:
        direct = {giver for giver, taker in pairs if taker == start}
        indirect = {giver for giver, taker in pairs if taker in direct} - direct - {start}
        found = around(gives, start, 2, Direction.RECEIVES).reached
        assert {each.node.key for each in found if each.steps == 1} == direct - {start}
        assert {each.node.key for each in found if each.steps == 2} == indirect
        for each in found[1:]:
            assert each.through is not None
            assert (each.node.key, each.through) in pairs


def test_isolated_schools_are_those_without_rows(session: ReadSession, view: View) -> None:
    """In scope, in no group or network on the day, and in no row of support."""
    found = session.execute(
        text(
            """select i.urn, p.local_authority_code from institution i
            join participant p on p.id = i.participant_id where i.in_scope
            and not exists (select 1 from membership m where m.participant_id = p.id)
            and not exists (select 1 from network_membership m where m.participant_id = p.id
            and (m.ends is null or m.ends >= :day))
            and not exists (select 1 from support s where s.taker_id = p.id or s.giver_id = p.id)
            order by i.urn"""
        ),
        DATES,
    ).all()
    assert [each.urn for each in isolated(view)] == [urn for urn, _ in found]
    counts = Counter(f"local_authority:{code}" for _, code in found)
    areas = by_area(view)
    assert {each.key: each.isolated for each in areas if each.isolated} == counts
    alone = session.scalar(
        text(
            """select count(*) from institution i where i.in_scope and not exists
            (select 1 from membership m where m.participant_id = i.participant_id)"""
        )
    )
    assert sum(each.in_no_group for each in areas) == alone
    _, among = keys_in(session, TERMINAL, view, "Elsewhere")
    assert len(isolated(view, among)) == counts["local_authority:998"]


def test_nearest_networks_are_named_by_their_nearest_member(view: View) -> None:
    """The one network of the sample, at the distance of its nearest member."""
    members = {edge.giver for edge in view.only((EdgeKind.MEMBER,)).taken("network:family")}
    for each in with_networks(view, isolated(view)):
        (near,) = each.networks
        here = each.node.latitude or 0
        miles = min(abs((view.node(key).latitude or 0) - here) * 69.17 for key in members)
        assert near.key == "family"
        assert near.miles == pytest.approx(miles, abs=0.6)


def test_loads_are_the_sums_of_the_rows(session: ReadSession, view: View) -> None:
    """Days of the year and its terms by giver and taker, holds too, and who is over their share."""
    period = session.get_one(Period, rows.YEAR)
    found = {each.node.key: each for each in loads(session, view, period)}
    held = "x.state in ('preferred', 'approved')"
    sums = text(
        f"""select p.reference,
        coalesce((select sum(s.half_days) from support s where s.giver_id = p.id
        and s.period_code in ('{rows.YEAR}', '{rows.TERM}')), 0)
        + coalesce((select sum(x.half_days) from proposal x join offer o on o.id = x.offer_id
        where o.participant_id = p.id and {held}), 0),
        coalesce((select sum(s.half_days) from support s where s.taker_id = p.id
        and s.agency is null and s.period_code in ('{rows.YEAR}', '{rows.TERM}')), 0)
        + coalesce((select sum(x.half_days) from proposal x join need n on n.id = x.need_id
        where n.participant_id = p.id and {held}), 0),
        (select count(*) from support s where s.giver_id = p.id and {RUNS}
        and (s.starts is null or s.starts <= :day))
        + (select count(*) from proposal x join offer o on o.id = x.offer_id
        where o.participant_id = p.id and {held}),
        (select give_half_days from limits l where l.participant_id = p.id),
        (select sum(half_days) from offer o where o.participant_id = p.id),
        (select max_given from limits l where l.participant_id = p.id),
        p.kind from participant p order by p.reference"""
    )
    told = 0
    for key, given, received, takers, limit, offered, most, kind in session.execute(sums, DATES):
        each = found.get(key)
        if each is None:
            assert (given, received, takers) == (0, 0, 0), key
            continue
        told += 1
        assert (each.given, each.received, each.takers) == (given, received, takers), key
        share = offered if limit is None else limit
        most = most if most is not None else 3 if kind == "institution" else None
        assert each.share == share
        assert (Over.DAYS in each.over) == (share is not None and given > share), key
        assert (Over.TAKERS in each.over) == (most is not None and takers > most), key
    assert told == len(found) > 5


def test_loops_are_those_of_a_self_join(session: ReadSession, view: View) -> None:
    """Swaps and loops of three among running support, each told once."""
    pairs = f"""select distinct s.giver_id as a, s.taker_id as b from support s
    where s.giver_id is not null and {RUNS}"""
    twos = text(f"with e as ({pairs}) select count(*) from e x join e y on x.b = y.a and y.b = x.a")
    threes = text(
        f"""with e as ({pairs}) select count(*) from e x join e y on x.b = y.a
        join e z on y.b = z.a and z.b = x.a where x.a <> y.b"""
    )
    found = Counter(len(each.members) for each in loops(view).items)
    assert found[2] == (session.scalar(twos, DATES) or 0) / 2
    assert found[3] == (session.scalar(threes, DATES) or 0) / 3
    for each in loops(view).items:
        assert each.members[0] == min(each.members)
        for at, gives in enumerate(each.support):
            assert {edge.giver for edge in gives} == {each.members[at]}


def test_communities_are_told_against_areas(session: ReadSession, view: View) -> None:
    """Pairs and those across lines are what SQL counts; members are told once, and the same."""
    across = session.execute(
        text(
            """with e as (select distinct min(g.reference, t.reference) as a,
            max(g.reference, t.reference) as b, coalesce(g.local_authority_code, '') as x,
            coalesce(t.local_authority_code, '') as y from support s
            join participant g on g.id = s.giver_id join participant t on t.id = s.taker_id
            ) select a, b, x <> y from e""".replace("min(", _name(session, "least")).replace(
                "max(", _name(session, "greatest")
            )
        )
    ).all()
    found = communities(view)
    assert found.pairs == len({(a, b) for a, b, _ in across})
    assert found.across == len({(a, b) for a, b, differs in across if differs})
    members = [key for each in found.found for key in each.members]
    assert len(members) == len(set(members))
    view.of.memo.clear()
    assert communities(view) == found


def _name(session: ReadSession, name: str) -> str:
    if session.get_bind().dialect.name == "sqlite":
        return {"least": "min(", "greatest": "max("}[name]
    return f"{name}("


@pytest.mark.parametrize("seed", range(20))
def test_bridges_are_those_whose_loss_cuts_others_off(seed: int) -> None:
    """As trying it out has it: without the node, all but the largest part of its group are off."""
    graph = nx.gnm_random_graph(14, 15, seed=seed)
    named = nx.relabel_nodes(graph, {number: f"n{number:02}" for number in graph})
    found = {each.key: each for each in bridges(named)}
    assert set(found) == set(nx.articulation_points(named))
    for key, each in found.items():
        group = nx.node_connected_component(named, key) - {key}
        parts = list(nx.connected_components(named.subgraph(group)))
        assert each.parts == len(parts)
        assert each.cut_off == len(group) - max(map(len, parts))


def test_nodes_are_named_by_what_people_call_them(session: ReadSession, view: View) -> None:
    """A URN, a key, a trust's reference or UID, a network's key or name, an area's name."""
    names = {
        "100000": "urn:100000",
        "hub-0": "org:hub-0",
        "TR00071": "group:71",
        "group:72": "group:72",
        "Network family": "network:family",
        "Testshire": "local_authority:999",
        "region:Z": "region:Z",
    }
    for text_, key in names.items():
        assert node_named(session, TERMINAL, view, text_) == key


def test_no_edge_is_told_without_a_sentence(view: View) -> None:
    """Whatever an edge is, it is a sentence that names both sides."""
    from app.graph.words import told

    for edge in view.only(EdgeKind).edges():
        said = told(view, edge)
        assert view.node(edge.giver).name in said
        assert view.node(edge.taker).name in said
        assert said.endswith(".")


def test_layers_of_everybody_are_found(view: View) -> None:
    """Whoever is joined by a path is within its steps, and nobody else."""
    keys = sorted(view.of.nodes)[:8]
    for one, other in combinations(keys, 2):
        path = shortest(view, one, other)
        inside = {each.node.key for each in around(view, one, 6).reached}
        assert (other in inside) == (path is not None and len(path) <= 6)
