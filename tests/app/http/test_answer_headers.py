"""What every answer tells browsers, of whatever kind it is."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.database import Database
from app.main import create_app
from app.settings import Settings
from solver.formats.bounded import MOST_MIB
from tests.factories import new_key
from tests.maps import ORIGIN, SECRET, draw, page_of, token, with_data_token
from tests.portal import OURS, pages_of
from tests.runs import submit

DOCS = Path(__file__).parents[3] / "docs"
NOBODY = "'none'"
PREFLIGHT = {"Origin": "null", "Access-Control-Request-Method": "GET"}
JSON = {"Content-Type": "application/json"}
Ask = Callable[..., Any]
KINDS: dict[str, tuple[int, str, Ask]] = {
    "health": (200, "same", lambda c: c.get("/health")),
    "nothing": (404, "same", lambda c: c.get("/nowhere")),
    "JSON": (200, "same", lambda c: c.get("/api/v1/needs")),
    "document": (200, "same", lambda c: c.get("/api/v1/openapi.json")),
    "CSV": (200, "same", lambda c: c.get("/api/v1/needs", headers={"Accept": "text/csv"})),
    "unchanged": (304, "same", lambda c: c.get("/api/v1/runs/1", headers={"If-None-Match": "*"})),
    "created": (201, "same", lambda c: c.post("/api/v1/embed-tokens", json={"origins": [ORIGIN]})),
    "events": (200, "same", lambda c: c.get("/api/v1/runs/2/events?wait_s=0")),
    "no more events": (204, "same", lambda c: c.get("/api/v1/runs/1/events?wait_s=0")),
    "no key": (401, "same", lambda c: c.get("/api/v1/needs", headers={"Authorization": ""})),
    "not found": (404, "same", lambda c: c.get("/api/v1/needs/none")),
    "not a method": (405, "same", lambda c: c.put("/api/v1/runs")),
    "not a form": (406, "same", lambda c: c.get("/api/v1/needs", headers={"Accept": "a/b"})),
    "too long": (413, "same", lambda c: c.post("/api/v1/needs", content=b"x" * 2_000_000)),
    "not JSON": (415, "same", lambda c: c.post("/api/v1/needs", content=b"x")),
    "unreadable": (400, "same", lambda c: c.post("/api/v1/needs", content=b"{", headers=JSON)),
    "invalid": (422, "same", lambda c: c.post("/api/v1/needs", json={})),
    "a bug": (500, "same", lambda c: c.get("/bug")),
    "to the portal": (307, "same", lambda c: c.get("/portal")),
    "from the root": (307, "same", lambda c: c.get("/")),
    "sign-in": (200, "same", lambda c: c.get("/portal/sign-in")),
    "to sign-in": (303, "same", lambda c: c.get("/portal/runs")),
    "htmx to sign-in": (401, "same", lambda c: c.get("/portal/", headers={"HX-Request": "true"})),
    "refused form": (403, "same", lambda c: c.post("/portal/sign-in", data={"key": "x"})),
    "refused key": (422, "same", lambda c: c.post("/portal/sign-in", data={}, headers=OURS)),
    "no page": (404, "same", lambda c: c.get("/portal/nowhere/at/all")),
    "a page's bug": (500, "same", lambda c: c.get("/portal/bug")),
    "a page's style": (200, "same", lambda c: c.get("/portal/static/portal.css")),
    "landing": (200, "same", lambda c: c.get("/maps/features")),
    "bad query": (400, "same", lambda c: c.get("/maps/features/collections?x=1")),
    "module": (200, "cross", lambda c: c.get("/maps/static/widget.js")),
    "no module": (404, "same", lambda c: c.get("/maps/static/none.js")),
    "preflight": (200, "same", lambda c: c.options("/maps/layer", headers=PREFLIGHT)),
    "no layer": (401, "same", lambda c: c.get("/maps/layer", headers={"Authorization": ""})),
    "data token": (200, "same", lambda c: c.post("/maps/data-tokens", data=c.embed)),
    "layer": (200, "cross", lambda c: c.get("/maps/layer", headers=c.data)),
    "list": (200, "cross", lambda c: c.get("/maps/list", params={"embed": c.embed["embed"]})),
    "no list": (401, "cross", lambda c: c.get("/maps/list", params={"embed": "x"})),
    "our list": (200, "cross", lambda c: c.get("/maps/list")),
}
FRAMED = {"list": ORIGIN, "our list": "'self'"}


@pytest.fixture
def client(sqlite_database: Database) -> TestClient:
    """Somebody with a key and a map's token, at a service that is reached by HTTPS."""
    draw(sqlite_database)
    submit(sqlite_database)
    app = create_app(
        Settings(workers=0, secret=SECRET, public_url="https://givetake.example.org"),
        sqlite_database,
    )

    def bug() -> None:
        raise ZeroDivisionError

    app.add_api_route("/bug", bug)
    pages_of(app).router.add_api_route("/bug", bug)
    routes = pages_of(app).router.routes
    routes.insert(0, routes.pop())
    made: Any = TestClient(app, raise_server_exceptions=False, follow_redirects=False)
    mine = token(sqlite_database)
    made.embed = {"token": mine, "embed": page_of(mine)}
    made.data = with_data_token(made, mine)
    with sqlite_database.write() as session:
        made.headers["Authorization"] = f"Bearer {new_key(session)}"
    return made  # type: ignore[no-any-return]


