"""What a contact's own side asked for, runs and gives: of all schools that it speaks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from app.access.policy import Action, Principal, authorise, grants_for
from app.access.scoped import visible, within
from app.database import ReadSession
from app.exchange.progress import progress_of
from app.partnerships.balance import Balance, balances_where
from app.partnerships.partnership_queries import Summary, find_by_ids
from app.work.source import RUNNING, only
from models.exchange import Need, Period
from models.matching import Proposal
from models.partnerships import Partnership
from models.register import Participant
from models.vocabulary import NeedProgress, NeedState, Role


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of one of the contact's schools, and what came of it."""

    need: Need
    school: Participant
    progress: NeedProgress


@dataclass(frozen=True, slots=True)
class Own:
    """A contact's requests and partnerships, the newest of each, and how many there are."""

    requests: Sequence[Asked]
    of_requests: int
    partnerships: Sequence[Summary]
    of_partnerships: int
    days: Sequence[Balance]
    """Half-days given and received, for each period that goes on today."""


def own_of(session: ReadSession, principal: Principal, today: date, limit: int) -> Own | None:
    """None for whoever speaks for nobody."""
    authorise(principal, Action.READ)
    contact = only(principal, Role.CONTACT)
    if not contact.grants:
        return None
    mine = (
        Period.ends >= today,
        Need.state.not_in([NeedState.CLOSED]),
        visible(contact, Action.READ, Need),
    )
    needs = (
        select(Need, Participant)
        .join(Period, Period.code == Need.period_code)
        .join(Participant, Participant.id == Need.participant_id)
        .where(*mine)
    )
    found = session.execute(needs.order_by(Need.id.desc()).limit(limit)).all()
    progress = progress_of(session, [need for need, _ in found])
    running = (
        select(Partnership.id)
        .join(Proposal, Proposal.id == Partnership.proposal_id)
        .where(RUNNING, visible(contact, Action.READ, Proposal))
    )
    ids = session.scalars(running.order_by(Partnership.id.desc()).limit(limit)).all()
    about = find_by_ids(session, principal, ids)
    going_on = set(
        session.scalars(select(Period.code).where(Period.starts <= today, Period.ends >= today))
    )
    scopes = {grant.scope for grant in grants_for(contact, Action.READ)}
    days = balances_where(session, lambda column: within(scopes, column))
    return Own(
        [Asked(need, school, progress[need.id]) for need, school in found],
        session.scalar(needs.with_only_columns(func.count(Need.id))) or 0,
        [about[each] for each in ids],
        session.scalar(running.with_only_columns(func.count(Partnership.id))) or 0,
        [each for each in days if each.period in going_on],
    )
