"""Runs as HTTP shows and takes them."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import to_json

from app.catalogue.schemas import PeriodCode
from app.files.csv_reading import Key
from app.http.fields import Content, Id, Moment, NamedId, Shown, Words, in_days
from app.http.replies import Listed, Page
from app.planning.options import MatchOptions
from app.runs.decided import Became, Decided, Number
from models.matching import Run
from models.vocabulary import DeclineReason, Operation, RunState

PLAN_EXAMPLE = {
    "format": "givetake-plan/1",
    "pairings": {"offer": [0], "need": [0], "half_days": [4]},
    "objective": 2448,
    "bound": 2448.0,
    "gap": 0.0,
    "status": "optimal",
    "stopped": "proved",
    "seconds": 0.2,
    "seed": 0,
    "rounds": 1,
    "versions": {"givetake": "0.2.0"},
}
PROBLEM_EXAMPLE = {
    "format": "givetake-problem/1",
    "participants": {"id": ["urn:100000", "urn:100001"]},
    "needs": {"id": ["made-up-need-1"], "participant": [0], "days": [4]},
    "offers": {"id": ["made-up-offer-1"], "participant": [1], "days": [8]},
    "candidates": {"offer": [0], "need": [0], "points": [612]},
}


def _writable(content: dict[str, Any] | None) -> dict[str, Any] | None:
    """Refuse what JSON can be read from and not be written to: surrogates, NaN, endless depth."""
    try:
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
        to_json({"plan": content})  # of less depth than `json` can write
    except ValueError as unwritable:
        raise ValueError(
            "must hold only numbers and characters that JSON allows, and not be nested too deeply"
        ) from unwritable
    return content


class NewRun(Content):
    """What to do.

    `solve` plans a period for the takers of an area, or for those listed. `curve` does so at
    several prices of change, tells what each comes to in `summary`, and proposes nothing.
    `validate` tells which rules a given plan breaks and `evaluate` what it is worth, both against
    the problem of a run.
    """

    operation: Operation = Operation.SOLVE
    area: Annotated[
        Words | None,
        Field(
            description="region, local authority, district, trust, network or England, by name "
            "or as kind:code",
            examples=["local_authority:886"],
        ),
    ] = None
    takers: Annotated[
        Annotated[tuple[Key, ...], Field(fail_fast=True)] | None,
        Field(
            min_length=1,
            max_length=50_000,
            description="URNs and keys of organisations, in place of an area",
            examples=[None],
        ),
    ] = None
    period: Annotated[PeriodCode | None, Field(examples=["2026-27"])] = None
    options: Annotated[
        MatchOptions | None,
        Field(description="absent: the defaults", examples=[{"reciprocity": "balanced"}]),
    ] = None
    of_run: Annotated[
        NamedId | None, Field(description="whose problem the plan is of", examples=[None])
    ] = None
    plan: Annotated[
        dict[str, Any] | None,
        AfterValidator(_writable),
        Field(description="the content of a `givetake-plan/1` file", examples=[None]),
    ] = None

    @model_validator(mode="after")
    def _fit_together(self) -> "NewRun":
        planning = self.operation in (Operation.SOLVE, Operation.CURVE)
        foreign = ("of_run", "plan") if planning else ("period", "options", "area", "takers")
        if too_much := [name for name in foreign if getattr(self, name) is not None]:
            raise ValueError(
                f"`{self.operation}` must not have {' or '.join(too_much)}. Leave that out"
            )
        if planning and ((self.area is None) == (self.takers is None) or self.period is None):
            raise ValueError(f"`{self.operation}` must have a period, and either an area or takers")
        if not planning and None in (self.of_run, self.plan):
            raise ValueError(
                f"`{self.operation}` must have a plan and of_run, the run it belongs to"
            )
        return self


class RunFilter(Page):
    """Which runs, the newest first."""

    state: RunState | None = None
    operation: Operation | None = None
    period: PeriodCode | None = None
    after: Annotated[Id | None, Field(description="id of the last run of the page before")] = None


class ScopeShown(Shown):
    kind: str = Field(examples=["local_authority"])
    code: str = Field(examples=["886"])
    name: str = Field(examples=["Kent"])


class Searched(Shown):
    """The solver's latest progress."""

    seconds: float = Field(examples=[3.2])
    objective: int | None = Field(examples=[2210])
    bound: float | None = Field(examples=[2448.0])
    gap: float | None = Field(examples=[0.108])
    rounds: int | None = Field(None, examples=[41])
    seconds_left: float | None = Field(None, examples=[56.8])


class OverlapShown(Shown):
    """Another run with open proposals for some of the same needs."""

    run: int = Field(examples=[2])
    area: str = Field(examples=["South East"])
    needs: int = Field(description="that both propose for", examples=[12])


