"""What still counts on a participant or an expertise, before it is taken out of use."""

from datetime import date

from sqlalchemy import ColumnElement, func, select

from app.database import WriteSession
from app.errors import Conflict
from app.wording import counted
from models.exchange import Need, Offer
from models.vocabulary import NeedState

ENDED = (NeedState.MET.value, NeedState.CLOSED.value)


def require_unused(
    session: WriteSession,
    what: str,
    today: date,
    *,
    needs: ColumnElement[bool],
    offers: ColumnElement[bool],
) -> None:
    """Refuse where a plan could still count on `what`: its open needs, its current offers."""
    open_needs = (needs, Need.state.not_in(ENDED), Need.window_ends >= today)
    current = (offers, ~Offer.withdrawn, Offer.window_ends >= today)
    counts = {
        "open need": session.scalar(select(func.count()).where(*open_needs)),
        "current offer": session.scalar(select(func.count()).where(*current)),
    }
    if any(counts.values()):
        said = " and ".join(counted(count, thing) for thing, count in counts.items() if count)
        raise Conflict(f"{what} is still in use by {said}. Change or withdraw those first.")
