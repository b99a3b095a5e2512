"""A day's traffic: what many people do in one day, by the services, on a small area."""

from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from app.access.keys import create_key, revoke_key
from app.access.policy import TERMINAL
from app.catalogue.rows import ExpertiseRow
from app.catalogue.service import create_expertise
from app.database import Database, WriteSession
from app.exchange import service
from app.exchange.rows import NeedRow, OfferRow
from app.proposals import agreements, decisions, publication
from app.proposals.decisions import NOTHING_SAID, Said
from app.proposals.pins_and_exclusions import lift, steer
from app.register.circumstances import CircumstanceRow
from app.register.service import create_circumstance
from models.vocabulary import Availability, DecisionAction, DeclineReason, Says, Side, SteeringKind
from tests import rows
from tests.factories import ADMINISTRATOR, heard
from tests.runs import FREELY, match, proposals_of

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
TAKER, GIVER = Side
PLANTED = "Ms Plantagenet-Odd said so"
"""Free text that only the tables of decisions may hold."""


def a_day(database: Database, pairs: int = 12) -> None:
    """Needs and offers of so many pairs of schools, a run, and every kind of decision on it."""
    with database.write() as session:
        rows.add_calendar(session)
        for urn in range(100_000, 100_000 + 2 * pairs):
            rows.add_school(session, urn, (urn - 100_000) / 4)
        create_expertise(session, TERMINAL, ExpertiseRow(code="arts", name="Arts", version="1"))
        prefix = create_key(session, TERMINAL, "portal", [ADMINISTRATOR])[0].prefix
        create_circumstance(session, TERMINAL, _circumstance(100_000))
    with database.write() as session:
        revoke_key(session, TERMINAL, prefix)
    for number in range(pairs):
        _entered(database, number, 100_000 + 2 * number)
    run_id = match(database, FREELY, now=NOW)
    with database.read() as session:
        found = sorted(proposal.id for proposal, _, _ in proposals_of(session, run_id))
    assert len(found) >= 5
    for number, proposal_id in zip(count(), found, strict=False):
        _decided(database, number, proposal_id)
    with database.write() as session:
        pin = steer(session, TERMINAL, SteeringKind.EXCLUSION, "n0", "o0", reason=PLANTED, now=NOW)
        lift(session, TERMINAL, SteeringKind.EXCLUSION, pin.id, now=NOW)


def _circumstance(urn: int) -> CircumstanceRow:
    return CircumstanceRow.model_validate(
        {
            "participant": str(urn),
            "kind": "new_head",
            "starts": date(2025, 9, 1),
            "ends": date(2026, 8, 1),
            "source": PLANTED,
        }
    )


def _entered(database: Database, number: int, urn: int) -> None:
    need = {"reference": f"n{number}", "participant": str(urn), "expertise": "maths"}
    offer = {"reference": f"o{number}", "participant": str(urn + 1), "expertise": "maths"}
    same = {"period": rows.YEAR, "days": "4"}
    with database.write() as session:
        service.create_need(session, TERMINAL, NeedRow.model_validate(need | same))
        service.create_offer(session, TERMINAL, OfferRow.model_validate(offer | same))
        service.answer_offer(session, TERMINAL, f"o{number}", Availability.CAN_OFFER)
    with database.write() as session:
        changed = need | same | {"days": "2.5", "priority": "4"}
        service.change_need(session, TERMINAL, NeedRow.model_validate(changed), 1)


def _decided(database: Database, number: int, proposal_id: int) -> None:
    """Each proposal goes another way, and some all the way."""

    def decide(action: DecisionAction, said: Said = NOTHING_SAID) -> None:
        with database.write() as session:
            more: dict[str, Any] = {"hold_days": 14, "now": NOW}
            decisions.decide(session, TERMINAL, proposal_id, action, said, **more)

    def agree(session: WriteSession, side: Side, says: Says, said: Said = NOTHING_SAID) -> None:
        more: dict[str, Any] = {"hold_days": 14, "now": NOW}
        agreements.agree(session, TERMINAL, proposal_id, side, says, heard(on=NOW), said, **more)

    if number % 5 == 4:
        decide(DecisionAction.DECLINE, Said(DeclineReason.OTHER, PLANTED))
        return
    decide(DecisionAction.PREFER)
    if number % 5 == 3:
        with database.write() as session:
            agree(session, TAKER, Says.NO, Said(DeclineReason.CAPACITY, PLANTED))
        return
    if number % 5 == 2:
        decide(DecisionAction.WITHDRAW)
        return
    with database.write() as session:
        agree(session, TAKER, Says.YES)
        agree(session, GIVER, Says.YES)
    decide(
        DecisionAction.APPROVE_WITH_CONDITIONS if number % 5 else DecisionAction.APPROVE,
        Said(note=PLANTED),
    )
    with database.write() as session:
        for side in Side:
            publication.consent(session, TERMINAL, proposal_id, side, heard(on=NOW), now=NOW)
        publication.withdraw(session, TERMINAL, proposal_id, TAKER, now=NOW)
