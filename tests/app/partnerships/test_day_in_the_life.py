"""A day in the life of an exchange over real HTTP: from needs and offers to what came of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.access.callers import moment
from app.access.policy import Grant, Scope
from app.database import Database
from app.main import create_app
from app.settings import Settings
from models.register import Area
from models.vocabulary import Role, ScopeKind
from tests import pots, rows
from tests.factories import new_key
from tests.serving import serving

SIGNED, DONE = datetime(2026, 9, 2, 12, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC)
TAKERS, GIVERS = (1, 2, 3, 4), (11, 12, 13)
MILES = {1: 0, 11: 1, 2: 30, 13: 31, 3: 200, 12: 201, 4: 202}
ELSEWHERE = (3, 4, 12)
"""Those in the area of the other broker."""
OPTIONS = {"as_of": "2026-09-01", "reciprocity": "none", "max_given": 100, "time_limit_s": 60}
TERMS = {
    "starts": "2026-09-07",
    "ends": "2027-07-16",
    "aims": "Made up: phonics taught daily",
    "taker_role": "headteacher",
    "giver_role": "deputy headteacher",
    "day_rate_pounds": 300,
}

POT = {
    "reference": "fund",
    "name": "Made-up fund",
    "holder": pots.COUNCIL,
    "holder_kind": "commissioner",
    "budget_pence": 100_000,
    "starts": "2026-09-01",
    "ends": "2027-08-31",
    "day_rate_pence": 30_000,
}


@dataclass
class Exchange:
    """The service on a port, at a time that a test sets, and what each of its callers asks it."""

    database: Database
    keys: dict[str, str]
    now: datetime = SIGNED
    origin: str = ""
    clients: dict[str, httpx.Client] = field(default_factory=dict)

    @contextmanager
    def open(self, workers: int = 0) -> Iterator[None]:
        app = create_app(Settings(workers=workers, database_url=self.database.url), self.database)
        app.dependency_overrides[moment] = lambda: self.now
        with serving(app) as origin:
            self.clients = {
                name: httpx.Client(
                    base_url=f"{origin}/api/v1",
                    headers={"Authorization": f"Bearer {key}", "If-Match": "*"},
                    timeout=120,
                )
                for name, key in self.keys.items()
            }
            yield
            for client in self.clients.values():
                client.close()

    def ask(
        self, who: str, method: str, path: str, status: int = 200, /, **body: Any
    ) -> dict[str, Any]:
        sent = {"json": body} if body else {}
        answer = self.clients[who].request(method, path, **sent)  # type: ignore[arg-type]
        assert answer.status_code == status, (who, method, path, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    def listed(self, who: str, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(who, "GET", path)["items"]
        return found

    def plan(self, who: str, area: str, **options: Any) -> dict[str, dict[str, Any]]:
        """What a run proposes, by need; a worker carries it out."""
        with self.open(workers=1):
            body = {"area": area, "period": rows.YEAR, "options": OPTIONS | options}
            run = self.ask(who, "POST", "/runs", 202, **body)["id"]
            seen = "0"
            while True:
                events = f"/runs/{run}/events"
                headers = {"Last-Event-ID": seen}
                with self.clients[who].stream("GET", events, headers=headers) as told:
                    if told.status_code == 204:
                        break
                    for line in told.iter_lines():
                        name, _, value = line.partition(": ")
                        seen = value if name == "id" else seen
            assert self.ask(who, "GET", f"/runs/{run}")["state"] == "solved"
            found = self.listed(who, f"/proposals?run={run}")
            details = [self.ask(who, "GET", f"/proposals/{each['id']}") for each in found]
        return {each["need"]: each for each in details}

    def agree_and_start(self, broker: str, proposal: int, taker: int, giver: int) -> int:
        """Prefer, hear both sides, approve, start: the partnership's number."""
        path = f"/proposals/{proposal}"
        self.ask(broker, "POST", f"{path}/decisions", 201, action="prefer")
        for side, urn in (("taker", taker), ("giver", giver)):
            said = {"side": side, "says": "yes", "said_by": "headteacher"}
            self.ask(f"head {urn}", "POST", f"{path}/agreements", 201, **said)
        self.ask(broker, "POST", f"{path}/decisions", 403, action="approve")
        self.ask("approver", "POST", f"{path}/decisions", 201, action="approve")
        made = self.ask(broker, "POST", f"{path}/partnership", 201, **TERMS)
        return int(made["id"])

    def visit(self, partnership: int, giver: int, day: str, days: float) -> str:
        """Booked and written up by the giver: its address."""
        path, head = f"/partnerships/{partnership}/visits", f"head {giver}"
        made = self.ask(head, "POST", path, 201, on_day=day, days=days)["id"]
        self.ask(head, "POST", f"{path}/{made}/report", report="Made up: watched two lessons")
        return f"{path}/{made}"


