"""What came of an area, as the manifest has it, and its files as the run stored them."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Principal
from app.batches.manifest import AreaResult, Manifest
from app.batches.queries import AreaRun
from app.database import Database
from app.planning.options import MatchOptions
from app.planning.unchanged import search_of
from app.runs import queries
from app.transient import retried
from models.matching import Run, RunEvent, RunFile
from models.vocabulary import HALF_DAYS_PER_DAY, RunState
from solver.formats.json_columns import decode
from solver.formats.plan import Plan
from solver.formats.problem_json import problem_from_json
from solver.formats.whole_files import write_whole

NOT_FOUND: Final = "No plan was found in time, but one may exist. Allow more time."
CANCELLED: Final = "Somebody cancelled the run of this area."


def result_of(
    database: Database, principal: Principal, each: AreaRun, told: Manifest, out: Path
) -> AreaResult | None:
    """Write the files of an area that has ended; none where the folder has them already."""
    earlier = told.results.get(each.scope.exact)
    if each.run is None:
        result = AreaResult(**each.scope.as_json(), state="no_needs", needs=0)
        return None if earlier == result else result
    if earlier is not None and earlier.run == each.run.id and _is_whole(earlier, out):
        return None

    def read() -> tuple[AreaResult, dict[str, bytes]]:
        assert each.run is not None
        with database.read() as session:
            return _read(session, queries.get_run(session, principal, each.run.id), each)

    result, contents = retried(read)
    for name, content in contents.items():
        write_whole(out / name, content)
    return result


def _is_whole(result: AreaResult, out: Path) -> bool:
    return all(
        (out / name).is_file() and _sha256((out / name).read_bytes()) == known
        for name, known in result.files.items()
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(session: Session, run: Run, each: AreaRun) -> tuple[AreaResult, dict[str, bytes]]:
    scope = each.scope
    named = f"{scope.kind}-{quote(scope.code, safe='')}"
    stored = session.execute(
        select(RunFile.name, RunFile.content).where(
            RunFile.run_id == run.id, RunFile.name.in_(("problem", "plan"))
        )
    )
    files = {name: content for name, content in stored}
    result = AreaResult(
        **scope.as_json(),
        state=run.state,
        failure=run.failure or {"unknown": NOT_FOUND, "cancelled": CANCELLED}.get(run.state),
        run=run.id,
        kept_run=run.kept_run_id,
        input_sha256=_input_digest(run),
        **_seconds(session, run),
    )
    contents = {
        f"{named}.{name}.json.gz": files[name] for name in ("problem", "plan") if name in files
    }
    if (
        run.state not in (RunState.SOLVED, RunState.INFEASIBLE, RunState.UNKNOWN)
        or "plan" not in files
    ):
        return result, {}
    problem, plan = (
        problem_from_json(decode(files["problem"])),
        Plan.from_json(decode(files["plan"])),
    )
    found = run.state == RunState.SOLVED
    figures = {
        "drawn": any(need.startswith(queries.DRAWN) for need in problem.needs.id),
        "candidates": len(problem.candidates),
        "needs": len(problem.needs),
        "days_needed": int(problem.needs.days.sum()) / HALF_DAYS_PER_DAY,
        "needs_met": len(set(plan.need.tolist())) if found else None,
        "days_planned": int(plan.half_days.sum()) / HALF_DAYS_PER_DAY if found else None,
        "pairings": len(plan) if found else None,
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "stopped": plan.stopped,
        "solve_seconds": plan.seconds,
        "files": {name: _sha256(content) for name, content in contents.items()},
        "versions": dict(plan.versions),
    }
    return result.model_copy(update=figures), contents


def _input_digest(run: Run) -> str | None:
    """Of all that decides about the plan: the problem, and how far to look for the best."""
    if run.basis_sha256 is None:
        return None
    options = MatchOptions.model_validate(run.options)
    search = json.dumps(search_of(options) | {"change_price": options.change_price}, sort_keys=True)
    return _sha256(f"{run.basis_sha256}{search}".encode())


def _seconds(session: Session, run: Run) -> dict[str, float]:
    """Of the last attempt: until the problem was made, and in all."""
    at: dict[str, datetime] = {}
    query = select(RunEvent.kind, RunEvent.at).where(RunEvent.run_id == run.id)
    for kind, moment in session.execute(query.order_by(RunEvent.sequence)):
        at[kind] = moment
    begun = at.get("started")
    if begun is None or run.finished_at is None:
        return {}
    made = at.get("problem", begun)
    return {
        "build_seconds": round(max(0.0, (made - begun).total_seconds()), 3),
        "seconds": round((run.finished_at - begun).total_seconds(), 3),
    }
