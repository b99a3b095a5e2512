"""Asking both sides and the home head by link, and what their answers lead to."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.access.mailboxes import mailbox_of
from app.access.persons import persons_of, same_person
from app.access.policy import TERMINAL, Action, Link, Principal, Role, Scope, may
from app.consent import answers
from app.consent.answers import BadAnswer
from app.consent.links import NoSuchLink, request_of, token_of
from app.consent.service import AlreadyClosed, CannotAsk, Choice, Whom
from app.consent.talks import record_talk
from app.contacts.service import erase_contact
from app.database import Database
from app.errors import Conflict, Forbidden, NotFound
from app.events import audit
from app.events.verify import verify
from app.proposals import agreements, decisions
from app.proposals.agreements import approval_if_any, void_changed
from app.proposals.approval_rules import BY_ONE, NOT_RELEASED
from app.proposals.decisions import Said
from app.proposals.queries import alternates_of, get_proposal
from app.proposals.states import NotNow
from app.proposals.succession import keep_up
from app.proposals.terms import standing
from models.access import AuditEvent
from models.consent import ConsentRequest, Mail
from models.contacts import Contact
from models.exchange import Need, Offer
from models.matching import Agreement, Alternate, Decision, Proposal
from models.people import User, UserDetails
from models.register import Participant
from models.vocabulary import (
    DecisionAction,
    DeclineReason,
    Party,
    Reply,
    RequestState,
    Says,
    ScopeKind,
    Side,
)
from solver.pairing.pair_rules import TOO_FAR
from tests.consent import (
    NOW,
    SECRET,
    answer,
    ask,
    delivered,
    latest,
    link,
    preferred,
    proposal,
    requests,
    states,
)
from tests.factories import acting, heard
from tests.rows import add_network

BOTH = Whom(1, 2)
ALL = Whom(1, 2, 4)
YES, NO, TALK = Reply
CAPACITY = DeclineReason.CAPACITY
BROKER = acting(Role.BROKER, name="broker")


@pytest.fixture
def exchange(database: Database) -> Database:
    return preferred(database)


def said(database: Database, proposal_id: int = 1) -> list[tuple[str, str, str]]:
    with database.read() as session:
        return [(each.side, each.says, each.recorded_by) for each in standing(session, proposal_id)]


def test_both_sides_are_asked_and_agree(exchange: Database) -> None:
    """Each answer is that side's agreement, by a link; the hold ends with the links."""
    taker, giver = ask(exchange, BOTH)
    assert states(exchange) == [("taker", "open"), ("giver", "open")]
    assert proposal(exchange).held_until == NOW + timedelta(days=7)
    assert answer(exchange, taker) == "yes"
    assert proposal(exchange).state == "preferred"
    assert answer(exchange, giver) == "yes"
    assert proposal(exchange).state == "agreed"
    assert said(exchange) == [
        ("taker", "yes", f"link:{taker}"),
        ("giver", "yes", f"link:{giver}"),
    ]
    with exchange.read() as session:
        assert [each.channel for each in standing(session, 1)] == ["in_service"] * 2
    with exchange.snapshot() as session:
        assert verify(session).fault is None


def test_the_home_head_is_asked_first(exchange: Database) -> None:
    """The giver's link is sent only after the yes; a no ends it for capacity."""
    ask(exchange, ALL)
    assert states(exchange) == [("taker", "open"), ("giver", "waiting"), ("home_head", "open")]
    home = latest(exchange, Party.HOME_HEAD)
    later = NOW + timedelta(days=2)
    answer(exchange, home.id, now=later)
    giver = latest(exchange, Party.GIVER)
    assert (giver.state, giver.expires_at) == ("open", later + timedelta(days=7))
    assert proposal(exchange).held_until == later + timedelta(days=7)
    with exchange.read() as session:
        mails = session.scalars(select(Mail.request_id).order_by(Mail.id)).all()
        assert sorted(mails) == [each.id for each in requests(exchange)]


