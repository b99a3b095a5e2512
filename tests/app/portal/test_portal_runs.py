"""Runs and the review of their proposals through the portal's pages, without JavaScript."""

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL, Role
from app.database import Database
from app.insight.queries import report_data, result_of
from app.insight.rendered import draw
from app.planning.carry_out import Searching, Stage
from app.portal import labels
from app.portal.choices import ReviewAction
from app.portal.labels import DONE, LABELS, NOTE_NEEDED, RUN_FIELDS
from app.portal.rendering import VENDOR
from app.runs import service
from app.runs.leases import claim
from app.runs.results import receive
from models.access import AuditEvent
from models.exchange import Offer
from models.matching import Decision, Proposal, Run, RunEvent, Steering
from models.vocabulary import DeclineReason, RunState, Side, SteeringKind
from solver.formats.plan import Stopped
from tests import rows
from tests.callers import csv_rows
from tests.maps import exchanged
from tests.portal import BASE, Page, Visitor, broker
from tests.runs import OPTIONS, match

DECIDE = "/proposals/decide"


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """Three needs: two that several can serve, one that nobody in reach can."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        one = rows.add_school(session, 1, name="Oak School")
        two = rows.add_school(session, 2, 1, name="Ash School")
        far = rows.add_school(session, 3, 9, name="Elm School")
        lost = rows.add_school(session, 4, 200, name="Far School")
        rows.add_need(session, "N", one, priority=1)
        rows.add_need(session, "M", two, expertise_code="reading")
        rows.add_need(session, "L", lost)
        for who in (one, two, lost):
            rows.add_limits(session, who, allowance_half_days=100)
        rows.add_offer(session, "near", two)
        rows.add_offer(session, "far", far)
        rows.add_offer(session, "reads", far, expertise_code="reading")
    return sqlite_database


@pytest.fixture
def who(exchange: Database) -> Visitor:
    """A broker at work on the first day of the year that is planned."""
    return broker(exchange, rows.NOW)


def ids(database: Database) -> dict[str, int]:
    """Proposals by their offer."""
    with database.read() as session:
        query = select(Offer.reference, Proposal.id).join(Offer, Offer.id == Proposal.offer_id)
        return dict(session.execute(query).all())


def state(database: Database, proposal_id: int) -> str:
    with database.read() as session:
        return session.get_one(Proposal, proposal_id).state


def chosen(page: Page) -> list[str]:
    """What each box of a list stands for."""
    return page.boxes["chosen"]


def test_a_run_is_started_with_its_rules_and_cancelled(who: Visitor, exchange: Database) -> None:
    """Its page says the rules in words, waits, and offers to cancel until it has ended."""
    page = who.open("/runs/new")
    assert "Each school receives at most what it gives" in page.text
    page = who.send(page, "/runs/new", area="testshire", period=rows.YEAR, travel_limit_miles="7")
    assert "Run in progress" in page.text
    assert "The run is waiting to start." in page.text
    assert "travels at most 7 miles" in page.text
    with exchange.read() as session:
        run = session.scalars(select(Run)).one()
    assert run.scope["name"] == "Testshire"
    assert run.options["travel_limit_miles"] == 7
    assert run.options["time_limit_s"] == 60
    page = who.send(page, f"/runs/{run.id}/cancel")
    assert LABELS[RunState][RunState.CANCELLED] in page.text
    assert "This run was cancelled before it found a plan." in page.text
    assert who.post(f"/runs/{run.id}/cancel").status == 403


@pytest.mark.parametrize(
    ("typed", "error", "at"),
    [
        ({"area": ""}, RUN_FIELDS["area"].enter, "#area"),
        ({"area": "Testshir"}, "Did you mean Testshire?", "#area"),
        ({"period": "2020-21"}, "period", "#period"),
        ({"minutes": "0"}, "{minutes} must be between 1 and 720", "#minutes"),
        ({"max_taken": "-1"}, "{max_taken} must be between 0 and 1,000", "#max_taken"),
        (
            {"travel_limit_miles": "far"},
            "{travel_limit_miles} must be a number",
            "#travel_limit_miles",
        ),
        ({"reciprocity": "open_loops"}, RUN_FIELDS["reciprocity"].enter, "#reciprocity"),
        ({"max_loop": "1"}, "{max_loop} must be between 2 and 100", "#max_loop"),
    ],
)
def test_a_run_that_cannot_be_is_told_why(
    who: Visitor, exchange: Database, typed: dict[str, str], error: str, at: str
) -> None:
    """At its field, and nothing is submitted."""
    right = {"area": "Testshire", "period": rows.YEAR}
    page = who.send(who.open("/runs/new"), "/runs/new", **(right | typed))
    assert page.status == 422
    asked = {name: field.label for name, field in RUN_FIELDS.items()}
    assert error.format(**asked) in page.text
    assert at in page.links
    with exchange.read() as session:
        assert session.scalars(select(Run)).all() == []


def test_a_run_is_watched_until_it_has_ended(who: Visitor, exchange: Database) -> None:
    """Bound, plan and gap as the solver last told them, then the plan itself."""
    with exchange.write() as session:
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
        options = service.MatchOptions(as_of=rows.STARTS)
        run = service.submit(session, TERMINAL, takers, rows.YEAR, options)
        run_id = run.id
    with exchange.write() as session:
        held = claim(session, "test", 60)
    assert held is not None
    receive(exchange, held, Stage("solving", 0.2))
    receive(exchange, held, Searching(1.0, 1_000, 2_000.0, 1.0, 3, 59.0))
    receive(exchange, held, Searching(2.0, 1_500, 1_800.0, 0.2, 9, 58.0))
    part = who.client.get(f"{BASE}/runs/{run_id}/watch", headers={"HX-Request": "true"})
    assert "<html" not in part.text
    page = Page(part)
    assert "Best plan so far 1,500 points No plan can have more than 1,800 points" in page.text
    assert "Could improve by at most 20%" in page.text
    assert re.search("Time left, at most 5[0-9] seconds", page.text)
    with exchange.write() as session:
        told = session.scalars(select(RunEvent).where(RunEvent.kind == "progress"))
        for event in told:
            event.at -= timedelta(seconds=90)
    page = Page(who.client.get(f"{BASE}/runs/{run_id}/watch"))
    assert "Time left None: the run is finishing" in page.text
    whole = who.client.get(f"{BASE}/runs/{run_id}").text
    assert re.search(r'<noscript>\s*<meta http-equiv="refresh"', whole)
    page = who.send(Page(who.client.get(f"{BASE}/runs/{run_id}")), f"/runs/{run_id}/cancel")
    assert "The run is being cancelled." in page.text


def test_who_watches_is_led_to_the_plan(who: Visitor, run_id: int) -> None:
    """A run that has ended is no longer watched, with JavaScript or without."""
    part = who.client.get(f"{BASE}/runs/{run_id}/watch", headers={"HX-Request": "true"})
    assert part.headers["hx-redirect"] == f"{BASE}/runs/{run_id}"
    assert "The plan" in who.open(f"/runs/{run_id}/watch").text


def test_the_plan_is_told_in_figures_charts_and_tables(
    who: Visitor, run_id: int, exchange: Database
) -> None:
    """Every chart is a table with each of its labels and figures, drawn within the policy."""
    page = who.open(f"/runs/{run_id}")
    assert "2 of 3 needs are met, with 4 days of support in 2 pairings." in page.text
    assert "Proven optimal: no plan within these rules is better." in page.text
    with exchange.read() as session:
        stopped = session.get_one(Run, run_id).stopped
    assert f"How it was found {labels.label(stopped, Stopped)}" in page.text
    assert "Proven optimal" in who.open("/runs").text
    raw = who.client.get(f"{BASE}/runs/{run_id}").text
    with exchange.read() as session:
        made = draw(report_data(session, result_of(session, TERMINAL, run_id))).summary.charts
    assert raw.count("<figure") == raw.count('<table class="chart-bars') == len(made) >= 3
    for chart in made:
        assert f'aria-label="{chart.title}"' in raw
        for bar in chart.bars:
            assert " ".join([bar.label, *bar.figures]) in page.text
    assert page.faults == []
    style = next(each for each in re.findall(r'href="([^"]+)"', raw) if "charts.css" in each)
    assert ".chart-bar" in who.client.get(style).text
    shown = who.client.get(f"{BASE}/runs/{run_id}/picture").text
    assert 'alt="4 schools and organisations and 2 pairings in Testshire"' in shown


def test_a_plan_without_pairings_is_told(who: Visitor, exchange: Database) -> None:
    """Its charts are of the needs that it leaves unmet."""
    nobody_in_reach = OPTIONS.model_copy(update={"travel_limit_miles": 0.5})
    page = who.open(f"/runs/{match(exchange, nobody_in_reach)}")
    assert page.status == 200
    assert "0 of 3 needs are met" in page.text
    assert "Most often not met: Maths, 2 of 2 needs." in page.text
    assert "Where support comes from" not in page.text


def test_proposals_are_filtered_sorted_and_had_as_csv(who: Visitor, run_id: int) -> None:
    """The file holds what the page shows, in its order."""
    path = f"/runs/{run_id}/proposals"

    def offers(query: str = "") -> list[str]:
        answer = who.client.get(f"{BASE}{path}?as=csv&{query}")
        return [row["offer"] for row in csv_rows(answer)]

    assert offers() == ["near", "reads"]
    assert offers("sort=points") == ["reads", "near"]
    assert offers("sort=giver") == ["near", "reads"]
    assert offers("sort=-giver") == ["reads", "near"]
    assert offers("sort=no-such") == ["near", "reads"]
    assert offers("q=elm") == ["reads"]
    assert offers("q=%25") == []
    assert offers("miles=5") == ["near"]
    assert offers("expertise=reading") == ["reads"]
    assert offers("state=declined") == []
    assert offers("ladder=local_area&sendable=yes") == ["near", "reads"]
    page = who.open(f"{path}?q=elm")
    assert "1 to 1 of 1 proposals that match the filter" in page.text
    assert f"{BASE}{path}?q=elm&as=csv" in page.links
    assert "No proposals match the filter." in who.open(f"{path}?state=declined").text
    assert who.open("/runs/99/proposals").status == 404


def test_what_was_confirmed_since_the_plan_can_be_sent(
    who: Visitor, run_id: int, exchange: Database
) -> None:
    """Lists and files tell what needs and offers are now, not what they were when it was made."""
    path = f"/runs/{run_id}/proposals"
    with exchange.write() as session:
        session.execute(update(Proposal).values(sendable=False))
    assert "Not ready to send" not in who.open(f"{path}?sendable=yes&q=elm").text
    assert "1 to 1 of 1" in who.open(f"{path}?sendable=yes&q=elm").text
    with exchange.write() as session:
        session.execute(update(Offer).values(availability="not_answered"))
    assert "Not ready to send" in who.open(path).text
    assert "No proposals match the filter." in who.open(f"{path}?sendable=yes").text


def test_a_proposal_tells_why_it_was_chosen(who: Visitor, run_id: int, exchange: Database) -> None:
    """Components that add up, the rules it passed with their numbers, and who else could."""
    near = ids(exchange)["near"]
    page = who.open(f"/proposals/{near}")
    assert "Ash School gives 2 days of Maths to Oak School" in page.text
    with exchange.read() as session:
        proposal = session.get_one(Proposal, near)
    assert f"Total {proposal.total_points:,}" in page.text
    once, days = proposal.points_once, f"{proposal.points:,} per half-day for 2 days"
    assert f"{days}, and {once:,} once for meeting the need" in page.text
    assert f"Priority {once:+,} once" in page.text
    assert (
        "1 mile apart, within the school receiving support's limit of 20 miles and the "
        "supporting organisation's limit of 20 miles." in page.text
    )
    assert "Other organisations that could help, best first" in page.text
    assert re.search(r"Elm School \d+ 9\.0 \S+ \S+ \S+ -[\d,]+ points", page.text)


def test_what_is_chosen_is_preferred_at_once(who: Visitor, run_id: int, exchange: Database) -> None:
    """From a list, all of it; the way back keeps the filter."""
    path = f"/runs/{run_id}/proposals?sort=giver"
    page = who.open(path)
    page = who.send(page, DECIDE, action="prefer", chosen=chosen(page))
    assert f"2 proposals {DONE[ReviewAction.PREFER]}" in page.text
    assert f"{LABELS[Side][Side.GIVER]} ▲" in page.text
    assert {state(exchange, each) for each in ids(exchange).values()} == {"preferred"}


def test_all_that_fit_a_filter_are_decided_on(
    who: Visitor, run_id: int, exchange: Database
) -> None:
    """Also those of other pages, and none that the filter leaves out."""
    page = who.open(f"/runs/{run_id}/proposals?q=elm")
    page = who.send(page, DECIDE, action="prefer", all="yes")
    assert f"1 proposal {DONE[ReviewAction.PREFER]}" in page.text
    found = ids(exchange)
    assert (state(exchange, found["reads"]), state(exchange, found["near"])) == (
        "preferred",
        "proposed",
    )


def test_a_decline_needs_its_reason(who: Visitor, run_id: int, exchange: Database) -> None:
    """The reason is asked for first; other needs a note; both are kept with the decision."""
    near = ids(exchange)["near"]
    ask = who.send(who.open(f"/proposals/{near}"), DECIDE, action="decline")
    assert ask.text.startswith(LABELS[ReviewAction][ReviewAction.DECLINE])
    assert state(exchange, near) == "proposed"
    page = who.send(ask, DECIDE)
    assert page.status == 422
    assert labels.DECLINE_NEEDED in page.text
    assert "#reason" in page.links
    page = who.send(ask, DECIDE, reason="other")
    assert labels.OTHER_NEEDED in page.text
    assert "#note" in page.links
    page = who.send(ask, DECIDE, reason="capacity", note="too <b>busy</b>")
    assert f"Proposal {DONE[ReviewAction.DECLINE]}" in page.text
    reason = LABELS[DeclineReason][DeclineReason.CAPACITY]
    assert f"Declined : {reason.lower()}" in page.text
    assert "too <b>busy</b>" in page.text
    with exchange.read() as session:
        decision = session.scalars(select(Decision)).one()
    assert (decision.reason, decision.note) == ("capacity", "too <b>busy</b>")
    assert state(exchange, near) == "declined"


def test_what_cannot_be_done_is_said_of_each_and_the_rest_is_done(
    who: Visitor, run_id: int, exchange: Database
) -> None:
    """One that somebody else decided on meanwhile stays as that one wanted."""
    page = who.open(f"/runs/{run_id}/proposals")
    near = ids(exchange)["near"]
    who.send(who.open(f"/proposals/{near}"), DECIDE, action="prefer")
    page = who.send(page, DECIDE, action="prefer", chosen=chosen(page))
    assert "Some proposals were not changed" in page.text
    assert f"1 proposal {DONE[ReviewAction.PREFER]}." in page.text
    assert "1 proposal stayed the same:" in page.text
    assert "was changed in the meantime" in page.text


def test_nothing_chosen_is_nothing_done(who: Visitor, run_id: int) -> None:
    """And an action that there is not is refused."""
    page = who.open(f"/runs/{run_id}/proposals")
    assert who.send(page, DECIDE, action="prefer").status == 422
    assert who.send(page, DECIDE, action="agree", chosen=chosen(page)).status == 404
    assert who.send(page, DECIDE, action="prefer", chosen=["9999:1"]).status == 404
    assert who.send(page, DECIDE, action="prefer", chosen=["x", "1:", ":1"]).status == 422


@pytest.mark.parametrize(
    ("action", "kind"),
    [(ReviewAction.PIN, SteeringKind.PIN), (ReviewAction.EXCLUDE, SteeringKind.EXCLUSION)],
)
def test_pairs_are_pinned_and_excluded_with_a_reason_and_set_free(
    who: Visitor, run_id: int, exchange: Database, action: ReviewAction, kind: SteeringKind
) -> None:
    """It shows on the list and the page; the exclusion or pin can be lifted there."""
    near, said = ids(exchange)["near"], LABELS[SteeringKind][kind]
    page = who.open(f"/runs/{run_id}/proposals")
    ask = who.send(page, DECIDE, action=action, chosen=chosen(page)[:1])
    assert NOTE_NEEDED[action] in who.send(ask, DECIDE).text
    page = who.send(ask, DECIDE, note="they asked for it")
    assert said in page.text
    page = who.open(f"/proposals/{near}")
    assert "they asked for it" in page.text
    with exchange.read() as session:
        made = session.scalars(select(Steering)).one()
    page = who.send(page, f"/steering/{made.kind}/{made.id}/lift")
    assert "they asked for it" not in page.text
    assert said not in who.open(f"/runs/{run_id}/proposals").text


def test_unmet_needs_say_why_nobody_could(who: Visitor, run_id: int) -> None:
    """With how many offers each reason kept out; filtered, and as a file."""
    page = who.open(f"/runs/{run_id}/unmet")
    assert "Far School Maths 2 3 2 offers The journey is longer than the travel limit" in page.text
    assert "No unmet needs match the filter." in who.open(f"/runs/{run_id}/unmet?priority=1").text
    [row] = csv_rows(who.client.get(f"{BASE}/runs/{run_id}/unmet?as=csv"))
    assert (row["need"], row["days"]) == ("L", "2")


def test_a_person_sees_only_what_the_policy_lets_it(who: Visitor) -> None:
    """A principal without the role for a page is told so, by a page."""
    who.limit_to(Role.CONTACT)
    home = who.open("/")
    assert f"{BASE}/offers/new" in home.links
    assert f"{BASE}/runs/new" not in home.links
    for path in ("/runs/new", "/imports/new"):
        page = who.open(path)
        assert page.status == 403
        assert "You do not have permission to" in page.text


def test_lines_to_embed_the_public_map_are_made(who: Visitor, exchange: Database) -> None:
    """For the sites that were named only, and on record; markup in a name stays text."""
    page = who.send(who.open("/embed"), "/embed", origins="https://a.example https://b.example")
    assert '<partnership-map src="http://localhost" token="' in page.text
    assert '<iframe src="http://localhost/maps/widget?embed=' in page.text
    with exchange.read() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "embed.create")).one()
    assert event.detail["origins"] == ["https://a.example", "https://b.example"]
    for wrong in ("", "www.example.org", "https://<b>", "http://a.example"):
        page = who.send(who.open("/embed"), "/embed", origins=wrong)
        assert page.status == 422
        assert "#origins" in page.links


def test_the_map_of_a_run_is_for_its_own_page(who: Visitor, run_id: int) -> None:
    """The frame's token opens the run for pages of this very address, where the parts are."""
    answer = who.client.get(f"{BASE}/runs/{run_id}/map")
    assert "frame-src 'self'" in answer.headers["content-security-policy"]
    if not (VENDOR / "leaflet.js").is_file():
        pytest.skip("the front-end parts are not in place: make parts")
    frame = r'<iframe class="gt-widget"\s+id="review-map"\s+src="([^"]*)"'
    [source] = re.findall(frame, answer.text)
    address, _, token = unescape(source).partition("#")
    assert exchanged(who.client, token).json()["layer"] == "partner"
    framed = who.client.get(address)
    assert framed.status_code == 200
    assert "frame-ancestors 'self'" in framed.headers["content-security-policy"]


def test_tabs_of_a_run_lead_where_their_reader_may_go(who: Visitor, run_id: int) -> None:
    """A contact sees those of its own proposals, and none that would be refused."""
    paths = [f"{BASE}/runs/{run_id}{each}" for each in ("/unmet", "/diff", "/map")]
    assert set(paths) <= set(who.open(f"/runs/{run_id}/proposals").links)
    who.limit_to(Role.CONTACT)
    for page in (f"/runs/{run_id}/proposals", f"/runs/{run_id}"):
        links = who.open(page).links
        assert f"{BASE}/runs/{run_id}/proposals" in links
        assert not set(paths) & set(links)
