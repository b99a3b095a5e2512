"""Passwords, for development alone: hashed with Argon2, and as slow to refuse as to check."""

from functools import cache
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import Problem

SHORTEST: Final = 12
LONGEST: Final = 200
_hasher: Final = PasswordHasher()
_at_once: Final = BoundedSemaphore(2)
"""A hash takes 64 MiB: whoever tries many at once waits."""


class BadPassword(Problem):
    status = 422
    title = "Invalid password"


def hash_of(password: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadPassword(f"The password must be between {SHORTEST} and {LONGEST} characters.")
    with _at_once:
        return _hasher.hash(password)


def is_right(password: str, known: str | None) -> bool:
    """Whether it is the password; where there is none to compare with, as slowly, no."""
    with _at_once:
        try:
            _hasher.verify(known or _nobodys(), password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
    return known is not None


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody has this password")
