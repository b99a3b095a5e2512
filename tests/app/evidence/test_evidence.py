"""Evidence of quality: who may say what of whom, when it counts, and what plans make of it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL, Principal, Scope
from app.database import Database
from app.errors import Conflict, Forbidden, NotFound, Stale
from app.events.verify import verify
from app.evidence import queries, service
from app.evidence.service import BadEvidence, NewEvidence
from app.planning.load import load
from app.planning.pair_tables import qualities_of_offers
from models.evidence import Evidence
from models.exchange import Offer
from models.matching import Proposal
from models.register import Group, Membership, Participant
from models.vocabulary import EvidenceKind, Role, ScopeKind
from tests import rows
from tests.factories import acting
from tests.runs import FREELY, contested, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
DAY = date(2026, 9, 1)
BROKER = acting(Role.BROKER, name="broker")
OTHER = acting(Role.BROKER, name="another broker")
GIVER = acting(Role.CONTACT, name="giver", scope=Scope(ScopeKind.INSTITUTION, "2"))
CONTENT: dict[str, Any] = {
    "kind": EvidenceKind.ACCREDITATION,
    "strength": 5,
    "on_day": DAY,
    "role": "assessor",
    "offer": "near",
    "body": "made-up body",
    "source": "certificate 12",
}


@pytest.fixture
def exchange(database: Database) -> Database:
    """One need that two givers can serve; neither claims anything."""
    return contested(database)


def add(database: Database, who: Principal = BROKER, now: datetime = NOW, **changes: Any) -> int:
    with database.write() as session:
        new = NewEvidence(**(CONTENT | changes))
        return service.add(session, who, new, now=now).id


def claim(database: Database, who: Principal = GIVER, **changes: Any) -> int:
    mine = {"kind": EvidenceKind.CLAIM, "body": None, "source": None} | changes
    return add(database, who, **mine)


def answer(database: Database, number: int, who: Principal = GIVER, text: str = "we do") -> None:
    with database.write() as session:
        service.answer(session, who, number, text, "headteacher", now=NOW)


def withdraw(database: Database, number: int, who: Principal = BROKER) -> None:
    with database.write() as session:
        service.withdraw(session, who, number, "it has ended", now=NOW)


def told(database: Database, reference: str = "near", day: date = DAY) -> tuple[int, str]:
    with database.read() as session:
        found = queries.of_offer(session, TERMINAL, reference, day)
    return found.quality.step, found.sentence


def planned(database: Database, as_of: date = DAY) -> dict[str, int]:
    """What each offer counts as in a run that is asked for on a day."""
    with database.read() as session:
        loaded = load(session, TERMINAL, None, rows.YEAR, as_of)
    steps = qualities_of_offers(loaded, FREELY)
    return {offer.reference: each.step for offer, each in zip(loaded.offers, steps, strict=True)}


def test_what_others_say_counts_once_the_giver_has_answered(exchange: Database) -> None:
    """Or after four weeks; a claim at once, as the ceiling at most."""
    number = add(exchange)
    assert planned(exchange) == {"near": 0, "far": 0}
    assert told(exchange, day=NOW.date() + timedelta(days=27))[0] == 0
    assert told(exchange, day=NOW.date() + timedelta(days=28))[0] == 4
    answer(exchange, number)
    assert planned(exchange, NOW.date()) == {"near": 4, "far": 0}
    claim(exchange, strength=5)
    assert told(exchange, day=NOW.date()) == (
        4,
        "The quality of this support counts as 4 out of 5: a body that accredited it said 5 in "
        "2026; the supporting organisation itself claims 5, and a claim counts as 3 at most.",
    )
    with exchange.read() as session:
        assert verify(session).fault is None


def test_a_claim_alone_stays_below_its_ceiling(exchange: Database) -> None:
    """Whether it stands in the offer, as files give it, or was added by its giver."""
    with exchange.write() as session:
        session.execute(update(Offer).where(Offer.reference == "far").values(quality=5))
    claim(exchange, strength=4)
    assert planned(exchange, NOW.date()) == {"near": 3, "far": 3}
    assert told(exchange, "far") == (
        3,
        "The quality of this support counts as 3 out of 5: the supporting organisation itself "
        "claims 5, and a claim counts as 3 at most, and nobody else has said anything of it.",
    )


def test_no_giver_says_of_itself_what_others_say(exchange: Database) -> None:
    """Not as a contact, not as a broker with a role there, and not by naming itself."""
    with pytest.raises(Forbidden, match="because you speak for the supporting organisation"):
        add(exchange, GIVER)
    both = Principal("both", BROKER.grants | GIVER.grants, "both")
    with pytest.raises(Forbidden, match="because you speak for the supporting organisation"):
        add(exchange, both)
    with pytest.raises(BadEvidence, match="the schools of that cannot say this of it"):
        add(exchange, body=None, said_by="2")
    with exchange.write() as session:
        rows.add_hub(session, "TR1", group_uid=9)
        rows.add_group(session, 9, "multi_academy_trust", [session.get_one(Participant, 2)])
    with pytest.raises(BadEvidence, match="the schools of that cannot say this of it"):
        add(exchange, body=None, said_by="TR1")
    with exchange.write() as session:
        group = session.scalars(select(Group)).one()
        rows.add(session, Membership(group_id=group.id, participant_id=3))
    with pytest.raises(BadEvidence, match="the schools of that cannot say this of it"):
        add(exchange, body=None, said_by="3", kind=EvidenceKind.PEER_VISIT)
    number = add(exchange)
    with pytest.raises(Forbidden, match="because you speak for the supporting organisation"):
        withdraw(exchange, number, GIVER)
    school_1 = acting(Role.CONTACT, name="other", scope=Scope(ScopeKind.INSTITUTION, "1"))
    with pytest.raises((Forbidden, NotFound)):
        claim(exchange, school_1)


def test_the_same_said_again_counts_once(exchange: Database) -> None:
    """Of one body and of one kind the latest, however often it is recorded."""
    claim(exchange, strength=1)
    answer(exchange, add(exchange, strength=5), OTHER)
    once = planned(exchange, NOW.date())["near"]
    for _ in range(5):
        answer(exchange, add(exchange, strength=5, body="Made-up Body"), OTHER)
    assert planned(exchange, NOW.date())["near"] == once
    answer(exchange, add(exchange, strength=2, on_day=DAY), OTHER)
    assert planned(exchange, NOW.date())["near"] < once


@pytest.mark.parametrize(
    ("changes", "words", "field"),
    [
        ({"kind": EvidenceKind.OUTCOME}, "comes from its partnership", "kind"),
        ({"source": None}, "what it rests on", "source"),
        ({"body": None}, "enter who said it", "said_by"),
        ({"strength": 6}, "from 1", "strength"),
        ({"on_day": date(2026, 9, 3)}, "3 September 2026 is yet to come", "on_day"),
        ({"offer": None}, "whose support", "participant"),
        ({"offer": None, "participant": "2"}, "enter the expertise", "expertise"),
        ({"offer": None, "participant": "2", "expertise": "juggling"}, "'juggling'", "expertise"),
        ({"offer": None, "participant": "77", "expertise": "maths"}, "'77'", "participant"),
        ({"body": None, "said_by": "77"}, "'77'", "said_by"),
    ],
)
def test_what_does_not_fit_is_named(
    exchange: Database, changes: dict[str, Any], words: str, field: str
) -> None:
    with pytest.raises(BadEvidence, match=words) as refused:
        add(exchange, **changes)
    assert refused.value.field == field


def test_evidence_is_about_an_expertise_and_what_is_broader(exchange: Database) -> None:
    """Of one giver; evidence of a broader expertise says nothing of a part of it."""
    with exchange.write() as session:
        for reference, code in (("part", "maths-primary"), ("other", "reading")):
            offer = session.scalars(select(Offer).where(Offer.reference == "near")).one()
            columns = {c.key: getattr(offer, c.key) for c in Offer.__table__.columns}
            mine = {"reference": reference, "expertise_code": code}
            columns.pop("id")
            session.add(Offer(**(columns | mine)))
    about = {"offer": None, "participant": "2"}
    answer(exchange, add(exchange, **about, expertise="maths-primary"))
    assert planned(exchange, NOW.date()) == {"near": 4, "far": 0, "part": 4, "other": 0}
    answer(exchange, add(exchange, **about, expertise="maths", strength=1))
    assert planned(exchange, NOW.date()) == {"near": 3, "far": 0, "part": 4, "other": 0}


def test_nothing_is_changed_only_answered_once_and_withdrawn(exchange: Database) -> None:
    """Whoever recorded it answers nothing; the same again changes nothing."""
    number = add(exchange)
    with pytest.raises(Forbidden, match="You recorded this evidence"):
        answer(exchange, number, BROKER)
    answer(exchange, number, OTHER)
    answer(exchange, number, OTHER)
    with pytest.raises(Conflict, match="has been answered"):
        answer(exchange, number, OTHER, "otherwise")
    with exchange.write() as session, pytest.raises(Stale):
        service.withdraw(session, BROKER, number, "it has ended", version=1)
    withdraw(exchange, number)
    withdraw(exchange, number)
    assert planned(exchange, NOW.date()) == {"near": 0, "far": 0}
    with exchange.read() as session:
        assert session.scalars(select(Evidence.version)).all() == [3]
    with exchange.read() as session:
        assert verify(session).fault is None
    with pytest.raises(Conflict, match="it was withdrawn"):
        answer(exchange, add_withdrawn(exchange))
    with pytest.raises(Conflict, match="is a claim"):
        answer(exchange, claim(exchange))


def add_withdrawn(database: Database) -> int:
    number = add(database)
    withdraw(database, number)
    return number


def test_plans_prefer_what_others_say_is_good_and_say_so(exchange: Database) -> None:
    """The farther giver wins by what others say of it, and the proposal says who did."""
    before = match(exchange, FREELY, now=NOW)
    for number in range(4):
        answer(exchange, add(exchange, offer="far", body=f"made-up body {number}"), OTHER)
    today = FREELY.model_copy(update={"as_of": NOW.date(), "weights": {"quality": 1000}})
    after = match(exchange, today, now=NOW)
    with exchange.read() as session:
        query = select(Proposal.run_id, Offer.reference).join(Offer, Offer.id == Proposal.offer_id)
        offers = {run: reference for run, reference in session.execute(query)}
        components = session.scalars(
            select(Proposal.components).where(Proposal.run_id == after)
        ).one()
    assert offers == {before: "near", after: "far"}
    said = {each["name"]: each["sentence"] for each in components}["quality"]
    assert said == (
        "The quality of this support counts as 5 out of 5: 4 accreditations say 5, from 2026; the "
        "supporting organisation itself claims nothing."
    )


def test_another_day_of_the_month_reads_the_same_quality(exchange: Database) -> None:
    """Decay is of the first of the month; evidence is part of what makes a run changed."""
    number = add(exchange, on_day=date(2020, 9, 1))
    answer(exchange, number)
    steps = [planned(exchange, date(2026, 10, day)) for day in (1, 17, 31)]
    assert steps[0] == steps[1] == steps[2] == {"near": 2, "far": 0}
