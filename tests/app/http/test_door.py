"""The address of the service and of its callers: by the settings, whatever headers say."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from app.database import Database
from app.main import create_app
from app.settings import BadSetting, Settings, settings
from tests import rows
from tests.factories import new_key
from tests.portal import Page
from tests.reverse_proxy import proxied
from tests.serving import serving

PUBLIC = "https://givetake.example.org/brokerage"
BELOW = "/brokerage"
EVIL = "evil.example.net"
PORT = "60666"
STRANGE = {
    "Host": EVIL,
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Port": PORT,
    "X-Forwarded-Prefix": f"/{EVIL}",
    "Forwarded": f"host={EVIL};proto=http",
    "X-Real-IP": "203.0.113.66",
}
EMBED = {"origins": ["https://www.example.org"]}


def made(database: Database, **given: Any) -> Any:
    return create_app(Settings(**({"workers": 0} | given)), database)


def key_of(database: Database) -> dict[str, str]:
    with database.write() as session:
        return {"Authorization": f"Bearer {new_key(session)}"}


@pytest.fixture
def public(sqlite_database: Database) -> Iterator[str]:
    """The address of the service behind a proxy of another address than usual."""
    app = made(sqlite_database, public_url=PUBLIC, trusted_proxies="127.0.0.2, 192.0.2.0/24")
    with serving(app) as upstream:
        yield upstream


def test_every_address_is_the_public_one(sqlite_database: Database, public: str) -> None:
    """Snippets, collections, `Location`, `Link`, cookies and redirects, behind a proxy."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        for urn in (100000, 100001):
            rows.add_school(session, urn)
    key = key_of(sqlite_database)
    with (
        proxied(public, "127.0.0.2") as proxy,
        httpx.Client(base_url=proxy, headers=STRANGE | key, timeout=60) as client,
    ):
        embed = client.post(f"{BELOW}/api/v1/embed-tokens", json=EMBED).json()
        assert f'src="{PUBLIC}/maps/static/partnership-map.js"' in embed["html"]
        assert f'src="{PUBLIC}/maps/widget?' in embed["frame"]
        features = client.get(f"{BELOW}/maps/features").json()
        hrefs = [each["href"] for each in features["links"]]
        assert hrefs
        assert all(each.startswith(f"{PUBLIC}/maps/features") for each in hrefs)
        document = client.get(f"{BELOW}/api/v1/openapi.json").json()
        assert document["servers"] == [{"url": PUBLIC}]
        listed = client.get(f"{BELOW}/api/v1/institutions", params={"limit": 1})
        assert listed.headers["link"].startswith(f"<{BELOW}/api/v1/institutions?")
        asked = client.get(f"{BELOW}/portal/runs")
        assert asked.headers["location"] == f"{BELOW}/portal/sign-in?next=%2Fportal%2Fruns"
        page = Page(client.get(asked.headers["location"]))
        (form,) = [each for each in page.forms if each.method == "post"]
        assert form.action == f"{BELOW}/portal/sign-in"
        sent = {name: each[0] for name, each in form.fields.items()}
        sent["key"] = key["Authorization"].removeprefix("Bearer ")
        signed_in = client.post(form.action, data=sent, headers={"Sec-Fetch-Site": "same-origin"})
        assert signed_in.headers["location"] == f"{BELOW}/portal/runs"
        cookie = signed_in.headers["set-cookie"]
        assert re.match(r"__Secure-givetake=[^;]+; HttpOnly; Max-Age=\d+; ", cookie)
        assert f"; Path={BELOW}; SameSite=lax; Secure" in cookie
        secret = cookie.partition("=")[2].partition(";")[0]
        runs = client.get(f"{BELOW}/portal/runs", headers={"Cookie": f"__Secure-givetake={secret}"})
        assert runs.status_code == 200
        links = [each for each in Page(runs).links if each.startswith("/")]
        assert links
        assert all(each.startswith(f"{BELOW}/portal") for each in links)
        assert f'href="{BELOW}/portal/static/portal.css?v=' in runs.text
        answers = [json.dumps([embed, features, document]), runs.text, listed.text]
    assert not [each for each in answers if EVIL in each]


