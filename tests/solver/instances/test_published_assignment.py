"""Published files of generalised assignment: what is read, and what is refused by line and value.

Every file is made up here; no published instance is part of the project.
"""

import gzip

import numpy as np
import pytest

from solver.formats.tables import ProblemFault
from solver.instances.generalised_assignment import ASSIGNMENT_KINDS, draw_assignment
from solver.instances.published_assignment import MOST_COST, read_assignments

ONE = "2 3\n 4 5 6\n 7 8 9\n 1 2 3\n 3 2 1\n 5 4\n"
"""Two agents, three jobs."""


def written(drawn):
    """The text of an instance as files of one have it."""
    agents, jobs = drawn.cost.shape
    rows = [(agents, jobs), *drawn.cost, *drawn.resource, drawn.capacity]
    return "".join(" " + " ".join(map(str, row)) + "\n" for row in rows)


def read(folder, text, **options):
    file = folder / "gap.txt"
    file.write_text(text)
    return read_assignments(file, **options)


def faults_of(folder, text):
    with pytest.raises(ProblemFault) as refused:
        read(folder, text)
    return refused.value.faults


def same(one, two):
    return all(
        np.array_equal(getattr(one, name), getattr(two, name))
        for name in ("cost", "resource", "capacity")
    )


def test_rows_are_agents_and_columns_jobs(tmp_path):
    """Costs, resources and capacities are where the file has them."""
    (only,) = read(tmp_path, ONE)
    assert only.cost.tolist() == [[4, 5, 6], [7, 8, 9]]
    assert only.resource.tolist() == [[1, 2, 3], [3, 2, 1]]
    assert only.capacity.tolist() == [5, 4]
    assert only.reward == 18


@pytest.mark.parametrize("kind", ASSIGNMENT_KINDS)
def test_file_of_one_is_read_as_it_was_drawn(tmp_path, kind):
    """A single instance without a count, of each type, comes back."""
    drawn = draw_assignment(5, 40, 1, kind)
    (only,) = read(tmp_path, written(drawn))
    assert same(only, drawn)


def test_file_of_several_is_read_in_order(tmp_path):
    """Instances of different sizes follow the count; a file of one may have a count too."""
    drawn = [draw_assignment(agents, 10 * agents, 2, "gap_d") for agents in (2, 5, 3)]
    found = read(tmp_path, "3\n" + "".join(map(written, drawn)))
    assert len(found) == 3
    assert all(map(same, found, drawn))
    (only,) = read(tmp_path, "1\n" + written(drawn[0]))
    assert same(only, drawn[0])


def test_lines_do_not_matter(tmp_path):
    """Rows may be broken anywhere, by any line ends, packed or with a byte order mark."""
    (expected,) = read(tmp_path, ONE)
    for text in (" ".join(ONE.split()), "\r\n\r\n".join(ONE.split()), "\ufeff" + ONE):
        assert same(read(tmp_path, text)[0], expected)
    packed = tmp_path / "gap.gz"
    packed.write_bytes(gzip.compress(ONE.encode()))
    assert same(read_assignments(packed)[0], expected)


def test_profits_are_costs_below_zero(tmp_path):
    """To maximise profits the dearest pairing has the most points, and a profit is told from it."""
    (most,) = read(tmp_path, ONE, maximise=True)
    assert (most.cost == -read(tmp_path, ONE)[0].cost).all()
    assert most.reward == 18
    assert most.problem().candidates.bonus.max() == 18 + 9
    assert -most.cost_at(3 * 18 + 21) == 21


