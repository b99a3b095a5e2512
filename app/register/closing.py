"""The last day that a participant is open, where it is known to close."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.register.gias.classification import PROPOSED_TO_CLOSE_STATUS
from app.register.successors.open_items import CLOSING
from models.register import Circumstance, Institution, Organisation

UNDATED: Final = date.max
"""Of an institution that is proposed to close on a day that the register does not have."""
ONE_DAY: Final = timedelta(days=1)


def last_days(session: Session, only: Collection[int] | None = None) -> dict[int, date]:
    """By participant, of all or of `only` these; the earliest that the records have."""
    institutions = select(Institution.participant_id, Institution.close_date).where(
        or_(
            Institution.status_code == PROPOSED_TO_CLOSE_STATUS,
            Institution.close_date.is_not(None),
        )
    )
    circumstances = select(Circumstance.participant_id, Circumstance.ends).where(
        Circumstance.kind == CLOSING, Circumstance.ends.is_not(None)
    )
    # An organisation is closed on the day that it is given, an institution after it.
    organisations = select(Organisation.participant_id, Organisation.closed).where(
        Organisation.closed.is_not(None)
    )
    found: dict[int, date] = {}
    for query, id_of, open_after in (
        (institutions, Institution.participant_id, True),
        (circumstances, Circumstance.participant_id, True),
        (organisations, Organisation.participant_id, False),
    ):
        wanted: Any = query if only is None else query.where(id_of.in_(only))
        for who, day in session.execute(wanted):
            last = UNDATED if day is None else day if open_after else day - ONE_DAY
            found[who] = min(last, found.get(who, last))
    return found