def test_a_home_head_who_says_no_ends_it(exchange: Database) -> None:
    """As declined for capacity; who was asked, or was to be, is asked no more."""
    ask(exchange, ALL)
    answer(exchange, latest(exchange, Party.HOME_HEAD).id, NO, note="we are short of staff")
    assert proposal(exchange).state == "declined"
    assert states(exchange) == [("taker", "ended"), ("giver", "ended"), ("home_head", "no")]
    with exchange.read() as session:
        last = session.scalars(select(Decision).order_by(Decision.id.desc())).first()
        assert last is not None
        assert (last.reason, last.author) == ("capacity", "link:3")
    with pytest.raises(AlreadyClosed, match="The proposal has ended: it is declined"):
        answer(exchange, latest(exchange, Party.TAKER).id)


def test_a_no_needs_a_reason_and_declines(exchange: Database) -> None:
    """And what is missing is said at its field, with nothing used up."""
    taker, _ = ask(exchange, BOTH)
    for given, field in (
        ({"says": NO}, "reason"),
        ({"says": NO, "reason": DeclineReason.OTHER}, "note"),
        ({"role": "  "}, "role"),
        ({"role": "broker"}, "role"),
    ):
        with pytest.raises(BadAnswer) as bad:
            answer(exchange, taker, **given)  # type: ignore[arg-type]
        assert bad.value.field == field
    assert latest(exchange, Party.TAKER).state == "open"
    answer(exchange, taker, NO, reason=CAPACITY)
    assert (proposal(exchange).state, states(exchange)) == (
        "declined",
        [("taker", "no"), ("giver", "ended")],
    )
    assert keep_up(exchange, None, NOW) == 1, "the next organisation is offered"


def test_talk_first_keeps_it_held(exchange: Database) -> None:
    """For as long as a hold lasts; the link is used up, and the broker may ask again."""
    taker, giver = ask(exchange, BOTH)
    later = NOW + timedelta(days=3)
    assert answer(exchange, taker, TALK, now=later) == "talk_first"
    assert (proposal(exchange).state, proposal(exchange).held_until) == (
        "preferred",
        later + timedelta(days=14),
    )
    with pytest.raises(AlreadyClosed, match="the answer “talk to us first” was saved"):
        answer(exchange, taker, now=later)
    ask(exchange, Whom(taker=1), now=later)
    assert states(exchange)[-1] == ("taker", "open")
    assert latest(exchange, Party.GIVER).id == giver


def test_a_wish_to_talk_holds_the_days_once(exchange: Database) -> None:
    """Told again and again, by the link or by telephone, it keeps nobody's days for longer."""
    ask(exchange, BOTH)
    three, nine = NOW + timedelta(days=3), NOW + timedelta(days=6)

    def told(now: datetime) -> None:
        with exchange.write() as session:
            record_talk(session, BROKER, 1, Side.TAKER, heard("head", now), hold_days=14, now=now)

    told(three)
    until, version = proposal(exchange).held_until, proposal(exchange).version
    assert until == three + timedelta(days=14)
    told(nine)
    assert (proposal(exchange).held_until, proposal(exchange).version) == (until, version)


@pytest.mark.parametrize("again", [YES, NO])
def test_a_link_takes_one_answer(exchange: Database, again: Reply) -> None:
    """Used twice it says what was saved and when, and loses nothing."""
    taker, _ = ask(exchange, BOTH)
    answer(exchange, taker)
    with pytest.raises(AlreadyClosed, match="was saved on 2 September 2026, 12:00 UTC"):
        answer(exchange, taker, again, reason=CAPACITY)
    assert said(exchange) == [("taker", "yes", f"link:{taker}")]


