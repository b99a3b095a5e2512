"""A browser is named in plain words, and nothing else of what it sends is kept."""

from typing import Final

import pytest
from sqlalchemy import select

from app.access import browser_sessions
from app.access.browser_names import browser_name
from app.access.policy import TERMINAL, Grant
from app.database import Database
from models.access import Visit
from models.vocabulary import Role
from tests.callers import keyed
from tests.factories import acting, new_key

SESSIONS: Final = "/api/v1/sessions"
WEBKIT: Final = "AppleWebKit/537.36 (KHTML, like Gecko)"
NAMES: Final = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0",
        "Firefox on Windows",
    ),
    (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0",
        "Edge on Windows",
    ),
    (
        f"Mozilla/5.0 (X11; CrOS x86_64 16181.61.0) {WEBKIT} Chrome/140.0 Safari/537.36",
        "Chrome on ChromeOS",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/140.0 Mobile Safari/537.36",
        "Chrome on Android",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0",
        "Samsung Internet on Android",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.5 Safari/605.1.15",
        "Safari on macOS",
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
        "Chrome on iPhone",
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.5 Mobile/15E148 Safari/604.1",
        "Safari on iPad",
    ),
    (
        f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/140.0 Safari/537.36 OPR/124.0",
        "Opera on Linux",
    ),
    ("Firefox/1.0", "Firefox"),
    ("curl/8.5.0", None),
    ("", None),
    ("x" * 1_000_000 + "Firefox/1.0", None),
]


@pytest.mark.parametrize(("user_agent", "name"), NAMES)
def test_browsers_are_told_apart_by_what_only_they_say(user_agent: str, name: str | None) -> None:
    """Also those that call themselves by the names of others."""
    assert browser_name(user_agent) == name


def test_a_session_keeps_the_name_and_nothing_else(database: Database) -> None:
    """No version, no device, and nothing that somebody typed in its place."""
    with database.write() as session:
        for user_agent in (NAMES[0][0], "<script>alert('Firefox')</script>"):
            browser_sessions.begin(session, TERMINAL, user_agent=user_agent)
    with database.read() as session:
        found = browser_sessions.list_sessions(session, TERMINAL, TERMINAL.name)
        assert {each.browser for each in found} == {"Firefox on Windows", None}
        (kept,) = [row for row in session.scalars(select(Visit)) if row.browser]
        assert "142" not in repr(vars(kept))


def test_sessions_are_listed_over_http_for_their_holder_and_for_administrators(
    sqlite_database: Database,
) -> None:
    """With the browser; somebody else without the right is refused."""
    with sqlite_database.write() as session:
        viewer = new_key(session, Grant(Role.VIEWER))
        holder = f"key:{viewer.split('_')[1]}"
        browser_sessions.begin(session, acting(Role.VIEWER, name=holder), user_agent=NAMES[0][0])
    with keyed(sqlite_database) as client:
        as_viewer = {"Authorization": f"Bearer {viewer}"}
        (mine,) = client.get(SESSIONS, headers=as_viewer).json()["items"]
        assert mine["browser"] == "Firefox on Windows"
        assert set(mine) == {"number", "browser", "began_at", "seen_at"}
        assert client.get(SESSIONS).json()["items"] == []
        assert client.get(SESSIONS, params={"holder": holder}).json()["items"] == [mine]
        other = client.get(SESSIONS, params={"holder": "user:1"}, headers=as_viewer)
        assert other.status_code == 403
