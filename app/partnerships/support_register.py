"""Everything that supports one school: whose it is, what it is to achieve, and what is at odds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import RowMapping, select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import outside
from app.catalogue.calendar import year_on
from app.database import ReadSession
from app.errors import NotFound
from app.partnerships.alliance_targets import AllianceOf, alliances_of
from app.partnerships.contradictions import Contradiction, Target, contradictions
from app.partnerships.queries import list_support
from app.partnerships.service import PARTNERSHIP
from app.partnerships.targets import targets_of
from app.planning.capacity import spent
from app.planning.load import load
from app.planning.options import MatchOptions
from app.register.naming import reference_named
from app.wording import counted
from models.register import Participant
from models.targets import SupportTarget
from models.vocabulary import RUNNING_SUPPORT


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Support of one supporter, with its targets."""

    row: RowMapping
    targets: Sequence[SupportTarget]

    @property
    def supporter(self) -> str:
        name: str = self.row["giver_participant_name"] or self.row["giver_name"]
        return name

    def runs_on_or_after(self, day: date) -> bool:
        ends: date | None = self.row["ends"]
        return self.row["state"] in RUNNING_SUPPORT and (ends is None or ends >= day)


@dataclass(frozen=True, slots=True)
class SupportRegister:
    """The register of one school or organisation on a day."""

    reference: str
    name: str
    on: date
    period: str | None
    """The academic year of the day; none where the calendar has none."""
    supporters: int
    """At a time in that year, as matching counts them: held proposals too."""
    allowed: int
    current: Sequence[Arrangement]
    """What runs or is to begin."""
    past: Sequence[Arrangement]
    alliances: Sequence[AllianceOf]
    """Those that it is in on the day, whose targets are its own too."""
    contradictions: Sequence[Contradiction]
    leader_half_days: Mapping[str | None, int]
    """What current support takes of the school's own leaders, by period."""

    @property
    def warnings(self) -> list[str]:
        """What a person should settle, the most urgent first."""
        found = []
        if self.supporters > self.allowed:
            when = f" in {self.period}" if self.period else ""
            found.append(
                f"{self.name} has {counted(self.supporters, 'supporting organisation')} at a "
                f"time{when}. Its limit is {self.allowed:,}. Agree which of them goes on, or "
                "change the limit."
            )
        return found + [each.sentence for each in self.contradictions]


def support_register(
    session: ReadSession, principal: Principal, cell: str, day: date
) -> SupportRegister:
    """The register of the participant that a cell names.

    Raises `NotFound` where there is none, or the principal may not read all of its support.
    """
    authorise(principal, Action.READ)
    reference = reference_named(session, cell)
    who = session.execute(
        select(Participant.id, Participant.name).where(Participant.reference == reference)
    ).first()
    if who is None or outside(session, principal, Action.READ, [who.id]):
        raise NotFound(
            f"There is no school or organisation {cell!r} whose support you may read. Check the "
            "URN or key."
        )
    found = _arrangements(session, list_support(session, principal, taker=cell, limit=None))
    current = [each for each in found if each.runs_on_or_after(day)]
    alliances = alliances_of(session, who.id, day)
    period, supporters, allowed = _supporters(session, principal, who.id, day)
    return SupportRegister(
        reference=reference,
        name=who.name,
        on=day,
        period=period,
        supporters=len(current) if period is None else supporters,
        allowed=allowed,
        current=current,
        past=[each for each in found if not each.runs_on_or_after(day)],
        alliances=alliances,
        contradictions=_contradictions(current, day, alliances),
        leader_half_days=_of_leaders(current),
    )


def contradictions_in(
    session: ReadSession, rows: Sequence[RowMapping], day: date
) -> list[Contradiction]:
    """What contradicts on a day in the support of one school, as `list_support` has read it."""
    found = _arrangements(session, rows)
    return _contradictions([each for each in found if each.runs_on_or_after(day)], day)


def _arrangements(session: ReadSession, rows: Sequence[RowMapping]) -> list[Arrangement]:
    targets = targets_of(session, (row["id"] for row in rows))
    return [Arrangement(row, targets[row["id"]]) for row in rows]


def _contradictions(
    current: Sequence[Arrangement], day: date, alliances: Sequence[AllianceOf] = ()
) -> list[Contradiction]:
    compared = [one for each in current for one in _compared(each)]
    compared += [one for each in alliances for one in each.compared]
    return list(contradictions(one for one in compared if one.by_date >= day))


def _supporters(
    session: ReadSession, principal: Principal, participant_id: int, day: date
) -> tuple[str | None, int, int]:
    """The year, how many support the participant at a time in it, and how many may."""
    default = MatchOptions().max_taken
    try:
        year = year_on(session, day)
    except NotFound:
        return None, 0, default
    loaded = load(session, principal, None, year.code, day, only=[participant_id])
    own = loaded.limits.get((participant_id, year.code))
    allowed = default if own is None or own.max_taken is None else own.max_taken
    return year.code, spent(loaded).takings[participant_id], allowed


def _compared(arrangement: Arrangement) -> list[Target]:
    row = arrangement.row
    return [
        Target.of(each, row["reference"], arrangement.supporter, row["starts"], _arrangement(row))
        for each in arrangement.targets
    ]


def _arrangement(row: RowMapping) -> str:
    """Of a partnership, which has a row for each of its periods."""
    return "" if row["partnership_id"] is None else f"{PARTNERSHIP}{row['partnership_id']}"


def _of_leaders(current: Sequence[Arrangement]) -> dict[str | None, int]:
    """By period, those without one last."""
    totals: dict[str | None, int] = {}
    for each in current:
        if half_days := each.row["leader_half_days"]:
            period = each.row["period_code"]
            totals[period] = totals.get(period, 0) + half_days
    return dict(sorted(totals.items(), key=lambda one: (one[0] is None, one[0] or "")))