def test_a_link_used_by_many_at_once_counts_once(exchange: Database) -> None:
    """Whoever comes second is told."""
    taker, _ = ask(exchange, BOTH)
    told: list[str] = []
    start = threading.Barrier(4)

    def use() -> None:
        start.wait()
        try:
            told.append(answer(exchange, taker))
        except AlreadyClosed:
            told.append("closed")

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["closed", "closed", "closed", "yes"]
    assert len(said(exchange)) == 1


def test_all_answer_at_once(exchange: Database) -> None:
    """Both sides and the home head, each through their own link: nobody waits for ever."""
    ask(exchange, Whom(taker=1, home_head=4))
    ask(exchange, Whom(taker=1, giver=2))
    answer(exchange, latest(exchange, Party.HOME_HEAD).id)
    pending = [each.id for each in requests(exchange) if each.state == "open"]
    start = threading.Barrier(len(pending))
    told: list[str] = []

    def use(request_id: int) -> None:
        start.wait()
        told.append(answer(exchange, request_id))

    threads = [threading.Thread(target=use, args=(each,)) for each in pending]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (told, proposal(exchange).state) == (["yes", "yes"], "agreed")


def test_a_link_that_is_too_old_says_so(exchange: Database) -> None:
    """At the moment at which it ends, whether a worker has noticed or not."""
    taker, _ = ask(exchange, BOTH)
    with exchange.write() as session:
        # A hold that goes on, as after due diligence was started.
        session.execute(update(Proposal).values(held_until=NOW + timedelta(days=20)))
    with pytest.raises(AlreadyClosed, match="until 9 September 2026, 12:00 UTC"):
        answer(exchange, taker, now=NOW + timedelta(days=7))
    assert said(exchange) == []


def test_a_telephone_answer_closes_the_link(exchange: Database) -> None:
    """In the same transaction; the other link stays open."""
    taker, _ = ask(exchange, BOTH)
    with exchange.write() as session:
        agreements.agree(
            session, BROKER, 1, Side.TAKER, Says.YES, heard(on=NOW), hold_days=14, now=NOW
        )
    assert states(exchange) == [("taker", "otherwise"), ("giver", "open")]
    with pytest.raises(AlreadyClosed, match="recorded in another way"):
        answer(exchange, taker)
    with pytest.raises(NotNow, match="school receiving support has responded already"):
        ask(exchange, Whom(taker=1))


def test_a_home_head_answers_by_telephone(exchange: Database) -> None:
    """A broker writes it down, and the giver is asked; who was not asked cannot be recorded."""

    def record(says: Reply = YES) -> None:
        with exchange.write() as session:
            answers.record_release(session, BROKER, 1, says, heard(on=NOW), hold_days=14, now=NOW)

    with pytest.raises(NotNow, match="No head who releases the person was asked"):
        record()
    ask(exchange, ALL)
    record(TALK)
    assert states(exchange) == [
        ("taker", "open"),
        ("giver", "waiting"),
        ("home_head", "talk_first"),
    ]
    record()
    assert latest(exchange, Party.GIVER).state == "open"
    assert latest(exchange, Party.HOME_HEAD).channel == "telephone"
    with pytest.raises(AlreadyClosed, match="has been used"):
        answer(exchange, latest(exchange, Party.HOME_HEAD).id)


def test_changed_terms_void_and_ask_again_once(exchange: Database) -> None:
    """Open links and answers alike, with what was and what is; the order begins anew."""
    ask(exchange, ALL)
    answer(exchange, latest(exchange, Party.HOME_HEAD).id)
    answer(exchange, latest(exchange, Party.TAKER).id)
    with exchange.write() as session:
        agreements.set_public_money(session, BROKER, 1, 1800, hold_days=14, now=NOW)
    assert void_changed(exchange, 14, NOW) == 0, "it was done with the change"
    assert states(exchange) == [
        ("taker", "yes"),
        ("giver", "voided"),
        ("home_head", "yes"),
        ("taker", "open"),
        ("giver", "waiting"),
        ("home_head", "open"),
    ]
    assert said(exchange) == []
    first = requests(exchange)[0]
    assert first.why == (
        "The terms changed: public money: not recorded, now £1,800. We will send you a new link."
    )
    with pytest.raises(AlreadyClosed, match="Your answer no longer counts"):
        answer(exchange, first.id)
    with pytest.raises(AlreadyClosed, match="This link no longer works"):
        answer(exchange, requests(exchange)[1].id)


