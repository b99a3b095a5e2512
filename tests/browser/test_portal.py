"""The journeys through the portal in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import FrameLocator, Page, expect
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database
from app.planning.carry_out import Searching, Stage
from app.portal.choices import ReviewAction, Saved
from app.portal.labels import (
    CONSENT_FIELDS,
    DIRECTION_FIELDS,
    DONE,
    LABELS,
    MONEY_FIELDS,
    NEED_FIELDS,
    NOTES,
    RESPONSE_FIELDS,
    RUN_FIELDS,
)
from app.runs import leases, service
from app.runs.results import receive
from models.matching import Proposal, Run
from models.vocabulary import DeclineReason, RunState, Says, Side
from tests import rows
from tests.browser.conftest import Open
from tests.browser.pages import check
from tests.factories import told
from tests.runs import FREELY, match

NEEDS = "reference,participant,expertise,period,days\n"
VERBS, REASONS, SAYS = LABELS[ReviewAction], LABELS[DeclineReason], LABELS[Says]
PREFER, DECLINE = VERBS[ReviewAction.PREFER], VERBS[ReviewAction.DECLINE]
DAYS, EXPERTISE, PERIOD = (NEED_FIELDS[name].label for name in ("days", "expertise", "period"))
WHY_NOT, SAID_BY = (RESPONSE_FIELDS[name].label for name in ("reason", "said_by"))
HOW, WHEN = (RESPONSE_FIELDS[name].label for name in ("channel", "said_on"))
TAKER, GIVER = (LABELS[Side][side] for side in (Side.TAKER, Side.GIVER))


def done(action: ReviewAction) -> str:
    return f"Proposal {DONE[action]}"


def test_from_sign_in_to_an_institution(
    broker: Callable[..., Page], address: str, open_page: Open, complaints: list[str]
) -> None:
    """The search answers while one types; its page shows needs, offers and balance."""
    check(open_page(f"{address}/sign-in"), "sign-in")
    page = broker()
    check(page, "home")
    page.goto(f"{address}/institutions")
    page.get_by_label("Name, trust, town, postcode, URN or DfE number").press_sequentially(
        "elm inf"
    )
    expect(page.get_by_text("No results for “elm inf”")).to_be_visible()
    page.get_by_label("Name, trust, town, postcode, URN or DfE number").fill("elm")
    expect(page.get_by_role("link", name="Elm Primary School 2")).to_be_visible()
    assert "?q=elm" in page.url
    expect(page.locator("#announce")).to_have_text("1 to 3 of 3 results")
    check(page, "institutions")
    page.get_by_role("link", name="Elm Primary School 2").click()
    expect(page.get_by_role("heading", name="Balance of giving and receiving")).to_be_visible()
    check(page, "institution")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert complaints == []


def test_a_need_and_an_offer_with_mistakes(
    broker: Callable[..., Page], address: str, exchange: Database
) -> None:
    """What is wrong is told first and leads to its field; then it is recorded and changed."""
    page = broker("/needs/new?participant=100")
    check(page, "need-form")
    page.get_by_label(DAYS, exact=True).fill("2.3")
    page.get_by_role("button", name="Save need").click()
    summary = page.locator(".govuk-error-summary")
    expect(summary).to_be_focused()
    check(page, "need-form-wrong")
    summary.get_by_role("link", name="must be in steps").click()
    expect(page.get_by_label(DAYS, exact=True)).to_be_focused()
    page.get_by_label(DAYS, exact=True).fill("2.5")
    page.get_by_label(EXPERTISE).select_option(label="Reading")
    page.get_by_label(PERIOD).select_option(rows.YEAR)
    page.get_by_role("button", name="Save need").click()
    expect(page.get_by_text(LABELS[Saved][Saved.CREATED], exact=True)).to_be_visible()
    check(page, "need")
    page.get_by_role("button", name="Change").click()
    page.get_by_label("1 (highest)").check()
    page.get_by_text("Travel limit and dates").click()
    page.get_by_label(NEED_FIELDS["travel_limit_miles"].label).fill("12")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("12 miles")).to_be_visible()
    page.get_by_role("link", name="Withdraw").click()
    check(page, "need-withdraw")
    page.get_by_role("button", name="Withdraw need").click()
    expect(page.get_by_text(LABELS[Saved][Saved.WITHDRAWN], exact=True).first).to_be_visible()
    page.goto(f"{address}/offers/new?participant=100")
    check(page, "offer-form")
    page.goto(f"{address}/offers")
    check(page, "offers")


def test_a_run_from_its_rules_to_decisions(
    broker: Callable[..., Page], address: str, exchange: Database, complaints: list[str]
) -> None:
    """Started, watched until its plan is there, judged by charts, and decided on in bulk."""
    page = broker("/runs/new")
    check(page, "run-form")
    page.get_by_label(RUN_FIELDS["area"].label).fill("Testshire")
    page.get_by_label(RUN_FIELDS["period"].label).select_option(rows.YEAR)
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="Run in progress")).to_be_visible()
    expect(page.get_by_role("heading", name="The plan")).to_be_visible(timeout=120_000)
    check(page, "run")
    chart = page.get_by_role("table", name="Needs by expertise")
    expect(chart.get_by_role("rowheader", name="Maths")).to_be_visible()
    page.get_by_role("link", name="Map", exact=True).click()
    expect(page.frame_locator(".gt-widget").locator("#status")).to_contain_text("and 12 pairings")
    check(page, "map")
    page.get_by_role("link", name="Unmet needs", exact=True).click()
    expect(page.get_by_role("row", name="Far School")).to_be_visible()
    check(page, "unmet")
    page.locator(".gt-tabs").get_by_role("link", name="Proposals", exact=True).click()
    check(page, "proposals")
    page.get_by_label("Expertise").select_option("reading")
    expect(page.locator("#announce")).to_contain_text("that match the filter")
    expect(page.get_by_role("row", name="Maths")).to_have_count(0)
    page.get_by_role("link", name="Miles").click()
    expect(page.get_by_role("columnheader", name="Miles")).to_have_attribute(
        "aria-sort", "ascending"
    )
    page.get_by_label("Select all on this page").check()
    expect(page.get_by_text(re.compile(r"\d+ selected:"))).to_be_visible()
    page.get_by_role("button", name=PREFER, exact=True).click()
    expect(
        page.get_by_text(re.compile(rf"\d+ proposals {DONE[ReviewAction.PREFER]}"))
    ).to_be_visible()
    check(page, "proposals-preferred")
    page.goto(f"{address}/runs/1/proposals?state=proposed")
    page.locator("tbody a").first.click()
    check(page, "proposal")
    page.get_by_role("button", name=f"{DECLINE}…").click()
    page.get_by_role("button", name=DECLINE, exact=True).click()
    check(page, "decline-wrong")
    page.get_by_label(REASONS[DeclineReason.CAPACITY]).check()
    page.get_by_role("button", name=DECLINE, exact=True).click()
    expect(page.get_by_text(done(ReviewAction.DECLINE))).to_be_visible()
    check(page, "proposal-declined")
    with page.expect_download() as download:
        page.goto(f"{address}/runs/1/proposals")
        page.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename == "run-1-proposals.csv"
    with exchange.read() as session:
        states = set(session.scalars(select(Proposal.state)))
    assert {"preferred", "declined"} <= states
    assert [each for each in complaints if "422" not in each] == []


def over_an_arc(page: Page, frame: FrameLocator) -> None:
    """Move the pointer over the map until there is an arc under it, and click."""
    box = frame.locator("#map").bounding_box()
    assert box is not None
    for down in range(30, int(box["height"]) - 30, 40):
        for right in range(30, int(box["width"]) - 60, 12):
            page.mouse.move(box["x"] + right, box["y"] + down)
            if frame.locator("#map.over-arc:not(:has(.tip:not([hidden])))").count():
                page.mouse.down()
                page.mouse.up()
                return
    raise AssertionError("no arc was found")


def test_deciding_on_the_map(
    broker: Callable[..., Page], address: str, run_id: int, complaints: list[str]
) -> None:
    """An arc, a school's card and the list open the proposal beside the map, where it ends."""
    page = broker(f"/runs/{run_id}/map")
    frame = page.frame_locator(".gt-widget")
    expect(frame.locator("html")).to_have_attribute("data-state", "ready", timeout=15_000)
    page.locator(".gt-widget").scroll_into_view_if_needed()
    over_an_arc(page, frame)
    card = page.locator("#proposal-card")
    expect(card.locator("h2:not(.govuk-error-summary__title)")).to_be_focused()
    expect(card.get_by_text("Total")).to_be_visible()
    check(page, "map-card")
    card.get_by_role("button", name=PREFER, exact=True).click()
    expect(card.locator(".gt-done", has_text=done(ReviewAction.PREFER))).to_be_focused()
    expect(frame.locator("#card")).to_be_hidden()
    frame.get_by_role("button", name="List", exact=True).focus()
    page.keyboard.press("Enter")
    frame.locator("#list-pairings").press("Enter")
    before = frame.locator("#table tbody tr").count()
    frame.locator("#table tbody tr").first.get_by_role("button").nth(2).press("Enter")
    expect(card.locator("h2:not(.govuk-error-summary__title)")).to_be_focused()
    card.locator("summary", has_text=VERBS[ReviewAction.PIN]).press("Enter")
    card.get_by_label(NOTES[ReviewAction.PIN]).press("Enter")
    expect(card.locator(".govuk-error-summary")).to_be_focused()
    check(page, "map-card-wrong")
    card.get_by_label(NOTES[ReviewAction.PIN]).fill("they know each other")
    page.keyboard.press("Enter")
    expect(card.locator(".gt-done", has_text=done(ReviewAction.PIN))).to_be_focused()
    card.locator("summary", has_text=DECLINE).click()
    card.get_by_label("Why are you declining?").select_option("capacity")
    card.get_by_role("button", name=DECLINE, exact=True).click()
    expect(card.locator(".gt-done", has_text=done(ReviewAction.DECLINE))).to_be_focused()
    expect(frame.locator("#table tbody tr")).to_have_count(before - 1)
    expect(frame.locator("#status")).to_contain_text(f"{before - 1} pairings")
    check(page, "map-card-declined")
    frame.get_by_role("button", name="Map", exact=True).click()
    frame.locator("#find").fill("Oak Primary School 0")
    frame.locator("#find").press("Enter")
    expect(card.locator("h2:not(.govuk-error-summary__title)")).to_have_count(0)
    frame.locator("#card .step button").first.press("Enter")
    expect(card.locator("h2:not(.govuk-error-summary__title)")).to_contain_text(
        "Oak Primary School 0"
    )
    assert [each for each in complaints if "422" not in each] == []