@pytest.fixture
def exchange(database: Database) -> Exchange:
    """Four schools that need support and three that give it, in two areas of one region."""
    with database.write() as session:
        rows.add_calendar(session)
        there = {"kind": "local_authority", "code": "998", "region_code": "Z"}
        rows.add(session, Area(name="Elsewhere", **there))
        schools = {}
        for urn, miles in MILES.items():
            code = {"local_authority_code": "998"} if urn in ELSEWHERE else {}
            schools[urn] = rows.add_school(session, urn, miles, **code)
        rows.add_network(session, "made-up-network", [schools[3], schools[12]])
        pots.add_council(session)
        grants = {
            "broker here": (Role.BROKER, ScopeKind.AREA, "999"),
            "broker elsewhere": (Role.BROKER, ScopeKind.AREA, "998"),
            "leader": (Role.NETWORK_LEADER, ScopeKind.NETWORK, "made-up-network"),
            "approver": (Role.APPROVER, ScopeKind.REGION, "Z"),
            "auditor": (Role.AUDITOR, ScopeKind.ALL, ""),
        } | {
            f"head {urn}": (Role.CONTACT, ScopeKind.INSTITUTION, str(urn))
            for urn in (*TAKERS, *GIVERS)
        }
        keys = {
            name: new_key(session, Grant(role, Scope(kind, of)), label=name)
            for name, (role, kind, of) in grants.items()
        }
    return Exchange(database, keys)


def enter(exchange: Exchange) -> None:
    """Each head enters what the school needs or offers, for itself and for nobody else."""
    common = {"expertise": "maths", "period": rows.YEAR, "mode": "on_site"}
    exchange.ask("head 1", "POST", "/pots", 403, **POT)
    exchange.ask("broker elsewhere", "POST", "/pots", 403, **POT)
    exchange.ask("broker here", "POST", "/pots", 201, **POT)
    for urn in TAKERS:
        need = {"reference": f"N{urn}", "participant": str(urn), "days": 2, **common}
        need |= {"evidence": "self_evaluation", "state": "identified", "agreed_by": "head"}
        need |= {"pot": "fund"} if urn == 1 else {}
        exchange.ask("head 11", "POST", "/needs", 403, **need)
        exchange.ask(f"head {urn}", "POST", "/needs", 201, **need)
    for urn in GIVERS:
        offer = {"reference": f"O{urn}", "participant": str(urn), "days": 5, **common}
        offer |= {"availability": "can_offer", "availability_updated": "2026-09-01"}
        exchange.ask(f"head {urn}", "POST", "/offers", 201, **offer | {"max_pairings": 1})


def money(exchange: Exchange) -> tuple[int, int, int, int]:
    """What of the pot is committed, claimed, paid and left."""
    pot = exchange.ask("broker here", "GET", "/pots/fund")
    committed, claimed, paid, left = (
        pot[f"{name}_pence"] for name in ("committed", "claimed", "paid", "left")
    )
    return committed, claimed, paid, left


