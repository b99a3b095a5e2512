"""Batches: each area by itself, resumed after whatever ended them, nothing planned twice."""

import csv
import gzip
import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.access.policy import TERMINAL
from app.batches import command as batch_command
from app.batches.manifest import BadManifest, Manifest, read
from app.batches.queries import NoAreas, areas_named
from app.cli.batch import summary
from app.cli.main import run as command
from app.database import Database
from app.errors import Conflict, FaultyFile
from app.settings import settings
from models.exchange import Need, Offer
from models.matching import Run, Steering
from models.vocabulary import RunState
from solver.check.verify import verify
from solver.formats.plan import read_plan
from solver.formats.problem_json import read_problem
from tests import rows
from tests.batches import add_areas
from tests.runs import OPTIONS

COUNTY = [f"local_authority:{code}" for code in range(901, 907)]


@pytest.fixture
def county(sqlite_database: Database) -> Database:
    """Six areas far apart that can help themselves, and one that wants nothing."""
    with sqlite_database.write() as session:
        add_areas(session)
    return sqlite_database


def plan(
    database: Database, folder: Path, named: str = "all", period: str = rows.YEAR, **how: Any
) -> Manifest:
    with database.read() as session:
        areas = areas_named(session, TERMINAL, named, period, rows.STARTS)
    options = how.pop("options", OPTIONS)
    return batch_command.plan_areas(database, TERMINAL, areas, period, options, folder, **how)


def listed(tmp_path: Path, *names: str) -> str:
    path = tmp_path / "areas.txt"
    path.write_text("# areas of a test\n\n" + "\n".join(names) + "\n")
    return str(path)


def runs(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Run)) or 0


def test_every_area_with_needs_has_a_verified_plan_and_its_figures(
    county: Database, tmp_path: Path
) -> None:
    """The manifest tells all: inputs, results, gaps, runs, and the very files beside it."""
    folder = tmp_path / "out"
    shown: list[tuple[str, float]] = []
    batch = plan(county, folder, on_progress=lambda stage, done: shown.append((stage, done)))
    assert batch == read(folder)
    assert (batch.state, batch.asked, batch.all_planned) == ("finished", COUNTY, True)
    assert (batch.needs_in_no_area, batch.offers_promised_twice) == (0, 0)
    assert batch.options["as_of"] == "2026-09-01"
    assert shown[-1][1] == 1.0
    for area, result in batch.results.items():
        assert result.state == RunState.SOLVED
        assert (result.needs, result.needs_met, result.pairings, result.gap) == (2, 2, 2, 0.0)
        assert result.days_planned == result.days_needed
        assert result.versions["givetake"]
        assert result.run is not None
        assert len(result.input_sha256 or "") == 64
        name = area.replace(":", "-")
        files = [folder / f"{name}.problem.json.gz", folder / f"{name}.plan.json.gz"]
        assert verify(read_problem(files[0]), read_plan(files[1])) == ()
        assert json.loads(gzip.decompress(files[1].read_bytes()))["objective"] == result.objective
        assert result.files == {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }
    table = list(csv.DictReader((folder / "summary.csv").read_text("utf-8-sig").splitlines()))
    assert [row["name"] for row in table] == [f"Area {number}" for number in range(1, 7)]
    assert table[0]["objective"] == str(batch.results[COUNTY[0]].objective)


def test_only_what_changed_is_planned_again(county: Database, tmp_path: Path) -> None:
    """The same rows leave results, runs and files alone; another need changes its own area."""
    named, folder = listed(tmp_path, "Area 1", "902", "Area 3"), tmp_path / "out"
    first = plan(county, folder, named)
    assert plan(county, folder, named).results == first.results
    assert runs(county) == 3
    with county.write() as session:
        session.execute(update(Need).where(Need.reference == "N21").values(priority=1))
    (gone := folder / "local_authority-903.plan.json.gz").unlink()
    batch = plan(county, folder, named)
    changed = batch.results
    assert (batch.unchanged, gone.is_file()) == (2, True)
    assert [changed[area] for area in COUNTY[:3:2]] == [first.results[at] for at in COUNTY[:3:2]]
    assert changed[COUNTY[1]].run == 4
    other = OPTIONS.model_copy(update={"travel_limit_miles": 30.0})
    again = plan(county, folder, listed(tmp_path, "Area 1"), options=other).results
    assert [each.run for each in again.values()] == [5]


def test_an_area_that_fails_stops_no_other(county: Database, tmp_path: Path) -> None:
    """Its neighbours are planned; an area without needs is no failure."""
    with county.write() as session:
        pin = {"kind": "pin", "reason": "made up", "author": "x", "created_at": rows.NOW}
        rows.add(session, Steering(need_id=3, offer_id=1, **pin))
    batch = plan(county, tmp_path / "out", listed(tmp_path, *["Area 1", "Area 7", "Area 2"]))
    states = [batch.results[area].state for area in batch.asked]
    assert states == [RunState.SOLVED, "no_needs", RunState.INFEASIBLE]
    assert "is not possible" in (batch.results[COUNTY[1]].failure or "")
    assert (batch.state, batch.all_planned) == ("finished", False)
    assert plan(county, tmp_path / "none", listed(tmp_path, "907", "901")).all_planned


def test_a_process_that_dies_stops_no_other_area(county: Database, tmp_path: Path) -> None:
    """Killed from outside, it takes at most the area it was at along."""
    killed: list[int] = []

    def kill_once(stage: str, done: float) -> None:
        if not killed:
            killed.extend(child.pid or 0 for child in multiprocessing.active_children())
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    named = listed(tmp_path, "Area 1", "Area 2", "Area 3")
    batch = plan(county, tmp_path / "out", named, on_progress=kill_once)
    assert killed
    assert list(batch.results) == COUNTY[:3]
    assert batch.results[COUNTY[2]].state == RunState.SOLVED


