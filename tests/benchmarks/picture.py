"""`python -m tests.benchmarks.picture bench.json bench.png`: gaps over time, and growth."""

import json
import sys
from pathlib import Path
from typing import Any

import altair as alt

NAMES = {
    "prices": "prices", "exact": "exact", "auto": "auto",
    "cp_sat": "CP-SAT, whole", "highs": "HiGHS, whole", "greedy": "greedy, to our bound",
}  # fmt: skip
COLOURS = ["#12436d", "#28a197", "#801650", "#f46a25", "#a285d1", "#3d3d3d"]
LEAST, MOST = 0.0001, 10.0
TICKS = [0.0001, 0.001, 0.01, 0.1, 1.0, 10.0]


def draw(results: dict[str, Any], file: Path) -> None:
    """Write the picture of `bench_methods`."""
    over_time = alt.hconcat(*(_gaps(each) for each in results["exchange"]))
    rows = [over_time.resolve_scale(color="shared")]
    if len(results["growth"]) > 1:
        rows.append(_growth(results["growth"]))
    chart = alt.vconcat(*rows).configure(font="Arial, Helvetica, sans-serif", background="white")
    chart.configure_view(stroke=None).save(str(file), scale_factor=2.0)


def _gaps(each: dict[str, Any]) -> Any:
    points = []
    for method, found in each["methods"].items():
        if method not in NAMES:
            continue
        known = [
            (at, (bound - objective) / max(1, objective))
            for at, objective, bound in found["curve"]
            if objective is not None and bound is not None
        ]
        if method == "greedy" and found["gap_to_best_bound"] is not None:
            known = [(found["seconds"], found["gap_to_best_bound"])]
        if known:
            known.append((each["time_limit_s"], known[-1][1]))
        points += [
            {"method": NAMES[method], "seconds": at, "gap": min(max(gap, LEAST), MOST)}
            for at, gap in known
        ]
    title = f"{each['institutions']:,} institutions, {each['candidates']:,} candidates"
    return (
        alt.Chart(alt.InlineData(values=points), title=title, width=260, height=240)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X("seconds:Q", title="seconds of the whole process").scale(type="log"),
            y=alt.Y("gap:Q", title="proven gap", axis=alt.Axis(format="~%", values=TICKS))
            .scale(type="log", domain=[LEAST, MOST]),
            color=alt.Color("method:N", title=None)
            .scale(domain=list(NAMES.values()), range=COLOURS)
            .legend(orient="top"),
        )
    )  # fmt: skip


def _growth(rows: list[dict[str, Any]]) -> Any:
    times = [
        {"institutions": row["institutions"], "seconds": row[name], "until": label}
        for name, label in (("first_plan_s", "first plan"), ("close_s", "proven within 1 %"))
        for row in rows
        if row[name] is not None
    ]
    memory = [
        {"institutions": row["institutions"], "MB": row["peak_mb"]}
        for row in rows
        if row["peak_mb"] is not None
    ]
    across = alt.X("institutions:Q").scale(type="log")
    seconds = (
        alt.Chart(alt.InlineData(values=times), title="Growth of prices", width=260, height=200)
        .mark_line(point=True)
        .encode(
            x=across,
            y=alt.Y("seconds:Q").scale(type="log"),
            strokeDash=alt.StrokeDash("until:N", title=None).legend(orient="top"),
        )
    )
    megabytes = (
        alt.Chart(alt.InlineData(values=memory), title="Memory of prices", width=260, height=200)
        .mark_line(point=True)
        .encode(x=across, y=alt.Y("MB:Q", title="peak MB of all processes").scale(type="log"))
    )
    return alt.hconcat(seconds, megabytes)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text())["results"]["bench_methods"], Path(sys.argv[2]))
