"""What pages show of a plan, drawn once and kept as files: to draw it anew takes seconds."""

import gzip
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import TypeAdapter

from app.database import WriteSession
from app.insight.breakdown import Breakdown, breakdown
from app.insight.report import Figures, ReportData, UnmetNeed, figures
from app.insight.report_charts import Chart, charts
from app.insight.report_loops import PlanLoops, loops_of
from app.insight.report_map import plan_map
from app.insight.report_page import picture
from models.matching import RunFile


@dataclass(frozen=True, slots=True)
class Summary:
    """How good a plan is: its figures and charts."""

    area: str
    drawn: bool
    objective: int
    gap: float | None
    greedy_objective: int | None
    seconds: float
    seed: int
    unmet: int
    figures: Figures
    charts: tuple[Chart, ...]
    breakdown: Breakdown
    loops: PlanLoops
    on_map: int
    without_position: int
    outside: int
    """Without a pairing, and beyond the edge of the picture."""
    ground_credit: str


@dataclass(frozen=True, slots=True)
class Unmet:
    """What a plan leaves unmet, with the names of those who asked."""

    needs: tuple[UnmetNeed, ...]
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class Drawn:
    summary: Summary
    unmet: Unmet
    picture: bytes
    """The plan on a map as SVG, gzipped; empty where no participant has a position."""

    def files(self) -> dict[str, bytes]:
        """Each by its name among a run's files."""
        return {
            "summary": gzip.compress(SUMMARY.dump_json(self.summary), 6, mtime=0),
            "unmet": gzip.compress(UNMET.dump_json(self.unmet), 6, mtime=0),
            "picture": self.picture,
        }


SUMMARY: Final = TypeAdapter(Summary)
UNMET: Final = TypeAdapter(Unmet)


def read(name: str, content: bytes) -> Any:
    """One of a run's drawn files; raises `ValueError` for one of another version."""
    if name == "picture":
        return content
    adapter: TypeAdapter[Any] = SUMMARY if name == "summary" else UNMET
    return adapter.validate_json(gzip.decompress(content))


def keep(session: WriteSession, run_id: int, made: Drawn) -> None:
    """Keep what was drawn of a run that has ended; what was kept before is replaced."""
    for name, content in made.files().items():
        session.merge(RunFile(run_id=run_id, name=name, content=content))
    session.flush()


def draw(data: ReportData) -> Drawn:
    """Everything that pages show of a plan."""
    found = figures(data)
    on_paper = plan_map(data)
    asking = {need.taker for need in data.unmet}
    summary = Summary(
        area=data.area,
        drawn=data.drawn,
        objective=data.objective,
        gap=data.gap,
        greedy_objective=data.greedy_objective,
        seconds=data.seconds,
        seed=data.seed,
        unmet=len(data.unmet),
        # Everybody's balance goes into a chart and is shown nowhere else.
        figures=replace(found, balances=()),
        charts=tuple(charts(data, found)),
        breakdown=breakdown(data),
        loops=loops_of(data),
        on_map=len(on_paper.dots) if on_paper else 0,
        without_position=sum(each.latitude is None for each in data.participants),
        outside=on_paper.outside if on_paper else 0,
        ground_credit=data.ground_credit,
    )
    names = {each.reference: each.name for each in data.participants if each.reference in asking}
    drawing = gzip.compress(picture(data, on_paper).encode(), 6, mtime=0) if on_paper else b""
    return Drawn(summary, Unmet(data.unmet, names), drawing)
