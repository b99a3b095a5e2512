"""Signing in to the portal as a user: at a real issuer over HTTP, or in development by password."""

import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from app.access.policy import TERMINAL, Grant
from app.database import Database, database_now
from app.http.attempts import FIRST_WAIT_S, OF_ACCOUNT
from app.people import users
from app.people.sign_in import WRONG
from models.access import AuditEvent, Visit
from models.vocabulary import Role
from tests import rows
from tests.issuing import IssuerProcess
from tests.portal import BASE, OURS, Visitor, anybody, broker, new_key

BACK = "http://localhost/portal/sign-in/callback"
OUT = "http://localhost/portal/sign-in"
ADMINISTRATOR = Grant(Role.ADMINISTRATOR)


def visitor(database: Database, issuer: IssuerProcess, **settings: Any) -> Visitor:
    issuer.control(redirects=[BACK, OUT])
    return anybody(database, **(issuer.settings | {"issuer_name": "DfE Sign-in"} | settings))


def invitation(database: Database, label: str = "Administrator 1", *grants: Grant) -> str:
    with database.write() as session:
        code = users.add_user(session, TERMINAL, label, grants or [ADMINISTRATOR])[1]
    assert code is not None
    return code


def go(who: Visitor, path: str) -> str:
    """Where an address leads to."""
    answer = who.client.get(f"{BASE}{path}", follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def come_back(who: Visitor, issuer: IssuerProcess, start: str, subject: str = "kim") -> Any:
    """Sign in at the issuer and follow it back."""
    given = issuer.sign_in(go(who, start), subject)
    return who.client.get(f"{BASE}/sign-in/callback", params=given, follow_redirects=False)


def audited(database: Database, action: str) -> list[AuditEvent]:
    with database.read() as session:
        query = select(AuditEvent).where(AuditEvent.action == action)
        return list(session.scalars(query.order_by(AuditEvent.sequence)))


def test_from_an_invitation_to_a_page_and_out_again(
    database: Database, issuer: IssuerProcess
) -> None:
    """The link leads through the issuer; the next time no link is needed; out is out of both."""
    who = visitor(database, issuer)
    code = invitation(database)
    joining = who.open(f"/join/{code}")
    assert "Sign in with DfE Sign-in to accept" in joining.text
    (start,) = [link for link in joining.links if "/sign-in/start" in link]
    answer = come_back(who, issuer, start.removeprefix(BASE))
    assert answer.headers["location"] == f"{BASE}/"
    assert "Signed in as Administrator 1" in who.open("/").text

    left = who.client.post(
        f"{BASE}/sign-out",
        data={"token": who.open("/").form("/sign-out").fields["token"]},
        headers=OURS,
        follow_redirects=False,
    )
    assert left.headers["location"] == f"{BASE}/sign-out"
    page = who.client.get(f"{BASE}/sign-out")
    assert '<meta http-equiv="refresh"' in page.text
    (onward,) = [link for link in who.open("/sign-out").links if link.startswith(issuer.url)]
    assert issuer.client.get(onward).headers["location"] == OUT
    assert who.open("/").text.startswith("Sign in")
    assert go(who, "/runs") == f"{BASE}/sign-in?next=%2Fportal%2Fruns"
    (start,) = [link for link in who.open("/sign-in?next=/portal/runs").links if "start" in link]
    answer = come_back(who, issuer, start.removeprefix(BASE))
    assert answer.headers["location"] == f"{BASE}/runs"


def test_the_issuer_is_told_whose_session_ends(
    sqlite_database: Database, issuer: IssuerProcess
) -> None:
    """By the token that the browser alone has kept, and sends to that page only."""
    who = visitor(sqlite_database, issuer)
    come_back(who, issuer, f"/sign-in/start?invitation={invitation(sqlite_database)}")
    (kept,) = [each for each in who.client.cookies.jar if each.name == "givetake-id"]
    assert kept.path == f"{BASE}/sign-out"
    token = who.open("/").form("/sign-out").fields["token"]
    page = who.client.post(f"{BASE}/sign-out", data={"token": token}, headers=OURS)
    assert f"id_token_hint={kept.value}" in page.text
    assert not [each for each in who.client.cookies.jar if each.name == "givetake-id"]
    issuer.behave(metadata={"end_session_endpoint": None})
    other = visitor(sqlite_database, issuer)
    assert "You may still be signed in to DfE Sign-in" in other.open("/sign-out").text


def test_strangers_are_told_nothing_and_written_down(
    database: Database, issuer: IssuerProcess, log_lines: list[Any]
) -> None:
    """Unknown, removed, without a role or with an old link: one page, and the reason in the log."""
    who = visitor(database, issuer)
    invitation(database, "No role", Grant(Role.BROKER))
    with database.write() as session:
        user = users.user_called(session, TERMINAL, "No role")
        code = users.invite(session, TERMINAL, user.id)
    pages = [come_back(who, issuer, "/sign-in/start")]
    come_back(who, issuer, f"/sign-in/start?invitation={code}", "jo")
    with database.write() as session:
        row = users.get_user(session, TERMINAL, users.user_called(session, TERMINAL, "No role").id)
        users.revoke_role(session, TERMINAL, row.user.id, row.grants[0].id)
    pages.append(come_back(who, issuer, "/sign-in/start", "jo"))
    with database.write() as session:
        user = users.user_called(session, TERMINAL, "No role")
        users.revoke_user(session, TERMINAL, user.id)
    pages.append(come_back(who, issuer, "/sign-in/start", "jo"))
    pages.append(come_back(who, issuer, f"/sign-in/start?invitation={code}"))
    assert {page.status_code for page in pages} == {403}
    assert all("You do not have access" in page.text for page in pages)
    assert len({page.text.partition("<main")[2] for page in pages}) == 1
    reasons = ["unknown", "no_role", "revoked", "invitation_over"]
    refused = [line for line in log_lines if line["event"] == "sign_in.refused"]
    assert [line["reason"] for line in refused] == reasons
    assert {(line["log_level"], line["client"]) for line in refused} == {("warning", "testclient")}
    events = audited(database, "sign_in.refuse")
    assert [each.detail["reason"] for each in events] == reasons
    assert "testclient" not in str([(each.detail, each.subject) for each in events])


def test_an_answer_counts_in_the_browser_that_asked(
    sqlite_database: Database, issuer: IssuerProcess
) -> None:
    """Nobody is signed in by another's link, an old one, or a made-up cookie."""
    who, other = visitor(sqlite_database, issuer), visitor(sqlite_database, issuer)
    code = invitation(sqlite_database)
    given = issuer.sign_in(go(who, f"/sign-in/start?invitation={code}"), "kim")
    for thief in (other, visitor(sqlite_database, issuer)):
        answer = thief.client.get(f"{BASE}/sign-in/callback", params=given, follow_redirects=False)
        assert answer.status_code == 403
        assert "Go to the sign-in page and try again" in answer.text
        assert "givetake" not in thief.client.cookies
        go(thief, "/sign-in/start")
    forged = anybody(sqlite_database, **issuer.settings)
    forged.client.cookies.set("givetake-sign-in", "a.b.c", domain="localhost.local")
    answer = forged.client.get(f"{BASE}/sign-in/callback", params=given, follow_redirects=False)
    assert answer.status_code == 403
    answer = who.client.get(f"{BASE}/sign-in/callback", params=given, follow_redirects=False)
    assert answer.status_code == 303
    again = who.client.get(f"{BASE}/sign-in/callback", params=given, follow_redirects=False)
    assert again.status_code == 403


def test_who_changes_their_mind_is_back_at_sign_in(
    sqlite_database: Database, issuer: IssuerProcess
) -> None:
    """Nobody is told off for that."""
    who = visitor(sqlite_database, issuer)
    answer = come_back(who, issuer, "/sign-in/start", "nobody")
    assert answer.headers["location"] == f"{BASE}/sign-in"
    assert audited(sqlite_database, "sign_in.refuse") == []


@pytest.mark.parametrize(
    "next_", ["https://evil.example/", "//evil.example", "/portal/\\evil", "/portalx"]
)
def test_the_way_back_leads_nowhere_else(
    sqlite_database: Database, issuer: IssuerProcess, next_: str
) -> None:
    """Who made the link does not decide where it ends."""
    who = visitor(sqlite_database, issuer)
    come_back(who, issuer, f"/sign-in/start?invitation={invitation(sqlite_database)}")
    answer = come_back(who, issuer, f"/sign-in/start?next={next_}")
    assert answer.headers["location"] == f"{BASE}/"


def test_the_issuer_sends_people_back_to_the_public_address(
    sqlite_database: Database, issuer: IssuerProcess
) -> None:
    """Whatever host a request names; cookies are the host's own, and sent by TLS alone."""
    public = "https://givetake.example.org"
    app = visitor(sqlite_database, issuer, public_url=public).client.app
    issuer.control(redirects=[f"{public}/portal/sign-in/callback"])
    who = Visitor(TestClient(app, base_url=public))
    asked = who.client.get(
        f"{BASE}/sign-in/start", headers={"Host": "evil.example"}, follow_redirects=False
    )
    query = dict(parse_qsl(urlsplit(asked.headers["location"]).query))
    assert query["redirect_uri"] == f"{public}/portal/sign-in/callback"
    assert asked.headers["set-cookie"].startswith("__Host-givetake-sign-in=")
    assert "; secure" in asked.headers["set-cookie"].lower()
    start = f"/sign-in/start?invitation={invitation(sqlite_database)}"
    answer = come_back(who, issuer, start)
    cookies = answer.headers.get_list("set-cookie")
    names = {each.partition("=")[0] for each in cookies}
    assert names == {"__Host-givetake", "__Host-givetake-sign-in", "__Secure-givetake-id"}
    assert all("httponly" in each.lower() for each in cookies)


def test_the_organisation_makes_a_contact_if_the_operator_wants_that(
    sqlite_database: Database, issuer: IssuerProcess
) -> None:
    """Without an invitation, for that school alone."""
    with sqlite_database.write() as session:
        rows.add_school(session, 100000)
    issuer.control(people={"head": {"organisation": {"category": {"id": "001"}, "urn": "100000"}}})
    without = visitor(sqlite_database, issuer, issuer_scope="openid organisation")
    assert come_back(without, issuer, "/sign-in/start", "head").status_code == 403
    who = visitor(
        sqlite_database,
        issuer,
        issuer_scope="openid organisation",
        organisation_role="contact",
    )
    assert come_back(who, issuer, "/sign-in/start", "head").status_code == 303
    assert "Signed in as Person 1" in who.open("/participants/1").text
    (event,) = audited(sqlite_database, "user.grant")
    assert (event.actor, event.detail["roles"]) == ("issuer", ["contact institution 100000"])


def test_an_issuer_that_is_down_is_said_to_be(
    sqlite_database: Database, issuer: IssuerProcess
) -> None:
    """And keys still open the portal."""
    down = issuer.settings | {"issuer": "http://127.0.0.1:9", "issuer_name": "DfE Sign-in"}
    who = anybody(sqlite_database, **down)
    page = who.open("/sign-in/start")
    assert page.status == 503
    assert "Sign-in is not available" in page.text
    page = who.send(who.open("/sign-in"), "/sign-in", key=new_key(sqlite_database))
    assert page.text.startswith("Home")


def test_without_an_issuer_there_is_none(sqlite_database: Database) -> None:
    """No page leads to what is not set."""
    who = anybody(sqlite_database)
    for path in ("/sign-in/start", "/sign-in/callback"):
        assert who.open(path).status == 404
    assert "whoever operates the service sets GIVETAKE_ISSUER" in who.open("/join/x").text
    assert who.post("/sign-in/password", name="x", password="y").status == 404
    assert [form.action for form in who.open("/sign-in").forms] == [f"{BASE}/sign-in"]


def test_a_password_opens_the_portal_in_development(database: Database) -> None:
    """Only where no issuer is set; wrong and unknown are told alike, and as late."""
    with database.write() as session:
        users.add_user(session, TERMINAL, "Dev", [ADMINISTRATOR], password="correct horse!")
    who = anybody(database, development=True)
    took = []
    for name, password in (("Dev", "wrong"), ("Nobody", "correct horse!")):
        started = time.monotonic()
        page = who.send(who.open("/sign-in"), "/sign-in/password", name=name, password=password)
        took.append(time.monotonic() - started)
        assert page.status == 422
        assert f"There is a problem {WRONG}" in page.text
    assert all(each >= FIRST_WAIT_S for each in took)
    page = who.send(
        who.open("/sign-in"), "/sign-in/password", name="Dev", password="correct horse!"
    )
    assert "Signed in as Dev" in page.text
    assert who.send(page, "/sign-out").text.startswith("Sign in")
    refused = anybody(database, development=True, issuer="https://i.example", issuer_client="x")
    assert refused.post("/sign-in/password", name="Dev", password="correct horse!").status == 404


def test_guessing_a_password_is_shut_out(sqlite_database: Database) -> None:
    """After some tries even the right one has to wait; another account does not."""
    with sqlite_database.write() as session:
        for label in ("Dev", "Other"):
            users.add_user(session, TERMINAL, label, [ADMINISTRATOR], password="correct horse!")
    who = anybody(sqlite_database, development=True)

    def tries(name: str, password: str) -> int:
        return who.post("/sign-in/password", name=name, password=password).status

    of_minute = OF_ACCOUNT[0].amount
    assert [tries("Dev", "x") for _ in range(of_minute)] == [422] * of_minute
    assert tries("Dev", "correct horse!") == 429
    assert tries("Other", "correct horse!") == 200
    assert len(audited(sqlite_database, "sign_in.refuse")) == of_minute


def test_a_sign_in_that_took_too_long_is_begun_again(
    sqlite_database: Database, issuer: IssuerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the browser kept is good for minutes."""
    monkeypatch.setattr("app.portal.pages.issuer.PENDING_FOR", timedelta(seconds=-1))
    who = visitor(sqlite_database, issuer)
    given = issuer.sign_in(go(who, "/sign-in/start"), "kim")
    answer = who.client.get(f"{BASE}/sign-in/callback", params=given, follow_redirects=False)
    assert answer.status_code == 403


def test_sessions_end_on_their_page(sqlite_database: Database) -> None:
    """Those of the same key in other browsers; the one at hand stays."""
    who = broker(sqlite_database)
    page = who.open("/sessions")
    assert "This browser" in page.text
    assert not [form for form in page.forms if "/end" in form.action]
    with sqlite_database.write() as session:
        holder = session.scalars(select(Visit.holder)).one()
        now = database_now(session)
        for n in range(3):
            digest = f"{n}" * 64
            session.add(Visit(digest=digest, holder=holder, began_at=now, seen_at=now))
        session.add(Visit(digest="f" * 64, holder="key:other", began_at=now, seen_at=now))
    page = who.open("/sessions")
    assert "Session ended" in who.send(page, "/sessions/0000000000000000/end").text
    assert "has already ended" in who.send(page, "/sessions/0000000000000000/end").text
    page = who.send(who.open("/sessions"), "/sessions/others/end")
    assert "All other sessions ended" in page.text
    with sqlite_database.read() as session:
        assert len(session.scalars(select(Visit)).all()) == 2
    assert len(audited(sqlite_database, "visit.end")) == 3


def test_an_expired_session_leads_to_sign_in_again(
    sqlite_database: Database, issuer: IssuerProcess
) -> None:
    """Idle or removed: a user is treated as a key is."""
    who = visitor(sqlite_database, issuer)
    come_back(who, issuer, f"/sign-in/start?invitation={invitation(sqlite_database)}")
    assert who.open("/").text.startswith("Home")
    with sqlite_database.write() as session:
        session.execute(update(Visit).values(seen_at=database_now(session) - timedelta(hours=1)))
    assert who.open("/").text.startswith("Sign in")
