"""Quality from evidence: fresh and independent counts more, and a claim never above its ceiling."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import EvidenceKind
from solver.pairing.quality import Quality, Said, quality_of, weight_of
from solver.pairing.weights import Weights

DAY = date(2026, 9, 15)
DAYS = st.dates(date(2010, 1, 1), DAY)
OTHERS = [kind for kind in EvidenceKind if kind is not EvidenceKind.CLAIM]
ANY = st.builds(Said, st.sampled_from(OTHERS), st.integers(1, 5), DAYS)
CLAIMED = st.builds(Said, st.just(EvidenceKind.CLAIM), st.integers(1, 5), DAYS)
CLAIM = st.none() | st.integers(1, 5)


def quality(claim: int | None, *said: Said, day: date = DAY, **weights: int) -> Quality:
    return quality_of(claim, said, day, Weights(**weights))


def outcome(strength: int, on_day: date = DAY) -> Said:
    return Said(EvidenceKind.OUTCOME, strength, on_day)


@given(CLAIM, st.lists(CLAIMED, max_size=4), st.integers(1, 5))
def test_claims_alone_never_count_above_the_ceiling(
    claim: int | None, said: list[Said], ceiling: int
) -> None:
    """However often and however strongly a giver says it of itself."""
    found = quality(claim, *said, claim_ceiling=ceiling)
    assert found.step <= ceiling
    assert found.value <= ceiling
    assert found.claim_counts <= ceiling


@given(CLAIM, st.lists(ANY, max_size=5), ANY)
def test_good_evidence_of_others_never_lowers(
    claim: int | None, said: list[Said], more: Said
) -> None:
    """Of whatever kind and age: where it is at least as good as what is known, nothing falls."""
    before = quality(claim, *said)
    after = quality(claim, *said, more)
    if more.strength >= before.value:
        assert after.value >= before.value - 1e-9
        assert after.step >= before.step
    if more.strength <= before.value:
        assert after.value <= before.value + 1e-9


@given(st.sampled_from(EvidenceKind), DAYS, st.integers(1, 4000))
def test_what_was_said_longer_ago_weighs_less(
    kind: EvidenceKind, on_day: date, earlier: int
) -> None:
    """Never more, and less where the difference is more than the month that it is counted by."""
    newer = weight_of(Said(kind, 3, on_day), DAY, Weights())
    older = weight_of(Said(kind, 3, on_day - timedelta(days=earlier)), DAY, Weights())
    assert older <= newer
    if earlier > 31:
        assert older < newer


@given(CLAIM, st.lists(ANY | CLAIMED, max_size=6))
def test_the_order_of_what_was_said_makes_no_difference(
    claim: int | None, said: list[Said]
) -> None:
    """To the last digit, so that the same rows give the same plan."""
    shuffled = sorted(said, key=lambda each: (each.strength, each.on_day))
    first, second = quality(claim, *said), quality(claim, *shuffled)
    assert (first.value, first.step, first.claim) == (second.value, second.step, second.claim)


@pytest.mark.parametrize(
    ("claim", "said", "step"),
    [
        (None, [], 0),
        (2, [], 2),
        (5, [], 3),
        (None, [outcome(5)], 4),
        (5, [outcome(5)], 4),
        (5, [outcome(5), outcome(5)], 5),
        (5, [outcome(1)], 2),
        (4, [Said(EvidenceKind.MONITOR, 4, DAY)], 4),
        (4, [outcome(5, date(2012, 9, 1))], 3),
    ],
)
def test_what_evidence_comes_to(claim: int | None, said: list[Said], step: int) -> None:
    """One good result lifts a claim by one step, two make it strong; after 14 years none does."""
    assert quality(claim, *said).step == step


def test_evidence_fades_by_months_and_halves_in_its_half_life() -> None:
    """On any day of a month it comes to the same, so that nights change nothing."""
    said = outcome(5, date(2024, 9, 1))
    fresh = weight_of(outcome(5, DAY), DAY, Weights())
    assert weight_of(said, date(2026, 9, 1), Weights()) == pytest.approx(fresh / 2, rel=1e-3)
    of_month = {quality(3, said, day=date(2026, 9, day)).value for day in range(1, 31)}
    assert len(of_month) == 1
    assert quality(3, said, day=date(2026, 10, 1)).value < of_month.pop()


def test_a_kind_without_weight_counts_for_nothing() -> None:
    """Also where nothing else is known: then it is what the giver claims."""
    off = {f"evidence_{kind}": 0 for kind in EvidenceKind}
    assert quality(2, outcome(5), **off).step == 2
    assert quality(None, outcome(5), **off).step == 1