def test_a_change_that_nobody_noticed_is_not_answered(exchange: Database) -> None:
    """Whoever answers to older days voids the link instead, and gets a new one."""
    taker, _ = ask(exchange, BOTH)
    with exchange.write() as session:
        session.execute(update(Need).values(window_ends=NOW.date().replace(month=12)))
    assert answer(exchange, taker) == "voided"
    assert said(exchange) == []
    assert states(exchange) == [
        ("taker", "voided"),
        ("giver", "voided"),
        ("taker", "open"),
        ("giver", "open"),
    ]
    assert "last day of the need: 31 August 2027, now 2 December 2026" in str(
        requests(exchange)[0].why
    )
    assert void_changed(exchange, 14, NOW) == 0


def test_what_is_no_longer_wanted_is_not_asked_again(exchange: Database) -> None:
    """Nobody gets a link to what has gone."""
    ask(exchange, BOTH)
    with exchange.write() as session:
        session.execute(update(Need).values(state="closed"))
    assert void_changed(exchange, 14, NOW) == 1
    assert states(exchange) == [("taker", "voided"), ("giver", "voided")]


def test_the_school_picks_another(exchange: Database) -> None:
    """The alternate becomes the preferred proposal and is asked on; the first is withdrawn."""
    taker, _ = ask(exchange, Whom(1, 2, choices=(Choice("far", 3),)), who=BROKER)
    assert states(exchange) == [("taker", "open"), ("giver", "waiting")]
    other = requests(exchange)[0].choices[0]["proposal"]
    assert proposal(exchange, other).state == "proposed"
    for chosen, wrong in ((None, "Select the organisation"), (999, "that you were offered")):
        with pytest.raises(BadAnswer, match=wrong):
            answer(exchange, taker, chosen=chosen)
    answer(exchange, taker, chosen=other)
    assert proposal(exchange).state == "withdrawn"
    assert states(exchange) == [("taker", "yes"), ("giver", "ended")]
    assert proposal(exchange, other).state == "preferred"
    assert states(exchange, other) == [("giver", "open"), ("taker", "yes")]
    assert said(exchange, other) == [("taker", "yes", f"link:{taker}")]
    assert keep_up(exchange, None, NOW) == 0, "the school has chosen; nothing follows"
    answer(exchange, requests(exchange, other)[0].id)
    assert proposal(exchange, other).state == "agreed"
    with exchange.snapshot() as session:
        assert verify(session).fault is None
    approver = acting(Role.APPROVER, name=BROKER.name)
    with exchange.write() as session, pytest.raises(Forbidden, match="you put it forward"):
        decisions.decide(session, approver, other, DecisionAction.APPROVE, hold_days=14, now=NOW)


def test_what_a_school_may_pick_has_its_reasons(exchange: Database) -> None:
    """Why it was made, the journey, and what was checked, as any proposal; it is no other to it."""
    with exchange.write() as session:
        session.execute(update(Need).values(travel_limit_minutes=60))
    ask(exchange, Whom(1, 2, choices=(Choice("far", 3),)))
    other = proposal(exchange, requests(exchange)[0].choices[0]["proposal"])
    first = proposal(exchange)
    assert [each["name"] for each in other.components] == [
        each["name"] for each in first.components
    ]
    assert all(each["sentence"] for each in other.components)
    assert other.rule_figures is not None
    assert first.rule_figures is not None
    assert other.rule_figures.keys() == first.rule_figures.keys()
    assert other.rule_figures[TOO_FAR.name]["minutes"] > 0
    with exchange.read() as session:
        alternate = session.scalars(select(Alternate)).one()
        assert (other.points, other.distance_m) == (alternate.points, alternate.distance_m)
        assert alternates_of(session, TERMINAL, other) == []
        assert len(alternates_of(session, TERMINAL, first)) == 1


