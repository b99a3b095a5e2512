"""What a side said, who said it there, when, and how it reached whoever recorded it."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from app.access.policy import AGREES_FOR, Principal
from app.access.scoped import speaks_for
from app.proposals.apart import A_YEAR
from app.proposals.decisions import BadDecision
from app.wording import TOLD_HOW, on_day
from models.matching import Proposal
from models.vocabulary import Channel, Role, Side
from solver.pairing.pair_rule import GIVER, TAKER

OF_SIDE: Final = AGREES_FOR
"""What it takes to record the word of a side."""
WHOSE: Final = {Side.TAKER: TAKER, Side.GIVER: GIVER}
"""What each side is called in sentences for people."""


class NotHeard(BadDecision):
    """What is wrong with who said it, when or how; `field` names which."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True, slots=True)
class Heard:
    """Who of a side said something, by role; a contact of that side leaves out the rest."""

    said_by: str
    said_on: date | None = None
    channel: Channel | None = None


def check_heard(
    session: Session,
    principal: Principal,
    side: Side,
    proposal: Proposal,
    heard: Heard,
    today: date,
) -> Heard:
    """The same with day and channel; a contact that records its own word says it here and now.

    Raises
    ------
    NotHeard
        If `said_by` is nobody of that side, or whoever recorded it does not say when and how it
        was said, or names a day that is more than a year ago or yet to come.
    """
    _check_speaker(side, heard.said_by)
    here = heard.channel is None and heard.said_on is None
    if here and speaks_for(session, principal, OF_SIDE[side], proposal):
        return replace(heard, said_on=today, channel=Channel.IN_SERVICE)
    if heard.channel in (None, Channel.IN_SERVICE):
        raise NotHeard(
            "channel", f"enter how the {WHOSE[side]} told you, as the channel: {TOLD_HOW}"
        )
    if heard.said_on is None:
        raise NotHeard("said_on", f"enter the day on which the {WHOSE[side]} told you")
    if not today - A_YEAR <= heard.said_on <= today:
        raise NotHeard(
            "said_on",
            f"the {WHOSE[side]} cannot have told you on {on_day(heard.said_on)}: enter a day of "
            "the past year, today at the latest",
        )
    return heard


def _check_speaker(side: Side, said_by: str) -> None:
    """Refuse the word of one of our own roles that is of no side."""
    others = {role.value for role in Role} - {Role.CONTACT.value}
    if said_by.strip().lower().replace(" ", "_") in others:
        raise NotHeard(
            "said_by",
            f"{said_by!r} cannot speak for the {WHOSE[side]}; "
            "enter the role of the person who responded, like headteacher",
        )
