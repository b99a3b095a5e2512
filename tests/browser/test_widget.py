"""The map in pages of others, in a real browser: seen, heard, by keyboard, and refused."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Error, Page, expect

from app.access.policy import TERMINAL
from app.database import Database
from app.main import create_app
from app.maps import service, tokens
from app.maps.tokens import Grant
from app.portal.labels import LABELS
from app.settings import Settings
from models.vocabulary import EmbedLayer, Ladder, ProposalState
from tests.browser.conftest import Host
from tests.browser.widgets import HEARD, SECRET, await_heard, draw, heard, violations, widget
from tests.serving import serving

PHONE = {
    "viewport": {"width": 390, "height": 760},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}
Open = Callable[..., Page]


@pytest.fixture
def county(sqlite_database: Database) -> Database:
    with sqlite_database.write() as session:
        draw(session)
    return sqlite_database


@pytest.fixture
def address(county: Database) -> Iterator[str]:
    settings = Settings(workers=0, secret=SECRET, publish_offers=True)
    with serving(create_app(settings, county)) as address:
        yield address


@pytest.fixture
def embedded(county: Database, address: str, host: Host) -> Callable[..., str]:
    """A page of another origin with the lines that were copied into it."""

    def embed(
        layer: EmbedLayer = EmbedLayer.PARTNER, attributes: str = "", origin: str | None = None
    ) -> str:
        run_id = 1 if layer is EmbedLayer.PARTNER else None
        with county.write() as session:
            granted, token = service.create_embed(
                session, TERMINAL, SECRET, [origin or host.origin], layer, run_id=run_id
            )
        lines = service.snippet(address, granted, token)
        lines = lines.replace("<partnership-map ", f'<partnership-map height="700" {attributes} ')
        return host.page("page", HEARD + lines)

    return embed


def test_a_page_of_another_origin_shows_the_map(
    embedded: Callable[..., str], open_page: Open, complaints: list[str], address: str
) -> None:
    """One line is enough; the page hears what happens; nothing is asked of anybody else."""
    asked: list[str] = []
    page = open_page("about:blank")
    page.on("request", lambda request: asked.append(request.url))
    page.goto(embedded())
    frame = widget(page)
    assert await_heard(page, "ready") == {"participants": 64, "pairings": 30}
    frame.locator("#find").fill("school 104")
    frame.locator("#find").press("Enter")
    card = frame.locator("#card")
    expect(card.locator("h2")).to_have_text("School 104")
    expect(card).to_contain_text("Gives support to")
    assert await_heard(page, "select")["id"] == 104
    card.get_by_role("button", name="Close").click()
    expect(card).to_be_hidden()
    ours = (address, page.url.rpartition("/")[0], "data:", "about:")
    assert [url for url in asked if not url.startswith(ours)] == []
    assert page.context.cookies() == []
    assert complaints == []


def test_the_frame_has_no_origin(
    embedded: Callable[..., str], open_page: Open, complaints: list[str]
) -> None:
    """It can reach neither cookies nor storage nor the page around it."""
    frame = widget(open_page(embedded()))
    assert frame.evaluate("self.origin") == "null"
    reach = "() => { try { return String(%s) } catch (error) { return error.name } }"
    for out_of_reach in ("document.cookie", "localStorage", "parent.document.title"):
        assert frame.evaluate(reach % out_of_reach) == "SecurityError"


def test_a_page_that_the_token_does_not_name_shows_its_own_words(
    embedded: Callable[..., str], open_page: Open
) -> None:
    """The browser refuses the frame, the page is told, and the link in the element is there."""
    page = open_page(embedded(origin="https://www.example.org"))
    assert "token" in await_heard(page, "error")["message"]
    expect(page.get_by_role("link", name="Schools and support partners")).to_be_visible()
    assert page.locator("partnership-map iframe").count() == 0


def test_an_expired_token_is_told(
    address: str, county: Database, host: Host, open_page: Open
) -> None:
    """The page hears why, and shows what stands inside the element."""
    now = datetime.now(UTC)
    expired = Grant((host.origin,), EmbedLayer.PUBLIC, now - timedelta(minutes=1))
    lines = service.snippet(address, expired, tokens.sign(expired, SECRET, now))
    page = open_page(host.page("page", HEARD + lines))
    assert "expired" in await_heard(page, "error")["message"]
    expect(page.get_by_role("link", name="Schools and support partners")).to_be_visible()


def test_messages_of_others_are_not_heard(embedded: Callable[..., str], open_page: Open) -> None:
    """Neither the page takes another window's word, nor the frame that of another origin."""
    page = open_page(embedded())
    frame = widget(page)
    await_heard(page, "ready")
    page.evaluate(
        """() => {
          postMessage({ from: "partnership-map", type: "select", detail: { id: 1 } }, "*");
          const other = document.createElement("iframe");
          other.srcdoc = `<script>
            const map = { to: "partnership-map", type: "select", id: 104 };
            parent.frames[0].postMessage(map, "*");
            parent.postMessage({ from: "partnership-map", type: "select" }, "*");
          </` + `script>`;
          document.body.append(other);
        }"""
    )
    page.wait_for_timeout(400)
    assert heard(page, "select") == []
    expect(frame.locator("#card")).to_be_hidden()
    page.evaluate("document.querySelector('partnership-map').select(104)")
    expect(frame.locator("#card h2")).to_have_text("School 104")
    assert page.evaluate("document.activeElement.tagName") == "BODY"


