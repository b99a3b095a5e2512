"""Partnerships through the portal without JavaScript: from an approved proposal to its outcome."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL, Principal, Role, Scope
from app.database import Database
from app.events import audit
from app.partnerships import life, partnership_queries, visits
from app.partnerships.partnership_schemas import PartnershipDetail
from app.partnerships.terms import Terms
from app.portal.choices import PartnershipStep
from app.portal.forms import CHANGED
from app.portal.labels import (
    CONCERN_READERS,
    END_FIELDS,
    LABELS,
    NOBODY_READS,
    REASON_FIELDS,
    REPORT_FIELDS,
    SIGNATURE_FIELDS,
    START_FIELDS,
    STEP_DONE,
)
from app.work.kinds import WorkKind as K
from models.access import AuditEvent
from models.exchange import Need, Period
from models.matching import Decision, Proposal
from models.partnerships import Partnership, Support, SupportVisit
from models.register import Participant
from models.vocabulary import (
    DecisionAction,
    EndReason,
    NeedState,
    PaidBy,
    ProposalState,
    Rating,
    Reviewer,
    ScopeKind,
    Side,
    SupportState,
)
from tests import rows, runs
from tests.callers import csv_rows
from tests.factories import acting
from tests.portal import BASE, Page, Visitor, broker

CONDITION = "a second visit by the director is booked"
BEFORE, NOW = datetime(2026, 9, 2, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC)
START, ONE = "/proposals/1/partnership", "/partnerships/1"
TERMS = {
    "starts": "7/9/2026",
    "ends": "16/7/2027",
    "aims": "phonics taught daily",
    "taker_role": "headteacher",
    "giver_role": "deputy headteacher",
}
VISIT = {"on_day": "14/9/2026", "days": "1"}
SCHOOL, GIVER = (Scope(ScopeKind.INSTITUTION, urn) for urn in ("1", "2"))
STEPS = LABELS[PartnershipStep]
Step = PartnershipStep


@pytest.fixture
def exchange(database: Database) -> Database:
    return runs.approved(runs.matched(database), BEFORE)


@pytest.fixture
def who(exchange: Database) -> Visitor:
    return broker(exchange, NOW)


@pytest.fixture
def begun(exchange: Database) -> Database:
    """A partnership of two days, from 7 September."""
    terms = Terms("phonics taught daily", "headteacher", "deputy headteacher", day_rate_pounds=300)
    with exchange.write() as session:
        starts, ends = date(2026, 9, 7), date(2027, 7, 16)
        life.start(session, TERMINAL, 1, terms, starts, ends, now=BEFORE)
    return exchange


def contact(database: Database, scope: Scope, now: datetime = NOW) -> Visitor:
    visitor = broker(database, now)
    visitor.limit_to(Role.CONTACT, scope, name=f"head of {scope.id}")
    return visitor


def fill(who: Visitor, path: str, **values: str) -> Page:
    """Open a form, fill it in and send it."""
    return who.send(who.open(path), path, **values)


def did(page: Page, step: PartnershipStep) -> bool:
    return page.status == 200 and STEP_DONE[step] in page.text


def test_a_partnership_starts_from_an_approved_proposal(who: Visitor, exchange: Database) -> None:
    """Its page leads to the form; after that to the partnership, as do the need and the school."""
    page = who.open("/proposals/1")
    assert f"{BASE}{START}" in page.links
    form = who.open(START)
    assert form.form(START).fields["starts"] == ["20/11/2026"]
    assert form.form(START).fields["ends"] == ["31/8/2027"]
    page = who.send(form, START, **TERMS, paid_by="taker", day_rate_pounds="300")
    assert did(page, Step.START)
    for text in ("phonics taught daily", "deputy headteacher", LABELS[PaidBy][PaidBy.TAKER]):
        assert text in page.text
    assert "Ash School gives 2 days of Maths to Oak School" in page.text
    for path in ("/proposals/1", "/needs/N", "/participants/1", "/participants/2"):
        links = who.open(path).links
        assert f"{BASE}{ONE}" in links, path
        assert f"{BASE}{START}" not in links
    with exchange.read() as session:
        assert session.scalars(select(Need.state)).one() == "matched"


@pytest.mark.parametrize(
    ("given", "error", "at"),
    [
        ({"aims": ""}, START_FIELDS["aims"].enter, "#aims"),
        ({"starts": "31/8/2026"}, "The start must be from 1 September 2026", "#starts"),
        ({"starts": "x"}, "must be a date", "#starts"),
        ({"ends": "6/9/2026"}, "6 September 2026 is not", "#ends"),
        ({"taker_role": "h" * 101}, "must be 100 characters or fewer", "#taker_role"),
        ({"day_rate_pounds": "much"}, "must be a whole number", "#day_rate_pounds"),
    ],
)
def test_what_is_wrong_with_terms_stands_at_its_field(
    who: Visitor, exchange: Database, given: dict[str, str], error: str, at: str
) -> None:
    """Nothing is lost of what was typed, and nothing is started."""
    page = fill(who, START, **(TERMS | {"rhythm": "weekly"} | given))
    assert (page.status, error in page.text) == (422, True), page.text
    assert at in page.links
    assert page.form(START).fields["rhythm"] == ["weekly"]
    with exchange.read() as session:
        assert session.scalars(select(Partnership)).all() == []


def test_support_goes_on_into_later_periods(who: Visitor, exchange: Database) -> None:
    """Each with its days; half of a row, or more than is left, is told at its field."""
    with exchange.write() as session:
        later = {"kind": "year", "starts": date(2027, 9, 1), "ends": date(2028, 8, 31)}
        rows.add(session, Period(code="2027-28", name="2027 to 2028", **later))
        giver = session.get_one(Participant, 2)
        rows.add_limits(session, giver, "2027-28", give_half_days=6)
    longer = TERMS | {"ends": "1/7/2028"}
    page = fill(who, START, **longer, period_1="2027-28")
    assert (page.status, "#days_1" in page.links) == (422, True)
    agreed = {"later_said_on": "1/9/2026", "later_channel": "telephone"}
    page = fill(who, START, **longer, **agreed, period_1="2027-28", days_1="99")
    assert (page.status, "#period_1" in page.links) == (422, True)
    assert "left in 2027-28" in page.text
    longer |= {"period_2": "2027-28", "days_2": "1", "period_1": "", "days_1": ""}
    page = fill(who, START, **longer)
    assert (page.status, "#later_said_on" in page.links) == (422, True)
    assert fill(who, START, **longer, **agreed).status == 200
    with exchange.read() as session:
        found = session.scalars(select(Support).order_by(Support.starts)).all()
        assert [(each.period_code, each.half_days) for each in found] == [
            (rows.YEAR, 4),
            ("2027-28", 2),
        ]


def test_nothing_starts_before_it_is_approved(sqlite_database: Database) -> None:
    """The page has no such button, and the form says why not."""
    who = broker(runs.matched(sqlite_database), NOW)
    assert f"{BASE}{START}" not in who.open("/proposals/1").links
    page = fill(who, START, **TERMS)
    assert (page.status, "it must be approved first" in page.text) == (422, True)


def test_a_visit_is_booked_written_up_disputed_and_signed(begun: Database) -> None:
    """Each side has its own buttons; what the services refuse stands at its field."""
    giver, school = contact(begun, GIVER), contact(begun, SCHOOL)
    new, report, sign = (f"{ONE}/visits/{each}" for each in ("new", "1/report", "1/signature"))
    assert f"{BASE}{new}" not in school.open(ONE).links
    assert school.open(new).status == 403
    page = fill(giver, new, on_day="1/9/2026", days="1")
    assert (page.status, "#on_day" in page.links) == (422, True)
    assert "is before the partnership starts" in page.text
    assert did(fill(giver, new, **VISIT, remote="yes"), Step.BOOK)
    assert f"{BASE}{sign}" not in school.open(ONE).links
    page = fill(giver, report, report="")
    assert (page.status, REPORT_FIELDS["report"].enter in page.text) == (422, True)
    assert did(fill(giver, report, report="watched two lessons"), Step.WRITE_UP)
    assert "£300.00" in school.open(ONE).text
    page = fill(school, sign, answer="dispute", role="head")
    assert (page.status, SIGNATURE_FIELDS["dispute"].enter in page.text) == (422, True)
    assert did(fill(school, sign, answer="dispute", dispute="one lesson", role="head"), Step.SIGN)
    page = giver.open(ONE)
    assert "Disputed: one lesson" in page.text
    assert fill(giver, report, report="watched one lesson").status == 200
    # What was typed as a dispute before is none once the school signs.
    page = fill(school, sign, answer="sign", dispute="left over", role="head")
    assert did(page, Step.SIGN)
    with begun.read() as session:
        visit = session.scalars(select(SupportVisit)).one()
        assert (visit.state, visit.dispute, visit.remote) == ("signed", None, True)
    page = giver.open(ONE)
    assert f"{BASE}{report}" not in page.links
    assert f"saved by head of {SCHOOL.id}" in page.text


def test_a_visit_is_cancelled_and_one_to_come_is_not_written_up(begun: Database) -> None:
    giver = contact(begun, GIVER)
    fill(giver, f"{ONE}/visits/new", on_day="1/3/2027", days="0.5")
    page = giver.open(ONE)
    assert f"{BASE}{ONE}/visits/1/report" not in page.links
    assert did(giver.send(page, f"{ONE}/visits/1/cancel"), Step.CANCEL)
    with begun.read() as session:
        assert session.scalars(select(SupportVisit.state)).one() == "cancelled"


def test_nobody_is_asked_to_sign_what_they_wrote_up(begun: Database) -> None:
    """The button is not there for a broker who wrote it up, and is for another."""
    writer, other = (broker(begun, NOW) for _ in range(2))
    fill(writer, f"{ONE}/visits/new", **VISIT)
    fill(writer, f"{ONE}/visits/1/report", report="done")
    sign = f"{BASE}{ONE}/visits/1/signature"
    assert sign not in writer.open(ONE).links
    assert sign in other.open(ONE).links


def test_terms_are_changed_but_for_days_dates_and_money(begun: Database) -> None:
    """The form begins with what stands; a blank aim is refused, a blank rhythm is none."""
    who, change = broker(begun, NOW), f"{ONE}/change"
    form = who.open(change).form(change)
    aims, leader = form.fields["aims"][0], form.fields["taker_role"][0]
    assert "" not in (aims, leader)
    refused = fill(who, change, aims="")
    assert (refused.status, "#aims" in refused.links) == (422, True)
    done = fill(who, change, rhythm="half a day a week", exit_plan="")
    assert did(done, Step.CHANGE)
    with begun.read() as session:
        [of] = session.scalars(select(Partnership))
        assert (of.aims, of.taker_role, of.rhythm, of.exit_plan) == (
            *(aims, leader, "half a day a week", None),
        )
    assert contact(begun, SCHOOL).open(change).status == 403


def test_a_form_of_an_older_state_is_not_taken(begun: Database) -> None:
    """What was typed stays in the form."""
    giver = contact(begun, GIVER)
    fill(giver, f"{ONE}/visits/new", **VISIT)
    report = f"{ONE}/visits/1/report"
    form = giver.open(report)
    fill(giver, report, report="first")
    page = giver.send(form, report, report="second")
    assert (page.status, CHANGED in page.text) == (422, True)
    assert "second" in page.text


def test_each_side_reviews_for_itself_and_the_list_shows_the_latest(begun: Database) -> None:
    new = f"{ONE}/reviews/new"
    school, giver, who = contact(begun, SCHOOL), contact(begun, GIVER), broker(begun, NOW)
    page = fill(school, new, reviewer="taker", rating="red", role="head")
    assert (page.status, "#note" in page.links) == (422, True)
    assert "say with a note why it is red" in page.text.lower()
    page = fill(school, new, reviewer="taker", rating="red", role="head", note="three moved")
    assert did(page, Step.REVIEW)
    fill(school, new, reviewer="taker", rating="green", role="head")
    fill(who, new, reviewer="monitor", rating="amber", role="adviser", note="meet in January")
    assert giver.post(new, reviewer="taker").status == 403
    listed = who.open("/partnerships").text
    reviewers, ratings = LABELS[Reviewer], LABELS[Rating]
    assert f"{reviewers[Reviewer.TAKER]}: {ratings[Rating.GREEN]}" in listed
    assert f"{reviewers[Reviewer.MONITOR]}: {ratings[Rating.AMBER]}" in listed
    assert "three moved" in who.open(ONE).text


def test_a_concern_is_seen_by_whom_it_is_for(begun: Database) -> None:
    """By whoever raised it and an approver beyond the area, who answers it."""
    school, giver = contact(begun, SCHOOL), contact(begun, GIVER)
    new, answer = f"{ONE}/concerns/new", "/concerns/1/answer"
    form = school.open(new).text
    assert CONCERN_READERS in form
    assert NOBODY_READS not in form
    assert did(fill(school, new, text="visits are cancelled", role="head"), Step.CONCERN)
    local, region = broker(begun, NOW), broker(begun, NOW)
    local.limit_to(Role.APPROVER, Scope(ScopeKind.AREA, "999"))
    region.limit_to(Role.APPROVER, Scope(ScopeKind.REGION, "Z"))
    for visitor, sees in ((giver, False), (local, False), (region, True)):
        assert ("visits are cancelled" in visitor.open(ONE).text) is sees
    assert local.open(answer).status == 404
    assert f"{BASE}{answer}" in region.open(ONE).links
    assert did(fill(region, answer, answer="we spoke to both"), Step.ANSWER)
    assert "we spoke to both" in region.open(ONE).text


def test_it_is_paused_resumed_and_ended_and_each_says_what_came_of_it(
    begun: Database, who: Visitor
) -> None:
    """Then the need is met, and the proposal's page says that it is completed."""
    pause, end = f"{ONE}/pause", f"{ONE}/end"
    page = fill(who, pause)
    assert (page.status, REASON_FIELDS["reason"].enter in page.text) == (422, True)
    page = fill(who, pause, reason="other")
    assert (page.status, "#note" in page.links) == (422, True)
    page = fill(who, pause, reason="giver_capacity")
    assert did(page, Step.PAUSE)
    assert LABELS[EndReason][EndReason.GIVER_CAPACITY] in page.text
    assert f"{BASE}{ONE}/visits/new" not in page.links
    assert did(who.send(page, f"{ONE}/resume"), Step.RESUME)
    page = fill(who, end, over_on="1/1/2100", reason="completed", need_becomes="met")
    assert (page.status, "#over_on" in page.links) == (422, True)
    page = fill(who, end, reason="completed")
    assert (page.status, END_FIELDS["need_becomes"].enter in page.text) == (422, True)
    page = fill(who, end, reason="completed", need_becomes="met")
    assert did(page, Step.END)
    assert f"{BASE}{end}" not in page.links
    assert LABELS[NeedState][NeedState.MET] in who.open("/needs/N").text
    assert "This proposal is completed" in who.open("/proposals/1").text
    school, giver = contact(begun, SCHOOL), contact(begun, GIVER)
    taker, other = (f"{ONE}/outcomes/{side}" for side in Side)
    assert f"{BASE}{other}" not in giver.open(ONE).links
    said = {"result": "worked", "what_worked": "daily phonics", "role": "head"}
    assert did(fill(school, taker, **said), Step.OUTCOME)
    assert f"{BASE}{other}" in giver.open(ONE).links
    assert did(fill(giver, other, **said), Step.OUTCOME)
    assert f"{BASE}{taker}" not in school.open(ONE).links
    with begun.read() as session:
        assert session.scalars(select(Support.result)).one() == "worked"


