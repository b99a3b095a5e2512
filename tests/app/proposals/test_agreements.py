"""What taker and giver say to a proposal: either order, voided by change, approved at the end."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL, Principal, Role, Scope
from app.database import Database
from app.errors import Conflict, Forbidden, Stale
from app.migrate import migrate
from app.planning.pair_constraints import Unplannable
from app.proposals import agreements, decisions, queries
from app.proposals.agreements import void_changed
from app.proposals.decisions import BadDecision, Said
from app.proposals.pair_check import NotToBeSent, RulesBroken, Spent
from app.proposals.states import NotNow
from app.proposals.succession import keep_up
from app.runs import service
from models.access import AuditEvent
from models.exchange import Need, Offer
from models.matching import Agreement, Decision, Proposal
from models.vocabulary import DecisionAction, DeclineReason, Says, ScopeKind, Side
from tests import rows
from tests.callers import csv_rows, keyed
from tests.factories import acting, heard, told
from tests.runs import FREELY, contested, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
TAKER, GIVER = Side
YES, NO = Says.YES, Says.NO
APPROVE = DecisionAction.APPROVE
CAPACITY = Said(DeclineReason.CAPACITY)


@pytest.fixture
def exchange(database: Database) -> Database:
    """One need of two days, preferred with the nearer of two givers."""
    match(contested(database), FREELY, now=NOW)
    decide(database, DecisionAction.PREFER)
    return database


def first(database: Database) -> Proposal:
    with database.read() as session:
        return session.scalars(select(Proposal).order_by(Proposal.id)).all()[0]


def decide(database: Database, action: DecisionAction) -> None:
    with database.write() as session:
        decisions.decide(session, TERMINAL, first(database).id, action, hold_days=14, now=NOW)


def agree(
    database: Database,
    side: Side,
    says: Says = YES,
    said: Said = decisions.NOTHING_SAID,
    *,
    by: str = "headteacher",
    now: datetime = NOW,
    version: int | None = None,
    principal: Principal = TERMINAL,
) -> int:
    with database.write() as session:
        made = agreements.agree(
            session,
            principal,
            first(database).id,
            side,
            says,
            heard(by, now),
            said,
            version=version,
            hold_days=14,
            now=now,
        )
        return made.id


def change(database: Database, model: type[Need] | type[Offer], **columns: Any) -> None:
    """As a broker or an import does; of the offers, the nearer one."""
    with database.write() as session:
        row = session.scalars(select(model).order_by(model.id)).all()[0]
        for name, value in columns.items():
            setattr(row, name, value)
        row.version += 1


def stands(database: Database) -> list[tuple[str, str, bool]]:
    """Side, answer and whether it stands, of every record."""
    with database.read() as session:
        found = queries.agreements_of(session, TERMINAL, first(database).id)
        return [(each.side, each.says, each.voided_at is None) for each in found]


@pytest.mark.parametrize("order", [(TAKER, GIVER), (GIVER, TAKER)])
@pytest.mark.parametrize("diligent", [True, False])
def test_both_yes_in_either_order_make_it_agreed(
    exchange: Database, order: tuple[Side, Side], diligent: bool
) -> None:
    """One yes waits for the other; agreed, it neither lapses nor lets its days go."""
    if diligent:
        decide(exchange, DecisionAction.START_DUE_DILIGENCE)
    before = first(exchange)
    agree(exchange, order[0], version=before.version)
    one = first(exchange)
    assert (one.state, one.held_until) == (before.state, before.held_until)
    agree(exchange, order[1], version=one.version)
    assert (first(exchange).state, first(exchange).held_until) == ("agreed", None)
    assert keep_up(exchange, None, NOW + timedelta(days=100)) == 0
    assert first(exchange).state == "agreed"
    with exchange.read() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)).all()[-3:]
        assert [event.action for event in events[:2]] == ["proposal.agreement"] * 2
        assert [event.detail["side"] for event in events[:2]] == list(order)
        assert (events[2].action, events[2].detail) == (
            "proposal.agreed",
            {"before": before.state, "terms": events[0].detail["terms"]},
        )
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
    with pytest.raises(Unplannable, match="no need"):
        service.match(exchange, TERMINAL, takers, rows.YEAR, FREELY, now=NOW)


@pytest.mark.parametrize("side", [TAKER, GIVER])
@pytest.mark.parametrize("other_agreed", [True, False])
def test_either_no_declines_and_the_alternate_is_offered(
    exchange: Database, side: Side, other_agreed: bool
) -> None:
    """Whatever the other said: it ends with its reason, and the days are free for the next."""
    if other_agreed:
        agree(exchange, TAKER if side is GIVER else GIVER)
    with pytest.raises(BadDecision, match="enter a reason for declining"):
        agree(exchange, side, NO)
    with pytest.raises(BadDecision, match="needs a note"):
        agree(exchange, side, NO, Said(DeclineReason.OTHER))
    made = agree(exchange, side, NO, CAPACITY)
    assert first(exchange).state == "declined"
    with exchange.read() as session:
        decision = session.scalars(select(Decision).order_by(Decision.id.desc())).first()
        assert decision is not None
        assert (decision.action, decision.reason) == ("decline", "capacity")
    assert keep_up(exchange, None, NOW) == 1
    with exchange.read() as session:
        successor = session.scalars(select(Proposal).where(Proposal.follows_id.is_not(None))).one()
        assert session.get_one(Offer, successor.offer_id).reference == "far"
    assert agree(exchange, side, NO, CAPACITY) == made, "the same again is the same"
    with pytest.raises(NotNow, match="the proposal is declined"):
        agree(exchange, side, YES)


def test_a_record_repeated_changes_nothing(exchange: Database) -> None:
    """The same answer of the same role is the same record, before and after both agreed."""
    made = agree(exchange, TAKER)
    version = first(exchange).version
    assert agree(exchange, TAKER) == made
    agree(exchange, GIVER)
    agreed = first(exchange).version
    assert agree(exchange, TAKER) == made
    assert (first(exchange).version, agreed) == (agreed, version + 1)
    assert stands(exchange) == [("taker", "yes", True), ("giver", "yes", True)]


def test_a_side_may_say_otherwise_while_the_other_thinks(exchange: Database) -> None:
    """What a side said before is voided and kept, and counts no more."""
    agree(exchange, TAKER)
    agree(exchange, TAKER, by="chair of governors")
    agree(exchange, TAKER, NO, CAPACITY)
    assert stands(exchange) == [
        ("taker", "yes", False),
        ("taker", "yes", False),
        ("taker", "no", True),
    ]


def test_nothing_is_agreed_in_another_state(exchange: Database) -> None:
    """Neither what is only proposed, nor what ended, nor what lapsed; no old version either."""
    with pytest.raises(Stale):
        agree(exchange, TAKER, version=1)
    late = NOW + timedelta(days=14)
    with pytest.raises(Conflict, match="lapsed"):
        agree(exchange, TAKER, now=late)
    with exchange.write() as session:
        session.get_one(Proposal, first(exchange).id).state = "proposed"
    with pytest.raises(NotNow, match="the proposal is proposed; it must be preferred"):
        agree(exchange, TAKER)
    decide(exchange, DecisionAction.WITHDRAW)
    with pytest.raises(NotNow, match="withdrawn"):
        agree(exchange, GIVER, NO, CAPACITY)
    assert stands(exchange) == []


def test_what_rests_on_suggestions_is_not_agreed(exchange: Database) -> None:
    """Neither yes nor no to what cannot be sent; no yes to what is no longer given."""
    change(exchange, Need, state="suggested")
    for says, said in ((YES, Said()), (NO, CAPACITY)):
        with pytest.raises(NotToBeSent, match="School 1 must confirm need N"):
            agree(exchange, TAKER, says, said)
    change(exchange, Need, state="identified")
    change(exchange, Offer, withdrawn=True)
    with pytest.raises(RulesBroken, match="does not offer this now"):
        agree(exchange, TAKER)
    agree(exchange, TAKER, NO, CAPACITY)


def test_a_yes_needs_the_days_to_be_there_still(exchange: Database) -> None:
    """Its own hold is no obstacle; an offer that shrank below it is."""
    change(exchange, Offer, half_days=3)
    with pytest.raises(Spent, match=r"for 2 days, but offer near has left 1.5 days"):
        agree(exchange, GIVER)


def test_who_may_record_whose_answer(exchange: Database) -> None:
    """Each contact its own side; a broker either, on the word of somebody of that side."""
    taker = acting(Role.CONTACT, name="taker", scope=Scope(ScopeKind.INSTITUTION, "1"))
    giver = acting(Role.CONTACT, name="giver", scope=Scope(ScopeKind.INSTITUTION, "2"))
    broker = acting(Role.BROKER, name="broker")
    approver = acting(Role.APPROVER, name="approver")
    for side, who in ((GIVER, taker), (TAKER, giver), (TAKER, approver), (GIVER, approver)):
        with pytest.raises(Forbidden):
            agree(exchange, side, principal=who)
    for nobody in ("broker", "Network leader", "administrator"):
        with pytest.raises(BadDecision, match="cannot speak for the supporting organisation"):
            agree(exchange, GIVER, by=nobody, principal=broker)
    with pytest.raises(BadDecision, match="only for a no"):
        agree(exchange, GIVER, YES, CAPACITY)
    agree(exchange, TAKER, by="taker contact", principal=taker)
    agree(exchange, GIVER, by="chief executive", principal=broker)
    with exchange.read() as session:
        of_giver = session.scalars(select(Agreement).where(Agreement.side == GIVER)).one()
        assert (of_giver.said_by, of_giver.recorded_by) == ("chief executive", "broker")
    assert first(exchange).state == "agreed"


CHANGES: list[tuple[type[Need] | type[Offer], dict[str, Any]]] = [
    (Need, {"half_days": 6}),
    (Need, {"window_ends": date(2027, 1, 31)}),
    (Offer, {"half_days": 5}),
    (Offer, {"window_starts": date(2026, 10, 1)}),
]


@pytest.mark.parametrize(("model", "columns"), CHANGES)
def test_a_change_of_days_or_dates_voids_both(
    exchange: Database, model: type[Need] | type[Offer], columns: dict[str, Any]
) -> None:
    """What was agreed to the earlier terms is so no more, and both must agree to the new ones."""
    agree(exchange, TAKER)
    agree(exchange, GIVER)
    change(exchange, model, **columns)
    with pytest.raises(NotNow, match="to agree again"):
        decide(exchange, APPROVE)
    assert void_changed(exchange, 14, NOW) == 1
    assert void_changed(exchange, 14, NOW) == 0
    again = first(exchange)
    assert (again.state, again.held_until) == ("due_diligence", NOW + timedelta(days=14))
    assert [each[2] for each in stands(exchange)] == [False, False]
    agree(exchange, GIVER)
    agree(exchange, TAKER)
    decide(exchange, APPROVE)
    assert first(exchange).state == "approved"


def test_a_change_between_the_two_answers_is_found_with_the_second(exchange: Database) -> None:
    """The first yes was to something else: it takes another one."""
    agree(exchange, TAKER)
    change(exchange, Offer, half_days=6)
    agree(exchange, GIVER)
    assert first(exchange).state == "preferred"
    assert stands(exchange) == [("taker", "yes", False), ("giver", "yes", True)]
    agree(exchange, TAKER)
    assert first(exchange).state == "agreed"


def test_what_is_no_part_of_the_terms_voids_nothing(exchange: Database) -> None:
    """A new priority or a need's next state is no change of days, dates or aims."""
    agree(exchange, TAKER)
    agree(exchange, GIVER)
    change(exchange, Need, priority=1, state="diagnosed")
    assert void_changed(exchange, 14, NOW) == 0
    decide(exchange, DecisionAction.DEFER)
    decide(exchange, DecisionAction.APPROVE_WITH_CONDITIONS)
    change(exchange, Need, half_days=6)
    assert void_changed(exchange, 14, NOW) == 0, "what was approved is not undone by an edit"


