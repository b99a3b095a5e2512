"""What a batch wrote down: one JSON file that is whole at any moment, and its table."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import Problem, plain_reason
from app.files.csv_writing import csv_of
from app.settings import settings
from models.vocabulary import RunState
from solver.formats.bounded import FileTooLarge, read_bounded
from solver.formats.whole_files import write_whole

FORMAT: Final = "givetake-batch/1"
MANIFEST: Final = "manifest.json"
SUMMARY: Final = "summary.csv"


class BadManifest(Problem):
    status = 422
    title = "Invalid manifest"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class AreaResult(_Part):
    """What came of one area; figures are none where it has no plan."""

    kind: str
    code: str
    name: str
    state: Literal[
        RunState.SOLVED,
        RunState.INFEASIBLE,
        RunState.UNKNOWN,
        RunState.FAILED,
        RunState.CANCELLED,
        "no_needs",
    ]
    failure: str | None = None
    """Why there is no plan, as a sentence."""
    input_sha256: str | None = None
    """Of the problem and of how it was to be solved."""
    run: int | None = None
    kept_run: int | None = None
    """The run whose plan this run kept, as nothing has changed since; none where it searched."""
    drawn: bool = False
    """Some needs were drawn at random: the plan shows the method, no school."""
    candidates: int | None = None
    needs: int | None = None
    needs_met: int | None = None
    days_needed: float | None = None
    days_planned: float | None = None
    pairings: int | None = None
    objective: int | None = None
    bound: float | None = None
    gap: float | None = None
    stopped: str | None = None
    build_seconds: float = 0.0
    solve_seconds: float | None = None
    seconds: float = 0.0
    files: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of each of its files, by name."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Of the programs that made the plan."""


class Manifest(_Part):
    format: Literal["givetake-batch/1"] = FORMAT
    state: Literal["running", "stopped", "finished"] = "running"
    period: str
    options: dict[str, Any]
    started_at: datetime
    updated_at: datetime
    seconds: float = 0.0
    """Of this session of the batch; areas carry their own."""
    asked: list[str]
    """Every area to plan, as `kind:code`; those without a result are still to come."""
    needs_in_no_area: int | None = None
    """Needs of the period outside all areas of the kind asked for: no plan here looks at them."""
    offers_promised_twice: int | None = None
    """Offers to which all plans together give more days than they have."""
    unchanged: int | None = None
    """Areas whose last run stands, as nothing that it reads has changed."""
    results: dict[str, AreaResult] = Field(default_factory=dict)

    @property
    def all_planned(self) -> bool:
        """Whether each area has a plan, or nothing to plan."""
        good = (RunState.SOLVED, "no_needs")
        return sum(result.state in good for result in self.results.values()) == len(self.asked)


def begun(folder: Path, period: str, options: dict[str, Any], asked: list[str]) -> Manifest:
    """A manifest of the areas asked for, with the folder's earlier results of them."""
    earlier = read(folder)
    if earlier is not None and earlier.period != period:
        raise BadManifest(
            f"{folder / MANIFEST} belongs to a batch for {earlier.period}, not {period}. Choose "
            "another folder with --out."
        )
    now = datetime.now(UTC)
    return Manifest(
        period=period,
        options=options,
        started_at=now if earlier is None else earlier.started_at,
        updated_at=now,
        asked=asked,
        results={}
        if earlier is None
        else {area: result for area, result in earlier.results.items() if area in set(asked)},
    )


def planning_day(folder: Path) -> date | None:
    """The day that an unfinished batch of the folder plans from."""
    earlier = read(folder)
    if earlier is None or earlier.state == "finished":
        return None
    return date.fromisoformat(earlier.options["as_of"])


def read(folder: Path) -> Manifest | None:
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(read_bounded(path, settings().file_mib))
    except FileNotFoundError:
        return None
    except FileTooLarge as large:
        raise BadManifest(f"{path} {large}, or choose another folder with --out.") from large
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadManifest(
            f"{path}: {where} {plain_reason(first['msg'])}. Choose another folder with --out, or "
            "move this file."
        ) from invalid


def write(manifest: Manifest, folder: Path) -> None:
    """Replace manifest and table, each at once."""
    write_whole(folder / MANIFEST, (manifest.model_dump_json(indent=1) + "\n").encode())
    write_whole(folder / SUMMARY, _table(manifest).encode())


def _table(manifest: Manifest) -> str:
    columns = [name for name in AreaResult.model_fields if name not in ("files", "versions")]
    found = (manifest.results[area] for area in manifest.asked if area in manifest.results)
    return csv_of(columns, (each.model_dump(mode="json") for each in found))
