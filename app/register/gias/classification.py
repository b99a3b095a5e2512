"""What the register's codes mean for brokerage: pure functions of one row's values."""

from collections.abc import Iterable
from typing import Final

from models.vocabulary import GroupKind, Phase

SPECIALIST_TYPES: Final = frozenset({7, 8, 10, 12, 32, 33, 36, 44})
ALTERNATIVE_PROVISION_TYPES: Final = frozenset({14, 38, 42, 43})
OUT_OF_SCOPE_TYPES: Final = frozenset({25, 26, 30, 37})
"""Offshore, service children's, Welsh and overseas schools."""
FEE_PAYING_TYPES: Final = frozenset({11, 25, 37})
"""Families pay to attend. Other independent special schools (10), non-maintained special schools
(8) and special post-16 institutions (32) are not here: local authorities pay for most of their
places; nor are city technology colleges (6), which are independent by law and charge nothing."""
OPEN_STATUSES: Final = frozenset({1, 3})
CLOSED_STATUS: Final = 2
PROPOSED_TO_CLOSE_STATUS: Final = 3

GROUP_KINDS: Final = {
    "01": GroupKind.FEDERATION,
    "02": GroupKind.FOUNDATION_TRUST,
    "05": GroupKind.SPONSOR,
    "06": GroupKind.MULTI_ACADEMY_TRUST,
    "10": GroupKind.SINGLE_ACADEMY_TRUST,
    "11": GroupKind.SINGLE_ACADEMY_TRUST,
}
TRUST_KINDS: Final = frozenset(
    {GroupKind.MULTI_ACADEMY_TRUST, GroupKind.SINGLE_ACADEMY_TRUST, GroupKind.FOUNDATION_TRUST}
)
GROUP_TYPE_OF_TRUST_FLAG: Final = {1: "02", 3: "06", 5: "10"}

RECEPTION_AGE: Final = 4
_PHASES_OF_CODE: Final = {
    1: (Phase.EARLY_YEARS,),
    2: (Phase.PRIMARY,),
    3: (Phase.PRIMARY, Phase.SECONDARY),
    4: (Phase.SECONDARY,),
    5: (Phase.PRIMARY, Phase.SECONDARY),
    6: (Phase.POST_16,),
    7: (Phase.PRIMARY, Phase.SECONDARY),
}


def group_kind(type_code: str) -> GroupKind:
    return GROUP_KINDS.get(type_code.zfill(2), GroupKind.OTHER)


def in_scope(status_code: int, type_code: int) -> bool:
    return status_code in OPEN_STATUSES and type_code not in OUT_OF_SCOPE_TYPES


def phases(
    phase_code: int | None, low_age: int | None, high_age: int | None, sixth_form: str | None
) -> list[str]:
    """`Phase` values in the order of age; empty where neither phase nor ages are known.

    A school of the primary or all-through phase that takes children at four or younger has a
    reception class, which is early years; middle schools teach years of both phases.
    """
    if phase_code in _PHASES_OF_CODE:
        found = set(_PHASES_OF_CODE[phase_code])
        if phase_code in (2, 7) and low_age is not None and low_age <= RECEPTION_AGE:
            found.add(Phase.EARLY_YEARS)
        if phase_code in (4, 7) and _has_sixth_form(sixth_form, high_age):
            found.add(Phase.POST_16)
    else:
        found = _phases_of_ages(low_age, high_age)
    return [phase.value for phase in Phase if phase in found]


def _has_sixth_form(said: str | None, high_age: int | None) -> bool:
    if said in ("Has a sixth form", "Does not have a sixth form"):
        return said == "Has a sixth form"
    return high_age is not None and high_age >= 18


def _phases_of_ages(low_age: int | None, high_age: int | None) -> set[Phase]:
    if low_age is None or high_age is None:
        return set()
    taught = {
        Phase.EARLY_YEARS: low_age <= RECEPTION_AGE,
        Phase.PRIMARY: low_age < 11 and high_age > 5,
        Phase.SECONDARY: low_age < 16 and high_age > 11,
        Phase.POST_16: high_age > 16,
    }
    return {phase for phase, is_taught in taught.items() if is_taught}


def sen_types(needs: Iterable[str | None]) -> list[str]:
    """The codes before the dash, as `SEMH` of "SEMH - Social, Emotional and Mental Health"."""
    codes = (need.partition(" - ")[0].strip() for need in needs if need)
    return list(dict.fromkeys(code for code in codes if code.lower() != "not applicable"))


def resourced_provision(said: str | None) -> str | None:
    """The kind of resourced provision of a mainstream school, or None where it has none."""
    return None if said is None or said.lower() == "not applicable" else said
