"""One side's tables against a plain search: wide ranges, many items, every limit counted or not."""

from collections import defaultdict

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solver.prices.knapsack_items import Profits, Side, TableSizes, tables_of
from solver.prices.knapsack_tables import NEVER, POSSIBLE, fill_side, trace

MANY_ROOM = 4096
DRAWN = settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@st.composite
def sides(draw):
    """Return a side of one participant, its profits, and each group as plain rows."""
    groups, columns = [], defaultdict(list)
    counted, limited = draw(st.booleans()), draw(st.booleans())
    for _ in range(draw(st.integers(1, 3))):
        size = draw(st.integers(1, 5))
        items = []
        for _ in range(size):
            low = draw(st.integers(1, 4))
            width = draw(st.sampled_from([0, 0, 1, 3, 7, 8, 12]))
            items.append((low, low + width, draw(st.integers(-9, 30)), draw(st.integers(-3, 3))))
        items.sort(key=lambda item: (item[0] != item[1], item[0]))
        most = draw(st.integers(1, size)) if counted or draw(st.booleans()) else -1
        room = draw(st.integers(1, 20)) if limited or draw(st.booleans()) else -1
        if room >= 0:
            items = [item for item in items if item[1] <= room] or [(1, 1, 5, 0)]
        groups.append((items, most, room))
        columns["items"].append(len(items))
        columns["most"].append(most)
        columns["days"].append(room)
    every = [item for items, _, _ in groups for item in items]
    low, high, least, rate = (np.array(column, np.int64) for column in zip(*every, strict=True))
    most = draw(st.integers(1, 4)) if counted else -1
    days = draw(st.integers(1, 24)) if limited else -1
    small = {name: np.array(values, np.int32) for name, values in columns.items()}
    side = Side(
        groups=np.array([0, len(groups)]),
        items=np.concatenate([[0], np.cumsum(columns["items"])]),
        candidate=np.arange(len(every)),
        low=low.astype(np.int32),
        high=high.astype(np.int32),
        group_days=small["days"],
        group_most=small["most"],
        days=np.array([days], np.int32),
        most=np.array([most], np.int32),
    )
    return side, Profits(least, rate, low.astype(np.int32), high.astype(np.int32)), groups


def best_of_all(groups, most, days):
    """Return the most that each number of pairings and days is worth, as far as they count."""
    reached = {(0, 0): 0}
    for items, group_most, group_room in groups:
        inside = {(0, 0): 0}
        for low, high, least, rate in items:
            for (count, used), worth in list(inside.items()):
                for chosen in range(low, high + 1):
                    key = count + 1, used + chosen
                    if (group_most >= 0 and key[0] > group_most) or (
                        group_room >= 0 and key[1] > group_room
                    ):
                        continue
                    now = worth + least + rate * (chosen - low)
                    inside[key] = max(inside.get(key, NEVER), now)
        both = defaultdict(lambda: NEVER)
        for (count, used), worth in reached.items():
            for (more, longer), gain in inside.items():
                key = (count + more if most >= 0 else 0), (used + longer if days >= 0 else 0)
                if key[0] <= max(most, 0) and key[1] <= max(days, 0):
                    both[key] = max(both[key], worth + gain)
        reached = dict(both)
    return reached


@DRAWN
@given(drawn=sides())
def test_every_place_of_the_table_is_the_best_of_all(drawn):
    """However wide days range, whichever items are left out for their betters."""
    side, profits, groups = drawn
    out = tables_of(TableSizes(*[MANY_ROOM] * 7))
    table = fill_side(side, profits, 0, 1, -(10**9), out)
    most, days = int(side.most[0]), int(side.days[0])
    expected = best_of_all(groups, most, days)
    width = max(days, 0) + 1
    found = {
        (at // width, at % width): int(worth) for at, worth in enumerate(table) if worth > POSSIBLE
    }
    assert found == expected
    for count, used in expected:
        wanted = np.zeros(len(side.candidate), np.int32)
        trace(side, profits, 0, 1, count, used, out, wanted)
        chosen = np.flatnonzero(wanted)
        assert (wanted[chosen] >= profits.low[chosen]).all()
        assert (wanted[chosen] <= profits.high[chosen]).all()
        more = wanted[chosen] - profits.low[chosen]
        assert (
            int((profits.least[chosen] + profits.rate[chosen] * more).sum())
            == (expected[count, used])
        )
        assert most < 0 or len(chosen) == count
        assert days < 0 or wanted.sum() == used


@DRAWN
@given(drawn=sides())
def test_items_below_the_floor_are_missed_by_no_response(drawn):
    """Where limits are all of the form "at most", what brings nothing is not needed."""
    side, profits, groups = drawn
    out = tables_of(TableSizes(*[MANY_ROOM] * 7))
    table = fill_side(side, profits, 0, 1, 0, out)
    assert table.max() == max(best_of_all(groups, int(side.most[0]), int(side.days[0])).values())
