"""The layout: no circle of imports among files or rooms, and tests beside their rooms."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "solver", "app")


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }


def imports_of(source: str, known: dict[str, Path]) -> Iterator[str]:
    """What a file imports of ours, wherever in it the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                if inner in known:
                    yield inner
                elif node.module in known:
                    yield node.module
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # Commands are named by strings such as "app.cli.match:match".
            name = node.value.partition(":")[0]
            if "." in name and name in known:
                yield name


def room(module: str) -> str:
    """The room that a module lies in, with what lies within it; of a loose file the file itself."""
    return ".".join(module.split(".")[:2])


def circle(edges: set[tuple[str, str]]) -> list[str]:
    """A circle as the names along it, the first once more at the end; empty where there is none."""
    graph = defaultdict(set)
    for importer, imported in edges:
        graph[importer].add(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        return list(found.args[1])
    return []


@pytest.fixture(scope="module")
def edges() -> set[tuple[str, str]]:
    known = modules()
    return {
        (name, found)
        for name, path in known.items()
        for found in imports_of(path.read_text(), known)
    }


def test_no_circle_among_files(edges: set[tuple[str, str]]) -> None:
    """Whoever reads a file reads on downwards, and never comes back to it."""
    assert len(edges) > 500
    assert not circle(edges)


def test_no_circle_among_rooms(edges: set[tuple[str, str]]) -> None:
    """Rooms stand one above the other: a folder, or a file in no folder."""
    between = {(room(a), room(b)) for a, b in edges if room(a) != room(b)}
    assert not circle(between)


def test_a_circle_would_be_found() -> None:
    """Imports within functions and for types alone close a circle, too."""
    found = circle({("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")})
    assert set(found) == {"a", "b", "c"}
    late = "def f():\n    from solver.solve import solve\n"
    assert list(imports_of(late, modules())) == ["solver.solve"]


@pytest.mark.parametrize("package", ["app", "solver"])
def test_tests_mirror_the_rooms(package: str) -> None:
    """Tests of a room lie in a folder of its name, and no folder of tests is of no room."""
    tests = ROOT / "tests" / package
    folders = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}
    missing = [folder for folder in folders if not (ROOT / package / folder).is_dir()]
    assert not missing


def test_no_two_files_of_tests_have_one_name() -> None:
    """Of two such, only the first is collected."""
    places: defaultdict[str, list[Path]] = defaultdict(list)
    for path in (ROOT / "tests").rglob("*.py"):
        if path.name not in ("conftest.py", "__init__.py"):
            places[path.name].append(path)
    assert [found for found in places.values() if len(found) > 1] == []
