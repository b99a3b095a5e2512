"""Files of problems and plans from others are read within bounds, and refused at once."""

import gzip
import json
import tracemalloc

import pytest

from solver.formats import json_columns
from solver.formats.plan import read_plan
from solver.formats.problem_json import read_problem
from solver.formats.state import read_state
from solver.formats.tables import ProblemFault

MIB = 2**20


@pytest.mark.parametrize("read", [read_problem, read_plan, read_state])
def test_a_small_gzip_of_much_is_never_unpacked_whole(read, tmp_path):
    """What 64 MiB are packed into is refused with the limit, and no more than it is held."""
    path = tmp_path / "much.json.gz"
    path.write_bytes(gzip.compress(b" " * (64 * MIB), 9, mtime=0))
    assert path.stat().st_size < MIB
    tracemalloc.start()
    try:
        with pytest.raises(ProblemFault, match=r"more than 1 MiB.*GIVETAKE_FILE_MIB"):
            read(path, most_mib=1)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * MIB


def test_a_large_file_is_refused_and_one_of_the_limit_is_not(tmp_path):
    """The limit counts bytes, and a file of just as many is read."""
    path = tmp_path / "p.json"
    path.write_bytes(b"[]".rjust(MIB + 1))
    with pytest.raises(ProblemFault, match="more than 1 MiB"):
        read_problem(path, most_mib=1)
    path.write_bytes(b"[]".rjust(MIB))
    with pytest.raises(ProblemFault, match="expected an object"):
        read_problem(path, most_mib=1)


def test_many_empty_lists_are_not_made(tmp_path, monkeypatch):
    """A list takes thirty times its two brackets; how many there are is counted before."""
    monkeypatch.setattr(json_columns, "MOST_PARTS", 10)
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"pins": [[0, 0]] * 9}))
    with pytest.raises(ProblemFault, match="has 11 lists and objects; the limit is 10"):
        read_problem(path)


class Counted(str):
    """A name that counts how often it is compared."""

    compared = 0

    def __eq__(self, other):
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_a_repeated_name_is_found_without_comparing_all_with_all(tmp_path, monkeypatch):
    """Of 2,000 names the last repeats the last but one: not two million comparisons."""
    names = [Counted(f"x{number}") for number in range(2000)]

    def loads(data, *, object_pairs_hook, **more):
        return object_pairs_hook([(name, 1) for name in [*names, Counted("x1999")]])

    monkeypatch.setattr(json_columns.json, "loads", loads)
    (tmp_path / "p.json").touch()
    Counted.compared = 0
    with pytest.raises(ProblemFault, match="x1999: is given twice"):
        read_problem(tmp_path / "p.json")
    assert Counted.compared < 20_000


@pytest.mark.parametrize(
    "content",
    [
        {f"x{number}": 1 for number in range(5000)},
        {"participants": {f"x{number}": 1 for number in range(5000)}},
        {"linking": [{"what": 1}] * 5000},
        {"participants": {"id": ["same"] * 5000}},
        {"x" * 100_000: 1},
        {"rules": {"reciprocity": "x" * 100_000}},
    ],
    ids=["fields", "columns", "rules", "ids", "name", "value"],
)
def test_faults_by_the_thousand_are_told_in_short(content, tmp_path):
    """A file of nothing but faults, or of one huge one, is refused in a page of text."""
    empty = {"needs": ["id", "participant", "days"], "offers": ["id", "participant", "days"]}
    empty |= {"participants": ["id"], "candidates": ["offer", "need", "points"]}
    whole = {table: {name: [] for name in names} for table, names in empty.items()} | content
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"format": "givetake-problem/1"} | whole))
    with pytest.raises(ProblemFault) as refused:
        read_problem(path)
    assert 0 < len(refused.value.faults) < 1000
    assert len(str(refused.value)) < 10_000
