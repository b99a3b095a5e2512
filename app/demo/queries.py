"""Whom to draw for: the takers of a place, and everybody in reach who could give to them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from sqlalchemy import Row, or_, select

from app.access.policy import Action, Principal, authorise
from app.catalogue.queries import get_period
from app.database import ReadSession
from app.demo.draw import DrawnFor, DrawnPeriod, Subject, subjects_of
from app.planning.similarity import provision_of
from app.register.lookups import find_scope, participants_in
from models.exchange import Expertise
from models.register import Institution, Organisation, Participant
from models.vocabulary import METRES_PER_MILE, ParticipantKind, Phase
from solver.pairing.geography import earth_centred

REACH_MILES = 35.0
"""The furthest that a drawn need or offer travels."""
OPEN = 1


@dataclass(frozen=True, slots=True)
class ToDraw:
    """Everything that a draw for a place and period depends on."""

    takers: tuple[DrawnFor, ...]
    givers: tuple[DrawnFor, ...]
    subjects: tuple[Subject, ...]
    period: DrawnPeriod
    area: str


@dataclass(frozen=True, slots=True)
class _Known:
    id: int
    drawn_for: DrawnFor
    position: tuple[float, float] | None


def _known(row: Row[*tuple[Any, ...]]) -> _Known:
    cell = row.reference.partition(":")[2]
    if row.kind == ParticipantKind.ORGANISATION:
        drawn_for = DrawnFor(
            cell, institution=False, funded=row.funded, available=row.closed is None
        )
    else:
        drawn_for = DrawnFor(
            cell,
            phases=tuple(map(Phase, row.phases)),
            pupils=row.pupils,
            free_school_meals_percent=row.free_school_meals_percent,
            rural=(row.urban_rural or "").startswith("Rural"),
            provision=provision_of(row),
            available=row.status_code == OPEN,
        )
    position = None if row.latitude is None else (row.latitude, row.longitude)
    return _Known(row.id, drawn_for, position)


def _in_reach(everybody: list[_Known], takers: Collection[int]) -> list[_Known]:
    placed = [each for each in everybody if each.position is not None]
    at = np.array([each.position for each in placed]).reshape(-1, 2)
    there = earth_centred(at[:, 0], at[:, 1])
    is_taker = np.array([each.id in takers for each in placed], bool)
    if not is_taker.any():
        return [each for each in everybody if each.id in takers]
    away = np.asarray(cKDTree(there[is_taker]).query(there)[0])
    near = {
        each.id
        for each, metres in zip(placed, away.tolist(), strict=True)
        if metres <= REACH_MILES * METRES_PER_MILE
    }
    return [each for each in everybody if each.id in near or each.id in takers]


def to_draw(
    session: ReadSession, principal: Principal, area: str, period_code: str, day: date
) -> ToDraw:
    """Takers are those of the area, givers also those about it."""
    authorise(principal, Action.READ)
    scope = find_scope(session, principal, area)
    takers = frozenset(participants_in(session, principal, scope, day))
    rows = session.execute(
        select(
            *(Participant.id, Participant.reference, Participant.kind),
            *(Participant.latitude, Participant.longitude),
            *(Organisation.funded, Organisation.closed),
            *(Institution.phases, Institution.pupils, Institution.free_school_meals_percent),
            *(Institution.urban_rural, Institution.specialist, Institution.alternative_provision),
            Institution.resourced_provision,
            Institution.status_code,
        )
        .outerjoin(Institution)
        .outerjoin(Organisation)
        .where(or_(Participant.kind == ParticipantKind.ORGANISATION, Institution.in_scope))
        .order_by(Participant.id)
    )
    everybody = [_known(row) for row in rows]
    taxonomy = select(Expertise.code, Expertise.parent_code).where(~Expertise.retired)
    period = get_period(session, principal, period_code)
    return ToDraw(
        takers=tuple(each.drawn_for for each in everybody if each.id in takers),
        givers=tuple(each.drawn_for for each in _in_reach(everybody, takers)),
        subjects=tuple(subjects_of((code, parent) for code, parent in session.execute(taxonomy))),
        period=DrawnPeriod(period.code, period.starts, period.ends, min(period.starts, day)),
        area=scope.name,
    )
