"""Targets that cannot both be met: what counts as one, and what never does."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from app.partnerships.contradictions import Target, contradiction, contradictions
from models.vocabulary import ContradictionKind, TargetDirection

FIRST = date(2026, 9, 1)
JULY = date(2027, 7, 16)
PLAIN: dict[str, Any] = {
    "support": "a",
    "supporter": "Hub A",
    "measure": "attendance_pct",
    "measure_label": "Attendance",
    "direction": TargetDirection.RAISE,
    "value": 95.0,
    "shown": "95% of sessions",
    "starts": FIRST,
    "by_date": JULY,
}


def target(**changes: Any) -> Target:
    return Target(**(PLAIN | changes))


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        ({"support": "b"}, None),
        ({"support": "b", "value": 94.0}, ContradictionKind.VALUE),
        ({"support": "b", "by_date": JULY + timedelta(7)}, ContradictionKind.DATE),
        ({"support": "b", "direction": TargetDirection.LOWER}, ContradictionKind.DIRECTION),
        ({"support": "b", "direction": TargetDirection.KEEP, "value": None}, "direction"),
        ({"support": "b", "measure": "pupils", "value": 1.0}, None),
        ({"support": "b", "value": 94.0, "starts": JULY + timedelta(1), "by_date": date.max}, None),
        ({"support": "b", "value": 94.0, "starts": None}, ContradictionKind.VALUE),
        ({"value": 97.0, "by_date": JULY + timedelta(365)}, None),
        ({"direction": TargetDirection.LOWER, "by_date": JULY + timedelta(365)}, "direction"),
    ],
)
def test_what_contradicts(other: dict[str, Any], kind: str | None) -> None:
    """Another value, date or direction for one measure at one time; no steps on one way."""
    assert contradiction(target(), target(**other)) == kind


def test_a_contradiction_says_who_wants_what() -> None:
    """With figures, units and dates, and what to do."""
    other = target(
        support="b",
        supporter="Agency B",
        direction=TargetDirection.KEEP,
        value=None,
        shown="",
    )
    [found] = contradictions([target(), other])
    assert found.sentence == (
        "Attendance: Hub A wants to raise it to 95% of sessions by 16 July 2027, and Agency B to "
        "keep it as it is until 16 July 2027. Agree one target."
    )
    [within] = contradictions([target(), target(direction=TargetDirection.LOWER)])
    assert "Hub A wants to raise it to 95% of sessions by 16 July 2027, and also to lower" in (
        within.sentence
    )


DAYS = st.integers(0, 400).map(lambda after: FIRST + timedelta(after))


@st.composite
def targets(draw: st.DrawFn) -> Target:
    """Of few measures and values, so that many contradict."""
    starts = draw(st.none() | DAYS)
    return target(
        support=draw(st.sampled_from("abc")),
        measure=draw(st.sampled_from(["attendance_pct", "pupils"])),
        direction=draw(st.sampled_from(TargetDirection)),
        value=draw(st.sampled_from([None, 90.0, 95.0])),
        starts=starts,
        by_date=draw(DAYS.filter(lambda day: starts is None or day >= starts)),
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@seed(17)
@given(targets(), targets())
def test_contradictions_are_of_two_sides_alike(one: Target, two: Target) -> None:
    """Whichever is looked at first; never within one, and only while both run."""
    assert contradiction(one, two) == contradiction(two, one)
    assert contradiction(one, one) is None
    if one.by_date < (two.starts or date.min) or two.by_date < (one.starts or date.min):
        assert contradiction(one, two) is None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@seed(17)
@given(st.lists(targets(), max_size=6))
def test_every_pair_is_looked_at_once(several: list[Target]) -> None:
    """As many contradictions as there are pairs that contradict, in whatever order."""
    found = list(contradictions(several))
    assert len(found) == sum(
        contradiction(one, two) is not None
        for at, one in enumerate(several)
        for two in several[at + 1 :]
    )
    assert len(list(contradictions(several[::-1]))) == len(found)