def test_what_can_no_longer_be_given_is_no_choice(exchange: Database) -> None:
    """The school could not pick it."""
    with exchange.write() as session:
        session.execute(update(Offer).where(Offer.reference == "far").values(half_days=1))
    with pytest.raises(CannotAsk, match="can no longer be given"):
        ask(exchange, Whom(1, 2, choices=(Choice("far", 3),)))


def test_the_school_picks_the_first(exchange: Database) -> None:
    """Then its giver is asked, and the other stays what it was."""
    taker, _ = ask(exchange, Whom(1, 2, choices=(Choice("far"),)))
    answer(exchange, taker, chosen=1)
    assert states(exchange) == [("taker", "yes"), ("giver", "open")]
    other = requests(exchange)[0].choices[0]["proposal"]
    assert proposal(exchange, other).state == "proposed"


@pytest.mark.parametrize(
    ("whom", "error", "says"),
    [
        (Whom(), CannotAsk, "Select at least one contact"),
        (Whom(taker=99), NotFound, "There is no contact 99"),
        (Whom(taker=2), CannotAsk, "Contact 2 is not of the school receiving support, School 1"),
        (Whom(giver=2, choices=(Choice("far"),)), CannotAsk, "Select its contact too"),
        (Whom(1, choices=(Choice("made up"),)), CannotAsk, "is no other offer for this need"),
        (Whom(1, choices=(Choice("near"),)), CannotAsk, "is no other offer for this need"),
        (Whom(1, choices=(Choice("far"), Choice("far"))), CannotAsk, "each other offer once"),
        (Whom(1, choices=tuple(Choice(c) for c in "abc")), CannotAsk, "a choice of 3 at most"),
    ],
)
def test_whom_nobody_can_ask(
    exchange: Database, whom: Whom, error: type[Exception], says: str
) -> None:
    """A sentence that says what to select, and nobody is asked."""
    with pytest.raises(error, match=says):
        ask(exchange, whom)
    assert requests(exchange) == []


def test_an_address_that_is_none(exchange: Database) -> None:
    """Neither one with a line break, however it came there, nor none at all."""
    for email, says in (("a@b.example\r\nBcc: x@y.example", "line break"), (None, "no email")):
        with exchange.write() as session:
            values = {"email": email, "telephone": "01632 960 001"}
            session.execute(update(Contact).where(Contact.id == 1).values(**values))
        with pytest.raises(Exception, match=says) as refused:
            ask(exchange, Whom(taker=1))
        assert "y.example" not in str(refused.value)
    assert requests(exchange) == []


def test_only_a_held_proposal_is_asked_about(exchange: Database) -> None:
    """And the same again changes nothing, but another contact takes the place of the first."""
    first = ask(exchange, BOTH)
    assert ask(exchange, BOTH) == first
    (second,) = ask(exchange, Whom(giver=4))
    assert states(exchange) == [("taker", "open"), ("giver", "replaced"), ("giver", "open")]
    with pytest.raises(AlreadyClosed, match="Open the newest email"):
        answer(exchange, first[1])
    with exchange.write() as session:
        decisions.decide(
            session, TERMINAL, 1, DecisionAction.WITHDRAW, Said(), hold_days=14, now=NOW
        )
    assert latest(exchange, Party.GIVER).state == "ended"
    with pytest.raises(NotNow, match="the proposal is withdrawn"):
        ask(exchange, BOTH)
    assert second == latest(exchange, Party.GIVER).id


