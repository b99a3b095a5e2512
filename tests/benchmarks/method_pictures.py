"""`python -m tests.benchmarks.method_pictures docs`: the pictures and measures of docs/method.md.

All on made-up positions; takes some three minutes.
"""

import sys
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
from rich.console import Console

from solver.blocks.neighbourhoods import cut, grown
from solver.instances.balanced_exchange import made_up_country, make
from solver.parameters import DEFAULTS, PriceParameters
from solver.prices.decomposition import Decomposition, decompose
from solver.prices.knapsack_tables import fill_side, tables_of
from solver.prices.price_search import PriceSearch
from solver.prices.subproblems import BALANCED
from solver.solve import solve
from tests.benchmarks.bench_methods import side_by_side

REGION, SECONDS = 2_600, 60.0
TOWN, BLOCK, ANGLE = 900, 120, 0.6
LEANS, ROUNDS = (0.0, 0.3, 0.5), (60, 100, 150)
FIRST, LAST = 0.4, 0.001
BLUE, ORANGE, GREY = "#12436d", "#f46a25", "#b1b4b6"
console = Console()


def searched(
    decomposition: Decomposition, rounds: int, parameters: PriceParameters = DEFAULTS.prices
) -> PriceSearch:
    """Prices after so many rounds, the step falling as in a solve."""
    search = PriceSearch(decomposition, 2, parameters=parameters)
    for at in range(rounds):
        search.round(FIRST * (LAST / FIRST) ** (at / (rounds - 1)))
    search.close()
    return search


def lean_table(decomposition: Decomposition) -> None:
    """Print the bounds reached with each lean in so many rounds, above the lowest of all."""
    for lean in LEANS:
        leaning = PriceParameters(lean_whole=lean, lean_ranged=lean)
        bounds = [searched(decomposition, rounds, leaning).bound() for rounds in ROUNDS]
        console.print(f"| {lean} |", *(f"{bound:,} |" for bound in bounds))


def over_time(curve: list[tuple[float, int | None, float | None]]) -> alt.Chart:
    """Bound and plan of one solve as time goes by, from seconds, plan and bound."""
    _, last_plan, last_bound = curve[-1]
    low, high = 0.75 * last_plan, 1.1 * last_bound
    told = [
        {"seconds": at, "points": value / 1e6, "what": what}
        for at, plan, bound in curve
        for what, value in (("bound: no plan is above", bound), ("plan", plan))
        if value is not None and low <= value <= high
    ]
    return (
        alt.Chart(alt.InlineData(values=told), width=620, height=260)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X("seconds:Q", title="seconds").scale(type="log"),
            y=alt.Y("points:Q", title="million points").scale(zero=False),
            color=alt.Color("what:N", title=None)
            .scale(domain=["bound: no plan is above", "plan"], range=[ORANGE, BLUE])
            .legend(orient="top"),
        )
    )  # fmt: skip


def map_of_regret() -> alt.HConcatChart:
    """Blocks of a cut, and where the regret of a plan is with groups grown from it."""
    country = made_up_country(TOWN, 4)
    problem = make(country, 4)
    decomposition = decompose(problem)
    search = searched(decomposition, 100)
    plan = solve(problem, method="prices", work=3)
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[problem.positions(np.column_stack([plan.offer, plan.need]))] = plan.half_days
    regret = search.regrets(search.best, half_days[decomposition.candidate]) / decomposition.part
    wanted = search.column_frequency > 0.05
    group = grown(
        decomposition.incidence.giver[wanted],
        decomposition.incidence.taker[wanted],
        regret,
        BLOCK,
        3,
    )
    block = cut(country.lat, country.lon, BLOCK, ANGLE)
    top = np.sort(regret)[::-1]
    console.print(
        f"plan {plan.objective:,}, bound {search.bound():,}; regret of the tenth with most: "
        f"{top[: TOWN // 10].sum() / top.sum():.0%}; without any: {(regret == 0).mean():.0%}"
    )
    people = [
        {
            "east": float(x),
            "north": float(y),
            "block": int(b),
            "group": names[g],
            "regret": float(r),
        }
        for names in [{-1: "in none", 0: "first group", 1: "second", 2: "third"}]
        for x, y, b, g, r in zip(
            country.lon, country.lat, block, group.tolist(), regret, strict=True
        )
    ]
    at = {
        axis: alt.Axis(labels=False, ticks=False, grid=False, title=None, domain=False)
        for axis in "xy"
    }
    base = alt.Chart(alt.InlineData(values=people), width=330, height=330).encode(
        x=alt.X("east:Q", axis=at["x"]).scale(zero=False),
        y=alt.Y("north:Q", axis=at["y"]).scale(zero=False),
    )
    blocks = base.mark_circle(size=18, opacity=0.9).encode(
        color=alt.Color("block:N", legend=None).scale(scheme="tableau10")
    )
    groups = base.mark_circle(opacity=0.75).encode(
        size=alt.Size("regret:Q", title="regret, points").scale(range=[4, 260]),
        color=alt.Color("group:N", title=None).scale(
            domain=["first group", "second", "third", "in none"],
            range=["#801650", "#28a197", ORANGE, GREY],
        ),
    )
    return alt.hconcat(
        blocks.properties(title="Blocks: the map turned and halved again and again"),
        groups.properties(title="Regret, and groups grown around it"),
    ).resolve_scale(color="independent")