def test_a_direction_and_public_money_by_keyboard(
    broker: Callable[..., Page], run_id: int, complaints: list[str]
) -> None:
    """What is wrong is told at its field; what is recorded shows on the proposal."""
    page = broker("/proposals/1")
    page.get_by_role("button", name=PREFER, exact=True).click()
    page.get_by_role("link", name="Record public money").press("Enter")
    page.get_by_label(MONEY_FIELDS["pounds"].label).fill("lots")
    page.keyboard.press("Enter")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    check(page, "public-money")
    page.get_by_label(MONEY_FIELDS["pounds"].label).fill("1800")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Public money: £1,800")).to_be_visible()
    page.get_by_role("link", name="Record a statutory direction").press("Enter")
    check(page, "direction")
    page.get_by_label(DIRECTION_FIELDS["legal_basis"].label).select_option("section_63")
    for name in ("governing_body", "notice_on"):
        page.get_by_label(DIRECTION_FIELDS[name].label).fill(told()["said_on"])
    page.keyboard.press("Enter")
    expect(page.get_by_text("Statutory direction saved")).to_be_visible()
    check(page, "proposal-directed")
    page.get_by_role("link", name="Approval rules").press("Enter")
    check(page, "approval-rules")


def test_both_sides_answer_and_it_is_approved(
    broker: Callable[..., Page], address: str, run_id: int, complaints: list[str]
) -> None:
    """The form of each side opens in its place; a no asks why; both yes open the approval."""
    page = broker("/proposals/1")
    page.get_by_role("button", name=PREFER, exact=True).click()
    page.get_by_role("link", name=f"Record response of the {TAKER.lower()}").click()
    expect(page.get_by_label(SAYS[Says.YES], exact=True)).to_be_focused()
    page.get_by_label(SAYS[Says.NO], exact=True).check()
    expect(page.get_by_label(WHY_NOT)).to_be_visible()
    check(page, "proposal-answer")
    page.get_by_label(SAYS[Says.YES], exact=True).check()
    expect(page.get_by_label(WHY_NOT)).to_be_hidden()
    page.get_by_role("button", name="Save response").click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    check(page, "answer-wrong")
    page.get_by_label(SAID_BY).fill("headteacher")
    page.get_by_label(HOW).select_option("telephone")
    page.get_by_label(WHEN).fill(told()["said_on"])
    page.get_by_role("button", name="Save response").click()
    expect(page.get_by_text("Response saved.")).to_be_visible()
    page.goto(f"{address}/runs/{run_id}/proposals?waits=giver")
    expect(page.get_by_text(f"{TAKER}: yes")).to_be_visible()
    check(page, "proposals-waiting")
    page.locator("tbody a").first.click()
    page.get_by_role("link", name=f"Record response of the {GIVER.lower()}").click()
    page.get_by_label(SAYS[Says.YES], exact=True).check()
    page.get_by_label(SAID_BY).fill("trust officer")
    page.get_by_label(HOW).select_option("telephone")
    page.get_by_label(WHEN).fill(told()["said_on"])
    page.get_by_role("button", name="Save response").click()
    check(page, "proposal-agreed")
    page = broker("/proposals/1")  # somebody else approves
    page.get_by_role("button", name=f"{VERBS[ReviewAction.APPROVE]}…", exact=True).click()
    check(page, "approve")
    page.get_by_role("button", name=VERBS[ReviewAction.APPROVE], exact=True).click()
    expect(page.get_by_text(done(ReviewAction.APPROVE))).to_be_visible()
    of_taker = f"the {TAKER.lower()}"
    page.get_by_role("link", name=f"Record consent of {of_taker}").click()
    page.get_by_label(CONSENT_FIELDS["said_by"].label).fill("headteacher")
    page.get_by_label(HOW).select_option("telephone")
    page.get_by_label(WHEN).fill(told()["said_on"])
    check(page, "consent")
    page.get_by_role("button", name="Save consent").click()
    expect(page.get_by_text(f"Consent saved for {of_taker}")).to_be_visible()
    check(page, "proposal-approved")
    page.goto(f"{address}/embed")
    page.get_by_label("Websites that can show the map").fill("https://www.example.org")
    page.get_by_role("button", name="Create code").click()
    check(page, "embed-code")
    page.get_by_role("link", name="Embed the map").click()
    page.get_by_role("button", name="Revoke code 1").click()
    expect(page.get_by_text("Code 1 revoked.")).to_be_visible()
    check(page, "embed-revoked")
    assert [each for each in complaints if "422" not in each] == []