def test_areas_that_are_not_there_are_refused_before_any_work(
    county: Database, tmp_path: Path
) -> None:
    """Every such line is named, with the nearest names."""
    named = listed(tmp_path, "Area 1", "Aera 2", "Nowhere")
    with pytest.raises(FaultyFile) as refused:
        plan(county, tmp_path / "out", named)
    assert [(fault.line, fault.value) for fault in refused.value.faults] == [
        (4, "Aera 2"),
        (5, "Nowhere"),
    ]
    assert "Area 2" in refused.value.faults[0].reason
    assert not (tmp_path / "out").exists()
    assert runs(county) == 0
    for nothing in (listed(tmp_path), str(tmp_path / "missing"), "districts"):
        with pytest.raises(NoAreas):
            plan(county, tmp_path / "out", nothing)


def test_a_folder_of_something_else_is_refused(county: Database, tmp_path: Path) -> None:
    """A batch of another period, or a manifest that cannot be read, is not written over."""
    named, folder = listed(tmp_path, "Area 1"), tmp_path / "out"
    plan(county, folder, named)
    with pytest.raises(BadManifest, match="another folder"):
        plan(county, folder, named, rows.TERM)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(BadManifest, match=r"manifest\.json"):
        plan(county, folder, named)
    with pytest.raises(Conflict), county.read() as session:
        areas_named(session, TERMINAL, "all", rows.YEAR, rows.ENDS.replace(year=2028))


def test_the_country_is_one_area(county: Database, tmp_path: Path) -> None:
    """`country` plans all needs at once."""
    batch = plan(county, tmp_path / "out", "country")
    assert [(each.kind, each.needs) for each in batch.results.values()] == [("country", 12)]


def batch_process(database: Database, folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [
            *(sys.executable, "-c", "from app.cli.main import run; run()"),
            *("match", "--areas", "all", "--out", folder, "--period", rows.YEAR),
            *("--as-of", "2026-09-01", "--method", "exact", "--workers", "1"),
        ],
        env=os.environ | {"GIVETAKE_DATABASE_URL": database.url, "MARK": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def left_over(mark: Path) -> bool:
    """Whether any process lives that was started with this mark, or by one that was."""
    for each in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"MARK={mark}".encode() in each.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are not in /proc")
@pytest.mark.parametrize(
    ("how", "code", "state"),
    [(signal.SIGKILL, -signal.SIGKILL, "running"), (signal.SIGINT, 130, "stopped")],
)
def test_a_batch_that_is_ended_goes_on_where_it_was(
    county: Database, tmp_path: Path, how: signal.Signals, code: int, state: str
) -> None:
    """Whether killed or interrupted, it leaves a whole manifest and no process, and goes on."""
    folder = tmp_path / "out"
    process = batch_process(county, folder)
    while process.poll() is None and not ((now := read(folder)) and now.results):
        time.sleep(0.01)
    process.send_signal(how)
    assert process.wait() == code
    left = read(folder)
    assert left is not None
    assert left.state == state
    assert 0 < len(left.results) < len(COUNTY)
    for _ in range(1200):
        if not left_over(folder):
            break
        time.sleep(0.05)
    assert not left_over(folder)
    assert batch_process(county, folder).wait() == 0
    done = read(folder)
    assert done is not None
    assert done.state == "finished"
    assert list(done.results) == COUNTY
    assert {area: done.results[area] for area in left.results} == left.results


def ended(monkeypatch: pytest.MonkeyPatch, database: Database, *words: str | Path) -> int:
    settings.cache_clear()
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", database.url)
    monkeypatch.setattr("sys.argv", ["givetake", "match", "--period", rows.YEAR, *map(str, words)])
    with pytest.raises(SystemExit) as end:
        command()
    settings.cache_clear()
    assert isinstance(end.value.code, int)
    return end.value.code


def test_the_terminal_prints_the_manifest_and_tells_failures_apart(
    county: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """`--json` is the manifest; an area whose plan failed makes the exit code 1 and is named."""
    named = listed(tmp_path, "Area 1", "Area 7")
    how = ("--areas", named, "--out", tmp_path / "out", "--as-of", "2026-09-01", "--workers", "2")
    assert ended(monkeypatch, county, *how, "--json") == 0
    batch = Manifest.model_validate_json(capfd.readouterr().out)
    assert batch == read(tmp_path / "out")
    lines = summary(batch, tmp_path / "out")
    assert lines[0].startswith("Planned 1 of 2 areas for 2026-27: 2 of 2 needs met")
    assert "1 area had no needs to plan." in lines
    with county.write() as session:
        session.execute(update(Offer).values(withdrawn=True))
    assert ended(monkeypatch, county, *how) == 1
    assert "Area 1: There are no offers to plan" in capfd.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("--areas", "all"),
        ("--out", "folder"),
        ("--areas", "all", "--out", "folder", "--area", "Area 1"),
        ("--areas", "all", "--out", "folder", "--pin", "N11=O12"),
        ("--areas", "nothing.txt", "--out", "folder"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    county: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    """Nothing is written, and the exit code says that the input was bad."""
    monkeypatch.chdir(tmp_path)
    assert ended(monkeypatch, county, *words) == 2
    assert not (tmp_path / "folder").exists()