def join(decomposition: Decomposition) -> alt.HConcatChart:
    """The two sides of one participant whose giving must earn its taking."""
    search = searched(decomposition, 60)
    taking, giving = tables_of(decomposition.take_sizes), tables_of(decomposition.give_sizes)
    for who in np.flatnonzero(
        (decomposition.role == BALANCED) & (decomposition.unit == 1)
    ).tolist():
        allowance = int(decomposition.allowance[who])
        fill_side(decomposition.take, search.take_profits, who, 1, 0, taking)
        take = _by_days(taking.value, decomposition.take.most[who], decomposition.take.days[who])
        floor = -int(take.max())
        fill_side(decomposition.give, search.give_profits, who, 1, floor, giving)
        give = _by_days(giving.value, decomposition.give.most[who], decomposition.give.days[who])
        at_least = np.maximum.accumulate(give[::-1])[::-1]
        v = np.arange(len(take))
        need = np.maximum(v - allowance, 0)
        can, least = need < len(give), np.minimum(need, len(give) - 1)
        total = np.where(can, take + at_least[least], -np.inf)
        best = int(total.argmax())
        alone = int(take.argmax())
        losing = need[best] > 0 and at_least[need[best]] < at_least[0]
        if losing and best != alone and len(take) >= 14 and allowance > 0:
            break
    part = decomposition.part
    console.print(f"participant {who}: allowance {allowance}, takes {best}, gives {need[best]}")
    left = [
        {"days": day / 2, "points": float(points) / part, "side": side}
        for side, table in (("T: taking exactly", take), ("F: giving at least", at_least))
        for day, points in enumerate(table)
        if points > -(2**60)
    ]
    right = [
        {
            "days": day / 2,
            "points": float(points) / part,
            "what": "best" if day == best else "other",
        }
        for day, points in enumerate(total)
        if points > -(2**60)
    ]
    sides = alt.Chart(alt.InlineData(values=left), width=320, height=240).mark_line(point=True)
    sides = sides.encode(
        x=alt.X("days:Q", title="days"),
        y=alt.Y("points:Q", title="points at the prices"),
        color=alt.Color("side:N", title=None)
        .scale(domain=["T: taking exactly", "F: giving at least"], range=[BLUE, ORANGE])
        .legend(orient="top"),
    )
    both = alt.Chart(alt.InlineData(values=right), width=320, height=240).mark_bar(size=9)
    both = both.encode(
        x=alt.X("days:Q", title="days taken"),
        y=alt.Y("points:Q", title="T + F: both sides together"),
        color=alt.Color("what:N", legend=None).scale(domain=["best", "other"], range=[BLUE, GREY]),
    )
    return alt.hconcat(
        sides.properties(title="What each side is worth"),
        both.properties(title=f"Joined, with an allowance of {allowance / 2:g} days"),
    ).resolve_scale(color="independent")


def _by_days(value: np.ndarray, most: int, days: int) -> np.ndarray:
    """The best of a side's table for each number of days, whatever the pairings."""
    width = max(int(days), 0) + 1
    rows: np.ndarray = value[: (max(int(most), 0) + 1) * width].reshape(-1, width).max(axis=0)
    return rows


def save(chart: Any, file: Path) -> None:
    chart.configure(font="Arial, Helvetica, sans-serif", background="white").configure_view(
        stroke=None
    ).save(str(file), scale_factor=1.5)
    console.print(f"drawn in {file}")


def main(folder: Path) -> None:
    decomposition = decompose(make(made_up_country(REGION, 1), 1))
    lean_table(decomposition)
    save(join(decomposition), folder / "method-join.png")
    save(map_of_regret(), folder / "method-regret.png")
    roomy = make(made_up_country(REGION, 1), 1, "roomy")
    curve = side_by_side(roomy, ("prices",), SECONDS)["prices"]["curve"]
    save(over_time(curve), folder / "method-time.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
