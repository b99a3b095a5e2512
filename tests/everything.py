"""A database with a day's traffic, and at least one row in every table that the audit binds."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import select

from app.database import Database
from app.events import audit
from models import (
    access,
    alliances,
    batches,
    consent,
    evidence,
    exchange,
    interests,
    introductions,
    matching,
    money,
    partnerships,
    people,
    register,
    targets,
    webhooks,
)
from tests import rows
from tests.traffic import a_day

AT: Final = datetime(2026, 9, 2, 12, tzinfo=UTC)
ON: Final = date(2026, 9, 2)


def everything(database: Database) -> None:
    """Rows that the day does not write are written plainly, with an event of their own."""
    a_day(database, pairs=6)
    with database.write() as session:
        first, second = session.scalars(select(register.Participant.id).limit(2))
        proposal = session.scalars(select(matching.Proposal.id).limit(1)).one()
        run = session.scalars(select(matching.Run.id).limit(1)).one()
        need = session.scalars(select(exchange.Need.id).limit(1)).one()
        offer = session.scalars(select(exchange.Offer.id).limit(1)).one()
        hub = register.Participant(
            reference="org:hub", kind="organisation", name="Hub", updated_at=AT
        )
        trust = register.Group(uid=1, name="Trust", kind="other", type_code="06", open=True)
        network = register.Network(key="east", name="East", kind="alliance")
        support = partnerships.Support(
            **{"reference": "s1", "taker_id": first, "giver_id": second},
            **{"state": "active", "updated_at": AT},
        )
        pot = money.Pot(
            **{"reference": "fund", "name": "Made up", "holder_id": first, "open": True},
            **{"holder_kind": "commissioner", "budget_pence": 500_000, "committed_pence": 110_000},
            **{"starts": ON, "ends": ON, "day_rate_pence": 50_000, "updated_at": AT},
        )
        session.add(pot)
        session.flush()
        commitment = money.Commitment(
            **{"pot_id": pot.id, "proposal_id": proposal, "half_days": 4, "pence": 110_000},
            **{"day_rate_pence": 50_000, "fee_pence": 5_000, "claimed_pence": 27_500},
            **{"state": "reserved", "made_by": "user:1", "made_at": AT},
        )
        session.add(commitment)
        session.flush()
        partnership = partnerships.Partnership(
            **{"proposal_id": proposal, "state": "active", "starts": ON, "ends": ON},
            **{"aims": "Phonics", "taker_role": "head", "giver_role": "deputy head"},
            **{"started_by": "user:1", "started_at": AT},
        )
        family = alliances.Alliance(
            **{"reference": "f1", "name": "Family", "kind": "family", "aims": "Reading"},
            **{"starts": ON, "made_by": "user:1", "made_at": AT},
        )
        session.add_all([hub, trust, network, support, partnership, family])
        session.flush()
        session.add(
            register.Organisation(participant_id=hub.id, key="hub", kind="hub", funded=False)
        )
        session.flush()
        session.add_all(
            [
                register.AreaServed(participant_id=hub.id, area_kind="region", area_code="J"),
                register.FactChange(
                    **{"participant_id": first, "kind": "network", "name": "east"},
                    **{"changed_by": "user:1", "changed_at": AT},
                ),
                register.Designation(participant_id=first, name="Hub", designated_by="DfE"),
                register.ImportBatch(
                    **{"kind": "needs", "files": {}, "digest": "0" * 64, "counts": {}},
                    **{"actor": "terminal", "imported_at": AT},
                ),
                register.Membership(group_id=trust.id, participant_id=first),
                register.NetworkMembership(network_id=network.id, participant_id=first),
                register.Succession(predecessor_urn=1, successor_urn=2, kind="academy"),
                exchange.Limits(participant_id=first, period_code=rows.YEAR),
                partnerships.SupportVisit(
                    **{"partnership_id": partnership.id, "on_day": ON, "half_days": 1},
                    state="booked",
                ),
                partnerships.Review(
                    **{"partnership_id": partnership.id, "reviewer": "taker", "rating": "green"},
                    **{"on_day": ON, "role": "head", "recorded_by": "user:1", "at": AT},
                ),
                partnerships.Outcome(
                    **{"partnership_id": partnership.id, "side": "taker", "result": "worked"},
                    **{"role": "head", "recorded_by": "user:1", "at": AT},
                ),
                partnerships.Concern(
                    **{"partnership_id": partnership.id, "text": "Late", "role": "head"},
                    **{"raised_by": "user:1", "raised_at": AT},
                ),
                targets.SupportTarget(
                    **{"support_id": support.id, "measure": "pupils", "direction": "keep"},
                    **{"value": 210.0, "by_date": ON},
                ),
                exchange.OpenOffer(
                    **{"reference": "open", "participant_id": first, "expertise_code": "maths"},
                    **{"kind": "resource", "title": "made up", "starts": ON, "ends": ON},
                    **{"confirmed_on": ON, "updated_at": AT},
                ),
                introductions.Introduction(
                    **{"kind": "introduction", "need_id": need, "offer_id": offer, "role": "head"},
                    **{"state": "open", "asked_by": "user:1", "asked_at": AT},
                ),
                money.Claim(
                    **{"commitment_id": commitment.id, "half_days": 1, "pence": 27_500},
                    **{"visits": [1], "state": "made", "claimed_by": "user:1", "claimed_at": AT},
                ),
                alliances.AllianceMember(
                    **{"alliance_id": family.id, "participant_id": first, "role": "lead"},
                    **{"state": "asked", "asked_by": "user:1", "asked_at": AT},
                ),
                alliances.AllianceAction(
                    **{"alliance_id": family.id, "what": "Train", "leader_id": first, "due": ON},
                    **{"state": "open", "recorded_by": "user:1", "recorded_at": AT},
                ),
                alliances.AllianceTarget(
                    **{"alliance_id": family.id, "measure": "pupils", "direction": "keep"},
                    **{"value": 210.0, "by_date": ON},
                ),
                alliances.AllianceReview(
                    **{"alliance_id": family.id, "participant_id": first, "rating": "green"},
                    **{"on_day": ON, "role": "head", "recorded_by": "user:1", "at": AT},
                ),
                evidence.Evidence(
                    **{"giver_id": first, "kind": "accreditation", "strength": 4, "on_day": ON},
                    **{"expertise_code": "maths", "role": "assessor", "body": "made-up body"},
                    **{"counts_from": ON, "recorded_by": "user:1", "recorded_at": AT},
                ),
                interests.Interest(
                    **{"reference": "i1", "kind": "other", "holder_id": first, "about_id": second},
                    **{"evidence": "made up", "declared_by": "clerk", "declared_on": ON},
                    **{"recorded_by": "user:1", "recorded_at": AT},
                ),
                interests.InterestQuestion(
                    **{"participant_id": first, "asked_role": "head", "asked_on": ON},
                    **{"asked_by": "user:1", "recorded_at": AT},
                ),
                interests.InterestRule(kind="other", effect="shown", exceptions=False),
                matching.ApprovalRule(
                    **{"position": 9, "unfunded": False, "approved_by": "agreements"},
                    **{"statement": "Otherwise the sides."},
                ),
                consent.ConsentRequest(
                    **{"proposal_id": proposal, "party": "taker", "contact_id": 1, "role": "head"},
                    **{"nonce": "0" * 32, "choices": [], "terms": {}, "answer_hours": 168},
                    **{"asked_by": "user:1", "made_at": AT, "state": "open", "asked_at": AT},
                    **{"expires_at": AT, "sent_to": "2" * 64},
                ),
                matching.RuleException(
                    **{"proposal_id": proposal, "rule": "too_far", "figures": {"miles": 31}},
                    **{"reason": "Remote", "author": "user:1", "at": AT},
                ),
                matching.ProposalFlag(
                    **{"proposal_id": proposal, "reasons": ["Why"]},
                    **{"raised_at": AT, "raised_by": "user:1"},
                ),
                access.EmbedToken(
                    **{"layer": "public", "run_id": run, "origins": ["https://a.example"]},
                    **{"made_by": "user:1", "made_at": AT, "expires_at": AT + timedelta(days=1)},
                ),
                access.Visit(digest="1" * 64, holder="user:1", began_at=AT, seen_at=AT),
                people.User(label="Broker 1", created_at=AT),
                batches.Schedule(
                    **{"period_code": rows.YEAR, "named": "all", "areas": [], "options": {}},
                    **{"every": "day", "at": "02:00", "zone": "Europe/London", "owner": "user:1"},
                    **{"created_at": AT, "due_at": AT},
                ),
                webhooks.Webhook(
                    **{"url": "https://a.example", "events": ["proposal.*"], "nonce": "0" * 32},
                    **{"made_by": "user:1", "made_at": AT, "queued_to": 0},
                ),
            ]
        )
        audit.record(session, actor="terminal", action="test.rows", subject="test")
