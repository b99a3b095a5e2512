"""The organisation that the issuer says somebody belongs to, as a scope.

DfE Sign-in tells it in the claim `organisation`, if the scope `organisation` is asked for. Other
issuers can send the same members. Only what the register has becomes a scope.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.access.policy import Scope
from models.register import Area, Group, Institution, Participant
from models.vocabulary import AreaKind, ScopeKind

ESTABLISHMENT: Final = "001"
LOCAL_AUTHORITY: Final = "002"
TRUSTS: Final = frozenset({"010", "013", "014"})
"""Multi-academy, single-academy and secure single-academy trusts."""
MOST_DIGITS: Final = 9


def scope_of(session: Session, organisation: Mapping[str, Any] | None) -> Scope | None:
    """An institution by URN, else by authority and establishment number; a trust by Group UID; a
    local authority by its code. None where it is none of them, or the register lacks it."""
    if organisation is None:
        return None
    category = _member(organisation.get("category"), "id")
    if category in TRUSTS:
        return _trust(session, _number(organisation.get("uid")))
    if category == LOCAL_AUTHORITY:
        return _authority(session, _code(organisation.get("establishmentNumber")))
    if category == ESTABLISHMENT:
        return _institution(session, organisation)
    return None


def _institution(session: Session, organisation: Mapping[str, Any]) -> Scope | None:
    urn = _number(organisation.get("urn"))
    if urn is not None:
        return _found_institution(session, Institution.urn == urn)
    authority = _member(organisation.get("localAuthority"), "code")
    number = _code(organisation.get("establishmentNumber"))
    if authority is None or number is None:
        return None
    return _found_institution(
        session,
        Participant.local_authority_code == authority,
        Institution.establishment_number == number,
        Institution.close_date.is_(None),
    )


def _found_institution(session: Session, *which: ColumnElement[bool]) -> Scope | None:
    urns = session.scalars(select(Institution.urn).join(Participant).where(*which).limit(2)).all()
    return Scope(ScopeKind.INSTITUTION, str(urns[0])) if len(urns) == 1 else None


def _trust(session: Session, uid: int | None) -> Scope | None:
    known = uid is not None and session.scalar(select(Group.uid).where(Group.uid == uid))
    return Scope(ScopeKind.TRUST, str(uid)) if known else None


def _authority(session: Session, code: str | None) -> Scope | None:
    known = session.scalar(
        select(Area.code).where(Area.kind == AreaKind.LOCAL_AUTHORITY, Area.code == code)
    )
    return Scope(ScopeKind.AREA, known) if known else None


def _member(value: object, name: str) -> str | None:
    return _code(value.get(name)) if isinstance(value, Mapping) else None


def _code(value: object) -> str | None:
    """A code, which some write as a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and value.isascii() and 0 < len(value) <= 12 else None


def _number(value: object) -> int | None:
    code = _code(value)
    return int(code) if code and code.isdecimal() and len(code) <= MOST_DIGITS else None
