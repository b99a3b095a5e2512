"""The terms of a partnership, and whether they are what was agreed to and could be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any, Final

from app.access.policy import Principal
from app.database import WriteSession
from app.errors import Problem
from app.planning.capacity import what_is_left
from app.planning.load import load
from app.planning.options import MatchOptions
from app.wording import money, on_day
from models.exchange import Need, Offer, Period
from models.matching import Proposal
from models.vocabulary import PaidBy, days_text

PUBLIC: Final = frozenset({PaidBy.LOCAL_AUTHORITY, PaidBy.DEPARTMENT})


class BadPartnership(Problem):
    """What is wrong with the terms of a partnership; `field` names which, if it is one."""

    status = 422
    title = "Invalid partnership"

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides agreed to beyond the days of the proposal; roles, never names."""

    aims: str
    taker_role: str
    giver_role: str
    monitor_role: str | None = None
    rhythm: str | None = None
    exit_plan: str | None = None
    paid_by: PaidBy | None = None
    day_rate_pounds: int | None = None
    fee_pounds: int | None = None

    @property
    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Later:
    """Days of a period after the proposal's own: support that goes on, usually with fewer."""

    period: str
    half_days: int


def check_dates(
    need: Need, offer: Offer, periods: Sequence[Period], starts: date, ends: date
) -> None:
    first, last = periods[0], periods[-1]
    if any(one.ends >= other.starts for one, other in pairwise(periods)):
        raise BadPartnership("later periods must follow one another", "later")
    opens = max(need.window_starts, offer.window_starts, first.starts)
    closes = min(need.window_ends, offer.window_ends, first.ends) if last is first else last.ends
    if not opens <= starts <= first.ends:
        raise BadPartnership(
            f"the start must be from {on_day(opens)} to {on_day(first.ends)}, as both sides "
            f"agreed: {on_day(starts)} is not",
            "starts",
        )
    if not max(starts, last.starts) <= ends <= closes:
        raise BadPartnership(
            f"the end must be from {on_day(max(starts, last.starts))} to {on_day(closes)}: "
            f"{on_day(ends)} is not",
            "ends",
        )


def check_money(proposal: Proposal, terms: Terms, half_days: int) -> None:
    agreed = proposal.public_money_pounds
    cost = ((terms.day_rate_pounds or 0) + (terms.fee_pounds or 0)) * half_days / 2
    if terms.paid_by in PUBLIC and agreed is not None and cost > agreed:
        raise BadPartnership(
            f"{days_text(half_days)} at this rate cost {money(round(cost))}, and both sides agreed "
            f"to {money(agreed)} of public money. Lower the rate, or agree to more first",
            "day_rate_pounds",
        )


def check_left(
    session: WriteSession,
    principal: Principal,
    need: Need,
    offer: Offer,
    period: Period,
    half_days: int,
    now: datetime,
) -> None:
    """Refuse days of a later period that the supporting organisation does not have left."""
    sides = {need.participant_id, offer.participant_id}
    day = max(now.date(), period.starts)
    loaded = load(session, principal, None, period.code, day, now=now, only=sides)
    left = what_is_left(loaded, MatchOptions())
    at = next(at for at, row in enumerate(loaded.participants) if row.id == offer.participant_id)
    if half_days > left.give_limit[at]:
        raise BadPartnership(
            f"the supporting organisation has {days_text(left.give_limit[at])} left in "
            f"{period.code}, and {days_text(half_days)} were entered",
            "later",
        )
