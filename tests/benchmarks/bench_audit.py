"""An audit of a million events: appending with the chain and without, verifying, reading by page.

One event in ten binds a version of a need, and one in ten the limits of a participant. At
`BENCH_SCALE=full` a million events, else twenty thousand; on SQLite, and on PostgreSQL where its
server programs are installed (without fsync, as in the tests).
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Connection, RowMapping, Table, insert, text

from app.access.policy import TERMINAL
from app.access.queries import list_events
from app.database import Database, WriteSession, database_now
from app.events import audit, chain
from app.events.rows import Entry, ListDigest, digest_of_row, key_of, key_text, standing
from app.log import configure
from app.migrate import migrate
from app.settings import settings
from models.access import AuditEvent, AuditHead, AuditRow, AuditSalt
from models.bound import BOUND
from models.exchange import Limits, Need
from models.history import NEED_VERSION
from tests import rows
from tests.audit import beneath
from tests.benchmarks.watched import ROOT
from tests.conftest import postgres_programs, running_postgres

EVENTS: Final = {"quick": 20_000, "full": 1_000_000, "ten": 1_000_000}
NEEDS: Final = 1_000
"""Of which each has as many versions as it takes, and each participant limits."""
CHUNK: Final = 10_000
APPENDED: Final = {"one": (500, 1), "hundred": (20, 100)}
"""Transactions and events of each, in which appending is timed."""
ROUNDS: Final = 3
AT: Final = datetime(2026, 9, 1, 9, 30, tzinfo=UTC)
Made = dict[str, Any]


def run() -> dict[str, Any]:
    configure(settings().model_copy(update={"log_level": "error"}))
    events = EVENTS[os.environ.get("BENCH_SCALE", "quick")]
    return {name: measure(database, events) for name, database in _databases()}


def _databases() -> Iterator[tuple[str, Database]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Database(f"sqlite:///{Path(folder) / 'bench.sqlite3'}") as database,
    ):
        migrate(database)
        yield "sqlite", database
    if postgres_programs() is not None:
        with running_postgres() as server, server.database() as database:
            yield "postgresql", database


def measure(
    database: Database, events: int, appended: Mapping[str, tuple[int, int]] = APPENDED
) -> dict[str, Any]:
    """Fill an audit to a tenth and to the whole, and look at it each time."""
    with database.write() as session:
        rows.add_calendar(session)
        for number in range(NEEDS):
            rows.add_need(session, f"n{number}", rows.add_school(session, 100_000 + number))
    filler = _Filler(database)
    tenth = _filled(filler, events // 10)
    whole = _filled(filler, events)
    return {
        "events": events,
        "append": {name: _appending(database, *how) for name, how in appended.items()},
        "verify_a_tenth": tenth,
        "verify": whole,
        "pages_of_100": _pages(database, events),
    }


def _filled(filler: "_Filler", until: int) -> dict[str, Any]:
    started = time.perf_counter()
    filler.fill(until)
    seconds = round(time.perf_counter() - started, 1)
    command = [sys.executable, "-m", "tests.benchmarks.bench_audit"]
    environment = os.environ | {"GIVETAKE_DATABASE_URL": filler.database.url}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["fault"] is None, found
    assert found["events"] == until, found
    return found | {"filled_in_s": seconds}


class _Filler:
    """Writes events with the rows that they bind, as the service would have over years."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.last, self.hash = 0, chain.FIRST
        with database.read() as session:
            table: Table = Need.__table__  # type: ignore[assignment]
            found = session.execute(table.select().order_by(table.c.id)).mappings()
            self.needs: list[Made] = [dict(row) for row in found]
            self.standing = list(standing(session, BOUND))
        self.limits: dict[int, Made] = {}
        self.versions: list[Made] = []
        self.listed: list[Made] = []
        self.salts: list[Made] = []

    def fill(self, until: int) -> None:
        """Past the triggers, which take one event at a time: the rows are the same."""
        with beneath(self.database) as connection:
            while self.last < until:
                self.versions, self.listed, self.salts = [], [], []
                some = [self._event() for _ in range(min(CHUNK, until - self.last))]
                connection.execute(insert(AuditEvent), some)
                for table, made in (
                    (NEED_VERSION, self.versions),
                    (AuditRow.__table__, self.listed),
                    (AuditSalt.__table__, self.salts),
                ):
                    if made:
                        connection.execute(insert(table), made)
            self._write_newest(connection)
            head = {"last_sequence": self.last, "last_hash": self.hash}
            connection.execute(AuditHead.__table__.update().values(head))  # type: ignore[attr-defined]
            connection.commit()
        with self.database.write_engine.connect() as connection:
            connection.execute(text("analyze"))
            connection.commit()

    def _event(self) -> Made:
        number = self.last + 1
        at, which = AT + timedelta(seconds=number), number // 10 % NEEDS
        detail: Made = {"before": "proposed", "count": number}
        digest = None
        subject, action = f"run:{number}", "run.submitted"
        entries = self.standing if number == 1 else []
        if number % 10 == 0:
            need = self.needs[which]
            need |= {"version": need["version"] + 1, "updated_at": at}
            self.versions.append({name: value for name, value in need.items() if value is not None})
            subject, action = f"need:{need['reference']}", "need.change"
            detail = {"changed": ["priority"], "of": f"need:{need['id']}"}
            detail["version"] = need["version"]
            digest = _digest(NEED_VERSION, need, "need")
            entries = [_entry("need", need), _entry("need_version", need)]
        elif number % 10 == 5:
            limits = self.limits.setdefault(which, _limits(which, self.needs[which]))
            limits["version"] += 1
            subject, action = f"limits:{100_000 + which}:{rows.YEAR}", "limits.change"
            detail = {"of": f"limits:{limits['id']}", "version": limits["version"]}
            digest = _digest(Limits.__table__, limits, "limits")  # type: ignore[arg-type]
            entries = [_entry("limits", limits)]
        listed = self._list(number, entries) if entries else None
        actor = f"user:{number % 50}"
        content = (number, chain.moment(at), actor, action, subject, digest, chain.stored(detail))
        previous, self.hash = self.hash, chain.link(self.hash, *content, listed)
        self.last = number
        event = {"sequence": number, "at": at, "actor": actor, "action": action}
        event |= {"subject": subject, "digest": digest, "detail": detail, "rows_digest": listed}
        return event | {"previous": previous, "hash": self.hash}

    def _list(self, number: int, entries: Sequence[Entry]) -> str:
        salt = f"{number:032}"
        digest = ListDigest(salt)
        self.salts.append({"sequence": number, "salt": salt})
        for position, entry in enumerate(entries, 1):
            digest.add(entry)
            row = {"sequence": number, "position": position, "table_name": entry.table}
            row |= {"key": entry.key, "found": None, "digest": entry.digest}
            self.listed.append(row)
        return digest.hexdigest()

    def _write_newest(self, connection: Connection) -> None:
        need: Table = Need.__table__  # type: ignore[assignment]
        limits: Table = Limits.__table__  # type: ignore[assignment]
        for row in self.needs:
            moved = {"version": row["version"], "updated_at": row["updated_at"]}
            connection.execute(need.update().where(need.c.id == row["id"]).values(moved))
        connection.execute(limits.delete())
        connection.execute(limits.insert(), list(self.limits.values()))