def test_a_prefix_may_have_been_taken_off(public: str) -> None:
    """A proxy that strips it, and a probe that knows nothing of it, come to the same place."""
    for path in ("", BELOW):
        assert httpx.get(f"{public}{path}/health").json()["status"] == "ok"
        assert httpx.get(f"{public}{path}/portal/").headers["location"].startswith(BELOW)


@pytest.mark.parametrize(
    ("proxy", "forwarded", "sender"),
    [
        ("127.0.0.2", None, "127.0.0.9"),
        ("127.0.0.2", "203.0.113.7", "127.0.0.9"),  # a client's own words come before
        ("127.0.0.3", "203.0.113.7", "127.0.0.3"),  # a proxy that nobody trusts
    ],
)
def test_a_refused_key_is_logged_with_the_address_of_its_sender(
    public: str, log_lines: list[Any], proxy: str, forwarded: str | None, sender: str
) -> None:
    """As far as proxies that are trusted vouch for it, whatever is wrong with the key."""
    said = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.9")
    with (
        proxied(public, proxy) as address,
        httpx.Client(transport=elsewhere, timeout=60) as client,
    ):
        for key in ("gt_00000000_" + "x" * 43, "nonsense"):
            wrong = {"Authorization": f"Bearer {key}"}
            answer = client.get(f"{address}{BELOW}/api/v1/needs", headers=wrong | said)
            assert answer.status_code == 401
        client.get(f"{address}{BELOW}/api/v1/needs")
    refused = [each for each in log_lines if each["event"] == "http.credentials_refused"]
    assert [(each["client"], each["log_level"]) for each in refused] == [(sender, "warning")] * 2
    first, second = ({**each, "request_id": ""} for each in refused)
    assert first == second


def test_a_key_that_does_not_sign_in_is_logged_alike(public: str, log_lines: list[Any]) -> None:
    """As one that does not call."""
    ours = {"Sec-Fetch-Site": "same-origin"}
    answer = httpx.post(f"{public}{BELOW}/portal/sign-in", data={"key": "x"}, headers=ours)
    assert answer.status_code == 422
    (refused,) = [each for each in log_lines if each["event"] == "sign_in.refused"]
    assert (refused["client"], refused["log_level"]) == ("127.0.0.1", "warning")


def test_words_of_several_trusted_proxies_are_followed(sqlite_database: Database) -> None:
    """Back to the first address that none of them has; what is no address ends it."""
    app = made(sqlite_database, trusted_proxies="192.0.2.0/24")
    for said, sender in (
        ("203.0.113.1, 198.51.100.4, 192.0.2.7", "198.51.100.4"),
        ("198.51.100.4, nonsense, 192.0.2.7", "192.0.2.7"),
        ("", "192.0.2.1"),
        ("198.51.100.4:4711", "198.51.100.4"),
        ("[2001:db8::1]:80, ::ffff:192.0.2.7", "2001:db8::1"),
    ):
        for proxy in ("192.0.2.1", "::ffff:192.0.2.1"):
            seen = _seen(app, client=(proxy, 1), **{"X-Forwarded-For": said})
            assert seen["client"][0] in (sender, f"::ffff:{sender}")


