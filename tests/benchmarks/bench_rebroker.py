"""Local authorities of the national register planned again: unchanged, then with changed needs.

Needs and offers are drawn at random for all of England. The first `REBROKER_AREAS` local
authorities by code (20; 153 are all) are planned, planned again with nothing changed, and once more
after 1% of their needs changed: every second of these asks for a day more, the others for other
expertise. A copy plans the same freely, at no price of change.
"""

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from models.vocabulary import ENDED_PROPOSALS

ROOT = Path(__file__).parents[2]
AREAS = int(os.environ.get("REBROKER_AREAS", "20"))
PERIOD = "2026-27"
SEED = 1
SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Batch:
    seconds: float
    results: dict[str, dict[str, Any]]
    unchanged: int

    def total(self, name: str) -> int:
        return sum(each[name] or 0 for each in self.results.values())


def run() -> dict[str, Any]:
    data = Path(os.environ.get("GIVETAKE_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "gias" / "edubasealldata.csv").exists():
        return {"skipped": f"the national register is not at {data}; set GIVETAKE_SHARED_DATA"}
    with tempfile.TemporaryDirectory() as name:
        return measured(data, Path(name))


def measured(data: Path, folder: Path) -> dict[str, Any]:
    planned, free = folder / "planned.sqlite3", folder / "free.sqlite3"
    drawn, areas = folder / "drawn", folder / "areas.txt"
    register = [f"{data}/gias/edubasealldata.csv", f"--groups={data}/gias/allgroupsdata.csv"]
    givetake(planned, "migrate")
    givetake(planned, "import", "gias", *register, f"--links={data}/gias/alllinksdata.csv")
    givetake(planned, "draw", "--area=England", f"--period={PERIOD}", f"--out={drawn}")
    for kind in ("needs", "offers", "limits"):
        givetake(planned, "import", kind, f"{drawn}/{kind}.csv")
    names = local_authorities(planned)[:AREAS]
    areas.write_text("".join(f"{name}\n" for name in names))
    first = batch(planned, areas)
    again = batch(planned, areas)
    stood = pairings(planned)
    changed = change(planned, drawn / "needs.csv", sorted({need for need, _ in stood}))
    shutil.copy(planned, free)
    after = batch(planned, areas)
    stands = pairings(planned)
    freely = batch(free, areas, "--change-price=0")
    untouched = {pair for pair in stood if pair[0] not in changed}
    disturbed = untouched - stands
    points = (raw_points(planned), raw_points(free))
    return {
        "areas": len(names),
        "needs": first.total("needs"),
        "pairings": len(stood),
        "first_seconds": first.seconds,
        "unchanged": {"seconds": again.seconds, "left_alone": again.unchanged},
        "changed": {
            "needs": len(changed),
            "seconds": after.seconds,
            "disturbed": len(disturbed),
            "disturbed_share": round(len(disturbed) / len(stood), 5),
            "disturbed_when_free": len(untouched - pairings(free)),
            "points": points[0],
            "free_points": points[1],
            "share_of_free": round(points[0] / points[1], 5),
            "free_seconds": freely.seconds,
        },
        "gaps": gaps(first) | {f"{name} again": gap for name, gap in gaps(after).items()},
    }


def givetake(database: Path, *arguments: str) -> None:
    """A command over a database; its own words are shown if it fails."""
    environment = os.environ | {"GIVETAKE_DATABASE_URL": f"sqlite:///{database}"}
    command = [Path(sys.executable).parent / "givetake", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{arguments} ended with {done.returncode}: {done.stderr[-2000:]}")


def batch(database: Path, areas: Path, *options: str) -> Batch:
    """Plan the areas with the limits of a batch."""
    out = database.with_suffix("") / f"batch-{time.time_ns()}"
    begun = time.perf_counter()
    asked = (
        "match",
        f"--areas={areas}",
        f"--period={PERIOD}",
        f"--out={out}",
        "--as-of=2026-09-01",
    )
    givetake(database, *asked, *options)
    seconds = round(time.perf_counter() - begun, 1)
    manifest = json.loads((out / "manifest.json").read_text())
    return Batch(seconds, manifest["results"], manifest["unchanged"] or 0)


def rows(database: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(database)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def local_authorities(database: Path) -> list[str]:
    query = "SELECT code FROM area WHERE kind = 'local_authority' ORDER BY code"
    return [f"local_authority:{code}" for (code,) in rows(database, query)]


OPEN = f"""
FROM proposal JOIN need ON need.id = need_id JOIN offer ON offer.id = offer_id
WHERE proposal.state NOT IN ({", ".join(f"'{state}'" for state in ENDED_PROPOSALS)})
"""


def pairings(database: Path) -> set[tuple[str, str]]:
    """Need and offer of each open proposal."""
    return set(rows(database, f"SELECT need.reference, offer.reference {OPEN}"))


def raw_points(database: Path) -> int:
    """Points of all open proposals, without any price of change."""
    points = "sum(proposal.points * proposal.half_days + points_once)"
    return int(rows(database, f"SELECT {points} {OPEN}")[0][0])


def change(database: Path, file: Path, paired: list[str]) -> set[str]:
    """Change a share of the needs that have support; their references."""
    references = set(Random(SEED).sample(paired, max(2, round(len(paired) * SHARE))))
    with file.open(newline="") as opened:
        reader = csv.DictReader(opened)
        columns, found = reader.fieldnames or [], list(reader)
    expertise = {row["reference"]: row["expertise"] for row in found}
    chosen = [row for row in found if row["reference"] in references]
    others = sorted(set(expertise.values()))
    for at, row in enumerate(chosen):
        if at % 2:
            row["expertise"] = others[(others.index(row["expertise"]) + 1) % len(others)]
        else:
            row["days"] = str(float(row["days"]) + 1)
    into = file.with_name("changed.csv")
    with into.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, columns)
        writer.writeheader()
        writer.writerows(chosen)
    givetake(database, "import", "needs", str(into))
    return references


def gaps(made: Batch) -> dict[str, float]:
    """The middle and the widest of the proven gaps."""
    known = sorted(each["gap"] for each in made.results.values() if each["gap"] is not None)
    return {"middle": known[len(known) // 2], "widest": known[-1]} if known else {}
