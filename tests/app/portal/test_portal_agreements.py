"""What both sides say to a proposal, and its approval, through the portal without JavaScript."""

import pytest
from sqlalchemy import select

from app.access.policy import Role, Scope
from app.database import Database
from app.portal import labels
from app.portal.choices import ReviewAction
from app.portal.labels import CONSENT_FIELDS, DONE, LABELS, NOTE_NEEDED, RESPONSE_FIELDS
from models.exchange import Need
from models.matching import Agreement, Decision, Proposal, PublicationConsent
from models.vocabulary import DeclineReason, ProposalState, Says, ScopeKind, Side
from tests import runs
from tests.callers import csv_rows
from tests.factories import told
from tests.portal import BASE, Page, Visitor, broker

DECIDE = "/proposals/decide"
YES = {"says": "yes", "said_by": "headteacher"} | told()
NO = YES | {"says": "no", "said_by": "head"}
SIDES, STATES = LABELS[Side], LABELS[ProposalState]


def moved_to(state: ProposalState) -> str:
    """What the page says once a response is saved."""
    return f"Response saved. The state of the proposal is now: {STATES[state].lower()}"


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    return runs.matched(sqlite_database)


@pytest.fixture
def who(exchange: Database) -> Visitor:
    """A broker whose one proposal is preferred."""
    visitor = broker(exchange)
    visitor.send(visitor.open("/proposals/1"), DECIDE, action="prefer")
    return visitor


def answer(who: Visitor, side: str, **given: str) -> Page:
    path = f"/proposals/1/agreements/{side}"
    return who.send(who.open(path), path, **given)


def state(database: Database) -> str:
    with database.read() as session:
        return session.get_one(Proposal, 1).state


@pytest.mark.parametrize("order", [("taker", "giver"), ("giver", "taker")])
def test_both_sides_say_yes_and_it_is_approved(
    who: Visitor, exchange: Database, order: tuple[str, str]
) -> None:
    """Each answer is recorded with the role of who gave it; then, and only then, it can be."""
    assert "Approve" not in who.open("/proposals/1").text
    form = who.open(f"/proposals/1/agreements/{order[0]}")
    assert "2 days of Maths to Oak School in 2026-27. Public money: not recorded" in form.text
    page = answer(who, order[0], **YES)
    assert moved_to(ProposalState.PREFERRED) in page.text
    page = answer(who, order[1], **YES, reason="capacity", note="left over from a no")
    assert moved_to(ProposalState.AGREED) in page.text
    assert f"{SIDES[Side.TAKER]} said yes headteacher by telephone on " in page.text
    assert "saved by test (administrator)" in page.text
    refused = who.send(who.send(page, DECIDE, action="approve"), DECIDE)
    assert "because you put it forward" in refused.text
    who = broker(exchange)
    ask = who.send(who.open("/proposals/1"), DECIDE, action="approve")
    assert labels.CONSEQUENCES[ReviewAction.APPROVE] in ask.text
    assert f"Proposal {DONE[ReviewAction.APPROVE]}" in who.send(ask, DECIDE).text
    assert state(exchange) == "approved"


@pytest.mark.parametrize(
    ("action", "then"),
    [
        (ReviewAction.APPROVE_WITH_CONDITIONS, "approved_with_conditions"),
        (ReviewAction.DEFER, "deferred"),
    ],
)
def test_conditions_and_deferrals_say_which(
    who: Visitor, exchange: Database, action: ReviewAction, then: str
) -> None:
    """Neither can be recorded without the words that go with it."""
    answer(who, "taker", **YES)
    answer(who, "giver", **YES)
    who = broker(exchange)
    ask = who.send(who.open("/proposals/1"), DECIDE, action=action)
    page = who.send(ask, DECIDE)
    assert (page.status, NOTE_NEEDED[action] in page.text) == (422, True)
    who.send(ask, DECIDE, note="once the new timetable stands")
    assert state(exchange) == then
    with exchange.read() as session:
        query = select(Decision.note).order_by(Decision.id.desc()).limit(1)
        assert session.scalar(query) == "once the new timetable stands"


def test_a_no_says_why_and_declines(who: Visitor, exchange: Database) -> None:
    """What is missing is told at its field and nothing is recorded until it is there."""
    for given, error, at in (
        ({}, RESPONSE_FIELDS["says"].enter, "#says"),
        ({"says": "yes"}, RESPONSE_FIELDS["said_by"].enter, "#said_by"),
        ({"says": "no", "said_by": "head"}, RESPONSE_FIELDS["reason"].enter, "#reason"),
        (NO | {"reason": "other"}, "needs a note", None),
        (YES | {"said_by": "broker"}, "cannot speak for the supporting", "#said_by"),
        (YES | {"said_by": "h" * 101}, "must be 100 characters or fewer", "#said_by"),
        (YES | {"channel": ""}, RESPONSE_FIELDS["channel"].enter, "#channel"),
        (
            YES | {"channel": "in_service"},
            "as the channel: in person, by telephone",
            "#channel",
        ),
        (YES | {"said_on": ""}, RESPONSE_FIELDS["said_on"].enter, "#said_on"),
        (YES | {"said_on": "1/2/2100"}, "cannot have told you on 1 February 2100", "#said_on"),
    ):
        page = answer(who, "giver", **given)
        assert (page.status, error in page.text) == (422, True), page.text
        assert at is None or at in page.links
    with exchange.read() as session:
        assert session.scalars(select(Agreement)).all() == []
    page = answer(who, "giver", **NO, reason="capacity", note="no staff")
    assert moved_to(ProposalState.DECLINED) in page.text
    assert f"{SIDES[Side.GIVER]} said no" in page.text
    assert LABELS[DeclineReason][DeclineReason.CAPACITY].lower() in page.text
    assert state(exchange) == "declined"