def test_the_list_is_filtered_by_state_and_words_and_is_a_file(begun: Database) -> None:
    with begun.write() as session:
        giver = Principal("giver", acting(Role.CONTACT, scope=GIVER).grants, "giver")
        visits.book(session, giver, 1, date(2026, 9, 14), 2)
    who = broker(begun, NOW)
    page = who.open("/partnerships")
    assert "1 to 1 of 1 partnerships" in page.text
    assert f"{BASE}{ONE}" in page.links
    for query, seen in (
        ("q=oak+school", True),
        ("q=ash", True),
        ("q=elm", False),
        ("state=active", True),
        ("state=ended", False),
        ("q=oak&state=nonsense", True),
    ):
        assert (f"{BASE}{ONE}" in who.open(f"/partnerships?{query}").links) is seen, query
    [row] = csv_rows(who.client.get(f"{BASE}/partnerships?as=csv"))
    assert (row["taker_name"], row["days_agreed"], row["days_booked"]) == (
        "Oak School",
        "2.0",
        "1.0",
    )
    assert row["state"] == SupportState.ACTIVE


def test_whoever_may_only_read_has_no_buttons(begun: Database) -> None:
    """A viewer sees the terms; somebody elsewhere sees nothing at all."""
    viewer, stranger = broker(begun, NOW), broker(begun, NOW)
    viewer.limit_to(Role.VIEWER)
    stranger.limit_to(Role.BROKER, Scope(ScopeKind.AREA, "888"))
    page = viewer.open(ONE)
    assert "phonics taught daily" in page.text
    assert [each for each in page.links if each.startswith(f"{BASE}{ONE}/")] == []
    assert STEPS[Step.CONCERN] not in page.text
    assert stranger.open(ONE).status == 404
    assert "No partnerships" in stranger.open("/partnerships").text


