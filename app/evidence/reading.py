"""Which evidence counts for which offer, and what it comes to when planned from a day."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple, Protocol

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.evidence import Evidence
from models.exchange import Expertise, Offer, Period
from models.vocabulary import EvidenceKind
from solver.pairing.quality import Quality, Said, quality_of
from solver.pairing.weights import Weights

FEW = 1_000
"""Givers up to whom evidence is looked for one by one; else all there is."""


class Counting(NamedTuple):
    """Evidence that counts: what of it decides how good an offer is."""

    id: int
    giver_id: int
    expertise_code: str
    offer_id: int | None
    kind: str
    strength: int
    on_day: date
    said_by_id: int | None = None
    body: str | None = None
    partnership_id: int | None = None

    @property
    def by_whom(self) -> tuple[Hashable, ...]:
        """Whoever says the same kind of thing of the same support again replaces what it said."""
        about = (self.kind, self.expertise_code, self.offer_id)
        if self.partnership_id is not None:
            return (*about, self.partnership_id)
        return (*about, self.said_by_id, (self.body or "").casefold())

    @property
    def said(self) -> Said:
        return Said(EvidenceKind(self.kind), self.strength, self.on_day)


class Offered(Protocol):
    """What of an offer decides which evidence is about it."""

    @property
    def id(self) -> int: ...
    @property
    def participant_id(self) -> int: ...
    @property
    def expertise_code(self) -> str: ...
    @property
    def quality(self) -> int | None: ...


def counts_on(day: date) -> ColumnElement[bool]:
    """Whether evidence counts on a day: it was said and answered by then, and still stands."""
    return (
        Evidence.withdrawn_at.is_(None) & (Evidence.counts_from <= day) & (Evidence.on_day <= day)
    )


def counting(
    session: Session, as_of: date, givers: Collection[int] | None = None
) -> list[Counting]:
    """All evidence that counts on a day; with `givers` at least that of these."""
    query = select(*(getattr(Evidence, name) for name in Counting._fields)).where(counts_on(as_of))
    if givers is not None and len(givers) <= FEW:
        query = query.where(Evidence.giver_id.in_(givers))
    return [Counting(*row) for row in session.execute(query.order_by(Evidence.id))]


def qualities(
    offers: Sequence[Offered],
    evidence: Iterable[Counting],
    parents: Mapping[str, str | None],
    day: date,
    weights: Weights,
) -> list[Quality]:
    """What the evidence of each offer comes to when planned from `day`.

    Evidence is about an offer of the same expertise or a broader one, unless it names one offer.
    `parents` are those of all entries of the taxonomy.
    """
    of_giver: dict[int, list[Counting]] = defaultdict(list)
    for each in sorted(evidence, key=lambda one: (one.on_day, one.id)):
        of_giver[each.giver_id].append(each)
    found: list[Quality] = []
    alone: dict[int | None, Quality] = {}
    for offer in offers:
        latest = {
            each.by_whom: each
            for each in of_giver.get(offer.participant_id, ())
            if is_about(each.offer_id, each.expertise_code, offer, parents)
        }
        said = [each.said for each in latest.values()]
        if said:
            found.append(quality_of(offer.quality, said, day, weights))
        else:
            if offer.quality not in alone:
                alone[offer.quality] = quality_of(offer.quality, (), day, weights)
            found.append(alone[offer.quality])
    return found


def is_about(
    offer_id: int | None,
    expertise_code: str,
    offer: Offered,
    parents: Mapping[str, str | None],
) -> bool:
    """Whether what is said of a giver's support is about one of its offers."""
    if offer_id is not None:
        return offer_id == offer.id
    code: str | None = expertise_code
    while code is not None:
        if code == offer.expertise_code:
            return True
        code = parents.get(code)
    return False


def parents_of(session: Session) -> dict[str, str | None]:
    """The broader entry of each entry of the taxonomy."""
    return {code: up for code, up in session.execute(select(Expertise.code, Expertise.parent_code))}


def quality_on(session: Session, offer: Offer, today: date) -> Quality:
    """What the evidence of an offer comes to in a run that is started today."""
    period = session.get_one(Period, offer.period_code)
    evidence = counting(session, today, [offer.participant_id])
    parents = parents_of(session)
    [found] = qualities([offer], evidence, parents, max(today, period.starts), Weights())
    return found
