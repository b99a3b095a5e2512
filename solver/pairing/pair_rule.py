"""What a rule of a pair is: its name, whether it refuses, and its sentences with figures."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

import numpy as np

from models.vocabulary import Phase, Side
from solver.arrays import BoolArray, FloatArray, IntArray
from solver.pairing.pairs import PairTables

Figures = Mapping[str, Any]
"""What a rule looked at in one pair; it can be written as JSON."""
Columns = Mapping[str, Sequence[Any]]
"""The figures of many pairs, each a list of one value per pair."""

GIVER, TAKER = "supporting organisation", "school receiving support"


class Reason:
    """Why an offer and a need are not paired.

    Attributes
    ----------
    name
        How it is stored and counted; never changed.
    short
        A few words that follow a number: "7 too far".
    statement
        The reason as a sentence, without figures.
    """

    name: ClassVar[str]
    short: ClassVar[str]
    statement: ClassVar[str]

    def __repr__(self) -> str:
        return self.name


class PairRule(Reason, ABC):
    """A rule that one offer and one need pass or not.

    `need`, `offer` are rows, shape (n,), and `remote` whether each pair is remote, bool[n]. The
    search asks rules of one side before it forms any pair.

    Attributes
    ----------
    exceptions
        Whether somebody with the right to approve may let a proposal go on all the same, with a
        reason; else what it refuses is refused to everybody. See `may_be_excepted`.
    confirmed_by
        The side whose word it waits for: until then nothing of the pair can be sent.
    """

    exceptions: ClassVar[bool] = False
    confirmed_by: ClassVar[Side | None] = None

    @abstractmethod
    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        """Return whether it refuses each pair, bool[n]."""

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        """Return what it looks at in each pair; nothing where there is nothing to tell."""
        return {}

    @abstractmethod
    def passed(self, figures: Figures) -> str:
        """Return the sentence of a pass."""

    def refused(self, figures: Figures) -> str:
        """Return the sentence of a refusal, with figures where there are any."""
        return self.statement

    def measure(self, figures: Figures) -> tuple[float | None, float | None]:
        """Return the one figure that it limits and the limit, where it is about one."""
        return None, None

    def warns(self, figures: Figures) -> bool:
        """Return whether its pass says something to look after."""
        return False

    def may_be_excepted(self, figures: Figures) -> bool:
        """Return whether there may be an exception from what it refuses in one pair."""
        return self.exceptions

    def to_confirm(self, who: str, reference: str) -> str:
        """Return what `who` must confirm, of a rule that waits for a side's word."""
        raise NotImplementedError


class NeedRule(PairRule):
    """A rule about the need alone."""

    @abstractmethod
    def refuses_needs(self, tables: PairTables) -> BoolArray:
        """Return whether it refuses each need whatever the offer, bool[needs]."""

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        return self.refuses_needs(tables)[need]


class OfferRule(PairRule):
    """A rule about the offer alone."""

    @abstractmethod
    def refuses_offers(self, tables: PairTables) -> BoolArray:
        """Return whether it refuses each offer whatever the need, bool[offers]."""

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        return self.refuses_offers(tables)[offer]


def rounded(values: FloatArray, digits: int) -> list[float | None]:
    """Return numbers as JSON has them, None where not finite."""
    return [
        round(value, digits) if finite else None
        for value, finite in zip(values.tolist(), np.isfinite(values).tolist(), strict=True)
    ]


def counted(value: float, units: str) -> str:
    """Return a number with its unit as people read it: 1 mile, 5.8 miles, 1,204 minutes."""
    number = f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{number} {units.removesuffix('s') if number == '1' else units}"


def dates(ordinals: IntArray) -> list[str | None]:
    """Return days as JSON has them, None where outside the calendar."""
    return [date.fromordinal(day).isoformat() if day > 0 else None for day in ordinals.tolist()]


def day(text: str) -> str:
    """Return a day as people read it: 1 September 2026."""
    found = date.fromisoformat(text)
    return f"{found.day} {found:%B %Y}"


def phases(mask: int) -> list[str]:
    """Return the phases of a mask, by name."""
    return [str(phase) for at, phase in enumerate(Phase) if mask >> at & 1]


def listed(words: Sequence[str]) -> str:
    """Join words in a sentence: "early years, primary and post-16"."""
    texts = [word.replace("post_", "post-").replace("_", " ") for word in words]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
