"""The support graph of the country with a year of plans: building it, and each of its answers.

Beside each answer stands plain SQL of the same question over the same rows, in the same run. At
`BENCH_SCALE=quick` a made-up county stands for the national register, as it does where that is not
at hand.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import insert, select, text

from app.access.policy import TERMINAL
from app.database import Database, ReadSession
from app.demo.county import make_county
from app.demo.county_files import write_register
from app.graph.communities import communities
from app.graph.exports import geojson, graphml
from app.graph.isolated import by_area, isolated, with_networks
from app.graph.kept import build
from app.graph.load import loads
from app.graph.loops import loops
from app.graph.paths import around, shortest
from app.graph.picture import picture
from app.graph.queries import joined_to, keys_in, viewing
from app.graph.view import View
from app.log import configure
from app.migrate import migrate
from app.register.gias.importer import GiasFiles, import_gias
from app.settings import settings
from models.exchange import Need, Offer, Period
from models.matching import Proposal, Run
from models.partnerships import Support
from models.register import Institution, Network, NetworkMembership, Participant
from tests import rows
from tests.benchmarks.watched import ROOT

DAY: Final = date(2026, 11, 2)
PAIRS: Final = {"quick": 2_000, "full": 25_000, "ten": 25_000}
"""Support of a year, and as many proposals."""
NETWORKS: Final = 200
ROUNDS: Final = 3
SLOWEST_S: Final = 2.0
"""What no answer may take."""
IN_FORCE: Final = "s.state = 'active' and (s.ends is null or s.ends >= :day)"
SQL: Final = {
    "isolated": """select i.urn from institution i where i.in_scope
        and not exists (select 1 from membership m where m.participant_id = i.participant_id
        and (m."left" is null or m."left" > :day) and (m.joined is null or m.joined <= :day))
        and not exists (select 1 from network_membership n where n.participant_id =
        i.participant_id) and not exists (select 1 from support s where s.taker_id =
        i.participant_id or s.giver_id = i.participant_id) order by i.urn""",
    "load": """select p.id, (select sum(half_days) from support s where s.giver_id = p.id),
        (select sum(half_days) from support s where s.taker_id = p.id) from participant p""",
    "loops": f"""with e as (select distinct giver_id as a, taker_id as b from support s
        where {IN_FORCE}) select x.a, y.a, z.a from e x join e y on x.b = y.a
        join e z on y.b = z.a and z.b = x.a""",
}
Made = dict[str, Any]


def run() -> Made:
    configure(settings().model_copy(update={"log_level": "error"}))
    scale = os.environ.get("BENCH_SCALE", "quick")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.sqlite3"
        with Database(f"sqlite:///{path}") as database:
            source = fill(database, Path(folder), scale)
            return {"register": source} | measure(database)


def fill(database: Database, folder: Path, scale: str) -> str:
    """The register, and made-up networks, support and proposals among its schools."""
    shared = Path(os.environ.get("GIVETAKE_SHARED_DATA", ROOT.parent / "shared" / "data")) / "gias"
    national = scale != "quick" and (shared / "edubasealldata.csv").exists()
    if not national:
        write_register(make_county(seed=1), folder)
    where = shared if national else folder
    migrate(database)
    files = GiasFiles(
        where / "edubasealldata.csv",
        groups=where / "allgroupsdata.csv",
        links=where / "alllinksdata.csv",
    )
    with database.write() as session:
        import_gias(session, TERMINAL, files)
    with database.write() as session:
        rows.add_calendar(session)
        _draw(session, PAIRS[scale])
    return "national" if national else "made-up county"


def _draw(session: Any, pairs: int) -> None:
    """Near in the order of the register, as support is near: mostly within an authority."""
    draw = Random(1)
    query = select(Participant.id, Participant.local_authority_code).join(Institution)
    schools = [
        number
        for number, _ in session.execute(
            query.where(Institution.in_scope).order_by(
                Participant.local_authority_code, Participant.id
            )
        )
    ]
    session.execute(
        insert(Network),
        [{"key": f"n{n}", "name": f"Network {n}", "kind": "alliance"} for n in range(NETWORKS)],
    )
    networks = session.scalars(select(Network.id)).all()
    members = [
        {"network_id": draw.choice(networks), "participant_id": who}
        for who in draw.sample(schools, len(schools) // 20)
    ]
    session.execute(insert(NetworkMembership), members)
    scope = {"kind": "country", "code": "E92000001", "name": "England"}
    made = {"options": {}, "state": "solved", "actor": "x", "created_at": rows.NOW}
    run_of = rows.add(session, Run(period_code=rows.YEAR, scope=scope, **made))
    both = [_pair(draw, schools) for _ in range(pairs)]
    same = {"period_code": rows.YEAR, "half_days": 6, "updated_at": rows.NOW, "state": "active"}
    session.execute(
        insert(Support),
        [
            {"reference": f"s{n}", "giver_id": giver, "taker_id": taker, "starts": rows.STARTS}
            | same
            for n, (giver, taker) in enumerate(both)
        ],
    )
    _propose(session, run_of.id, [_pair(draw, schools) for _ in range(pairs)])


def _pair(draw: Random, schools: list[int]) -> tuple[int, int]:
    at = draw.randrange(len(schools))
    far = draw.choice((-1, 1)) * draw.randint(1, 40)
    return schools[at], schools[(at + far) % len(schools)]


def _propose(session: Any, run_id: int, pairs: list[tuple[int, int]]) -> None:
    of_both = {
        **{"expertise_code": "maths", "period_code": rows.YEAR, "half_days": 8, "mode": "on_site"},
        **{"window_starts": rows.STARTS, "window_ends": rows.ENDS, "updated_at": rows.NOW},
    }
    need = {"half_days_min": 4, "evidence": "self_evaluation", "state": "matched"}
    offer = {"phases": [], "availability": "can_offer", "availability_updated": rows.STARTS}
    for model, more, side in ((Need, need, 1), (Offer, offer, 0)):
        session.execute(
            insert(model),
            [
                {"id": n, "reference": f"x{n}", "participant_id": pair[side]} | of_both | more
                for n, pair in enumerate(pairs, 1)
            ],
        )
    figures = {"half_days": 4, "points": 1, "components": [], "ladder": "region", "remote": False}
    session.execute(
        insert(Proposal),
        [
            {"run_id": run_id, "need_id": n, "offer_id": n, "sendable": True, "state": "preferred"}
            | figures
            for n, _ in enumerate(pairs, 1)
        ],
    )


def measure(database: Database) -> Made:
    """The building, then each answer of the kept graph beside plain SQL."""
    with database.read() as session:
        started = time.perf_counter()
        built = build(session)
        seconds = time.perf_counter() - started
        size = {"nodes": len(built.nodes), "edges": built.graph.number_of_edges()}
        del built
        with viewing(session, TERMINAL, DAY) as view:
            answers = {
                name: _timed(view, ask) | _beside(session, name)
                for name, ask in _questions(session, view).items()
            }
    for each in answers.values():
        if "sql_s" in each:
            each["ratio"] = round(each["seconds"] / each["sql_s"], 2)
    slowest = max(each["seconds"] for each in answers.values())
    return size | {
        "build_s": round(seconds, 2),
        "slowest_s": slowest,
        "within_limit": slowest < SLOWEST_S,
        "answers": answers,
    }


def _questions(session: ReadSession, view: View) -> dict[str, Callable[[], object]]:
    year = session.get_one(Period, rows.YEAR)
    schools = [key for key in view.of.nodes if key.startswith("urn:") and view.node(key).in_scope]
    first, last = schools[len(schools) // 2], schools[-1]
    area = view.node(first).local_authority
    _, among = keys_in(session, TERMINAL, view, f"local_authority:{area}")
    near = around(view, first, 2)
    return {
        "path": lambda: shortest(view, first, last),
        "around": lambda: around(view, first, 3),
        "picture": lambda: picture(view, around(view, first, 2, most=60)),
        "isolated": lambda: isolated(view),
        "isolated_areas": lambda: by_area(view),
        "nearest_networks": lambda: with_networks(view, list(islice(isolated(view), 50))),
        "load": lambda: loads(session, view, year),
        "loops": lambda: loops(view),
        "communities": lambda: communities(view),
        "area": lambda: joined_to(view, among or frozenset(), 10**6),
        "graphml": lambda: graphml(view, near),
        "geojson": lambda: geojson(view, near),
    }


def _timed(view: View, ask: Callable[[], object]) -> Made:
    """The median of a few; what is remembered for the version is worked out anew."""
    taken = []
    for _ in range(ROUNDS):
        view.of.memo.clear()
        with _clock(taken):
            ask()
    return {"seconds": round(sorted(taken)[ROUNDS // 2], 3)}


def _beside(session: ReadSession, name: str) -> Made:
    if name not in SQL:
        return {}
    taken: list[float] = []
    for _ in range(ROUNDS):
        with _clock(taken):
            session.execute(text(SQL[name]), {"day": DAY.isoformat()}).all()
    return {"sql_s": round(max(sorted(taken)[ROUNDS // 2], 0.001), 3)}


@contextmanager
def _clock(taken: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    taken.append(time.perf_counter() - started)
