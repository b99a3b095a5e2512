"""Signing in to the portal and out, and what nobody gets past."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from app.access import browser_sessions
from app.access.keys import principal_of, revoke_key
from app.access.policy import TERMINAL
from app.database import Database
from app.portal.pages.sign_in import NO_KEY
from app.portal.sessions import NotOurForm
from models.access import AuditEvent, Visit
from tests.portal import BASE, OURS, Visitor, anybody, broker, new_key

PAGES = (
    "/",
    "/institutions",
    "/participants/1",
    "/needs",
    "/offers/new",
    "/runs",
    "/runs/new",
    "/runs/1",
    "/proposals/1",
    "/imports/new",
)


def cookies(who: Visitor) -> dict[str, str]:
    return dict(who.client.cookies)


def test_a_key_opens_the_portal_until_sign_out(sqlite_database: Database) -> None:
    """Sign-in leads to the page that was asked for; after sign-out the cookie opens nothing."""
    who = anybody(sqlite_database)
    asked = who.client.get(f"{BASE}/runs?x=1", follow_redirects=False)
    assert asked.status_code == 303
    assert asked.headers["location"] == f"{BASE}/sign-in?next=%2Fportal%2Fruns%3Fx%3D1"
    page = who.open("/sign-in?next=%2Fportal%2Fruns%3Fx%3D1")
    assert who.send(page, "/sign-in", key=new_key(sqlite_database)).text.startswith("Runs")
    secret = cookies(who)["givetake"]
    home = who.open("/")
    who.send(home, "/sign-out")
    assert "givetake" not in cookies(who)
    who.client.cookies.set("givetake", secret, domain="localhost.local")
    assert who.open("/").text.startswith("Sign in")
    with sqlite_database.read() as session:
        actions = session.scalars(
            select(AuditEvent.action).where(AuditEvent.action.startswith("visit."))
        ).all()
        assert actions == ["visit.begin", "visit.end"]
        assert session.scalars(select(Visit)).all() == []


def test_sign_in_refuses_what_is_no_key_and_says_so_at_the_field(sqlite_database: Database) -> None:
    """No cookie is set and what was typed is not shown again."""
    who = anybody(sqlite_database)
    for key in ("", "gt_00000000_" + "a" * 43, "\N{SNOWMAN}", new_key(sqlite_database) + "x"):
        page = who.send(who.open("/sign-in"), "/sign-in", key=key)
        assert page.status == 422
        assert f"There is a problem {NO_KEY}" in page.text
        assert "#key" in page.links
        assert cookies(who) == {}
        assert not key or key not in page.text


@pytest.mark.parametrize("where", ["next", "hx-current-url", "origin"])
def test_an_address_that_is_none_is_no_fault_of_ours(sqlite_database: Database, where: str) -> None:
    """Wherever a stranger writes it, the answer is a page or a refusal."""
    client, none = anybody(sqlite_database).client, "http://["
    if where == "next":
        assert client.get(f"{BASE}/sign-in", params={"next": none}).status_code == 200
    elif where == "origin":
        answer = client.post(f"{BASE}/sign-in", data={"key": "x"}, headers={"Origin": none})
        assert answer.status_code == 403
    else:
        asked = {"HX-Request": "true", "HX-Current-URL": none}
        assert client.get(f"{BASE}/runs", headers=asked).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        *("/runs/{0}", "/runs/{0}/map", "/proposals/{0}", "/proposals/{0}/card"),
        *("/participants/{0}", "/participants/%00", "/needs/%00", "/offers/a%00/change"),
    ],
)
def test_what_no_row_can_be_called_is_not_found(database: Database, path: str) -> None:
    """On every database, a number that is too long and a null character lead to a page."""
    page = broker(database).open(path.format("9" * 30))
    assert page.status in (400, 404)
    assert "problem with the service" not in page.text


@pytest.mark.parametrize("query", ["period=%00", "expertise=%00", "after=²", "participant=%00"])
def test_a_filter_that_fits_no_row_finds_none(database: Database, query: str) -> None:
    """On every database it is a page, with nothing of the service in it."""
    page = broker(database).open(f"/needs?{query}")
    assert page.status in (200, 400)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_without_a_visit(sqlite_database: Database, path: str) -> None:
    """Every page leads strangers to sign-in; htmx is told to go there as a whole."""
    who = anybody(sqlite_database)
    answer = who.client.get(f"{BASE}{path}", follow_redirects=False)
    assert answer.headers["location"].startswith(f"{BASE}/sign-in?next=")
    assert answer.text == ""
    now = f"http://localhost{BASE}{path}"
    part = who.client.get(f"{BASE}{path}", headers={"HX-Request": "true", "HX-Current-URL": now})
    assert part.status_code == 401
    assert part.headers["hx-redirect"].startswith(f"{BASE}/sign-in?next=%2Fportal")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/portal/",
        "/portal/\\evil",
        "/portalx",
        "javascript:1",
        "http://[",
    ],
)
def test_sign_in_leads_nowhere_else(sqlite_database: Database, elsewhere: str) -> None:
    """Who made the link to sign-in does not decide where it ends."""
    who = anybody(sqlite_database)
    sent = {"key": new_key(sqlite_database), "next": elsewhere}
    answer = who.client.post(f"{BASE}/sign-in", data=sent, headers=OURS, follow_redirects=False)
    assert answer.headers["location"] == f"{BASE}/"


def test_the_cookie_is_new_at_every_sign_in_and_out_of_reach(sqlite_database: Database) -> None:
    """Over https it is bound to the host; the secret before it opens nothing any more."""
    who = broker(sqlite_database)
    first = cookies(who)["givetake"]
    key = new_key(sqlite_database)
    answer = who.client.post(
        f"{BASE}/sign-in", data={"key": key}, headers=OURS, follow_redirects=False
    )
    said = answer.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=lax" in said
    assert "path=/;" in said
    assert cookies(who)["givetake"] != first
    stale = anybody(sqlite_database)
    stale.client.cookies.set("givetake", first)
    assert stale.open("/").text.startswith("Sign in")
    secure = Visitor(TestClient(who.client.app, base_url="https://broker.example"))
    answer = secure.client.post(
        f"{BASE}/sign-in", data={"key": key}, headers=OURS, follow_redirects=False
    )
    assert answer.headers["set-cookie"].startswith("__Host-givetake=")
    assert "; secure" in answer.headers["set-cookie"].lower()
    assert "domain" not in answer.headers["set-cookie"].lower()


def test_no_sign_in_where_others_can_listen(sqlite_database: Database) -> None:
    """Plain HTTP to another machine is refused before a key is typed."""
    who = anybody(sqlite_database)
    plain = Visitor(TestClient(who.client.app, base_url="http://broker.example"))
    page = plain.open("/sign-in")
    assert page.status == 400
    assert "needs HTTPS" in page.text
    assert page.forms == []


def test_a_visit_ends_idle_old_or_with_its_key(sqlite_database: Database) -> None:
    """30 minutes without use, 12 hours with it, and at once when the key is taken back."""
    now = datetime(2026, 11, 2, 9, tzinfo=UTC)
    key = new_key(sqlite_database)
    with sqlite_database.write() as session:
        secret = browser_sessions.begin(session, principal_of(session, key), now=now)

    def is_on(minutes: float) -> bool:
        at = now + timedelta(minutes=minutes)
        with sqlite_database.read() as session:
            found = browser_sessions.find(session, secret, at)
        if found and found.to_be_seen:
            with sqlite_database.write() as session:
                browser_sessions.see(session, secret, at)
        return found is not None

    assert is_on(29)
    assert is_on(58)
    assert not is_on(89)
    assert all(is_on(58 + 25 * step) for step in range(1, 26))
    assert not is_on(12 * 60)
    with sqlite_database.write() as session:
        now += timedelta(days=1)
        secret = browser_sessions.begin(session, principal_of(session, key), now=now)
        assert len(session.scalars(select(Visit)).all()) == 1
    assert is_on(1)
    with sqlite_database.write() as session:
        revoke_key(session, TERMINAL, key[3:11])
    assert not is_on(1)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://other.localhost"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:81"},
        {"Origin": "null"},
        {},
    ],
)
def test_other_sites_send_nothing(sqlite_database: Database, headers: dict[str, str]) -> None:
    """Not even with a token that is right, and not to sign somebody in either."""
    who = broker(sqlite_database)
    token = who.open("/").form("/sign-out").fields["token"]
    answer = who.client.post(f"{BASE}/sign-out", data={"token": token}, headers=headers)
    assert answer.status_code == 403
    assert "was not sent from a page of this service" in answer.text
    key = new_key(sqlite_database)
    answer = anybody(sqlite_database).client.post(
        f"{BASE}/sign-in", data={"key": key}, headers=headers
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert who.open("/").text.startswith("Home")


def test_old_browsers_prove_themselves_by_origin(sqlite_database: Database) -> None:
    """Without Sec-Fetch-Site our own Origin is enough."""
    who = broker(sqlite_database)
    token = who.open("/").form("/sign-out").fields["token"]
    answer = who.client.post(
        f"{BASE}/sign-out", data={"token": token}, headers={"Origin": "http://localhost"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("theirs", ["", "0" * 64, "\N{SNOWMAN}"])
def test_a_form_needs_the_token_of_this_visit_and_address(
    sqlite_database: Database, theirs: str
) -> None:
    """No token, another one, another person's, or one of another form: nothing is done."""
    who, other = broker(sqlite_database), broker(sqlite_database)
    tokens = [theirs, *other.open("/").form("/sign-out").fields["token"]]
    tokens += who.open("/runs/new").form("/runs/new").fields["token"]
    for token in tokens:
        page = who.post("/sign-out", token=token)
        assert page.status == 403
        assert NotOurForm.title in page.text
    assert who.open("/").text.startswith("Home")


