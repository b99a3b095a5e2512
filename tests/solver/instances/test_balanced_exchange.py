"""Families of instances: the same from the same seed, and each what it says."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

from solver.formats.problem_json import problem_from_json, problem_to_json, read_problem
from solver.instances.balanced_exchange import KINDS, fingerprint, made_up_country, make


def drawn(kind, seed=1, size=150):
    return make(made_up_country(size, seed), seed, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_seed_names_an_instance(kind):
    """One seed and kind give one instance, another seed another."""
    assert problem_to_json(drawn(kind)) == problem_to_json(drawn(kind))
    assert fingerprint(drawn(kind)) == fingerprint(drawn(kind))
    assert fingerprint(drawn(kind)) != fingerprint(drawn(kind, seed=2))


def test_kinds_share_all_but_what_they_vary():
    """Candidates of every kind are those of `whole`; so are days, but where they are scarce."""
    whole = drawn("whole")
    for kind in KINDS:
        other = drawn(kind)
        days = (("needs", "days"), ("offers", "days"), ("participants", "give_limit"))
        for table, column in (
            *(() if kind == "scarce" else days),
            ("needs", "participant"), ("candidates", "offer"),
            ("candidates", "points"), ("participants", "exempt"),
        ):  # fmt: skip
            one, two = (getattr(getattr(each, table), column) for each in (whole, other))
            assert np.array_equal(one, two), (kind, table, column)
    assert len({fingerprint(drawn(kind)) for kind in KINDS}) == len(KINDS)


def test_roomy_allows_more():
    """`roomy` allows nearly half of what is asked, `whole` a fraction of that."""
    roomy = drawn("roomy")
    asked = roomy.needs.days.sum() / len(roomy.participants)
    assert 0.3 * asked < roomy.participants.allowance.mean() < 0.6 * asked
    assert drawn("whole").participants.allowance.mean() < 0.2 * asked


def test_scarce_asks_for_more_than_is_given():
    """`scarce` counts whole days, and asks for more than everybody's limits allow."""
    scarce = drawn("scarce")
    assert not (scarce.needs.days % 2).any()
    assert not (scarce.offers.days % 2).any()
    assert scarce.needs.days.sum() > 1.2 * scarce.participants.give_limit.sum()


def test_fingerprint_forgets_positions_only():
    """Another machine's last digit of a latitude changes nothing, a half-day does."""
    given = drawn("whole", size=40)
    content = problem_to_json(given)
    content["participants"]["lat"][0] += 1e-12
    assert fingerprint(problem_from_json(content)) == fingerprint(given)
    content["needs"]["days"][0] += 1
    assert fingerprint(problem_from_json(content)) != fingerprint(given)


def bench_make(*arguments):
    command = [sys.executable, "-c", "from app.cli.main import run; run()", "bench", "make"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_command_writes_what_the_seed_draws(tmp_path):
    """File and fingerprint of the command are those of the instance."""
    out = tmp_path / "problem.json.gz"
    made = bench_make("--size", 60, "--seed", 3, "--kind", "roomy", "--out", out)
    assert made.returncode == 0, made.stderr
    expected = drawn("roomy", seed=3, size=60)
    assert problem_to_json(read_problem(out)) == problem_to_json(expected)
    assert fingerprint(expected) in made.stdout


def test_command_writes_assignments(tmp_path):
    """Of generalised assignment the size is the jobs."""
    out = tmp_path / "problem.json"
    made = bench_make("--size", 30, "--agents", 4, "--kind", "gap_d", "--out", out)
    assert made.returncode == 0, made.stderr
    content = json.loads(out.read_text())
    assert (len(content["needs"]["id"]), len(content["offers"]["id"])) == (30, 4)


def test_command_refuses_what_it_does_not_know(tmp_path):
    """An unknown kind, or places for what has none, is refused with a sentence."""
    places = tmp_path / "places.csv"
    with places.open("w", newline="") as file:
        csv.writer(file).writerows([("latitude", "longitude"), (52, 0)])
    out = tmp_path / "problem.json"
    for arguments, words in (
        (["--kind", "magic"], "'magic' is not a family of instances"),
        (["--kind", "gap_c", "--positions", places], "does not apply to gap_c"),
    ):
        made = bench_make(*arguments, "--out", out)
        assert made.returncode == 2
        assert words in made.stderr
        assert not out.exists()