def test_every_kind_of_answer_is_careful(client: TestClient) -> None:
    """No sniffing, framing, mixing with other windows, nor a referrer; caches know for whom."""
    wrong = []
    for name, (status, resource, ask) in KINDS.items():
        answer = ask(client)
        has = answer.headers
        policy = dict(part.strip().partition(" ")[::2] for part in has[POLICY].split(";"))
        expected = {
            "status": (answer.status_code, status),
            "sniffing": (has["x-content-type-options"], "nosniff"),
            "opener": (has["cross-origin-opener-policy"], "same-origin"),
            "resource": (has["cross-origin-resource-policy"], f"{resource}-origin"),
            "transport": (has["strict-transport-security"], "max-age=31536000"),
            "framed by": (policy["frame-ancestors"], FRAMED.get(name, NOBODY)),
            "default": (policy["default-src"], NOBODY),
            "referrer": (has["referrer-policy"] in ("no-referrer", "same-origin"), True),
            "powers": ("geolocation=()" in has["permissions-policy"], True),
            "cached": ("cache-control" in has, True),
            "id": ("x-request-id" in has, True),
            "server": ("server" in has or "x-powered-by" in has, False),
            "inline": ("unsafe" in has[POLICY] or "http:" in has[POLICY], False),
        }
        wrong += [(name, what, got) for what, (got, want) in expected.items() if got != want]
    assert wrong == []


POLICY = "content-security-policy"


def test_transport_is_strict_where_it_is_safe_alone(sqlite_database: Database) -> None:
    """A service that is reached by plain HTTP would shut itself out."""
    for address in (None, "http://givetake.example.org"):
        client = TestClient(create_app(Settings(workers=0, public_url=address), sqlite_database))
        assert "strict-transport-security" not in client.get("/health").headers


def test_what_others_may_keep_is_nobody_s_secret(client: TestClient) -> None:
    """Only files of ours are for shared caches."""
    public = {
        name
        for name, (_, _, ask) in KINDS.items()
        if "public" in ask(client).headers["cache-control"]
    }
    assert public == {"a page's style", "module"}


def test_examples_of_proxies_take_what_the_service_takes() -> None:
    """An upload's limit and the time of a stream are those of the code."""
    text = (DOCS / "proxy.md").read_text()
    limits = re.findall(r"client_max_body_size (\d+)m;|max_size (\d+)MiB", text)
    assert limits == [(str(MOST_MIB + 1), ""), ("", str(MOST_MIB + 1))]
    assert len(re.findall(r"read_timeout 660s", text)) == 2