@pytest.mark.parametrize(
    ("model", "columns"), [(Offer, {"withdrawn": True}), (Need, {"state": "closed"})]
)
def test_a_withdrawal_ends_an_agreement(
    exchange: Database, model: type[Need] | type[Offer], columns: dict[str, Any]
) -> None:
    """Nobody approves what one side took back; unanswered, it lapses and holds no more."""
    agree(exchange, TAKER)
    agree(exchange, GIVER)
    decide(exchange, DecisionAction.DEFER)
    change(exchange, model, **columns)
    with pytest.raises(NotNow, match="changed"):
        decide(exchange, APPROVE)
    assert void_changed(exchange, 14, NOW) == 1
    with pytest.raises((RulesBroken, Spent), match=r"no longer|does not offer"):
        agree(exchange, TAKER)
    keep_up(exchange, None, NOW + timedelta(days=14))
    assert first(exchange).state == "lapsed"


def test_an_older_version_asks_both_again(exchange: Database) -> None:
    """Going back a step leaves nothing agreed that nobody there could tell who agreed to."""
    agree(exchange, TAKER)
    agree(exchange, GIVER)
    migrate(exchange, "0007_runs")
    migrate(exchange)
    back = first(exchange)
    assert (back.state, stands(exchange)) == ("due_diligence", [])
    assert back.held_until is not None


