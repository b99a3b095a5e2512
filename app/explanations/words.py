"""Why a need is unmet and what would meet it, in words; every sentence about it is here."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.planning.pots import pot_of
from app.wording import counted, number, pounds
from models.vocabulary import days_text
from solver.explain.changes import IN_HALF_DAYS, ChangeKind
from solver.explain.explained_json import ChangeById, LimitById, Together
from solver.formulation.rules import (
    Balance,
    BothRoles,
    ClosedLoops,
    Exclusions,
    GiveLimit,
    LinkingRule,
    MaxGiven,
    MaxTaken,
    OfferDays,
    OfferPairings,
    PairingDays,
)

SENTENCES: Final[Mapping[str, str]] = {
    MaxTaken.name: "The school has as many supporting organisations as it can have at a time.",
    Balance.name: "The school would receive more than it gives and its allowance.",
    BothRoles.name: "The school gives no support in this plan, and who receives must also give.",
    ClosedLoops.name: "No closed loop of pairings goes through it.",
    OfferDays.name: "The offer has too few days left.",
    OfferPairings.name: "The offer supports as many schools as it can at a time.",
    GiveLimit.name: "The supporting organisation has too few days left to give.",
    MaxGiven.name: "The supporting organisation supports as many schools as it can at a time.",
    PairingDays.name: "The pairing can only have a number of days that does not suit the need.",
    Exclusions.name: "The pair is excluded.",
    LinkingRule.name: (
        "A limit on many pairings together, such as the budget of a pot, is used up."
    ),
}
"""What keeps a need out where the rule of this name binds alone."""
LIMITS: Final[Mapping[str, str]] = {
    MaxTaken.name: "the school's supporting organisations at a time",
    Balance.name: "the balance of giving and receiving",
    BothRoles.name: "giving as well as receiving",
    ClosedLoops.name: "closed loops",
    OfferDays.name: "the days of the offer",
    OfferPairings.name: "the schools that the offer can support at a time",
    GiveLimit.name: "the days of the supporting organisation",
    MaxGiven.name: "the schools that the supporting organisation can support at a time",
    PairingDays.name: "the days of the pairing",
    Exclusions.name: "an exclusion",
    LinkingRule.name: "a limit on many pairings together",
}
"""The same as a few words, where several bind together."""
MOST_NAMED: Final = 5
HUNDRED_POUNDS: Final = 10_000
"""In pence: the unit in which is told what more of a pot is worth."""
CHANGES_DAYS: Final = frozenset(
    {
        ChangeKind.MINIMUM_DAYS,
        ChangeKind.OFFER_DAYS,
        ChangeKind.GIVE_LIMIT,
        ChangeKind.ALLOWANCE,
    }
)
"""Changes that are counted in half-days."""
FITS: Final = "It fits into the plan as it is: the search ended before it was added."
NO_OFFER: Final = "No organisation offers it."
NOT_TRIED: Final = "Not tried yet by solving again."
NOT_CONFIRMED: Final = (
    "Not confirmed: the need would fit, but solved again, the plan earns as much or more without."
)
NO_CHANGE: Final = "No single change of a limit that was tried would meet it."


@dataclass(frozen=True, slots=True)
class Names:
    """Who is who, by reference."""

    participants: Mapping[str, str] = field(default_factory=dict)
    giver_of: Mapping[str, str] = field(default_factory=dict)
    """The participant of each offer."""
    taker_of: Mapping[str, str] = field(default_factory=dict)
    """The participant of each need."""

    def participant(self, reference: str | None) -> str:
        return self.participants.get(reference or "", reference or "")

    def giver(self, offer: str | None) -> str:
        return self.participant(self.giver_of.get(offer or "", offer))

    def taker(self, need: str | None) -> str:
        return self.participant(self.taker_of.get(need or "", need))


def why(rules: Sequence[str]) -> str:
    """Why candidates are kept out by these rules, as one sentence without figures."""
    if not rules:
        return FITS
    if len(rules) == 1:
        return SENTENCES[rules[0]]
    words = [LIMITS[each] for each in rules]
    return f"Several limits together: {', '.join(words[:-1])} and {words[-1]}."


@dataclass(frozen=True, slots=True)
class RuleReason:
    """One rule that keeps offers out, alone or with others; none where nothing does."""

    rule: str | None
    offers: int
    alone: int

    @property
    def sentence(self) -> str:
        return FITS if self.rule is None else SENTENCES[self.rule]


def reasons(counts: Sequence[Together]) -> list[RuleReason]:
    """Each rule with how many offers it keeps out, the most first.

    What fits comes before all: a longer search puts that right, and nothing else has to change.
    """
    offers, alone = Counter[str](), Counter[str]()
    found = []
    for each in counts:
        if not each.rules:
            found.append(RuleReason(None, each.candidates, each.candidates))
        for rule in each.rules:
            offers[rule] += each.candidates
            alone[rule] += each.candidates * (len(each.rules) == 1)
    order = list(SENTENCES)
    ranked = sorted(offers, key=lambda rule: (-offers[rule], -alone[rule], order.index(rule)))
    return [*found, *(RuleReason(rule, offers[rule], alone[rule]) for rule in ranked)]


def amount(rule: str, value: int) -> str:
    """A limit's figure with its unit: days, or pairings."""
    if rule in IN_HALF_DAYS:
        return days_text(value)
    return number(value) if rule == LinkingRule.name else counted(value, "pairing")


