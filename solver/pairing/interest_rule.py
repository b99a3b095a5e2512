"""The rule of a pair about declared interests between its two sides."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from models.vocabulary import InterestKind
from solver.arrays import BoolArray, IntArray
from solver.pairing.interests import Interest
from solver.pairing.pair_rule import GIVER, TAKER, Columns, Figures, PairRule, day
from solver.pairing.pairs import PairTables

WORDS: Final[Mapping[InterestKind, str]] = {
    InterestKind.ADVISER_EMPLOYED_BY: "{holder} employs an adviser of {about}",
    InterestKind.BIDS_FOR: "{holder} may take over {about}",
    InterestKind.GOVERNOR_IN_COMMON: "{holder} and {about} have a governor in common",
    InterestKind.SUPPLIER_OF: "{holder} is a supplier of {about}",
    InterestKind.PAID_TO_JUDGE: "{holder} is paid to judge {about}",
    InterestKind.OTHER: "{holder} has another interest in {about}",
}
"""What each kind says of who holds it and whom it is about."""
_SIDES: Final = {"giver": GIVER, "taker": TAKER}


class DeclaredInterest(PairRule):
    """Refuses what a kind of interest rules out, whichever side holds it; shows the others."""

    name = "interest"
    short = "declared interest"
    statement = "An interest is declared between the two."
    exceptions = True

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        return tables.interests.refuse(tables.giver(offer), tables.taker(need))

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        giver, taker = tables.giver(offer), tables.taker(need)
        found = tables.interests.of_pairs(giver, taker)
        return {
            "interests": [
                [figures_of_interest(each, one) for each in declared]
                for declared, one in zip(found, giver.tolist(), strict=True)
            ]
        }

    def passed(self, figures: Figures) -> str:
        said = [sentence(each) for each in figures["interests"]]
        if not said:
            return "No interest between the two is declared."
        return f"{' '.join(said)} Such interests are shown and do not rule the pair out."

    def refused(self, figures: Figures) -> str:
        refusing = [sentence(each) for each in figures["interests"] if each["refuses"]]
        return " ".join(refusing) or self.statement

    def warns(self, figures: Figures) -> bool:
        return bool(figures["interests"])

    def may_be_excepted(self, figures: Figures) -> bool:
        return all(each["exceptions"] for each in figures["interests"] if each["refuses"])


def sentence(figures: Mapping[str, Any]) -> str:
    """Say one interest: "Declared interest: the supporting organisation may take over ..."."""
    if figures.get("through"):
        return _path(figures)
    other = "taker" if figures["held_by"] == "giver" else "giver"
    said = WORDS[InterestKind(figures["kind"])].format(
        holder=_side(figures["held_by"], figures["holder_group"]),
        about=_side(other, figures["about_group"]),
    )
    return f"Declared interest: {said}{_when(figures)}."


def _path(figures: Mapping[str, Any]) -> str:
    """Say a path, beginning with the side that it begins at."""
    first, through = figures["held_by"], figures["through"]
    other = "taker" if first == "giver" else "giver"
    between = through["name"]
    steps = (
        (figures["kind"], through["held_by_first"], _side(first, figures["holder_group"])),
        (through["second_kind"], through["held_by_second"], _side(other, figures["about_group"])),
    )
    said = ", and ".join(
        WORDS[InterestKind(kind)].format(
            holder=side if held else between, about=between if held else side
        )
        for kind, held, side in steps
    )
    return f"Declared interests join the two through {between}: {said}{_when(figures)}."


def _when(figures: Mapping[str, Any]) -> str:
    starts, ends = figures["starts"], figures["ends"]
    when = f" since {day(starts)}" if starts else ""
    when += f" until {day(ends)}" if ends else ""
    return f"{when} (declared on {day(figures['declared_on'])})"


def _side(side: str, is_group: bool) -> str:
    return f"the trust or federation of the {_SIDES[side]}" if is_group else f"the {_SIDES[side]}"


def figures_of_interest(interest: Interest, giver: int) -> dict[str, Any]:
    """Return an interest as it is kept with a pair of which `giver` is the one that gives."""
    declared, through = interest.declared, interest.through
    path = {} if through is None else {"through": asdict(through)}
    return path | {
        "reference": declared.reference,
        "kind": str(declared.kind),
        "held_by": "giver" if interest.holder == giver else "taker",
        "holder_group": interest.holder_group,
        "about_group": interest.about_group,
        "starts": _written(declared.starts),
        "ends": _written(declared.ends),
        "declared_on": declared.declared_on.isoformat(),
        "refuses": declared.refuses,
        "exceptions": declared.exceptions,
    }


def _written(day_or_none: date | None) -> str | None:
    return None if day_or_none is None else day_or_none.isoformat()
