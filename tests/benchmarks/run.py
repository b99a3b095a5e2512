"""Run every benchmark beside its baseline and write the figures as JSON.

Each module `bench_*.py` here has `run() -> dict`: seconds, peak memory and, measured in the same
run, the ratio against a baseline. Absolute figures hold for one machine, ratios for most.
"""

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.benchmarks.picture import draw

HERE = Path(__file__).parent
console = Console(stderr=True)


def benchmarks(only: list[str]) -> dict[str, Callable[[], dict[str, Any]]]:
    names = sorted(path.stem for path in HERE.glob("bench_*.py"))
    if unknown := set(only) - {name.removeprefix("bench_") for name in names}:
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    chosen = [name for name in names if not only or name.removeprefix("bench_") in only]
    return {name: importlib.import_module(f"tests.benchmarks.{name}").run for name in chosen}


def shortened(value: Any) -> Any:
    """The same without long lists, for the terminal."""
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items() if key != "curve"}
    return [shortened(inner) for inner in value] if isinstance(value, list) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    parser.add_argument("--only", nargs="*", default=[], help="names without bench_")
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    for name, run in benchmarks(arguments.only).items():
        with console.status(name):
            results[name] = run()
        console.print(name, shortened(results[name]))
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    report = {"at": datetime.now(UTC).isoformat(), "machine": machine, "results": results}
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    console.print(f"written to {arguments.out}")
    if "bench_methods" in results:
        draw(results["bench_methods"], arguments.out.with_suffix(".png"))
        console.print(f"drawn in {arguments.out.with_suffix('.png')}")


if __name__ == "__main__":
    main()
