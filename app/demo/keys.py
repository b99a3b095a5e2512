"""Keys to the made-up county, one for each kind of person, so that each part can be tried."""

from app.access.keys import LONGEST_LABEL, create_key
from app.access.policy import EVERYWHERE, Grant, Principal, Scope
from app.database import WriteSession
from app.proposals.list_query import ProposalQuery
from app.proposals.queries import list_proposals
from app.runs.queries import get_run
from models.register import Participant
from models.vocabulary import Role, ScopeKind


def make_keys(session: WriteSession, principal: Principal, run_id: int) -> list[tuple[str, str]]:
    """New keys for the area of a run and both sides of its best proposal, after their labels."""
    area = Scope(ScopeKind.AREA, get_run(session, principal, run_id).scope["code"])
    wanted = {
        "administrator": (Role.ADMINISTRATOR, EVERYWHERE),
        "broker": (Role.BROKER, area),
        "approver": (Role.APPROVER, area),
        "auditor": (Role.AUDITOR, EVERYWHERE),
    }
    first = ProposalQuery(run=run_id, sort="-total_points")
    best = list_proposals(session, principal, first, limit=1)
    for full in best:
        for side in (full.taker, full.giver):
            wanted[f"contact of {side.name}"[:LONGEST_LABEL]] = (Role.CONTACT, _own(side))
    return [
        (label, create_key(session, principal, label, [Grant(role, scope)])[1])
        for label, (role, scope) in wanted.items()
    ]


def _own(side: Participant) -> Scope:
    kind, _, name = side.reference.partition(":")
    return Scope(ScopeKind.INSTITUTION if kind == "urn" else ScopeKind.ORGANISATION, name)