def test_pages_break_no_policy_of_ours(begun: Database, who: Visitor) -> None:
    """No style or script stands in them."""
    for path in (ONE, "/partnerships", f"{ONE}/end", f"{ONE}/reviews/new", f"{ONE}/visits/new"):
        page = who.open(path)
        assert (page.status, page.faults) == (200, []), path
    with begun.read() as session:
        assert session.scalars(select(Proposal.state)).all() == ["approved"]


def test_the_first_page_tells_what_waits_for_whom(begun: Database) -> None:
    """Visits and reviews for each side, the end for the broker, a concern for an approver."""
    giver, school = contact(begun, GIVER), contact(begun, SCHOOL)
    late = broker(begun, datetime(2027, 7, 1, tzinfo=UTC))
    late.limit_to(Role.BROKER)
    region = broker(begun, NOW)
    region.limit_to(Role.APPROVER, Scope(ScopeKind.REGION, "Z"))
    labels = LABELS[K]

    def waits(visitor: Visitor) -> list[K]:
        page = visitor.open("/")
        assert page.faults == []
        return [k for k in K if labels[k] in page.text and f"{BASE}{ONE}" in page.links]

    # Neither side has reviewed it for 60 days.
    assert (waits(giver), waits(school)) == ([K.REVIEW], [K.REVIEW])
    fill(giver, f"{ONE}/visits/new", **VISIT)
    assert (waits(giver), waits(school)) == ([K.WRITE_UP, K.REVIEW], [K.WRITING_UP, K.REVIEW])
    fill(giver, f"{ONE}/visits/1/report", report="done")
    assert (waits(giver), waits(school)) == ([K.SIGNATURE, K.REVIEW], [K.SIGN, K.REVIEW])
    fill(school, f"{ONE}/visits/1/signature", answer="sign", role="head")
    fill(school, f"{ONE}/reviews/new", reviewer="taker", rating="green", role="head")
    assert (waits(giver), waits(school)) == ([K.REVIEW], [])
    assert (waits(late), waits(region)) == ([K.END, K.SILENT], [])
    fill(school, f"{ONE}/concerns/new", text="visits are moved", role="head")
    assert (waits(region), waits(school)) == ([K.CONCERN], [])
    fill(region, "/concerns/1/answer", answer="we spoke to both")
    assert waits(region) == []


def test_conditions_of_an_approval_are_confirmed_before_it_starts(exchange: Database) -> None:
    """Shown with the form and afterwards; nothing starts until somebody says that they are met."""
    with exchange.write() as session:
        proposal = session.get_one(Proposal, 1)
        proposal.state = ProposalState.APPROVED_WITH_CONDITIONS
        [approval] = session.scalars(select(Decision).where(Decision.action == "approve"))
        approval.action, approval.note = DecisionAction.APPROVE_WITH_CONDITIONS, CONDITION
        audit.record(session, actor="test", action="proposal.approved", subject="proposal:1")
    who = broker(exchange, NOW)
    form = who.open(START)
    assert CONDITION in form.text
    refused = who.send(form, START, **TERMS)
    assert refused.status == 422
    assert "Confirm that the conditions of the approval are met" in refused.text
    who.send(form, START, **TERMS, conditions_met="yes")
    assert CONDITION in who.open(ONE).text
    with exchange.read() as session:
        started = select(AuditEvent).where(AuditEvent.action == "partnership.started")
        assert session.scalars(started).one().detail["conditions_met"] is True
        whole = partnership_queries.get_partnership(session, TERMINAL, 1)
        assert PartnershipDetail.of_whole(whole).conditions == CONDITION