@pytest.mark.parametrize("layer", list(EmbedLayer))
@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_nobody_is_shut_out(
    embedded: Callable[..., str],
    open_page: Open,
    complaints: list[str],
    layer: EmbedLayer,
    theme: str,
) -> None:
    """axe finds no violation in the map, its card or its lists, in any theme."""
    page = open_page(embedded(layer, f'theme="{theme}"'))
    frame = widget(page)
    assert violations(frame, complaints) == []
    frame.locator("#find").fill("school 104")
    frame.locator("#find").press("Enter")
    expect(frame.locator("#card h2")).to_have_text("School 104")
    assert violations(frame, complaints) == []
    frame.locator("#as-list").click()
    assert violations(frame, complaints) == []
    if layer is EmbedLayer.PARTNER:
        frame.locator("#find").fill("")
        frame.locator("#list-pairings").click()
        assert violations(frame, complaints) == []
    assert complaints == []


def test_nobody_is_shut_out_of_the_pages_beside_the_map(
    address: str, county: Database, host: Host, open_page: Open, complaints: list[str]
) -> None:
    """Neither of the list that needs no script nor of what is said where a token is none."""
    with county.write() as session:
        granted, _ = service.create_embed(
            session, TERMINAL, SECRET, [host.origin], EmbedLayer.PUBLIC
        )
    assert violations(open_page(f"{address}/maps/list?embed={granted.page}"), complaints) == []
    for name in ("list", "widget"):
        page = open_page("about:blank")
        page.goto(f"{address}/maps/{name}?token=none")
        complaints.clear()  # the browser notes the 401
        expect(page.get_by_text("cannot be shown")).to_be_visible()
        assert violations(page, complaints) == []


def test_every_marker_by_keyboard(
    embedded: Callable[..., str], open_page: Open, complaints: list[str]
) -> None:
    """Tab comes to the markers, arrows go from one to the next, Enter opens, Escape closes."""
    page = open_page(embedded())
    frame = widget(page)
    markers = frame.locator(".hits")
    name = "document.activeElement.getAttribute('aria-label')"
    labels = "(all) => all.map((one) => one.getAttribute('aria-label'))"
    frame.locator("#print").focus()
    for _ in range(4):
        page.keyboard.press("Tab")
        if markers.evaluate("(group) => group.contains(document.activeElement)"):
            break
    first = frame.evaluate(name)
    assert first
    page.keyboard.press("Home")
    seen = [frame.evaluate(name)]
    for _ in range(markers.get_by_role("button").count() - 1):
        page.keyboard.press("PageDown")
        seen.append(frame.evaluate(name))
    assert len(seen) > 3
    assert sorted(seen) == sorted(markers.get_by_role("button").evaluate_all(labels))
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert frame.evaluate(name) != seen[0]
    for _ in range(8):  # clusters open until a school stands alone
        if "zoom in" not in frame.evaluate(name):
            break
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    card = frame.locator("#card")
    expect(card).to_be_visible()
    expect(card).to_be_focused()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    assert markers.evaluate("(group) => group.contains(document.activeElement)")
    assert complaints == []


