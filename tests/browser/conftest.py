"""A real browser, the portal on a port, and pages of other origins that embed its map."""

import functools
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from app.database import Database
from app.main import create_app
from app.settings import Settings
from tests import rows
from tests.portal import new_key
from tests.serving import serving

ROOT = Path(__file__).parents[2]
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
WINDOW = {"viewport": {"width": 1200, "height": 860}}
SHOTS = ROOT / "artefacts" / "screenshots"
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    if not (ROOT / "app" / "static" / "vendor" / "leaflet.js").exists():
        pytest.skip("the front-end parts are not in place: make parts")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


class Host:
    """A site of another origin; `page` writes one of its pages and gives the address."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.origin = f"http://localhost:{port}"

    def page(self, name: str, body: str) -> str:
        text = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="icon" href="data:,"><title>A council</title></head>'
            f"<body><main><h1>A council</h1>{body}</main></body></html>"
        )
        (self.folder / f"{name}.html").write_text(text)
        return f"{self.origin}/{name}.html"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    folder = tmp_path / "site"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Host(folder, server.server_port)
        server.shutdown()
        thread.join()


@pytest.fixture
def complaints() -> list[str]:
    """What the console said: errors, warnings, and every break of a policy."""
    return []


@pytest.fixture
def open_page(
    chromium: Browser, complaints: list[str], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Open an address in a context of its own; a picture is kept of how each test ended."""
    contexts: list[BrowserContext] = []

    def note(said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            complaints.append(said.text)

    def open_(address: str, **context: Any) -> Page:
        contexts.append(chromium.new_context(**(WINDOW | context)))
        page = contexts[-1].new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        return page

    yield open_
    SHOTS.mkdir(parents=True, exist_ok=True)
    for number, context in enumerate(contexts):
        for page in context.pages:
            name = request.node.name.replace("[", "-").replace("]", "")
            page.screenshot(path=SHOTS / f"{name}-{number}.png")
        context.close()


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """A dozen schools that need and offer two kinds of expertise, and one out of reach."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        for n in range(12):
            name = (
                f"{('Oak', 'Ash', 'Elm', 'Yew')[n % 4]} {('Primary', 'Infant')[n % 2]} School {n}"
            )
            school = rows.add_school(session, 100 + n, n, name=name, postcode=f"ZZ{n} 1AA")
            expertise = ("maths", "reading")[n % 2]
            rows.add_need(session, f"n{n}", school, expertise_code=expertise, priority=1 + n % 5)
            other = ("reading", "maths")[n % 2]
            rows.add_offer(session, f"o{n}", school, expertise_code=other)
            rows.add_limits(session, school, allowance_half_days=100)
        rows.add_need(session, "far", rows.add_school(session, 200, 300, name="Far School"))
    return sqlite_database


@pytest.fixture
def address(exchange: Database) -> Iterator[str]:
    app = create_app(Settings(workers=1, database_url=exchange.url), exchange)
    with serving(app) as origin:
        yield f"{origin}/portal"


@pytest.fixture
def broker(open_page: Open, address: str, exchange: Database) -> Callable[..., Page]:
    """Open the portal signed in; the context's options as keywords."""

    def signed_in(path: str = "/", **context: Any) -> Page:
        page = open_page(f"{address}{path}", **context)
        page.get_by_label("Key", exact=True).fill(new_key(exchange))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        return page

    return signed_in