def it_is_paid(exchange: Exchange, partnership: int) -> None:
    """Claimed by the giver for what is signed, approved and paid by the pot's own approver."""
    path = f"/partnerships/{partnership}/claims"
    assert money(exchange) == (60_000, 0, 0, 40_000)
    exchange.ask("head 1", "POST", path, 403, visits=None)
    above = exchange.ask("head 11", "POST", path, 422, pence=60_001)
    assert "£600.01 is claimed, and of the £600.00 that pot fund has committed" in above["detail"]
    claim = exchange.ask("head 11", "POST", path, 201, visits=None)
    assert (claim["pence"], claim["days"], claim["state"]) == (30_000, 1, "made")
    decisions = f"/claims/{claim['id']}/decisions"
    exchange.ask("head 11", "POST", decisions, 403, action="approve")
    exchange.ask("broker here", "POST", decisions, 403, action="approve")
    exchange.ask("approver", "POST", decisions, 409, action="pay")
    exchange.ask("approver", "POST", decisions, action="approve")
    assert exchange.ask("approver", "POST", decisions, action="pay")["state"] == "paid"
    assert exchange.listed("broker elsewhere", "/claims") == []
    assert money(exchange) == (60_000, 30_000, 30_000, 40_000)


def it_is_reported(exchange: Exchange) -> None:
    """The day that was not given is free again; the report says what the paid one came to."""
    assert money(exchange) == (30_000, 30_000, 30_000, 70_000)
    report = exchange.ask("auditor", "GET", f"/pots/fund/report?period={rows.YEAR}")
    [row] = report["rows"]
    assert (row["school"], row["days_agreed"], row["days_delivered"]) == ("1", 2, 1)
    assert (row["paid_pence"], row["needs_met"], row["worked"]) == (30_000, 1, 1)
    exchange.ask("broker elsewhere", "GET", "/pots/fund/report", 404)


def counted(exchange: Exchange, who: str, urn: int) -> list[tuple[float, str, str | None]]:
    """Days, state and result of a school's rows in the register of support."""
    found = exchange.listed(who, f"/support?participant={urn}")
    return [(float(each["days"]), each["state"], each["result"]) for each in found]


def it_works(exchange: Exchange, partnership: int) -> None:
    """Visits, one of them disputed, reviews, a concern that stays private, and a good end."""
    path = f"/partnerships/{partnership}"
    early = {"on_day": "2026-09-01", "days": 1}
    exchange.ask("head 11", "POST", f"{path}/visits", 422, **early)
    exchange.now = DONE
    kept = exchange.visit(partnership, 11, "2026-09-14", 1)
    disputed = exchange.visit(partnership, 11, "2026-09-21", 0.5)
    exchange.ask("head 11", "POST", f"{path}/visits", 422, on_day="2026-10-05", days=1.0)
    exchange.ask("head 11", "POST", f"{kept}/signature", 403, role="headteacher")
    assert exchange.ask("head 1", "POST", f"{kept}/signature", role="head")["pounds"] == 300
    exchange.ask("head 1", "POST", f"{disputed}/signature", role="head", dispute="Nobody came")
    exchange.ask("head 11", "DELETE", disputed)
    it_is_paid(exchange, partnership)
    today = DONE.date().isoformat()
    said = {"on_day": today, "role": "headteacher"}
    for who, reviewer, status in (
        ("head 1", "taker", 201),
        ("head 11", "giver", 201),
        ("broker here", "monitor", 201),
        ("head 11", "taker", 403),
        ("leader", "monitor", 404),
    ):
        review = {"reviewer": reviewer, "rating": "green"} | said
        exchange.ask(who, "POST", f"{path}/reviews", status, **review)
    concern = {"text": "Made up: visits are moved", "role": "headteacher"}
    number = exchange.ask("head 1", "POST", f"{path}/concerns", 201, **concern)["id"]
    assert exchange.listed("head 11", f"{path}/concerns") == []
    assert exchange.listed("broker here", f"{path}/concerns") == []
    assert [each["id"] for each in exchange.listed("approver", "/concerns")] == [number]
    exchange.ask("approver", "POST", f"/concerns/{number}/answer", answer="Made up: we spoke")
    assert exchange.listed("head 1", f"{path}/concerns")[0]["answer"] == "Made up: we spoke"
    assert counted(exchange, "head 11", 11) == [(2.0, "active", None)]
    over = {"reason": "completed", "over_on": today, "need_becomes": "met"}
    exchange.ask("head 1", "POST", f"{path}/end", 403, **over)
    ended = exchange.ask("broker here", "POST", f"{path}/end", **over)
    assert (ended["state"], ended["days_delivered"], ended["days_signed"]) == ("ended", 1, 1)
    came = {"result": "worked", "role": "headteacher", "what_worked": "Made up: daily phonics"}
    exchange.ask("head 1", "POST", f"{path}/outcomes", 201, side="taker", **came)
    exchange.ask("head 11", "POST", f"{path}/outcomes", 201, side="giver", **came)


