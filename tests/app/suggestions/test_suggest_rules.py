"""Rules of suggestions: which are refused, and how they compare schools."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import FaultyFile
from app.register.measure_table import label_of, measured_on
from app.suggestions.rules import PACKAGED, read_rules
from app.suggestions.service import suggest
from app.suggestions.similar import NOBODY, compare, similar_schools, standardise
from tests.suggestions import RULES, TODAY, run

BROKEN_RULES: list[tuple[str, Any]] = [
    ("rules.0.need.days", {"need": {"expertise": "curriculum", "days": 1.25, "days_min": 1}}),
    ("rules.0.need", {"need": {"expertise": "curriculum", "days": 1, "days_min": 2}}),
    ("rules.0.need.expertise", {"need": {"expertise": "alchemy", "days": 2, "days_min": 2}}),
    ("rules.0.spreads", {"spreads": 0}),
    ("rules.0.better", {"better": "bigger"}),
    ("rules.0.phase", {"phase": "kindergarten"}),
    ("rules.0.colour", {"colour": "red"}),
    ("rules.0.id", {"id": "Not An Id"}),
]


@pytest.mark.parametrize(("column", "change"), BROKEN_RULES)
def test_broken_rules_are_refused(
    sqlite_database: Database, tmp_path: Path, column: str, change: dict[str, Any]
) -> None:
    """The fault names its place in the rules."""
    rules = RULES | {"rules": [RULES["rules"][0] | change]}
    with pytest.raises(FaultyFile) as raised:
        run(sqlite_database, tmp_path, rules)
    assert raised.value.faults[0].column == column


@pytest.mark.parametrize(
    ("name", "text"), [("a.toml", "version = "), ("a.json", "{"), ("b.toml", 'version = "1"')]
)
def test_rules_that_cannot_be_read_are_refused(tmp_path: Path, name: str, text: str) -> None:
    """Neither broken TOML or JSON nor rules without rules end in a traceback."""
    (tmp_path / name).write_text(text)
    with pytest.raises(FaultyFile) as raised:
        read_rules(tmp_path / name)
    assert raised.value.faults[0].file == name
    with pytest.raises(FaultyFile):
        read_rules(tmp_path / "absent.toml")


@pytest.mark.parametrize("change", [{"minimum_similar": 9}, {"minimum_criteria": 4}])
def test_rules_that_nothing_could_meet_are_refused(
    sqlite_database: Database, tmp_path: Path, change: dict[str, int]
) -> None:
    """More similar schools or criteria than there can be would silently suggest nothing."""
    with pytest.raises(FaultyFile, match="1 error"):
        run(sqlite_database, tmp_path, RULES | change)


def test_packaged_rules_fit_the_packaged_taxonomy(sqlite_database: Database) -> None:
    """The default rules are sound, and without measures they suggest nothing and say so."""
    rules, digest = read_rules(PACKAGED)
    assert len(digest) == 64
    with sqlite_database.write() as session:
        report = suggest(session, TERMINAL, today=TODAY)
    assert (report.period, report.rules_version) == ("2026-27", rules.version)
    said = " ".join(report.notes)
    assert all(label_of(one.measure) in said for one in (*rules.criteria, *rules.both))


@pytest.mark.parametrize(
    ("period", "day"),
    [
        ("2025-01", date(2025, 1, 31)),
        ("2025", date(2025, 8, 31)),
        ("2024-25", date(2025, 8, 31)),
        ("2025-12", date(2025, 12, 31)),
        ("2026-02-03", date(2026, 2, 3)),
        ("2026-02-30", None),
        ("last year", None),
    ],
)
def test_a_period_s_last_day(period: str, day: date | None) -> None:
    """A month ends with the month, a school year in August; what is neither has no date."""
    assert measured_on(period) == day


def brute_force(z: Any, weights: Any, count: int, minimum: int) -> Iterable[list[int]]:
    for i in range(len(z)):
        ranked = []
        for j in range(len(z)):
            known = ~np.isnan(z[i]) & ~np.isnan(z[j])
            if i != j and known.sum() >= minimum:
                apart = (weights * (z[i] - z[j]) ** 2)[known].sum() / weights[known].sum()
                ranked.append((round(apart * 1e6), j))
        chosen = [j for _, j in sorted(ranked)[:count]]
        yield chosen + [NOBODY] * (count - len(chosen))


def test_similar_schools_are_those_a_plain_loop_finds() -> None:
    """Vectors and chunks give what comparing every two schools gives, gaps and ties included."""
    random = np.random.default_rng(7)
    criteria = random.normal(size=(300, 4)).round(1)
    criteria[random.random(criteria.shape) < 0.3] = np.nan
    z, weights = standardise(criteria), np.array([1.0, 2.0, 0.5, 1.0])
    nearest = similar_schools(z, weights, count=6, minimum_criteria=2)
    assert nearest.tolist() == list(brute_force(z, weights, 6, 2))
    assert (nearest == NOBODY).any()


def test_the_mean_is_of_the_similar_schools_there_are() -> None:
    """Where there are fewer than asked for, nobody counts as nought."""
    values = np.array([9.0, 2.0, 4.0])
    count, mean, spread = compare(values, np.array([[1, 2, NOBODY], [NOBODY, NOBODY, NOBODY]]))
    assert count.tolist() == [2, 0]
    assert mean[0] == 3.0
    assert spread[0] == pytest.approx(np.sqrt(2.0))