def how_full(limit: LimitById) -> str:
    """What a limit allows and what the plan uses of it; nothing where it has no figure."""
    if limit.limit is None or limit.used is None:
        return ""
    if limit.rule == Balance.name:
        more = "more than it gives" if limit.used >= 0 else "less than it gives"
        used = days_text(abs(limit.used))
        return f"It receives {used} {more}, with an allowance of {days_text(limit.limit)}."
    if (pot := pot_of(limit.subject)) is not None and limit.rule == LinkingRule.name:
        return f"{pounds(limit.used)} of the {pounds(limit.limit)} that pot {pot} has left used."
    return f"{amount(limit.rule, limit.used)} of {amount(limit.rule, limit.limit)} used."


def _more(by: int, one: str) -> str:
    return f"one more {one}" if by == 1 else f"{number(by)} more {one}s"


def change_words(change: ChangeById, names: Names) -> str:
    """A change as something that somebody could do."""
    return _CHANGES[change.kind](change, names)


_CHANGES: Final[Mapping[ChangeKind, Callable[[ChangeById, Names], str]]] = {
    ChangeKind.MINIMUM_DAYS: lambda c, n: (
        f"Lower the need's minimum by {'half a day' if c.by == 1 else days_text(c.by)}"
    ),
    ChangeKind.MAX_TAKEN: lambda c, n: (
        f"Allow {n.participant(c.subject)} {_more(c.by, 'supporting organisation')} at a time"
    ),
    ChangeKind.OFFER_PAIRINGS: lambda c, n: (
        f"Allow offer {c.subject} of {n.giver(c.subject)} {_more(c.by, 'school')} at a time"
    ),
    ChangeKind.MAX_GIVEN: lambda c, n: (
        f"Allow {n.participant(c.subject)} to support {_more(c.by, 'school')} at a time"
    ),
    ChangeKind.OFFER_DAYS: lambda c, n: (
        f"Add {days_text(c.by)} to offer {c.subject} of {n.giver(c.subject)}"
    ),
    ChangeKind.GIVE_LIMIT: lambda c, n: (
        f"Ask {n.participant(c.subject)} for {days_text(c.by)} more in all"
    ),
    ChangeKind.ALLOWANCE: lambda c, n: (
        f"Raise the allowance of {n.participant(c.subject)} by {days_text(c.by)}"
    ),
    ChangeKind.LINKING: lambda c, n: (
        f"Raise the budget of pot {pot} by {pounds(c.by)}"
        if (pot := pot_of(c.subject)) is not None
        else f"Raise the limit {c.subject} by {number(c.by)}"
    ),
    ChangeKind.MAX_LOOP: lambda c, n: f"Allow loops of {_more(c.by, 'school')}",
    ChangeKind.EXEMPT: lambda c, n: (
        f"Ask {n.participant(c.subject)} for an offer that others need, or exempt it from giving"
    ),
    ChangeKind.EXCLUSION: lambda c, n: "Lift the exclusion of the pair",
    ChangeKind.TRAVEL_OF_NEED: lambda c, n: (
        f"Raise the need's travel limit by {counted(c.by, 'mile')}"
    ),
    ChangeKind.TRAVEL_OF_OFFER: lambda c, n: (
        f"Raise the travel limit of offer {c.subject} of {n.giver(c.subject)} by "
        f"{counted(c.by, 'mile')}"
    ),
    ChangeKind.TRAVEL_OF_BOTH: lambda c, n: (
        f"Raise the travel limits of the need and of offer {c.subject} of {n.giver(c.subject)} by "
        f"{counted(c.by, 'mile')}"
    ),
}


def change_result(
    confirmed: bool | None, gain: int | None, moved: int | None, pence: int | None = None
) -> str:
    """What came of a change when the plan was solved again around the need.

    `pence`: by how much it raises the budget of a pot, which is then also told for each £100.
    """
    if confirmed is None:
        return NOT_TRIED
    if not confirmed:
        return NOT_CONFIRMED
    others = f" {counted(moved, 'other pairing')} would change." if moved else ""
    return (
        "Confirmed by solving again: the need is met, no other need is left out, and the plan "
        f"gains {counted(gain or 0, 'point')}{_for_each(gain or 0, pence)}.{others}"
    )


def _for_each(gain: int, pence: int | None) -> str:
    """What one more unit of a pot is worth."""
    if not pence:
        return ""
    return f", {number(round(gain * HUNDRED_POUNDS / pence, 1))} for each £100 of the pot"


def meeting_anyway(
    loss: int | None, left_out: Sequence[str], *, impossible: bool, longer: bool
) -> str:
    """What it would take to meet the need within the limits as they are."""
    if longer:
        return "No limit has to change: a longer search meets this need."
    if impossible:
        return (
            "It cannot be met within these limits, even if the other pairings around it are moved."
        )
    if loss is None:
        return "Whether it could be met by moving other pairings could not be found out in time."
    out = ""
    if left_out:
        names = ", ".join(left_out[:MOST_NAMED])
        more = (
            f" and {number(len(left_out) - MOST_NAMED)} more" if len(left_out) > MOST_NAMED else ""
        )
        out = f" {counted(len(left_out), 'need')} would no longer be met: {names}{more}."
    if loss > 0:
        return (
            "It could be met only by moving other pairings: as it is, the plan earns "
            f"{counted(loss, 'point')} more.{out}"
        )
    if loss == 0:
        return f"Another plan with as many points meets it.{out}"
    return f"A longer search could gain {counted(-loss, 'point')} and meet it.{out}"