def test_a_link_opens_one_side_of_one_proposal(exchange: Database) -> None:
    """And nothing else: not the other side, another proposal, or what an administrator may."""
    taker, _ = ask(exchange, BOTH)
    holder = Principal(f"link:{taker}", frozenset(), link=Link(1, Side.TAKER))
    allowed = {each for each in Action if may(holder, each)}
    assert allowed == {Action.READ, Action.AGREE_FOR_TAKER}
    with exchange.write() as session:
        other = {"run_id": 1, "half_days": 4, "points": 1, "components": [], "ladder": "region"}
        source = session.get_one(Proposal, 1)
        pair = {"need_id": source.need_id, "offer_id": source.offer_id + 1}
        session.add(
            Proposal(id=50, remote=False, sendable=True, state="preferred", **other, **pair)
        )
        audit.record(session, actor="test", action="proposal.made", subject="proposal:50")
    with exchange.read() as session:
        assert get_proposal(session, holder, 1).proposal.id == 1
        with pytest.raises(NotFound):
            get_proposal(session, holder, 50)
    for proposal_id, side, error in ((1, Side.GIVER, Forbidden), (50, Side.TAKER, NotFound)):
        with exchange.write() as session, pytest.raises(error):
            agreements.agree(
                session, holder, proposal_id, side, Says.YES, heard(on=NOW), hold_days=14, now=NOW
            )
    with exchange.write() as session, pytest.raises(Forbidden):
        decisions.decide(session, holder, 1, DecisionAction.WITHDRAW, hold_days=14, now=NOW)


def in_one_network(database: Database) -> None:
    """And unfunded: the agreements of both sides approve it."""
    with database.write() as session:
        both = list(session.scalars(select(Participant).order_by(Participant.id)))[:2]
        add_network(session, "family", both)
        agreements.set_public_money(session, BROKER, 1, 0, hold_days=14, now=NOW)


@pytest.mark.parametrize(
    ("other", "between", "alike"),
    [
        ("ONE@school.example", None, True),
        ("ONE@school.example", "two@school.example", True),
        ("ONE@school.example", "erased", True),
        ("two@school.example", None, False),
        ("two@school.example", "one@school.example", False),
        ("two@school.example", "not sent", True),
        ("two@school.example", "another secret", True),
    ],
)
def test_two_links_of_one_person_need_an_approver(
    exchange: Database, other: str, between: str | None, alike: bool
) -> None:
    """One mailbox that links went to is one person, whatever became of its contact since.

    A link that nobody sent may be anybody's.
    """
    in_one_network(exchange)
    with exchange.write() as session:
        session.execute(update(Contact).where(Contact.id == 2).values(email=other))
    taker, giver = ask(exchange, BOTH)
    if between != "not sent":
        delivered(exchange)
    answer(exchange, taker)
    with exchange.write() as session:
        if between == "erased":
            erase_contact(session, TERMINAL, 1)
        elif between == "another secret":
            request = session.get_one(ConsentRequest, giver)
            request.sent_to = mailbox_of("another secret", "one@school.example")
            audit.record(session, actor="test", action="proposal.link_sent", subject="proposal:1")
        elif between is not None:
            session.execute(update(Contact).where(Contact.id == 1).values(email=between))
    answer(exchange, giver)
    with exchange.read() as session:
        names = [f"link:{taker}", f"link:{giver}"]
        people = set(persons_of(session, names).values())
        full = get_proposal(session, TERMINAL, 1)
        found = approval_if_any(session, full.proposal, full.need, full.offer, standing(session, 1))
        same = same_person(session, names[0])
    if alike:
        assert (len(people), full.proposal.state, found) == (1, "agreed", BY_ONE)
        assert (names[1] in same) == (between not in ("not sent", "another secret"))
    else:
        assert (len(people), full.proposal.state, names[1] in same) == (2, "approved", False)


