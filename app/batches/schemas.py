"""Batches as HTTP shows and takes them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, model_validator

from app.batches.queries import AreaRun
from app.catalogue.schemas import PeriodCode
from app.http.fields import Content, Id, Moment, Shown, Words
from app.http.replies import Listed, Page
from app.planning.options import MatchOptions
from app.runs.schemas import ScopeShown, Searched
from models.batches import Batch
from models.vocabulary import AreasNamed, AreaState, BatchState


class NewBatch(Content):
    """Which areas to plan, each by a run of its own: those listed, or all of a kind with needs."""

    period: Annotated[PeriodCode, Field(examples=["2026-27"])]
    areas: Annotated[
        Annotated[tuple[Words, ...], Field(fail_fast=True)] | None,
        Field(
            min_length=1,
            max_length=1_000,
            description="by name or as kind:code",
            examples=[["local_authority:886"]],
        ),
    ] = None
    every: Annotated[
        AreasNamed | None,
        Field(
            description="`all`: each local authority with needs in your scope; likewise `regions` "
            "and `districts`; `country`: all at once",
            examples=[None],
        ),
    ] = None
    options: Annotated[
        MatchOptions | None,
        Field(
            description="of each run; absent: the defaults, with time by the size of an area",
            examples=[{"reciprocity": "balanced"}],
        ),
    ] = None

    @model_validator(mode="after")
    def _fit_together(self) -> "NewBatch":
        if (self.areas is None) == (self.every is None):
            raise ValueError("must have either areas or every")
        return self


class BatchFilter(Page):
    """Which batches, the newest first."""

    state: BatchState | None = None
    after: Annotated[Id | None, Field(description="id of the last batch of the page before")] = None


class BatchShown(Shown):
    """What was asked for, and how many areas have come how far."""

    id: int = Field(examples=[1])
    state: BatchState
    period: str = Field(examples=["2026-27"])
    named: str = Field(
        description="how its areas were named: all, regions, districts, country or list",
        examples=["list"],
    )
    options: MatchOptions
    areas: int = Field(examples=[1])
    ended: int = Field(description="areas that have come to an end", examples=[1])
    states: dict[AreaState, int] = Field(description="areas by state", examples=[{"solved": 1}])
    needs_in_no_area: int | None = Field(
        description="needs outside all areas of the kind asked for", examples=[0]
    )
    author: str = Field(examples=["portal (broker)"])
    created_at: Moment
    finished_at: Moment | None

    @classmethod
    def of(cls, batch: Batch, areas: Sequence[AreaRun]) -> "BatchShown":
        return cls(**_figures(batch, areas))


class AreaShown(Shown):
    """An area of a batch; its run has the rest."""

    scope: ScopeShown
    state: AreaState
    run: int | None = Field(examples=[1])
    needs: int | None = Field(description="to plan when it was looked at", examples=[12])
    kept: bool = Field(description="nothing it reads has changed, so its last run stands")
    planned_again: bool = Field(description="its first run ended too far from proven")
    stage: str | None = Field(description="the current step of its run", examples=[None])
    progress: Searched | None
    objective: float | None = Field(examples=[2448])
    gap: float | None = Field(description="(bound - objective) / objective", examples=[0.0])
    failure: str | None = Field(description="why there is no plan", examples=[None])

    @classmethod
    def of(cls, each: AreaRun, progress: Mapping[str, Any] | None) -> "AreaShown":
        of_run = {
            name: each.run and getattr(each.run, name)
            for name in ("stage", "objective", "gap", "failure")
        }
        return cls(
            scope=ScopeShown(**each.scope.as_json()),
            state=each.state,
            run=each.area.run_id,
            needs=each.area.needs,
            kept=each.area.kept,
            planned_again=each.area.planned_again,
            progress=None if progress is None else Searched(**progress),
            **of_run,
        )


class BatchWhole(BatchShown):
    """A batch with its areas."""

    offers_promised_twice: int = Field(
        description="offers that its plans together give more days from than they have",
        examples=[0],
    )
    items: list[AreaShown]

    @classmethod
    def whole(
        cls,
        batch: Batch,
        areas: Sequence[AreaRun],
        progress: Mapping[int, Mapping[str, Any]],
        promised_twice: int,
    ) -> "BatchWhole":
        items = [AreaShown.of(each, progress.get(each.area.run_id or 0)) for each in areas]
        figures = _figures(batch, areas)
        return cls(**figures, offers_promised_twice=promised_twice, items=items)


def _figures(batch: Batch, areas: Sequence[AreaRun]) -> dict[str, Any]:
    return {
        "id": batch.id,
        "state": BatchState(batch.state),
        "period": batch.period_code,
        "named": batch.named,
        "options": MatchOptions.model_validate(batch.options),
        "areas": len(areas),
        "ended": sum(each.has_ended for each in areas),
        "states": Counter(each.state for each in areas),
        "needs_in_no_area": batch.needs_in_no_area,
        "author": batch.actor,
        "created_at": batch.created_at,
        "finished_at": batch.finished_at,
    }


class Batches(Listed[BatchShown]):
    pass
