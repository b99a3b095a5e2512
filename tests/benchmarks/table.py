"""`python -m tests.benchmarks.table bench.json`: writes methods side by side into the docs."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.wording import at_most

PAGE = Path(__file__).parents[2] / "docs" / "benchmark.md"
MARKS = "<!-- side by side: made by tests/benchmarks/table.py -->\n", "<!-- end of tables -->\n"
NAMES = {
    "auto": "`auto`", "prices": "`prices`", "exact": "`exact`", "greedy": "greedy",
    "cp_sat": "CP-SAT", "highs": "HiGHS", "pdlp": "PDLP",
}  # fmt: skip


def tables(results: dict[str, Any]) -> str:
    """Both tables of `bench_methods`: exchange in points, assignment in costs."""
    return "\n".join([*_exchanges(results["exchange"]), "", *_assignments(results["assignment"])])


def _exchanges(exchanges: list[dict[str, Any]]) -> Iterator[str]:
    heads = "institutions", "candidates", "method", "plan", "bound", "gap", "to best bound"
    heads += "seconds", "MB"
    yield f"| {' | '.join(heads)} |"
    yield "|--:|--:|--|" + "--:|" * 6
    for each in exchanges:
        for method, found in each["methods"].items():
            figures = (
                f"{each['institutions']:,}",
                f"{each['candidates']:,}",
                NAMES[method],
                _count(found["objective"]),
                _count(found["bound"]),
                _gap(found["gap"]),
                _gap(found["gap_to_best_bound"]),
                _seconds(found),
                _count(found["peak_mb"]),
            )
            yield f"| {' | '.join(figures)} |"


def _assignments(assignments: list[dict[str, Any]]) -> Iterator[str]:
    methods = list(assignments[0]["methods"])
    heads = [f"{NAMES[method]}: cost, bound" for method in methods]
    yield f"| kind | agents x jobs | {' | '.join(heads)} |"
    yield f"|--|--|{'--:|' * len(methods)}"
    for each in assignments:
        costs = [
            f"{_count(found['cost'])}, {_count(found['bound'])}"
            for found in each["methods"].values()
        ]
        across = f"{each['agents']} x {each['jobs']:,}"
        yield f"| `{each['kind']}` | {across} | {' | '.join(costs)} |"


def _count(figure: float | None) -> str:
    return "none" if figure is None else f"{figure:,.0f}"


def _gap(gap: float | None) -> str:
    return "none" if gap is None else at_most(gap, 2)


def _seconds(found: dict[str, Any]) -> str:
    return f"{found['seconds']:.0f}" + ("" if found["ended"] == "done" else f", {found['ended']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    results = json.loads(parser.parse_args().file.read_text())["results"]["bench_methods"]
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    text = f"{before}{MARKS[0]}\n{tables(results)}\n\n{MARKS[1]}{after}"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