@pytest.mark.parametrize("moved", [False, True])
def test_who_answered_by_link_cannot_approve(exchange: Database, moved: bool) -> None:
    """A user whose address the link went to is the person who answered, wherever it goes now."""
    taker, giver = ask(exchange, BOTH)
    delivered(exchange)
    answer(exchange, taker)
    answer(exchange, giver)
    if moved:
        with exchange.write() as session:
            session.execute(update(Contact).where(Contact.id == 2).values(email="x@y.example"))
    with exchange.write() as session:
        user = User(label="Approver 1", created_at=NOW)
        session.add(user)
        session.flush()
        session.add(UserDetails(user_id=user.id, email="Two@School.example"))
        audit.record(session, actor="test", action="user.add", subject=f"user:{user.id}")
        approver = acting(Role.APPROVER, name=f"user:{user.id}")
    with exchange.write() as session, pytest.raises(Forbidden, match="what a side responded"):
        decisions.decide(session, approver, 1, DecisionAction.APPROVE, hold_days=14, now=NOW)


def test_nobody_is_approved_before_the_release(exchange: Database) -> None:
    """Agreements that rules would approve wait for an approver until the home head says yes."""
    in_one_network(exchange)
    ask(exchange, ALL)
    for side, urn in ((Side.TAKER, "1"), (Side.GIVER, "2")):
        scope = Scope(ScopeKind.INSTITUTION, urn)
        who = acting(Role.CONTACT, name=f"contact {urn}", scope=scope)
        with exchange.write() as session:
            how = answers.Heard("headteacher")
            agreements.agree(session, who, 1, side, Says.YES, how, hold_days=14, now=NOW)
    with exchange.read() as session:
        full = get_proposal(session, TERMINAL, 1)
        sides = standing(session, 1)
        found = approval_if_any(session, full.proposal, full.need, full.offer, sides)
    assert (full.proposal.state, found) == ("agreed", NOT_RELEASED)
    answer(exchange, latest(exchange, Party.HOME_HEAD).id)
    assert proposal(exchange).state == "approved"


def test_the_token_is_nowhere_in_clear(exchange: Database, log_lines: list[Any]) -> None:
    """Not in the database, the audit or the logs; another secret makes another."""
    taker, _ = ask(exchange, BOTH)
    token = link(exchange, taker)
    answer(exchange, taker)
    with exchange.read() as session:
        assert request_of(session, token, SECRET).id == taker
        for wrong in (
            token[:-1],
            token + "0",
            f"9{token}",
            "",
            token_of(requests(exchange)[0], "x" * 40),
        ):
            with pytest.raises(NoSuchLink):
                request_of(session, wrong, SECRET)
        stored = [
            repr(list(row))
            for table in (ConsentRequest, Mail, AuditEvent, Agreement, Decision)
            for row in session.execute(select(*table.__table__.columns))
        ]
    proof = token.partition("-")[2]
    assert not [each for each in stored if proof in each]
    assert not [each for each in log_lines if proof in repr(each) or "school.example" in repr(each)]
    assert not [each for each in stored if "school.example" in each]


def test_an_erased_contact_can_still_be_answered_for(exchange: Database) -> None:
    """The link works; it is only not reminded any more."""
    taker, _ = ask(exchange, BOTH)
    with exchange.write() as session:
        erase_contact(session, TERMINAL, 1)
    assert answer(exchange, taker) == "yes"


def test_a_hold_that_ends_closes_the_links(exchange: Database) -> None:
    """The proposal lapses with the last link, and says so to who comes later."""
    taker, _ = ask(exchange, BOTH)
    late = NOW + timedelta(days=7)
    keep_up(exchange, None, late)
    assert proposal(exchange).state == "lapsed"
    assert states(exchange) == [("taker", "lapsed"), ("giver", "lapsed")]
    with pytest.raises(AlreadyClosed, match="Nothing was saved"):
        answer(exchange, taker, now=late)
    with pytest.raises(Conflict):
        ask(exchange, BOTH, now=late)
    assert RequestState.LAPSED in {each.state for each in requests(exchange)}