def test_the_list_has_what_the_map_has(
    embedded: Callable[..., str], open_page: Open, complaints: list[str]
) -> None:
    """Also whoever has no position; sorted by any column, filtered with the map."""
    frame = widget(open_page(embedded(attributes='view="list"')))
    table = frame.locator("#table")
    expect(table.locator("tbody tr")).to_have_count(50)
    expect(frame.locator("#pager")).to_contain_text("Page 1 of 2")
    expect(table.locator("tbody th").first).to_have_text("Hub hub")
    table.get_by_role("button", name="Name").click()
    expect(table.locator("thead th").first).to_have_attribute("aria-sort", "descending")
    expect(table.locator("tbody th").first).to_have_text("School 159")
    frame.locator("#find").fill("nowhere")
    expect(table.locator("tbody tr")).to_have_count(1)
    table.get_by_role("button", name="Nowhere School").click()
    expect(frame.locator("#card")).to_contain_text("location is not known")
    frame.get_by_role("button", name="Clear filters").click()
    frame.locator("#list-pairings").click()
    expect(table.locator("tbody tr")).to_have_count(30)
    frame.get_by_label(LABELS[Ladder][Ladder.REGION]).uncheck()
    expect(table.locator("tbody tr")).to_have_count(25)
    assert complaints == []


def test_a_pairing_is_chosen(
    embedded: Callable[..., str], open_page: Open, complaints: list[str]
) -> None:
    """From the list by keyboard: a card says who gives what to whom, and the page hears of it."""
    page = open_page(embedded(attributes='view="list"'))
    frame = widget(page)
    frame.locator("#list-pairings").press("Enter")
    row = frame.locator("#table tbody tr").first
    row.get_by_role("button").nth(2).press("Enter")
    expect(row.get_by_role("cell").last).to_have_text(
        LABELS[ProposalState][ProposalState.PREFERRED]
    )
    card = frame.locator("#card")
    expect(card).to_be_focused()
    expect(card.locator("h2")).to_have_text("Maths")
    expect(card).to_contain_text(row.get_by_role("button").first.inner_text())
    told = await_heard(page, "pairing")
    assert set(told) == {"id", "giver", "taker"}
    assert violations(frame, complaints) == []
    page.keyboard.press("Escape")
    expect(row.get_by_role("button").nth(2)).to_be_focused()
    assert complaints == []


def test_on_a_phone(embedded: Callable[..., str], open_page: Open, complaints: list[str]) -> None:
    """Nothing is wider than the screen; filters are folded away; a card leaves the map in sight."""
    page = open_page(embedded(), **PHONE)
    frame = widget(page)
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(frame.locator("#filters")).to_be_hidden()
    frame.locator("#side summary").click()
    expect(frame.locator("#filters")).to_be_visible()
    assert violations(frame, complaints) == []
    frame.locator("#side summary").click()
    page.evaluate("document.querySelector('partnership-map').select(104)")
    card, map_ = frame.locator("#card").bounding_box(), frame.locator("#map").bounding_box()
    assert card is not None
    assert map_ is not None
    assert card["y"] - map_["y"] > 150
    frame.locator("#as-list").tap()
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []


@pytest.mark.parametrize(
    ("preference", "theme"),
    [
        ({"color_scheme": "dark"}, "dark"),
        ({"color_scheme": "light"}, "light"),
        ({"contrast": "more"}, "contrast"),
        ({"forced_colors": "active"}, "contrast"),
    ],
)
def test_the_reader_s_preference_is_kept(
    embedded: Callable[..., str], open_page: Open, preference: dict[str, str], theme: str
) -> None:
    """Unless the page says otherwise, the map is dark where the reader's system is."""
    frame = widget(open_page(embedded(), **preference))
    assert frame.locator("html").get_attribute("data-theme") == theme


def test_without_javascript(embedded: Callable[..., str], open_page: Open) -> None:
    """The line that was copied leads to a list, which finds schools without a script."""
    page = open_page(embedded(), java_script_enabled=False)
    page.get_by_role("link", name="Schools and support partners").click()
    expect(page.get_by_role("row")).to_have_count(64)
    page.get_by_label("Name, place or postcode").fill("school 104")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("row")).to_have_count(2)


