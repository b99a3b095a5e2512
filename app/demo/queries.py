"""Whom to draw for: the takers of a place, and everybody in reach who could give to them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.spatial import cKDTree
from sqlalchemy import or_, select

from app.access.policy import Action, Principal, authorise
from app.database import ReadSession
from app.demo.draw import DrawnFor, DrawnPeriod, Subject, subjects_of
from app.exchange.calendar import get_period
from app.register.classification import OPEN_STATUSES
from app.register.queries import find_scope, participants_in
from models.exchange import Expertise
from models.register import Institution, Organisation, Participant
from models.vocabulary import METRES_PER_MILE, Phase
from solver.geography import earth_centred

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


@dataclass(frozen=True, slots=True)
class _Known:
    id: int
    drawn_for: DrawnFor
    position: tuple[float, float] | None


def _cell(reference: str) -> str:
    return reference.partition(":")[2]


def _known(who: Participant, school: Institution | None, giver: Organisation | None) -> _Known:
    if school is None:
        assert giver is not None
        drawn_for = DrawnFor(
            cell=_cell(who.reference),
            institution=False,
            funded=giver.funded,
            available=giver.closed is None,
        )
    else:
        drawn_for = DrawnFor(
            cell=_cell(who.reference),
            phases=tuple(map(Phase, school.phases)),
            pupils=school.pupils,
            free_school_meals_percent=school.free_school_meals_percent,
            rural=(school.urban_rural or "").startswith("Rural"),
            specialist=school.specialist or school.alternative_provision,
            available=school.status_code == OPEN,
        )
    position = (
        None if who.latitude is None or who.longitude is None else (who.latitude, who.longitude)
    )
    return _Known(who.id, drawn_for, position)


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
        select(Participant, Institution, Organisation)
        .outerjoin(Institution)
        .outerjoin(Organisation)
        .where(
            or_(
                Organisation.participant_id.is_not(None),
                Institution.in_scope & Institution.status_code.in_(OPEN_STATUSES),
            )
        )
        .order_by(Participant.id)
    ).tuples()
    everybody = [_known(*row) for row in rows]
    taxonomy = select(Expertise.code, Expertise.parent_code).where(~Expertise.retired)
    period = get_period(session, period_code)
    return ToDraw(
        takers=tuple(each.drawn_for for each in everybody if each.id in takers),
        givers=tuple(each.drawn_for for each in _in_reach(everybody, takers)),
        subjects=tuple(subjects_of(session.execute(taxonomy).tuples())),
        period=DrawnPeriod(period.code, period.starts, period.ends, min(period.starts, day)),
    )