def test_both_sides_at_the_same_moment_agree(exchange: Database) -> None:
    """Eight records at once: one of each side stands, and the proposal is agreed."""
    barrier = threading.Barrier(8)
    raised: list[BaseException] = []

    def one(call: Callable[[], object]) -> None:
        barrier.wait()
        try:
            call()
        except BaseException as error:
            raised.append(error)

    threads = [
        threading.Thread(target=one, args=(lambda side=side: agree(exchange, side),))
        for side in (TAKER, GIVER) * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []
    assert sorted(stands(exchange)) == [("giver", "yes", True), ("taker", "yes", True)]
    assert first(exchange).state == "agreed"


def test_from_a_proposal_to_its_approval_over_http(exchange: Database) -> None:
    """Versions and keys bind; the proposal shows what stands, the list all that was said."""
    # By the clock of the machine, not of this test.
    with exchange.write() as session:
        session.get_one(Proposal, first(exchange).id).held_until = datetime.now(UTC) + timedelta(1)
    url = f"/api/v1/proposals/{first(exchange).id}"
    taker = {"side": "taker", "says": "yes", "said_by": "headteacher", **told()}
    giver = {"side": "giver", "says": "yes", "said_by": "chief executive", **told()}
    with keyed(exchange) as client:
        tag = client.get(url).headers["etag"]
        assert client.post(f"{url}/agreements", json=taker).status_code == 428
        sent = {"If-Match": tag, "Idempotency-Key": "k"}
        made, again = (client.post(f"{url}/agreements", json=taker, headers=sent) for _ in range(2))
        assert (made.status_code, made.json()) == (again.status_code, again.json())
        assert made.status_code == 201, made.text
        assert made.headers["location"] == url
        stale = client.post(f"{url}/agreements", json=giver, headers={"If-Match": tag})
        assert stale.status_code == 412
        early = client.post(
            f"{url}/decisions", json={"action": "approve"}, headers={"If-Match": "*"}
        )
        assert early.json()["type"] == "urn:givetake:problem:not-now"
        refused = client.post(
            f"{url}/agreements", json=giver | {"says": "no"}, headers={"If-Match": "*"}
        )
        assert refused.json()["type"] == "urn:givetake:problem:bad-decision"
        newest = {"If-Match": made.headers["etag"]}
        done = client.post(f"{url}/agreements", json=giver, headers=newest)
        shown = client.get(url).json()
        assert shown["state"] == "agreed"
        assert [each["side"] for each in shown["agreements"]] == ["taker", "giver"]
        assert client.get(f"{url}/agreements").json()["items"] == shown["agreements"]
        table = csv_rows(client.get(f"{url}/agreements", headers={"Accept": "text/csv"}))
        assert list(table[0])[:5] == ["id", "proposal", "side", "says", "said_by"]
        approve = {"action": "approve_with_conditions"}
        newest = {"If-Match": done.headers["etag"]}
        assert client.post(f"{url}/decisions", json=approve, headers=newest).status_code == 403
    with keyed(exchange) as another:
        approved = another.post(f"{url}/decisions", json=approve, headers=newest)
        assert approved.json()["state_after"] == "approved_with_conditions"
        assert another.get(url).json()["held_until"] is None