def test_points_are_read_on_a_phone(
    broker: Callable[..., Page], address: str, exchange: Database
) -> None:
    """Each criterion with its points and why, and nothing of it beyond the edge."""
    match(exchange, FREELY)
    page = broker(viewport={"width": 375, "height": 720}, is_mobile=True)
    page.goto(f"{address}/proposals/1")
    region = page.locator(".gt-scroll:has(.gt-points)")
    assert region.evaluate("e => e.scrollWidth <= e.clientWidth")
    for cell in region.locator("tbody td:last-child").all():
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 375
    check(page, "proposal-phone")


def test_a_file_is_looked_at_and_taken_in(
    broker: Callable[..., Page], address: str, exchange: Database, tmp_path: Path
) -> None:
    """Faulty rows first, then what would change, then for good."""
    page = broker("/imports/new")
    check(page, "import-form")
    for content in ("F-1,100,reading,2026-27,two\n", "F-1,100,reading,2026-27,2\n"):
        (tmp_path / "needs.csv").write_text(NEEDS + content)
        page.goto(f"{address}/imports/new")
        page.locator("input[type=file]").set_input_files(tmp_path / "needs.csv")
        page.get_by_role("button", name="Check the file").click()
        check(page, "import-faulty" if "two" in content else "import-preview")
    page.get_by_role("button", name="Import the file").click()
    expect(page.get_by_text("Needs imported: 1 row changed")).to_be_visible()
    check(page, "imports")


def test_a_run_is_cancelled(broker: Callable[..., Page], address: str, exchange: Database) -> None:
    """From the page that watches it; what has ended says so."""
    with exchange.write() as session:
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
        options = service.MatchOptions()
        run = service.submit(session, TERMINAL, takers, rows.YEAR, options)
        session.flush()
        held = leases.lease(session, run, "nobody", 600.0)
    receive(exchange, held, Stage("solving", 0.2))
    for seconds, points in ((1.0, 900), (2.0, 1_200), (5.0, 1_300)):
        receive(
            exchange, held, Searching(seconds, points, 1_400.0 - seconds, 0.1, 5, 60.0 - seconds)
        )
    page = broker(f"/runs/{held.run_id}")
    expect(page.get_by_text("1,300 points")).to_be_visible()
    check(page, "run-watched")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_text("The run is being cancelled.").first).to_be_visible()
    with exchange.write() as session:
        leases.end(session, session.get_one(Run, held.run_id), RunState.CANCELLED, actor="test")
    expect(page.get_by_role("heading", name=LABELS[RunState][RunState.CANCELLED])).to_be_visible()
    check(page, "run-cancelled")
