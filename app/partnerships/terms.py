"""The terms of a partnership, and whether they are what was agreed to and could be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise
from typing import Any, Final

from sqlalchemy.orm import Session

from app.access.policy import Principal
from app.database import WriteSession
from app.errors import Problem
from app.exchange.pots import Price, price
from app.money.commitments import price_of
from app.planning.capacity import what_is_left
from app.planning.load import load
from app.planning.options import MatchOptions
from app.proposals.apart import A_YEAR
from app.proposals.terms import standing, terms_today
from app.register.closing import last_days
from app.wording import money, on_day, pounds
from models.exchange import Need, Offer, Period
from models.matching import Proposal
from models.money import Commitment, Pot
from models.vocabulary import Channel, PaidBy, days_text

PUBLIC: Final = frozenset({PaidBy.LOCAL_AUTHORITY, PaidBy.DEPARTMENT, PaidBy.POT})
PENCE: Final = 100


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


@dataclass(frozen=True, slots=True)
class LaterAgreed:
    """When both sides agreed to days of later periods, and how whoever starts it was told."""

    said_on: date
    channel: Channel


def agreed_window(
    session: Session, proposal: Proposal, need: Need, offer: Offer
) -> tuple[date, date]:
    """The first and last day that both sides agreed to; what changed since is no part of that.

    Nothing goes on past the day on which a side is known to close.
    """
    said = standing(session, proposal.id)
    terms = said[-1].terms if said else terms_today(session, proposal, need, offer)
    both = [terms["need"], terms["offer"]]
    owners = {need.participant_id, offer.participant_id}
    last = [date.fromisoformat(each["window_ends"]) for each in both]
    last += last_days(session, owners).values()
    if "closes" in terms:
        last.append(date.fromisoformat(terms["closes"]))
    return max(date.fromisoformat(each["window_starts"]) for each in both), min(last)


def check_dates(
    opens: date, closes: date, last_day: date, periods: Sequence[Period], starts: date, ends: date
) -> None:
    """Refuse dates outside what was agreed; later periods go on to their own ends."""
    first, last = periods[0], periods[-1]
    if any(one.ends >= other.starts for one, other in pairwise(periods)):
        raise BadPartnership("later periods must follow one another", "later")
    opens, until = max(opens, first.starts), min(closes, first.ends)
    if not opens <= starts <= until:
        raise BadPartnership(
            f"the start must be from {on_day(opens)} to {on_day(until)}, as both sides agreed: "
            f"{on_day(starts)} is not",
            "starts",
        )
    until = until if last is first else min(last.ends, last_day)
    if not max(starts, last.starts) <= ends <= until:
        raise BadPartnership(
            f"the end must be from {on_day(max(starts, last.starts))} to {on_day(until)}: "
            f"{on_day(ends)} is not",
            "ends",
        )


def check_pot(
    session: Session, commitment: Commitment | None, terms: Terms, starts: date, ends: date
) -> tuple[Terms, Price | None]:
    """The terms with what the pot pays for a day, where a pot does; it pays for the whole.

    Raises
    ------
    BadPartnership
        If payer, rate, fee or dates are not what the pot pays.
    """
    if commitment is None:
        if terms.paid_by is PaidBy.POT:
            raise BadPartnership(
                "the need names no pot that could pay. Choose another payer", "paid_by"
            )
        return terms, None
    pot = session.get_one(Pot, commitment.pot_id)
    if terms.paid_by not in (None, PaidBy.POT):
        raise BadPartnership(
            f"pot {pot.reference} pays for this support. Choose the pot as payer, or leave it "
            "blank",
            "paid_by",
        )
    rate = terms.day_rate_pounds
    each = price_of(commitment) if rate is None else price(pot, rate * PENCE)
    highest = pot.highest_day_rate_pence
    if highest is not None and each.day_rate_pence > highest:
        raise BadPartnership(
            f"pot {pot.reference} pays {pounds(highest)} a day at most: "
            f"{pounds(each.day_rate_pence)} is more. Lower the rate",
            "day_rate_pounds",
        )
    if terms.fee_pounds not in (None, each.fee_pence / PENCE):
        raise BadPartnership(
            f"pot {pot.reference} pays a fee of {pounds(each.fee_pence)} a day. Leave the fee "
            "blank",
            "fee_pounds",
        )
    if not pot.starts <= starts <= ends <= pot.ends:
        raise BadPartnership(
            f"pot {pot.reference} pays for support from {on_day(pot.starts)} to "
            f"{on_day(pot.ends)}. Enter dates within these",
            "starts" if starts < pot.starts else "ends",
        )
    told = replace(
        terms,
        paid_by=PaidBy.POT,
        day_rate_pounds=_whole_pounds(each.day_rate_pence),
        fee_pounds=_whole_pounds(each.fee_pence),
    )
    return told, each


def _whole_pounds(pence: int) -> int | None:
    """Rates of terms are whole pounds; others stand with what the pot committed."""
    return None if pence % PENCE else pence // PENCE


def check_money(
    proposal: Proposal, terms: Terms, half_days: int, each: Price | None = None
) -> None:
    """Refuse to spend more public money than both sides agreed to, for all days together.

    `each`: what a day costs a pot, where one pays.
    """
    agreed = proposal.public_money_pounds
    cost = ((terms.day_rate_pounds or 0) + (terms.fee_pounds or 0)) * half_days / 2
    if each is not None:
        cost = each.of(half_days) / PENCE
    if terms.paid_by not in PUBLIC or not cost:
        return
    with_fee = " with the fee" if terms.fee_pounds or (each is not None and each.fee_pence) else ""
    if agreed is None:
        raise BadPartnership(
            "both sides agreed to no sum of public money. Choose another payer, or record what is "
            "paid with a new proposal before both sides agree",
            "paid_by",
        )
    if cost > agreed:
        raise BadPartnership(
            f"{days_text(half_days)} at this rate{with_fee} cost {money(round(cost))}, and both "
            f"sides agreed to {money(agreed)} of public money. Lower the rate, or agree to more "
            "first",
            "day_rate_pounds",
        )


def check_later(later: Sequence[Later], agreed: LaterAgreed | None, today: date) -> None:
    """Refuse days of later periods to which nobody said that both sides agreed."""
    if not later:
        return
    if agreed is None or agreed.channel is Channel.IN_SERVICE:
        raise BadPartnership(
            "days of later periods need the word of both sides. Enter the day on which they "
            "agreed, and how they told you",
            "later_said_on",
        )
    if not today - A_YEAR <= agreed.said_on <= today:
        raise BadPartnership(
            f"both sides cannot have agreed on {on_day(agreed.said_on)}: enter a day of the past "
            "year, today at the latest",
            "later_said_on",
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