def test_a_plain_frame_needs_no_script_of_the_page(
    address: str, county: Database, host: Host, open_page: Open, complaints: list[str]
) -> None:
    """The frame that can be copied instead shows the same map."""
    with county.write() as session:
        granted, token = service.create_embed(
            session, TERMINAL, SECRET, [host.origin], EmbedLayer.PUBLIC
        )
    page = open_page(host.page("page", service.frame(address, granted, token)))
    frame = widget(page)
    box = page.locator("iframe").bounding_box()
    assert box is not None
    assert box["height"] == 640
    expect(frame.locator("#status")).to_have_text("64 schools and organisations")
    assert complaints == []


def test_no_address_that_a_server_sees_has_the_token(
    embedded: Callable[..., str], host: Host, open_page: Open, complaints: list[str]
) -> None:
    """Nor a referrer: data are asked for with a short-lived token in a header."""
    page = open_page("about:blank")
    asked: list[Any] = []
    page.on("request", lambda each: asked.append(each))
    page.goto(embedded())
    token = page.locator("partnership-map").get_attribute("token") or ""
    widget(page)
    assert any(each.url.endswith("/maps/layer") for each in asked)
    sent = [each for each in asked if each.method == "POST"]
    assert [each.url.rpartition("/")[2] for each in sent] == ["data-tokens"]
    signature = token.rpartition(".")[2]
    for each in asked:
        assert signature not in each.url.partition("#")[0]
        assert signature not in str(each.all_headers())
    assert complaints == []


def test_an_element_copied_from_an_earlier_version_shows_the_map(
    address: str, county: Database, host: Host, open_page: Open, complaints: list[str]
) -> None:
    """Its token does not say what its page is called: the service leads it there."""
    with county.write() as session:
        granted, _ = service.create_embed(
            session, TERMINAL, SECRET, [host.origin], EmbedLayer.PUBLIC
        )
    old = replace(granted, page=None)
    token = tokens.sign(old, SECRET, datetime.now(UTC))
    for lines in (
        service.snippet(address, granted, token),
        f'<iframe src="{address}/maps/widget?token={token}" height="640"></iframe>',
    ):
        frame = widget(open_page(host.page("page", lines)))
        expect(frame.locator("#status")).to_have_text("64 schools and organisations")
    assert complaints == []


def test_a_plain_frame_without_javascript(
    address: str, county: Database, host: Host, open_page: Open, complaints: list[str]
) -> None:
    """It leads to the list, and the list still finds schools, within the frame."""
    with county.write() as session:
        granted, token = service.create_embed(
            session, TERMINAL, SECRET, [host.origin], EmbedLayer.PUBLIC
        )
    page = open_page(
        host.page("page", service.frame(address, granted, token)), java_script_enabled=False
    )
    frame = page.frame_locator("iframe")
    link = frame.get_by_role("link", name="The list of schools")
    with suppress(Error):
        link.wait_for(timeout=5_000)
    if not link.is_visible():
        # A frame of another origin may be parsed before it is told that there are no scripts.
        page.reload()
    link.click()
    frame.get_by_label("Name, place or postcode").fill("school 104")
    frame.get_by_role("button", name="Search").click()
    expect(frame.get_by_role("row")).to_have_count(2)
    assert complaints == []


def test_it_can_be_printed(embedded: Callable[..., str], open_page: Open) -> None:
    """On paper there is the map with its legend, and nothing to press."""
    page = open_page(embedded())
    frame = widget(page)
    frame.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(frame.locator("#map")).to_be_visible()
    expect(frame.locator("#kinds")).to_be_visible()
    painted = """(canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value) => value !== 0);
    }"""
    expect(frame.locator("canvas.painted")).to_be_visible()
    assert frame.locator("canvas.painted").evaluate(painted)
    for pressed in ("#search", ".views", "#print", ".leaflet-control-zoom"):
        expect(frame.locator(pressed)).to_be_hidden()


def test_a_theme_and_a_colour_by_attribute(embedded: Callable[..., str], open_page: Open) -> None:
    """The page chooses a colour; words on it stay readable."""
    frame = widget(open_page(embedded(attributes='accent="#ffd54f" heading="Our schools"')))
    bar = frame.locator(".bar")
    expect(bar).to_have_css("background-color", "rgb(255, 213, 79)")
    expect(bar).to_have_css("color", "rgb(0, 0, 0)")
    expect(frame.locator("h1")).to_have_text("Our schools")
