"""Proposals as they are shown, with who raised and cleared their flags."""

from collections.abc import Sequence
from typing import Final, TypeVar

from sqlalchemy.orm import Session

from app.access.names import with_names
from app.proposals import queries
from app.proposals.schemas import ProposalShown

OF_FLAGS: Final = ("raised_by", "cleared_by")
Told = TypeVar("Told", bound=ProposalShown)


def proposals_shown(session: Session, ids: Sequence[int]) -> list[ProposalShown]:
    return with_flags(session, [ProposalShown.of(each) for each in queries.load(session, ids)])


def with_flags(session: Session, shown: Sequence[Told]) -> list[Told]:
    """The same with those who raised their flags and cleared them as people read them."""
    flags = with_names(session, [each.flag for each in shown if each.flag], *OF_FLAGS)
    named = iter(flags)
    return [each.model_copy(update={"flag": next(named)}) if each.flag else each for each in shown]