def _limits(which: int, need: Made) -> Made:
    empty = dict.fromkeys(("give_half_days", "max_taken", "allowance_half_days"))
    same = {"id": which + 1, "participant_id": need["participant_id"], "version": 0}
    more = {"period_code": rows.YEAR, "max_given": 3, "exempt": False, "carried_half_days": 0}
    return empty | same | more


def _entry(name: str, row: Made) -> Entry:
    table = BOUND[name]
    mapping = cast(RowMapping, row)
    return Entry(name, key_text(key_of(table, mapping)), None, digest_of_row(table, mapping))


def _digest(table: Table, row: Made, called: str) -> str:
    return chain.digest_of(chain.content_of(table, row, None, called=called) | {"on_terms": None})


def _appending(database: Database, transactions: int, events: int) -> dict[str, Any]:
    """Seconds for an event with the chain and by a plain insert of the same, in turns."""
    with database.write_engine.connect() as connection:
        connection.execute(text(f"create table if not exists plain_event {EMPTY}"))
        connection.commit()
    taken: dict[str, float] = {"chain": 0.0, "plain": 0.0}
    ways: dict[str, Callable[[WriteSession], None]] = {"chain": _chained, "plain": _plain}
    for _ in range(ROUNDS):
        for name, write in ways.items():
            started = time.perf_counter()
            for _ in range(transactions):
                with database.write() as session:
                    for _ in range(events):
                        write(session)
            taken[name] += time.perf_counter() - started
    count = ROUNDS * transactions * events
    us = {f"{name}_us": round(seconds / count * 1e6, 1) for name, seconds in taken.items()}
    return us | {"ratio": round(taken["chain"] / taken["plain"], 2)}


EMPTY: Final = "as select * from audit_event where false"
EVENT: Final[Made] = {"actor": "user:1", "action": "run.submitted", "subject": "run:1"}


def _chained(session: WriteSession) -> None:
    audit.record(session, **EVENT, before="proposed", count=1)


_PLAIN: Final = AuditEvent.__table__.to_metadata(type(AuditEvent.metadata)(), name="plain_event")  # type: ignore[attr-defined]


def _plain(session: WriteSession) -> None:
    """The same columns, with the same clock and without order, hash and triggers."""
    more = {
        "sequence": 1,
        "at": database_now(session),
        "detail": {"before": "proposed", "count": 1},
    }
    session.execute(insert(_PLAIN).values(**EVENT, **more, previous=chain.FIRST, hash=chain.FIRST))
    session.once_committed(lambda: None)


def _pages(database: Database, events: int) -> dict[str, float]:
    """Milliseconds of a page of 100: the median of 5."""
    asked: dict[str, Made] = {
        "first": {},
        "middle": {"after": events // 2},
        "last": {"after": events - 100},
        "of_a_subject": {"subject": "need:n17"},
        "of_an_action": {"action": "limits.", "after": events // 2},
        "of_an_actor": {"actor": "user:17"},
        "of_nobody": {"actor": "nobody"},
        "since_the_end": {"since": AT + timedelta(seconds=events - 50)},
    }
    found = {}
    for name, filters in asked.items():
        taken = []
        for _ in range(5):
            started = time.perf_counter()
            with database.read() as session:
                list_events(session, TERMINAL, **filters, limit=100)
            taken.append(time.perf_counter() - started)
        found[f"{name}_ms"] = round(sorted(taken)[2] * 1000, 1)
    return found


def _verify() -> None:
    """In a process of its own, whose memory is nobody else's."""
    from app.access.queries import verify_audit

    with Database(settings().database_url) as database, database.read() as session:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        found = verify_audit(session, TERMINAL)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {"seconds": round(seconds, 1), "events": found.events, "rows": found.rows}
    told |= {"peak_mb": peak // 1024, "more_than_at_start_mb": (peak - before) // 1024}
    print(json.dumps(told | {"fault": found.fault and found.fault.sentence}))  # noqa: T201


if __name__ == "__main__":
    _verify()
