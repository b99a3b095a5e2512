"""The rules of a pair, asked again with the rows of today by whoever decides."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.access.policy import TERMINAL, Principal, Role
from app.database import Database
from app.errors import Forbidden, Stale
from app.portal.labels import EXCEPTION_NEEDED
from app.proposals import agreements, decisions
from app.proposals.pair_check import (
    NoException,
    RulesBroken,
    Spent,
    pair_today_if_any,
    rule_results,
)
from app.proposals.queries import Full, get_proposal
from models.access import AuditEvent
from models.exchange import Need, Offer
from models.matching import Proposal, RuleException
from models.register import Participant
from models.vocabulary import DecisionAction, Mode, Phase, Says, Side
from solver.pairing.pair_rules import PAIR_RULES
from tests import rows
from tests.callers import keyed
from tests.factories import acting, heard
from tests.portal import broker
from tests.runs import FREELY, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
APPROVER = acting(Role.APPROVER, name="approver")
Change = Callable[[Session], Any]


def changed(model: type[Need] | type[Offer], **columns: Any) -> Change:
    return lambda session: session.execute(update(model).values(**columns))


def closed(session: Session, urn: int) -> None:
    session.execute(
        update(rows.Institution).where(rows.Institution.urn == urn).values(in_scope=False)
    )


@pytest.fixture
def exchange(database: Database) -> Database:
    """One need that a school 7.2 miles away can meet, on site, proposed in run 1."""
    with database.write() as session:
        rows.add_calendar(session)
        oak = rows.add_school(session, 1, name="Oak School")
        rows.add_need(session, "N", oak, mode=Mode.EITHER, half_days_min=2)
        ash = rows.add_school(session, 2, 7.2, name="Ash School")
        rows.add_offer(session, "O", ash, mode=Mode.EITHER, half_days=12)
    match(database, FREELY, now=NOW)
    return database


def decide(database: Database, action: DecisionAction = DecisionAction.PREFER) -> None:
    with database.write() as session:
        decisions.decide(session, TERMINAL, 1, action, hold_days=14, now=NOW)


def agree(database: Database, side: Side) -> None:
    with database.write() as session:
        agreements.agree(session, TERMINAL, 1, side, Says.YES, heard(on=NOW), hold_days=14, now=NOW)


def results(database: Database) -> dict[str, Any]:
    with database.read() as session:
        full: Full = get_proposal(session, TERMINAL, 1)
        today = pair_today_if_any(session, full.proposal, full.need, full.offer, NOW)
        return {each.rule: each for each in rule_results(full.proposal, today)}


BREAKING = [
    (
        "too_far",
        changed(Need, travel_limit_miles=1.0),
        "7.2 miles apart, beyond the school receiving support's limit of 1 mile",
    ),
    ("mode", changed(Need, mode=Mode.REMOTE), "on site, but the need is for remote support only"),
    ("mode", changed(Offer, mode=Mode.REMOTE), "on site, but the offer is for remote support only"),
    (
        "window",
        lambda session: (
            changed(Need, window_ends=date(2026, 12, 31))(session),
            changed(Offer, window_starts=date(2027, 1, 1))(session),
        ),
        "the need is from 2 September 2026 to 31 December 2026, "
        "the offer is from 1 January 2027 to 31 August 2027",
    ),
    (
        "phase",
        changed(Offer, phases=[Phase.SECONDARY]),
        "The offer is for secondary; the school teaches primary",
    ),
    ("other_expertise", changed(Need, expertise_code="reading"), "Maths does not cover a need for"),
    ("not_offering", changed(Offer, withdrawn=True), "does not offer this now"),
    (
        "giver_may_not_give",
        lambda session: closed(session, 2),
        "stops the supporting organisation from giving",
    ),
    ("taker_may_not_take", lambda session: closed(session, 1), "support is closed"),
    (
        "unknown_position",
        lambda session: session.execute(
            update(Participant)
            .where(Participant.reference == "urn:2")
            .values(latitude=None, longitude=None)
        ),
        "position of one side",
    ),
]


@pytest.mark.parametrize(("rule", "change", "sentence"), BREAKING)
def test_a_pair_that_came_to_break_a_rule_goes_no_further(
    exchange: Database, rule: str, change: Change, sentence: str
) -> None:
    """What passed is shown as it was then; prefer, a yes and approval say what broke since."""
    before = results(exchange)
    assert len(before) == len(PAIR_RULES)
    assert all(each.holds and each.recorded for each in before.values())
    decide(exchange)
    agree(exchange, Side.TAKER)
    with exchange.write() as session:
        change(session)
    after = results(exchange)
    assert {name for name, each in after.items() if each.holds is False} == {rule}
    assert after[rule].sentence == before[rule].sentence
    assert sentence in after[rule].today.sentence
    with pytest.raises(RulesBroken, match=sentence):
        agree(exchange, Side.GIVER)


@pytest.mark.parametrize(("rule", "change", "sentence"), BREAKING)
def test_a_broken_pair_is_not_preferred(
    exchange: Database, rule: str, change: Change, sentence: str
) -> None:
    """Before anything is held the same rules are asked."""
    with exchange.write() as session:
        change(session)
    with pytest.raises(RulesBroken, match=sentence):
        decide(exchange)


def test_a_broken_pair_is_not_approved(exchange: Database) -> None:
    """A position is no part of what both agreed to: the rule says what approval would break."""
    decide(exchange)
    agree(exchange, Side.TAKER)
    agree(exchange, Side.GIVER)
    with exchange.write() as session:
        far = update(Participant).where(Participant.reference == "urn:2").values(latitude=56.0)
        session.execute(far)
    with pytest.raises(RulesBroken, match=r"69\.\d miles apart, beyond .* limit of 20 miles"):
        decide(exchange, DecisionAction.APPROVE)


@pytest.mark.parametrize("urn", [1, 2])
def test_a_closed_side_stops_every_decision_that_goes_on(exchange: Database, urn: int) -> None:
    """A taker that closed is stopped like a giver: at due diligence, at a yes, at approval."""
    decide(exchange)
    with exchange.write() as session:
        closed(session, urn)
    with pytest.raises(RulesBroken, match="closed"):
        decide(exchange, DecisionAction.START_DUE_DILIGENCE)
    with pytest.raises(RulesBroken, match="closed"):
        agree(exchange, Side.GIVER)
    with exchange.write() as session:
        session.execute(update(rows.Institution).values(in_scope=True))
    agree(exchange, Side.GIVER)
    agree(exchange, Side.TAKER)
    with exchange.write() as session:
        closed(session, urn)
    with pytest.raises(RulesBroken, match="closed"):
        decide(exchange, DecisionAction.APPROVE)


def test_a_minimum_above_the_proposals_days_stops_it(exchange: Database) -> None:
    """The proposal is for two days; a need that has come to need five is not served by it."""
    with exchange.write() as session:
        changed(Need, half_days=10, half_days_min=10)(session)
    with pytest.raises(Spent, match="for 2 days, but need N now needs at least 5 days"):
        decide(exchange)


def test_an_exception_lets_it_go_on_and_is_recorded(exchange: Database) -> None:
    """Who may approve may let the distance be; the same again changes nothing."""
    with exchange.write() as session:
        changed(Need, travel_limit_miles=1.0)(session)

    def allow(rule: str, principal: Principal = APPROVER, version: int | None = None) -> None:
        with exchange.write() as session:
            decisions.allow_exception(
                session, principal, 1, rule, "a direct train", version=version, now=NOW
            )

    with pytest.raises(Forbidden):
        allow("too_far", acting(Role.BROKER, name="broker"))
    with pytest.raises(NoException, match="there can be from unknown_position, too_far"):
        allow("mode")
    with pytest.raises(NoException, match="no exception from 'nonsense'"):
        allow("nonsense")
    with pytest.raises(NoException, match="keeps the rule 'phase'"):
        allow("phase")
    with pytest.raises(Stale):
        allow("too_far", version=7)
    allow("too_far", version=1)
    allow("too_far")
    with exchange.read() as session:
        (made,) = session.scalars(select(RuleException)).all()
        assert (made.rule, made.reason, made.author) == ("too_far", "a direct train", "approver")
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc())).first()
        assert event is not None
        assert (event.action, event.detail["rule"]) == ("proposal.exception", "too_far")
        assert session.get_one(Proposal, 1).version == 2
    decide(exchange)
    agree(exchange, Side.TAKER)
    with exchange.write() as session:
        changed(Need, travel_limit_miles=0.5)(session)
    with pytest.raises(RulesBroken, match=r"limit of 0\.5 miles"):
        agree(exchange, Side.GIVER)


def test_a_remote_pair_is_not_bound_by_distance(exchange: Database) -> None:
    """Remote when planned, it stays so: only a side that has come to want it on site breaks it."""
    with exchange.write() as session:
        session.execute(update(Proposal).values(remote=True, distance_m=None))
        changed(Need, travel_limit_miles=1.0)(session)
    assert results(exchange)["too_far"].holds
    with exchange.write() as session:
        changed(Offer, mode=Mode.ON_SITE)(session)
    with pytest.raises(RulesBroken, match="remotely, but the offer is for support on site only"):
        decide(exchange)


def test_an_older_proposal_shows_what_holds_today(exchange: Database) -> None:
    """Of proposals made before figures were kept nothing is claimed to have passed."""
    with exchange.write() as session:
        session.execute(update(Proposal).values(rule_figures=None))
        changed(Need, travel_limit_miles=1.0)(session)
    found = results(exchange)
    assert not any(each.recorded for each in found.values())
    assert [name for name, each in found.items() if not each.holds] == ["too_far"]
    with exchange.write() as session:
        session.execute(update(Proposal).values(state="declined"))
    assert results(exchange) == {}


def test_the_page_and_http_tell_then_and_now(exchange: Database) -> None:
    """What passed stays; what no longer holds is named, with a form for who may approve."""
    who = broker(exchange)
    assert "No longer holds" not in who.open("/proposals/1").text
    with exchange.write() as session:
        changed(Need, travel_limit_miles=1.0)(session)
    page = who.open("/proposals/1")
    assert page.faults == []
    assert "7.2 miles apart, within the school receiving support's limit of 20 miles" in page.text
    assert "beyond the school receiving support's limit of 1 mile" in page.text
    nothing = who.send(page, "/proposals/1/exceptions/too_far")
    assert EXCEPTION_NEEDED in nothing.text
    said = who.send(nothing, "/proposals/1/exceptions/too_far", reason="a direct train")
    assert "Exception saved" in said.text
    assert "a direct train" in said.text
    with keyed(exchange) as client:
        shown = client.get("/api/v1/proposals/1")
        rule = next(each for each in shown.json()["rules"] if each["rule"] == "too_far")
        assert (rule["holds"], rule["can_be_excepted"]) == (False, False)
        assert rule["exception"]["reason"] == "a direct train"
        assert "beyond" in rule["today"]
        answer = client.post(
            "/api/v1/proposals/1/exceptions",
            json={"rule": "mode", "reason": "no"},
            headers={"If-Match": shown.headers["etag"]},
        )
        assert (answer.status_code, answer.json()["title"]) == (422, "No exception is possible")