class NumberShown(Shown):
    """So many proposals, and their days together."""

    proposals: int = Field(examples=[3])
    days: float = Field(examples=[7.5])

    @classmethod
    def of(cls, number: Number) -> "NumberShown":
        return cls(proposals=number.proposals, days=in_days(number.half_days))


class DecidedShown(Shown):
    """What became of the proposals of a run that you may read."""

    total: NumberShown
    became: dict[Became, NumberShown] = Field(description="each proposal is one of these")
    declined: dict[DeclineReason, NumberShown] = Field(
        description="those that were declined, by reason", examples=[{}]
    )
    held: NumberShown = Field(
        description="those that hold days now: preferred, in due diligence, agreed, approved or "
        "running"
    )
    needs_met: int = Field(description="by partnerships of these proposals", examples=[0])

    @classmethod
    def of(cls, decided: Decided) -> "DecidedShown":
        return cls(
            total=NumberShown.of(decided.total),
            became={each: NumberShown.of(number) for each, number in decided.became.items()},
            declined={each: NumberShown.of(number) for each, number in decided.declined.items()},
            held=NumberShown.of(decided.held),
            needs_met=decided.needs_met,
        )


class RunShown(Shown):
    """The request, progress and result of a run."""

    id: int = Field(examples=[1])
    operation: Operation
    state: RunState
    period: str = Field(examples=["2026-27"])
    scope: ScopeShown
    options: MatchOptions = Field(
        description="without the needs and offers that it names (pins, exclusions, free) where "
        "you may not read the whole plan"
    )
    of_run: int | None = Field(examples=[None])
    kept_run: int | None = Field(
        description="the run whose plan was kept, as nothing has changed since", examples=[None]
    )
    replaced_by: int | None = Field(
        None,
        description="the newest run that replaced proposals of this one that nobody had decided "
        "on; null in lists",
        examples=[None],
    )
    overlaps: list[OverlapShown] | None = Field(
        None,
        description="other runs with open proposals for the same needs; null in lists",
        examples=[[]],
    )
    decided: DecidedShown | None = Field(
        None, description="what became of its proposals so far; null in lists"
    )
    stage: str | None = Field(description="the current step", examples=["Solving"])
    progress: Searched | None
    attempt: int = Field(description="how many workers have started it", examples=[1])
    cancel_requested: bool
    last_event: int = Field(description="number of its newest event", examples=[5])
    failure: str | None = Field(description="why there is no plan", examples=[None])
    summary: dict[str, Any] | None = Field(
        description="sizes of the problem, and `given_up` where parts of the search had no result "
        "as their processes died; or what was found of a given plan",
        examples=[{"needs": 12, "offers": 9, "participants": 15, "candidates": 40}],
    )
    refused: dict[str, int] | None = Field(
        description="pairs that the rules refused, by reason", examples=[{"too_far": 31}]
    )
    objective: float | None = Field(examples=[2448])
    bound: float | None = Field(description="no plan exceeds it", examples=[2448])
    gap: float | None = Field(description="(bound - objective) / objective", examples=[0.0])
    stopped: str | None = Field(description="why the search ended", examples=["proved"])
    input_sha256: str | None = Field(description="of what was asked", examples=["9f86d081884c7d65"])
    problem_sha256: str | None = Field(
        description="of the problem file as JSON", examples=["60303ae22b998861"]
    )
    author: str = Field(examples=["portal (broker)"])
    request_id: str | None = Field(
        description="of the request that submitted it, as logs name it; none from the terminal",
        examples=["9f3c1e5a7b2d4c6e8f0a1b2c3d4e5f60"],
    )
    created_at: Moment
    finished_at: Moment | None

    @classmethod
    def of(cls, run: Run, progress: dict[str, Any] | None, *, whole: bool) -> "RunShown":
        """`whole`: for somebody who may read all that it plans, and so whom it pairs or not."""
        names = ("id", "stage", "attempt", "cancel_requested", "last_event", "failure", "summary")
        options = MatchOptions.model_validate(run.options)
        figures = ("objective", "bound", "gap", "stopped", "input_sha256", "problem_sha256")
        return cls(
            **{name: getattr(run, name) for name in (*names, *figures)},
            operation=Operation(run.operation),
            state=RunState(run.state),
            period=run.period_code,
            scope=ScopeShown(**{name: run.scope[name] for name in ("kind", "code", "name")}),
            options=options if whole else options.without_pairs(),
            of_run=run.of_run_id,
            kept_run=run.kept_run_id,
            progress=None if progress is None else Searched(**progress),
            refused=run.refusals,
            author=run.actor,
            request_id=run.request_id,
            created_at=run.created_at,
            finished_at=run.finished_at,
        )


class Runs(Listed[RunShown]):
    pass
