"""The one register of support of a school as HTTP shows it."""

from collections.abc import Iterator
from datetime import date

from pydantic import Field

from app.http.fields import Shown, in_days
from app.partnerships.alliance_targets import AllianceOf
from app.partnerships.contradictions import Contradiction, Target
from app.partnerships.schemas import SupportShown
from app.partnerships.support_register import Arrangement, SupportRegister
from models.vocabulary import (
    AllianceKind,
    AllianceRole,
    ContradictionKind,
    SupportAuthority,
    SupportState,
    TargetDirection,
)


class LeaderDays(Shown):
    """What current support takes of the school's own leaders in a period."""

    period: str | None = Field(description="null: support without a period", examples=["2026-27"])
    days: float = Field(examples=[4.5])


class TargetCompared(Shown):
    support: str = Field(examples=["made-up-support-1"])
    supporter: str = Field(examples=["Made-up Consultants"])
    direction: TargetDirection
    value: float | str | None = Field(examples=[12.5])
    by_date: date

    @classmethod
    def of(cls, target: Target) -> "TargetCompared":
        return cls.model_validate(target)


class ContradictionShown(Shown):
    """Two targets that cannot both be met."""

    measure: str = Field(examples=["persistent_absence_pct"])
    kind: ContradictionKind = Field(description="what differs")
    first: TargetCompared
    second: TargetCompared
    sentence: str = Field(examples=["Persistent absence: made up. Agree one target."])

    @classmethod
    def of(cls, found: Contradiction) -> "ContradictionShown":
        return cls(
            measure=found.first.measure,
            kind=found.kind,
            first=TargetCompared.of(found.first),
            second=TargetCompared.of(found.second),
            sentence=found.sentence,
        )


class AllianceOfSchool(Shown):
    """An alliance that a school is in, whose targets are its own too."""

    id: int = Field(examples=[1])
    reference: str = Field(examples=["made-up-alliance-1"])
    name: str = Field(examples=["Made-up Family of Schools"])
    kind: AllianceKind
    role: AllianceRole
    targets: list[TargetCompared]

    @classmethod
    def of(cls, found: AllianceOf) -> "AllianceOfSchool":
        of = found.alliance
        targets = [TargetCompared.of(each) for each in found.compared]
        return cls(
            id=of.id,
            reference=of.reference,
            name=of.name,
            kind=AllianceKind(of.kind),
            role=AllianceRole(found.role),
            targets=targets,
        )


class SupportRegisterShown(Shown):
    """Who supports a school, on whose authority, towards which targets, and what is at odds."""

    participant: str = Field(examples=["100000"])
    name: str = Field(examples=["Made-up Primary School"])
    on: date
    period: str | None = Field(description="the academic year of that day", examples=["2026-27"])
    supporters: int = Field(
        description="at a time in that year, as matching counts them: held proposals too",
        examples=[2],
    )
    allowed: int = Field(description="at a time", examples=[3])
    warnings: list[str] = Field(
        description="more supporters than allowed, and targets that contradict",
        examples=[["Persistent absence: made up. Agree one target."]],
    )
    alliances: list[AllianceOfSchool]
    contradictions: list[ContradictionShown]
    leader_days: list[LeaderDays]
    current: list[SupportShown]
    past: list[SupportShown]

    @classmethod
    def of(cls, found: SupportRegister) -> "SupportRegisterShown":
        return cls(
            participant=found.reference.partition(":")[2],
            name=found.name,
            on=found.on,
            period=found.period,
            supporters=found.supporters,
            allowed=found.allowed,
            warnings=found.warnings,
            alliances=[AllianceOfSchool.of(each) for each in found.alliances],
            contradictions=[ContradictionShown.of(each) for each in found.contradictions],
            leader_days=[
                LeaderDays(period=period, days=in_days(half_days))
                for period, half_days in found.leader_half_days.items()
            ],
            current=[SupportShown.of(each.row, each.targets) for each in found.current],
            past=[SupportShown.of(each.row, each.targets) for each in found.past],
        )


class RegisterLine(Shown):
    """A line of the register as CSV: a target, or support without one."""

    reference: str
    supporter: str
    agency: str | None
    authority: SupportAuthority | None
    state: SupportState
    period: str | None
    days: float | None
    leader_days: float | None
    starts: date | None
    ends: date | None
    measure: str | None = None
    direction: TargetDirection | None = None
    value: float | str | None = None
    by_date: date | None = None
    owner: str | None = None
    contradicts: str | None = None
    """References of support whose targets contradict this one, separated by semicolons."""


def register_lines(found: SupportRegister) -> Iterator[RegisterLine]:
    """The register as a file: current support first, then what has ended."""
    against: dict[tuple[str, str, date], list[str]] = {}
    for each in found.contradictions:
        for one, other in ((each.first, each.second), (each.second, each.first)):
            against.setdefault(_key(one), []).append(other.support)
    for arrangement in (*found.current, *found.past):
        yield from _lines(arrangement, against)


def _key(target: Target) -> tuple[str, str, date]:
    return target.support, target.measure, target.by_date


def _lines(
    arrangement: Arrangement, against: dict[tuple[str, str, date], list[str]]
) -> Iterator[RegisterLine]:
    shown = SupportShown.of(arrangement.row, arrangement.targets)
    line = RegisterLine.model_validate(shown)
    for target in shown.targets:
        others = against.get((shown.reference, target.measure, target.by_date), [])
        yield line.model_copy(
            update={
                **{name: getattr(target, name) for name in ("measure", "direction", "value")},
                **{"by_date": target.by_date, "owner": target.owner},
                "contradicts": ";".join(dict.fromkeys(others)) or None,
            }
        )
    if not shown.targets:
        yield line
