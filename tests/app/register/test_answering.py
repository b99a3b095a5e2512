"""Who answers for a school: from the register and what is recorded, and nothing guessed."""

from datetime import date
from typing import Any

import pytest

from app.register.answering import Answering, Answers, answering_for

TODAY = date(2026, 11, 30)
SCHOOL = {
    **{"type_code": 1, "local_authority_name": "Kent", "region_name": "South East"},
    "diocese": "Not applicable",
}


def group(kind: str, name: str, **dates: date) -> dict[str, Any]:
    return {"kind": kind, "name": name, "joined": None, "left": None} | dates


@pytest.mark.parametrize(
    ("school", "groups", "body"),
    [
        ({}, [], "Kent"),
        ({"type_code": 2}, [], None),
        ({"type_code": 34}, [group("multi_academy_trust", "Oak Trust")], "Oak Trust"),
        ({}, [group("federation", "Family")], "Kent"),
        ({}, [group("multi_academy_trust", "Gone", left=TODAY)], "Kent"),
        ({}, [group("single_academy_trust", "Later", joined=date(2027, 1, 1))], "Kent"),
    ],
)
def test_the_responsible_body_follows_type_and_trust(
    school: dict[str, Any], groups: list[dict[str, Any]], body: str | None
) -> None:
    """An academy's trust on the day; of other schools the council or the governing body."""
    found = answering_for(SCHOOL | school, groups, [], TODAY)
    assert found[0] == Answering(Answers.RESPONSIBLE_BODY, body)
    assert Answering(Answers.COUNCIL, "Kent") in found


def test_what_is_not_known_is_left_out() -> None:
    """An independent school without a diocese, region or adviser has its council alone."""
    school = SCHOOL | {"type_code": 11, "region_name": None}
    assert answering_for(school, [], [], TODAY) == [Answering(Answers.COUNCIL, "Kent")]


def test_diocese_groups_and_advisers_are_named() -> None:
    """Each once, in the order of the line."""
    school = SCHOOL | {"diocese": "Diocese of Made-up"}
    groups = [group("foundation_trust", "Made-up Foundation")]
    found = answering_for(school, groups, ["adviser", "adviser"], TODAY)
    assert [each.name for each in found] == [
        *("Kent", "Made-up Foundation", "Kent", "Diocese of Made-up", "South East", "adviser")
    ]