def it_fails(exchange: Exchange, partnership: int) -> None:
    """Stopped after half a day; both sides say so, and the need is open again."""
    path = f"/partnerships/{partnership}"
    visit = exchange.visit(partnership, 13, "2026-09-14", 0.5)
    exchange.ask("head 2", "POST", f"{visit}/signature", role="headteacher")
    over = {"over_on": DONE.date().isoformat(), "need_becomes": "match"}
    exchange.ask("broker here", "POST", f"{path}/end", reason="relationship", **over)
    came = {"result": "did_not_work", "role": "headteacher", "what_worked": "Made up: nothing"}
    exchange.ask("head 13", "POST", f"{path}/outcomes", 409, side="giver", **came)
    exchange.ask("head 2", "POST", f"{path}/outcomes", 201, side="taker", **came)
    exchange.ask("head 13", "POST", f"{path}/outcomes", 201, side="giver", **came)


def test_day_in_the_life_of_two_areas(exchange: Exchange) -> None:
    """From needs to ended partnerships: needs, balances, later plans and the audit follow."""
    with exchange.open():
        enter(exchange)
    here = exchange.plan("broker here", "Testshire")
    elsewhere = exchange.plan("broker elsewhere", "Elsewhere")
    assert {need: each["offer"] for need, each in here.items()} == {"N1": "O11", "N2": "O13"}
    [(matched, proposal)] = elsewhere.items()
    assert (matched in ("N3", "N4"), proposal["offer"]) == (True, "O12")
    with exchange.open():
        works = exchange.agree_and_start("broker here", here["N1"]["id"], 1, 11)
        fails = exchange.agree_and_start("broker here", here["N2"]["id"], 2, 13)
        there = exchange.agree_and_start(
            "broker elsewhere", proposal["id"], int(matched.removeprefix("N")), 12
        )
        for who, seen in (
            ("broker here", [works, fails]),
            ("broker elsewhere", [there]),
            ("leader", [there]),
            ("head 13", [fails]),
            ("auditor", [works, fails, there]),
        ):
            assert [each["id"] for each in exchange.listed(who, "/partnerships")] == seen, who
        exchange.ask("broker here", "GET", f"/partnerships/{there}", 404)
        assert exchange.ask("head 1", "GET", "/needs/N1")["state"] == "matched"
        it_works(exchange, works)
        it_is_reported(exchange)
        it_fails(exchange, fails)
        assert exchange.ask("head 1", "GET", "/needs/N1")["state"] == "met"
        assert exchange.ask("head 2", "GET", "/needs/N2")["state"] == "match"
        assert counted(exchange, "head 11", 11) == [(1.0, "ended", "worked")]
        assert counted(exchange, "head 13", 13) == [(0.5, "stopped", "did_not_work")]
        assert counted(exchange, "broker elsewhere", 12) == [(2.0, "active", None)]
    later = {"as_of": "2026-11-21"}
    strict = exchange.plan("broker here", "Testshire", refuse_failed_support_years=3, **later)
    assert strict == {}, "the one giver near enough failed before"
    again = exchange.plan("broker here", "Testshire", **later)["N2"]
    assert again["offer"] == "O13"
    [cost] = [each for each in again["components"] if each["name"] == "failed_support"]
    assert cost["points"] < 0
    with exchange.open():
        checked = exchange.ask("auditor", "GET", "/audit-events/verification")
    assert checked["intact"], checked
