"""A made-up exchange of a few rows, with defaults nobody has to think about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from models.vocabulary import Availability, InterestKind, Mode, Phase
from solver.pairing.candidates import DEFAULT_NEIGHBOURS, CandidatePairs, find_candidates
from solver.pairing.columns import (
    STAYS_OPEN,
    NeedColumns,
    OfferColumns,
    Pairs,
    ParticipantColumns,
    Taxonomy,
    encode,
    memberships,
    phase_mask,
)
from solver.pairing.failed_support import FailedSupport
from solver.pairing.findings import why_refused
from solver.pairing.interests import Declared, Interest, Interests
from solver.pairing.pair_rule import Reason
from solver.pairing.pairs import PairTables
from solver.pairing.places import Places
from solver.pairing.refusals import Refusals

STARTS, ENDS = date(2026, 9, 1).toordinal(), date(2027, 8, 31).toordinal()
NAN = float("nan")
ENDED = date(2024, 7, 17).toordinal()
"""More than two years before, less than three."""
LONDON = (51.5033, -0.1195)
WATFORD = (51.6565, -0.3903)  # some 25 km from London
YORK = (53.9583, -1.0803)
NOWHERE = (NAN, NAN)

PERSON: dict[str, Any] = {
    "at": LONDON,
    "urban": -1,
    "phases": [Phase.PRIMARY],
    "local_authority": -1,
    "region": -1,
    "district": -1,
    "may_give": True,
    "may_take": True,
    "last_day": STAYS_OPEN,
    "give_limit": 40,
    "designated": False,
    "groups": [],
    "networks": [],
    "serves": [],
}
NEED: dict[str, Any] = {
    "participant": 0,
    "expertise": 0,
    "half_days_min": 2,
    "priority": 3,
    "mode": Mode.ON_SITE,
    "limit_m": NAN,
    "limit_minutes": NAN,
    "window_starts": STARTS,
    "window_ends": ENDS,
    "suggested": False,
    "outside": False,
}
OFFER: dict[str, Any] = {
    "participant": 1,
    "expertise": 0,
    "half_days": 6,
    "quality": 3,
    "mode": Mode.ON_SITE,
    "availability": Availability.CAN_OFFER,
    "phases": [],
    "limit_m": NAN,
    "limit_minutes": NAN,
    "window_starts": STARTS,
    "window_ends": ENDS,
    "first_call_until": 0,
}
AREAS = 10


@dataclass(frozen=True)
class Exchange:
    taxonomy: Taxonomy
    participants: ParticipantColumns
    needs: NeedColumns
    offers: OfferColumns

    def tables(self, **given: Any) -> PairTables:
        """The tables of all rules; pairs are given as rows."""
        pairs = {
            name: Pairs(*_columns(given[name]))
            for name in ("conflicts", "declined", "kept")
            if name in given
        }
        if "interests" in given:
            people = len(self.participants.places.id)
            given = given | {"interests": Interests.of(given["interests"], people)}
        return PairTables.of(
            self.taxonomy, self.participants, self.needs, self.offers, **(given | pairs)
        )

    def find(
        self, max_neighbours: int | None = DEFAULT_NEIGHBOURS, **given: Any
    ) -> tuple[CandidatePairs, Refusals]:
        return find_candidates(self.tables(**given), max_neighbours)

    def why_refused(self, **given: Any) -> Reason | None:
        """Ask about the first offer and the first need."""
        return why_refused(self.tables(**given), need=0, offer=0)


def failed(ended: int, years: int = 0) -> FailedSupport:
    """Support from participant 1 to participant 0 that did not work; 0: nobody knows when."""
    giver, taker, day = np.array([1]), np.array([0]), date.fromordinal(STARTS)
    return FailedSupport.of(giver, taker, np.array([ended]), 2, day, years)


def declared(
    holder: int,
    about: int,
    kind: InterestKind = InterestKind.BIDS_FOR,
    *,
    refuses: bool = True,
    exceptions: bool = False,
    reference: str = "I",
    starts: date | None = date(2025, 9, 1),
    ends: date | None = None,
    of_group: bool = False,
) -> Interest:
    """An interest that was declared on the day on which windows open."""
    on = date.fromordinal(STARTS)
    what = Declared(reference, kind, starts, ends, on, refuses, exceptions)
    return Interest(holder, about, what, holder_group=of_group)


def _columns(pairs: Sequence[tuple[int, int]]) -> tuple[Any, Any]:
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def exchange(
    people: Sequence[dict[str, Any]] = ({}, {}),
    needs: Sequence[dict[str, Any]] = ({},),
    offers: Sequence[dict[str, Any]] = ({},),
    parent: Sequence[int] = (-1,),
) -> Exchange:
    """Make columns of rows that name only what differs from the defaults above."""
    return Exchange(
        Taxonomy(np.array(parent)),
        _participants([PERSON | row for row in people]),
        _needs([NEED | row for row in needs]),
        _offers([OFFER | row for row in offers]),
    )


def _participants(rows: list[dict[str, Any]]) -> ParticipantColumns:
    def members(name: str) -> Any:
        pairs = [(row, each) for row, person in enumerate(rows) for each in person[name]]
        return memberships(*_columns(pairs), (len(rows), AREAS))

    plain = (
        "local_authority",
        "region",
        "district",
        "may_give",
        "may_take",
        "last_day",
        "give_limit",
        "designated",
    )
    return ParticipantColumns(
        places=Places(
            tuple(str(row) for row in range(len(rows))),
            np.array([row["at"][0] for row in rows], float),
            np.array([row["at"][1] for row in rows], float),
            np.array([row["urban"] for row in rows], np.int8),
        ),
        phases=np.array([phase_mask(row["phases"]) for row in rows], np.uint8),
        groups=members("groups"),
        networks=members("networks"),
        serves=members("serves"),
        **{name: np.array([row[name] for row in rows]) for name in plain},
    )


def _needs(rows: list[dict[str, Any]]) -> NeedColumns:
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in NEED}
    columns["mode"] = encode(Mode, columns["mode"])
    return NeedColumns(**columns)


def _offers(rows: list[dict[str, Any]]) -> OfferColumns:
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in OFFER}
    columns["mode"] = encode(Mode, columns["mode"])
    columns["availability"] = encode(Availability, columns["availability"])
    columns["phases"] = [phase_mask(phases) for phases in columns["phases"]]
    return OfferColumns(**columns)
