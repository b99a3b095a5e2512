"""How numbers, dates and codes read."""

import re
from datetime import UTC, date, datetime
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import wording
from models.vocabulary import METRES_PER_MILE, days_text, in_days, miles_text


@pytest.mark.parametrize(
    ("half_days", "shown", "counted"),
    [
        (0, "0", "0 days"),
        (1, "0.5", "0.5 days"),
        (2, "1", "1 day"),
        (5, "2.5", "2.5 days"),
        (-1, "-0.5", "-0.5 days"),
        (2_400, "1,200", "1,200 days"),
    ],
)
def test_half_days_read_as_days(half_days: int, shown: str, counted: str) -> None:
    """With a decimal only where there is one, and separated thousands."""
    assert (in_days(half_days), days_text(half_days)) == (shown, counted)


def test_numbers_have_separators_and_units() -> None:
    """One is singular, anything else plural."""
    assert wording.number(12_345) == "12,345"
    assert wording.number(None) == ""
    assert wording.counted(1, "need") == "1 need"
    assert wording.counted(1_200, "need") == "1,200 needs"
    assert wording.counted(2, "school or organisation", "schools and organisations") == (
        "2 schools and organisations"
    )
    assert wording.percent(0.666) == "67%"


@pytest.mark.parametrize(
    ("miles", "shown"),
    [
        (0.0, "less than 0.1 miles"),
        (0.04, "less than 0.1 miles"),
        (0.06, "0.1 miles"),
        (0.97, "1 mile"),
        (1.0, "1 mile"),
        (1.04, "1 mile"),
        (1.06, "1.1 miles"),
        (10.0, "10 miles"),
        (1_203.96, "1,204 miles"),
    ],
)
def test_distances_read_as_miles(miles: float, shown: str) -> None:
    """What is shown as 1 is one mile, and nothing is shown as none."""
    assert miles_text(miles) == wording.distance(miles * METRES_PER_MILE) == shown
    assert wording.distance(None) == ""


def test_no_sentence_has_miles_of_its_own() -> None:
    """Wherever a number is followed by the word, it comes from the one function."""
    root = Path(__file__).parents[2]
    own = re.compile(r"\.\d[fg]\}[^\"]{0,3}miles|\| miles \}\}[^<]{0,6}miles|\| miles\) ~")
    files = [*root.glob("app/**/*.py"), *root.glob("app/**/*.html"), *root.glob("solver/**/*.py")]
    assert [file for file in files if own.search(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("gap", "shown"),
    [
        (None, "Not known"),
        (0.0, "Proven optimal"),
        (1e-7, "At most 0.1%"),
        (0.000_02, "At most 0.1%"),
        (0.004_46, "At most 0.5%"),
        (0.005, "At most 0.5%"),
        (0.01, "At most 1%"),
        (0.07, "At most 7%"),
        (0.1, "At most 10%"),
        (0.100_01, "Stopped early: up to 10.1%"),
        (1.421_1, "Stopped early: up to 142.2%"),
        (12.0, "Stopped early: up to 1,200%"),
        (inf, "Not known"),
    ],
)
def test_a_gap_is_rounded_up_or_none(gap: float | None, shown: str) -> None:
    """What is proven is never overstated, and no gap is not at most 0%."""
    assert wording.could_improve(gap) == shown


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (None, "How much better a plan could be is not known."),
        (0.0, "Proven optimal: no plan within these rules is better."),
        (0.001_01, "No plan within these rules can be more than 0.2% better."),
        (1.421_1, "Stopped early: a better plan may exist, up to 142.2% better."),
    ],
)
def test_a_plan_is_called_as_good_as_it_is_proven(gap: float | None, said: str) -> None:
    """Half an optimum is not proven of anything; what is, is."""
    assert wording.how_good(gap) == said


@given(st.floats(0, 20), st.sampled_from([1, 2]))
def test_a_gap_is_never_rounded_down(gap: float, decimals: int) -> None:
    """The percentage shown covers the gap, and by less than one more step of its last place."""
    shown = float(wording.at_most(gap, decimals).removesuffix("%").replace(",", ""))
    assert -1e-9 <= shown - gap * 100 < 1.001 / 10**decimals


def test_dates_and_moments() -> None:
    """Without a leading zero."""
    assert wording.on_day(date(2026, 9, 1)) == "1 September 2026"
    assert wording.at_moment(datetime(2026, 9, 1, 9, 5, tzinfo=UTC)) == (
        "1 September 2026, 09:05 UTC"
    )


def test_details_and_codes() -> None:
    """A detail becomes a sentence, a code words."""
    assert wording.sentence("it lapsed; read it again") == "It lapsed; read it again."
    assert wording.sentence("It ended.") == "It ended."
    assert wording.from_code("teaching_school-hub") == "Teaching school hub"
