"""Who answers for a school: its responsible body, trust, council, diocese, region and adviser.

From the register and what is recorded; what neither knows is left out, and never guessed.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple

from models.vocabulary import GroupKind

ACADEMY_TRUSTS: Final = frozenset({GroupKind.MULTI_ACADEMY_TRUST, GroupKind.SINGLE_ACADEMY_TRUST})
OF_COUNCIL: Final = frozenset({1, 3, 7, 14, 15})
"""Types of establishment that a council is responsible for: community and voluntary controlled
schools, community special schools, pupil referral units and nursery schools."""
OF_GOVERNORS: Final = frozenset({2, 5, 12})
"""Voluntary aided, foundation and foundation special schools."""
NO_DIOCESE: Final = frozenset({"", "not applicable", "none"})


class Answers(StrEnum):
    """In what capacity somebody answers for a school."""

    RESPONSIBLE_BODY = "responsible_body"
    TRUST = "trust"
    """Of a foundation trust, federation or sponsor; an academy's trust is its responsible body."""
    COUNCIL = "council"
    DIOCESE = "diocese"
    REGION = "region"
    ADVISER = "adviser"


class Answering(NamedTuple):
    capacity: Answers
    name: str | None
    """None: its own governing body, which the register does not name."""


def answering_for(
    school: Mapping[Any, Any],
    groups: Iterable[Mapping[Any, Any]],
    advisers: Iterable[str],
    today: date,
) -> list[Answering]:
    """Everybody who answers for an institution of the register; `advisers` are roles."""
    current = [each for each in groups if _is_current(each, today)]
    return [
        *_responsible(school, current),
        *(
            Answering(Answers.TRUST, each["name"])
            for each in current
            if each["kind"] not in ACADEMY_TRUSTS
        ),
        *(
            Answering(capacity, name)
            for capacity, name in (
                (Answers.COUNCIL, school["local_authority_name"]),
                (Answers.DIOCESE, _diocese(school["diocese"])),
                (Answers.REGION, school["region_name"]),
            )
            if name
        ),
        *(Answering(Answers.ADVISER, role) for role in sorted(set(advisers))),
    ]


def _responsible(
    school: Mapping[Any, Any], current: Iterable[Mapping[Any, Any]]
) -> Iterator[Answering]:
    trusts = [each["name"] for each in current if each["kind"] in ACADEMY_TRUSTS]
    if trusts:
        yield from (Answering(Answers.RESPONSIBLE_BODY, name) for name in trusts)
    elif school["type_code"] in OF_GOVERNORS:
        yield Answering(Answers.RESPONSIBLE_BODY, None)
    elif school["type_code"] in OF_COUNCIL and school["local_authority_name"]:
        yield Answering(Answers.RESPONSIBLE_BODY, school["local_authority_name"])


def _is_current(group: Mapping[Any, Any], today: date) -> bool:
    joined, left = group["joined"], group["left"]
    return (joined is None or joined <= today) and (left is None or left > today)


def _diocese(name: str | None) -> str | None:
    return None if (name or "").strip().lower() in NO_DIOCESE else name