def test_errors_are_listed_in_the_order_of_the_page(who: Visitor, exchange: Database) -> None:
    """All of them, whatever was looked at first."""
    page = answer(who, "giver")
    listed = [each for each in page.links if each.startswith("#") and each != "#main-content"]
    assert listed == ["#says", "#said_by", "#channel", "#said_on"]


def test_an_answer_to_an_older_state_is_not_taken(who: Visitor, exchange: Database) -> None:
    """Nor one to what is not preferred yet; what stands is said, and nothing is lost."""
    path = "/proposals/1/agreements/taker"
    form = who.open(path)
    answer(who, "giver", **YES)
    page = who.send(form, path, **YES)
    assert page.status == 422
    assert "was changed in the meantime" in page.text
    assert who.open("/proposals/1/agreements/both").status == 404
    assert who.open("/proposals/9/agreements/taker").status == 404


def test_a_change_of_the_need_voids_what_was_said(who: Visitor, exchange: Database) -> None:
    """The page tells that the answer no longer stands, and asks for it again."""
    answer(who, "taker", **YES)
    with exchange.write() as session:
        session.scalars(select(Need)).one().half_days = 6
    page = answer(who, "giver", **YES)
    assert f"{SIDES[Side.TAKER]} said yes (no longer valid)" in page.text
    assert f"{SIDES[Side.TAKER]}: Oak School , need N No response yet." in page.text
    assert state(exchange) == "preferred"


def test_the_list_shows_who_answered_and_for_whom_it_waits(who: Visitor) -> None:
    """As tags, as a filter, and in the file."""
    answer(who, "giver", **YES)
    path = "/runs/1/proposals"
    assert f"{SIDES[Side.GIVER]}: yes" in who.open(path).text
    assert "1 to 1 of 1" in who.open(f"{path}?waits=taker").text
    assert "No proposals match the filter." in who.open(f"{path}?waits=giver").text
    [row] = csv_rows(who.client.get(f"{BASE}{path}?as=csv"))
    assert (row["taker_says"], row["giver_says"]) == ("", "yes")


@pytest.mark.parametrize(
    ("urn", "sees", "sees_not"), [("1", "taker", "giver"), ("2", "giver", "taker")]
)
def test_each_side_answers_for_itself_only(
    who: Visitor, urn: str, sees: str, sees_not: str
) -> None:
    """A contact of one side can neither see nor open the form of the other."""
    who.limit_to(Role.CONTACT, Scope(ScopeKind.INSTITUTION, urn))
    page = who.open("/proposals/1")
    assert ("#decide" in page.links, "#answers" in page.links) == (False, True)
    links = page.links
    assert f"{BASE}/proposals/1/agreements/{sees}" in links
    assert f"{BASE}/proposals/1/agreements/{sees_not}" not in links
    assert who.open(f"/proposals/1/agreements/{sees}").status == 200
    assert who.open(f"/proposals/1/agreements/{sees_not}").status == 403


def test_each_side_consents_to_publish_and_takes_it_back(who: Visitor, exchange: Database) -> None:
    """Asked once both have agreed, with the role of who says so, and on record."""
    assert "Show on the public map" not in who.open("/proposals/1").text
    answer(who, "taker", **YES)
    page = answer(who, "giver", **YES)
    path = "/proposals/1/publication/{}"
    form = who.open(path.format("taker"))
    assert CONSENT_FIELDS["said_by"].enter in who.send(form, path.format("taker")).text
    assert CONSENT_FIELDS["channel"].enter in who.send(form, path.format("taker"), said_by="h").text
    page = who.send(form, path.format("taker"), said_by="headteacher", **told())
    taker, giver = (SIDES[side] for side in (Side.TAKER, Side.GIVER))
    assert f"Consent saved for the {taker.lower()}" in page.text
    assert f"{taker}: {LABELS[Says][Says.YES]} headteacher by telephone on " in page.text
    assert f"{giver}: no consent" in page.text
    page = who.send(page, path.format("taker"), withdraw="yes")
    assert f"{taker}: no consent" in page.text
    with exchange.read() as session:
        given = session.scalars(select(PublicationConsent)).one()
    assert (given.given_by, given.withdrawn_by) == ("headteacher", given.recorded_by)
    form = who.open(path.format("giver"))
    assert who.send(form, path.format("giver"), withdraw="yes").status == 404
    assert who.send(form, path.format("giver"), said_by="broker", **told()).status == 422


def test_the_page_says_whether_the_pairing_is_public(who: Visitor, exchange: Database) -> None:
    """Once it is approved and both consented; what they consent to is named."""
    for side in ("taker", "giver"):
        answer(who, side, **YES)
    approver = broker(exchange)
    for asked, side in ((who, "taker"), (approver, "giver")):
        path = f"/proposals/1/publication/{side}"
        form = asked.open(path)
        assert "that Ash School gives 2 days of Maths to Oak School." in form.text
        page = asked.send(form, path, said_by="headteacher", **told())
        kept_apart = asked.open("/proposals/1/publication/giver").text
        assert ("you recorded that of the school" in kept_apart) is (asked is who)
    assert "shows this pairing while it is approved" in page.text
    ask = approver.send(approver.open("/proposals/1"), DECIDE, action="approve")
    assert "The public map shows this pairing." in approver.send(ask, DECIDE).text