def _seen(app: Any, client: tuple[str, int], **headers: str) -> dict[str, Any]:
    """What the app behind the door is told of a request."""
    found: dict[str, Any] = {}
    door = next(each for each in app.user_middleware if each.cls.__name__ == "Door")

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        found.update(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    TestClient(door.cls(behind, **door.kwargs), client=client).get("/x", headers=headers)
    return found


@pytest.mark.parametrize("host", [EVIL, "localhost.evil.example.net", "127.0.0.1@evil", ""])
def test_an_unknown_host_is_answered_and_never_repeated(
    sqlite_database: Database, host: str
) -> None:
    """Whether the public address is set or not, on pages, in data, headers and errors."""
    key = key_of(sqlite_database)
    for given in ({}, {"public_url": "https://givetake.example.org"}):
        client = TestClient(made(sqlite_database, **given), follow_redirects=False)
        strange = STRANGE | {"Host": host} | key
        for method, path in (
            ("GET", "/health"),
            ("GET", "/portal"),
            ("GET", "/portal/runs"),
            ("GET", "/portal/sign-in"),
            ("GET", "/portal/nowhere"),
            ("GET", "/maps/features"),
            ("GET", "/maps/features/api"),
            ("GET", "/maps/features/collections/institutions/items"),
            ("GET", "/nowhere"),
            ("GET", "/api/v1/nowhere"),
            ("PUT", "/api/v1/runs"),
            ("POST", "/api/v1/embed-tokens"),
        ):
            body = EMBED if method == "POST" else None
            answer = client.request(method, path, headers=strange, json=body)
            told = answer.text + str(answer.headers)
            assert answer.status_code < 500, path
            assert not [each for each in (EVIL, host, PORT) if each and each in told], path


def test_without_a_public_address_it_is_where_the_service_listens(
    sqlite_database: Database, log_lines: list[Any]
) -> None:
    """Under any name of this machine, and with the scheme that a trusted proxy names.

    Behind a proxy the log asks for the address, once.
    """
    with serving(made(sqlite_database)) as upstream:
        port = upstream.rpartition(":")[2]
        for host, own in (
            (f"localhost:{port}", f"http://localhost:{port}"),
            ("localhost:9000", "http://localhost:9000"),
            (EVIL, f"http://127.0.0.1:{port}"),
        ):
            found = httpx.get(f"{upstream}/maps/features", headers={"Host": host}).json()
            assert found["links"][0]["href"].startswith(f"{own}/maps/features")
        said = {"X-Forwarded-Proto": "https", "Host": EVIL}
        httpx.get(f"{upstream}/health", headers=said)
        found = httpx.get(f"{upstream}/maps/features", headers=said).json()
        assert found["links"][0]["href"].startswith(f"https://127.0.0.1:{port}/")
    missing = [each for each in log_lines if each["event"] == "http.public_url_missing"]
    assert [each["log_level"] for each in missing] == ["warning"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "givetake.example.org"),
        ("PUBLIC_URL", "https://GIVETAKE.example.org"),
        ("PUBLIC_URL", "https://user@givetake.example.org"),
        ("PUBLIC_URL", "https://givetake.example.org/?a=b"),
        ("PUBLIC_URL", "https://givetake.example.org/a/../b"),
        ("PUBLIC_URL", "https://givetake.example.org/portal"),
        ("TRUSTED_PROXIES", "proxy.example.org"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
    ],
)
def test_an_address_that_is_none_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """When the service starts, with what to write instead."""
    monkeypatch.setenv(f"GIVETAKE_{name}", value)
    settings.cache_clear()
    with pytest.raises(BadSetting, match=f"GIVETAKE_{name} must"):
        settings()
    settings.cache_clear()


def test_addresses_are_taken_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a slash at the end or without; with commas or spaces between networks."""
    monkeypatch.setenv("GIVETAKE_PUBLIC_URL", "https://givetake.example.org:8443/a/b/")
    monkeypatch.setenv("GIVETAKE_TRUSTED_PROXIES", "10.0.0.5, fd00::/8 192.0.2.0/24")
    found = Settings()
    assert found.public_url == "https://givetake.example.org:8443/a/b"
    assert [str(each) for each in found.trusted_proxies] == [
        *("10.0.0.5/32", "fd00::/8", "192.0.2.0/24")
    ]
