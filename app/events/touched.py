"""Whose days, needs or offers a transaction changed: what rests on them is looked at with it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from app.database import WriteSession

_KEY: Final = "touched"


@dataclass(slots=True)
class Touched:
    """Participants by id, and who changed what is theirs."""

    actor: str
    participants: set[int] = field(default_factory=set)
    """Those of whom everything is to be looked at."""
    needs: set[str] = field(default_factory=set)
    """By reference: of these only what rests on the need itself."""
    ended: set[tuple[int, str]] = field(default_factory=set)
    """Circumstances, by participant and kind, that were deleted or given an earlier end."""
    eased: list["Eased"] = field(default_factory=list)
    """Declared interests that were withdrawn or given an earlier end."""


@dataclass(frozen=True, slots=True)
class Eased:
    """A declared interest, by reference, and all for whom each of its ends counts."""

    interest: str
    holders: frozenset[int]
    abouts: frozenset[int]

    def is_between(self, one: int, other: int) -> bool:
        return (one in self.holders and other in self.abouts) or (
            other in self.holders and one in self.abouts
        )


def mark(
    session: WriteSession,
    actor: str,
    participant_ids: Iterable[int],
    ended: Iterable[tuple[int, str]] = (),
) -> None:
    """Note participants for whoever looks at what rests on them before the commit."""
    found: Touched = session.info.setdefault(_KEY, Touched(actor))
    found.actor = actor
    found.participants.update(participant_ids)
    found.ended.update(ended)


def mark_needs(session: WriteSession, actor: str, references: Iterable[str]) -> None:
    """Note needs by reference: what rests on others of the same participants stays as it is.

    Not so with offers, which share what support that is under way takes of them.
    """
    found: Touched = session.info.setdefault(_KEY, Touched(actor))
    found.actor = actor
    found.needs.update(references)


def mark_eased(
    session: WriteSession, interest: str, holders: Iterable[int], abouts: Iterable[int]
) -> None:
    """Note an interest that counts for less from now on, of participants that are marked."""
    found: Touched = session.info[_KEY]
    found.eased.append(Eased(interest, frozenset(holders), frozenset(abouts)))


def take(session: WriteSession) -> Touched | None:
    """What was noted, which is then forgotten; None if nothing was."""
    found: Touched | None = session.info.pop(_KEY, None)
    return found if found and (found.participants or found.needs) else None


def any_in(session: WriteSession) -> bool:
    return _KEY in session.info
