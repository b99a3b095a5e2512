"""Partnerships in a browser: axe, a phone, other colours, and without JavaScript."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from app.access.policy import TERMINAL
from app.database import Database
from app.partnerships import life, reviews, visits
from app.partnerships.terms import Terms
from app.portal.choices import PartnershipStep
from app.portal.labels import CONCERN_FIELDS, LABELS, START_FIELDS, STEP_DONE
from models.vocabulary import PaidBy, Rating, Reviewer
from tests import runs
from tests.browser.pages import check

BEGAN = datetime(2026, 9, 2, 12, tzinfo=UTC)
STARTS = date(2026, 9, 7)
ONE, STEPS = "/partnerships/1", LABELS[PartnershipStep]
PHONE = {"viewport": {"width": 390, "height": 800}, "is_mobile": True, "has_touch": True}
LOOKS = {"screen": {}, "phone": PHONE, "dark": {"color_scheme": "dark"}}


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """One proposal of Ash School that is approved and not started."""
    return runs.approved(runs.matched(sqlite_database), BEGAN)


@pytest.fixture
def begun(exchange: Database) -> Database:
    """The partnership with a visit of each kind, reviews and a concern."""
    later = BEGAN + timedelta(days=60)
    terms = Terms(
        *("phonics taught daily", "headteacher", "deputy headteacher", "adviser"),
        rhythm="half a day a week",
        paid_by=PaidBy.TAKER,
        day_rate_pounds=300,
    )
    with exchange.write() as session:
        life.start(session, TERMINAL, 1, terms, STARTS, date(2027, 7, 16), now=BEGAN)
        for weeks in range(4):
            visits.book(session, TERMINAL, 1, STARTS + timedelta(weeks=weeks), 1)
        for visit in (1, 2, 3):
            visits.write_up(session, TERMINAL, 1, visit, "watched two lessons", now=later)
        visits.sign(session, TERMINAL, 1, 1, "headteacher", now=later)
        visits.sign(session, TERMINAL, 1, 2, "headteacher", "one lesson", now=later)
        for of, rating in ((Reviewer.TAKER, Rating.GREEN), (Reviewer.GIVER, Rating.RED)):
            reviews.add_review(
                *(session, TERMINAL, 1, of, rating, later.date(), "head", "moved twice"), now=later
            )
        reviews.raise_concern(session, TERMINAL, 1, "visits are moved", "headteacher", now=later)
    return exchange


@pytest.mark.parametrize("look", LOOKS)
def test_partnership_pages_are_for_everybody(
    broker: Callable[..., Page], address: str, begun: Database, look: str, complaints: list[str]
) -> None:
    """Each page and form passes axe and is no wider than the screen."""
    page = broker("/partnerships", **LOOKS[look])
    check(page, f"{look}-partnerships")
    forms = ("visits/new", "visits/4/report", "visits/3/signature", "reviews/new", "concerns/new")
    for path in (
        *(ONE, *(f"{ONE}/{form}" for form in (*forms, "pause", "end"))),
        *("/concerns/1/answer", "/proposals/1", "/needs/N", "/participants/1"),
    ):
        page.goto(f"{address}{path}")
        check(page, f"{look}-{path.strip('/').replace('/', '-')}")
    page.goto(f"{address}{ONE}/end")
    page.get_by_role("button", name=STEPS[PartnershipStep.END]).click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    check(page, f"{look}-partnership-wrong")
    assert [each for each in complaints if "422" not in each] == []


def test_a_partnership_starts_without_javascript(broker: Callable[..., Page]) -> None:
    """From the proposal to its page, and a concern from there."""
    page = broker("/proposals/1", java_script_enabled=False)
    page.get_by_role("button", name=STEPS[PartnershipStep.START]).click()
    for name, value in (
        *(("starts", "7/9/2026"), ("ends", "16/7/2027"), ("aims", "phonics taught daily")),
        *(("taker_role", "headteacher"), ("giver_role", "deputy headteacher")),
    ):
        page.get_by_label(START_FIELDS[name].label, exact=True).fill(value)
    page.get_by_role("button", name=STEPS[PartnershipStep.START]).click()
    expect(page.get_by_text(STEP_DONE[PartnershipStep.START])).to_be_visible()
    page.get_by_role("link", name=STEPS[PartnershipStep.CONCERN]).click()
    page.get_by_label(CONCERN_FIELDS["text"].label, exact=True).fill("visits are moved")
    page.get_by_label(CONCERN_FIELDS["role"].label, exact=True).fill("headteacher")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(STEP_DONE[PartnershipStep.CONCERN])).to_be_visible()
