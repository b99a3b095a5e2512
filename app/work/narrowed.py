"""Of which work: what has words in the name of a side, or is of a period."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, false, or_, select

from app.register.search import each_word
from models.exchange import Need, Offer
from models.matching import Proposal
from models.register import Participant

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Of which work; what is empty does not narrow."""

    text: str = ""
    """Words that the names of one of the two sides hold."""
    period: str | None = None

    def proposals(self) -> list[Condition]:
        """Conditions for proposals."""
        found: list[Condition] = []
        if self.period is not None:
            of_period = select(Need.id).where(Need.period_code == self.period)
            found.append(Proposal.need_id.in_(of_period))
        for named in self._named():
            found.append(
                or_(
                    Proposal.need_id.in_(select(Need.id).where(Need.participant_id.in_(named))),
                    Proposal.offer_id.in_(select(Offer.id).where(Offer.participant_id.in_(named))),
                )
            )
        return found

    def items(self, model: type[Need] | type[Offer]) -> list[Condition]:
        """Conditions for needs or offers."""
        found: list[Condition] = [model.participant_id.in_(named) for named in self._named()]
        if self.period is not None:
            found.append(model.period_code == self.period)
        return found

    def people(self, column: Any) -> list[Condition]:
        """Conditions for what is of one participant and of no period."""
        of_none = [false()] if self.period is not None else []
        return [*of_none, *(column.in_(named) for named in self._named())]

    def _named(self) -> Iterator[Select[Any]]:
        for condition in each_word(self.text, Participant):
            yield select(Participant.id).where(condition)