def test_costs_of_nothing_still_bring_points(tmp_path):
    """Where all costs are zero a job done is still worth more than one left out."""
    (only,) = read(tmp_path, "1 1 0 1 1")
    assert only.problem().candidates.bonus.tolist() == [2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ONE.replace("8", "x"), "line 3: 'x' is not a number"),
        (ONE.replace("8", "8.5"), "line 3: '8.5' is not a whole number"),
        (ONE.replace("8", "8e2"), "line 3: '8e2' is not a whole number"),
        (ONE.replace("8", "8_0"), "line 3: '8_0' is not a number"),
        (ONE.replace("8", "nan"), "line 3: 'nan' is not a number"),
        (ONE.replace("8", "9" * 5000), f"line 3: '{'9' * 40}' is too large"),
        (ONE.replace("8", str(MOST_COST + 1)), "line 3: 333333334 is the cost of agent 2 with job"),
        (ONE.replace(" 3 2 1", " 3 0 1"), "line 5: 0 is the resource of agent 2 with job 2"),
        (ONE.replace(" 3 2 1", " 3 2 -1"), "line 5: -1 is the resource of agent 2 with job 3"),
        (ONE.replace(" 5 4", " 5 -4"), "line 6: -4 is the capacity of agent 2, and must be from 0"),
        (ONE.replace(" 5 4", " 5000000000 4"), "line 6: 5000000000 is the capacity of agent 1"),
        ("", "has no numbers"),
        ("\n \n", "has no numbers"),
    ],
)
def test_fault_names_line_and_value(tmp_path, text, expected):
    """What no instance can have is refused where it is."""
    (fault,) = faults_of(tmp_path, text)
    assert fault.startswith(expected)


@pytest.mark.parametrize(
    ("text", "as_one", "as_several"),
    [
        (
            ONE.removesuffix(" 4\n"),
            "line 6: the file ends with 5, before instance 1 of 1 has the 16 numbers of 2 agents "
            "and 3 jobs (line 1)",
            "instance 1 of 2 has the 29 numbers of 3 agents and 4 jobs (line 1)",
        ),
        (
            ONE + "17 18\n",
            "line 7: 17 comes after the last number of instance 1 of 1 (2 too many)",
            "line 7: the file ends with 18",
        ),
        (
            "2\n" + ONE + ONE.removesuffix(" 5 4\n"),
            "(19 too many)",
            "line 12: the file ends with 1, before instance 2 of 2 has the 16 numbers of 2 agents "
            "and 3 jobs (line 8)",
        ),
        (
            "2\n" + ONE,
            "(5 too many)",
            "line 7: the file ends with 4, before instance 2 of 2 has its agents and jobs",
        ),
        ("1\n" + ONE + "3", "too many", "line 8: 3 comes after the last number of instance 1 of 1"),
        (
            ONE.replace("2 3", "0 3", 1),
            "line 1: 0 must be the agents of instance 1, 1 or more",
            "line 1: 0 must be a count of 1 or more",
        ),
        (
            ONE.replace("2 3", "2 -3", 1),
            "line 1: -3 must be the jobs of instance 1, 1 or more",
            "line 1: -3 must be the agents of instance 1, 1 or more",
        ),
    ],
)
def test_file_that_fits_neither_way_is_told_for_both(tmp_path, text, as_one, as_several):
    """Too few numbers, too many, or no agents: both ways to read the start are said to fail."""
    one, several = faults_of(tmp_path, text)
    assert one.startswith("read as one instance: line ")
    assert several.startswith("read as several, after their count: line ")
    assert as_one in one
    assert as_several in several


def test_file_that_fits_both_ways_is_refused(tmp_path):
    """Two agents and four jobs, or two instances of 4 x 1 and 1 x 1: neither is guessed."""
    both = "2 4\n" + "1 " * 18
    (fault,) = faults_of(tmp_path, both)
    assert fault.startswith("line 1: 2 may be the agents of one instance with 4 jobs, or the count")
    (only,) = read(tmp_path, "1\n" + both)
    assert only.cost.shape == (2, 4)


def test_count_of_one_is_never_ambiguous(tmp_path):
    """What the refusal advises works for all sizes."""
    for agents in range(1, 7):
        for jobs in range(1, 7):
            size = 2 * agents * jobs + agents
            (only,) = read(tmp_path, f"1 {agents} {jobs} " + "1 " * size)
            assert only.cost.shape == (agents, jobs)


def test_faults_of_a_file_of_another_kind_are_few(tmp_path):
    """A long text is not gone through to its end."""
    assert len(faults_of(tmp_path, "word " * 10_000)) == 100


def test_file_beyond_the_limit_is_refused(tmp_path):
    """A small packed file cannot unpack to more than the limit."""
    packed = tmp_path / "gap.gz"
    packed.write_bytes(gzip.compress(b" " * 2**21))
    with pytest.raises(ProblemFault, match=r"gap\.gz: has more than 1 MiB"):
        read_assignments(packed, 1)
