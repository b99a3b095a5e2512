"""Parts of a market that travel: some participants, to be asked by another process or machine.

A part travels to a process once and is kept there. After that a call brings what candidates are
worth to those of its participants who are asked, and their answers are what it returns. A call
depends on its arguments and nothing else: any process may be given it, and given it again, and
answers what threads of this one would.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solver.market import Market
from solver.prices_kernel import Respondents, ask
from solver.prices_tables import Side, Sizes, SmallArray, Worth
from solver.problem import BoolArray, IntArray

HELD: Final = 128
"""Parts that a process keeps."""

Narrow = NDArray[Any]
"""Integers of whatever size holds them all."""
_KINDS: Final = (np.int8, np.int16, np.int32, np.int64)


def _narrow(values: IntArray | SmallArray) -> Narrow:
    least, most = int(values.min(initial=0)), int(values.max(initial=0))
    kind = next(k for k in _KINDS if np.iinfo(k).min <= least and most <= np.iinfo(k).max)
    return values.astype(kind)


@dataclass(frozen=True, slots=True, eq=False)
class PartSide:
    """One side of a part's participants.

    Attributes
    ----------
    side
        See `Side`. Candidates are those of the market, but numbered by item once unpacked.
    low, high
        Fewest and most half-days of each item.
    sizes
        Room that the tables need.
    """

    side: Side
    low: SmallArray
    high: SmallArray
    sizes: Sizes

    @classmethod
    def cut(cls, market: Market, side: Side, sizes: Sizes, first: int, last: int) -> PartSide:
        """Return the participants first..last of a side."""
        groups = side.groups[first : last + 1]
        items = side.items[groups[0] : groups[-1] + 1]
        of_items, of_groups = slice(items[0], items[-1]), slice(groups[0], groups[-1])
        candidate = side.candidate[of_items]
        part = Side(
            groups=groups - groups[0],
            items=items - items[0],
            candidate=candidate,
            low=side.low[of_items],
            high=side.high[of_items],
            group_days=side.group_days[of_groups],
            group_most=side.group_most[of_groups],
            days=side.days[first:last],
            most=side.most[first:last],
        )
        return cls(part, market.low[candidate], market.high[candidate], sizes)

    def packed(self) -> PartSide:
        """Return it as it travels."""
        unnumbered = self.side._replace(candidate=np.zeros(0, np.int64))
        side = Side(*(_narrow(column) for column in unnumbered))
        return PartSide(side, _narrow(self.low), _narrow(self.high), self.sizes)

    def unpacked(self) -> PartSide:
        """Return what has travelled as the kernel reads it, in arrays of its own."""
        groups, items = (column.astype(np.int64) for column in self.side[:2])
        small = (column.astype(np.int32) for column in self.side[3:])
        side = Side(groups, items, np.arange(items[-1]), *small)
        return PartSide(side, self.low.astype(np.int32), self.high.astype(np.int32), self.sizes)

    def items_of(self, asked: BoolArray) -> BoolArray | slice:
        """Return which items are those of the participants asked."""
        if asked.all():
            return slice(None)
        items: BoolArray = np.repeat(asked, np.diff(self.side.items[self.side.groups]))
        return items

    def post(self, worth: Worth, asked: BoolArray) -> tuple[Narrow, Narrow]:
        """Return the worth of the items asked for: the least, and the rate where days may range."""
        items = self.items_of(asked)
        candidate, ranged = self.side.candidate[items], (self.low != self.high)[items]
        return _narrow(worth.least[candidate]), _narrow(worth.rate[candidate[ranged]])

    def worth(self, least: Narrow, rate: Narrow, items: BoolArray | slice) -> Worth:
        """Return what was posted for items as the kernel reads it."""
        size = len(self.low)
        of_all = Worth(np.zeros(size, np.int64), np.zeros(size, np.int64), self.low, self.high)
        of_all.least[items] = least
        of_all.rate[np.arange(size)[items][(self.low != self.high)[items]]] = rate
        return of_all


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some participants: both sides, and how each one's are held together; see `Respondents`."""

    give: PartSide
    take: PartSide
    role: SmallArray
    allowance: SmallArray
    unit: SmallArray

    @classmethod
    def cut(cls, market: Market, first: int, last: int) -> Part:
        """Return the participants first..last."""
        return cls(
            PartSide.cut(market, market.give, market.give_sizes, first, last),
            PartSide.cut(market, market.take, market.take_sizes, first, last),
            *(column[first:last] for column in (market.role, market.allowance, market.unit)),
        )

    def packed(self) -> Part:
        """Return it as it travels."""
        roles = map(_narrow, (self.role, self.allowance, self.unit))
        return Part(self.give.packed(), self.take.packed(), *roles)

    def unpacked(self) -> Part:
        """Return what has travelled as the kernel reads it, in arrays of its own."""
        roles = (column.astype(np.int32) for column in (self.role, self.allowance, self.unit))
        return Part(self.give.unpacked(), self.take.unpacked(), *roles)


@dataclass(frozen=True, slots=True, eq=False)
class Posted:
    """Which participants of a part are asked, and what their items are worth to either side."""

    asked: BoolArray
    give: tuple[Narrow, Narrow]
    take: tuple[Narrow, Narrow]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What the best answer of each participant asked is worth, and the half-days of its items."""

    value: Narrow
    given: Narrow
    taken: Narrow


def answer_part(key: str, part: Part | None, posted: Posted) -> Answers | None:
    """Return the answers of participants of a part, None where this process lacks the part.

    Parameters
    ----------
    key
        Names the part, in all processes and for all time.
    part
        As packed; None where this process may hold it since an earlier call.
    """
    held = _hold(key, part)
    if held is None:
        return None
    give, take, asked = held.give, held.take, posted.asked
    gives, takes = give.items_of(asked), take.items_of(asked)
    who = Respondents(
        held.role,
        held.allowance,
        held.unit,
        stale=asked.copy(),
        value=np.zeros(len(asked), np.int64),
        given=np.zeros(len(give.low), np.int32),
        taken=np.zeros(len(take.low), np.int32),
    )
    ask(
        give.side, take.side, give.worth(*posted.give, gives), take.worth(*posted.take, takes),
        who, give.sizes, take.sizes, 0, len(asked),
    )  # fmt: skip
    return Answers(_narrow(who.value[asked]), _narrow(who.given[gives]), _narrow(who.taken[takes]))


_held: OrderedDict[str, Part] = OrderedDict()
_holding = threading.Lock()


def _hold(key: str, part: Part | None) -> Part | None:
    """Return the part of that name, as the last to let go."""
    with _holding:
        held = _held.pop(key, None)
        if held is None and part is not None:
            held = part.unpacked()
        if held is not None:
            _held[key] = held
        while len(_held) > HELD:
            _held.popitem(last=False)
    return held


def let_go(key: str) -> None:
    """Keep a part no longer in this process."""
    with _holding:
        _held.pop(key, None)