def test_an_ended_visit_saves_nothing(sqlite_database: Database) -> None:
    """A form that was filled in too slowly leads to sign-in."""
    who = broker(sqlite_database)
    page = who.open("/runs/new")
    with sqlite_database.write() as session:
        session.execute(update(Visit).values(seen_at=datetime.now(UTC) - timedelta(hours=1)))
    assert who.send(page, "/runs/new", area="England").text.startswith("Sign in")


def test_pages_let_nothing_foreign_in(sqlite_database: Database) -> None:
    """Every page has a strict policy, is not kept, and holds no inline script or style."""
    who = broker(sqlite_database)
    for path in ("/", "/sign-in", "/institutions", "/needs/new", "/runs/new", "/nowhere"):
        answer = who.client.get(f"{BASE}{path}")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert who.open(path).faults == []


def test_files_are_those_of_the_portal_only(sqlite_database: Database) -> None:
    """Styles and scripts need no visit; nothing else of the machine can be had there."""
    who = anybody(sqlite_database)
    style = who.client.get(f"{BASE}/static/portal.css")
    assert style.status_code == 200
    assert style.headers["content-type"].startswith("text/css")
    for path in (
        "/static/..%2Fpages.py",
        "/static/%2e%2e/pages.py",
        "/other/portal.css",
        "/static/x",
    ):
        assert who.client.get(f"{BASE}{path}").status_code in (404, 303)
