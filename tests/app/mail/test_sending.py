"""Emails: written down with what they tell of, and sent once, to a server or into a folder."""

import email
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import ValidationError
from sqlalchemy import select, update

from app.access.policy import TERMINAL
from app.consent.clocks import keep_clocks
from app.consent.letters import ELSEWHERE
from app.consent.service import Choice, Whom
from app.contacts.service import erase_contact
from app.database import Database, database_now
from app.events.verify import verify
from app.jobs.setup import make_worker
from app.mail import outbox
from app.mail.message import BadMessage, Message, check_address, written
from app.mail.outbox import PAUSES
from app.mail.ports import Folder, NotSent, Smtp, port_of
from app.proposals.agreements import set_public_money
from app.settings import Settings
from models.consent import Mail
from models.contacts import Contact
from models.vocabulary import Party
from tests.consent import (
    SECRET,
    Letterbox,
    answer,
    ask,
    later,
    latest,
    link,
    now_of,
    postman,
    preferred,
    states,
)
from tests.serving import givetake_serve

SENDER = "Givetake <givetake@service.example>"
BOTH = Whom(1, 2)
AT = datetime(2026, 9, 2, 12, tzinfo=UTC)


@pytest.fixture
def exchange(database: Database) -> Database:
    return preferred(database, now_of(database))


def ask_now(database: Database, whom: Whom = BOTH) -> list[int]:
    return ask(database, whom, now=now_of(database))


class Server:
    """Somebody's mail server: takes what it is sent, or answers with another code."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.rcpt = self.data = "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, to: str, _: Any) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(to)
        return self.rcpt

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data.startswith("250"):
            self.got.append(envelope)
        return self.data


class AnyPort(Controller):
    """On a port that the system gives, which it has to be asked for before it answers."""

    def _trigger_server(self) -> None:
        self.port = port_number(self)
        super()._trigger_server()


@pytest.fixture
def server() -> Iterator[tuple[Server, Controller]]:
    taken = Server()
    controller = AnyPort(taken, hostname="127.0.0.1", port=0)
    controller.start()
    yield taken, controller
    controller.stop()


def port_number(controller: Controller) -> int:
    assert controller.server is not None
    number: int = controller.server.sockets[0].getsockname()[1]
    return number


def smtp(controller: Controller, **more: Any) -> Smtp:
    return Smtp("smtp", "127.0.0.1", port_number(controller), SENDER, timeout_s=5.0, **more)


def mails(database: Database) -> list[Mail]:
    with database.read() as session:
        return list(session.scalars(select(Mail).order_by(Mail.id)))


def due_again(database: Database) -> None:
    with database.write() as session:
        session.execute(update(Mail).values(due_at=Mail.made_at))


def test_a_link_goes_to_a_mail_server(
    exchange: Database, server: tuple[Server, Controller]
) -> None:
    """To the contact's address, with the link, the sheet's lead and an end; then it is done."""
    taken, controller = server
    taker, _ = ask_now(exchange)
    send = postman(exchange, smtp(controller))
    assert send() == 2
    assert send() == 0
    assert sorted(each.rcpt_tos[0] for each in taken.got) == [
        "one@school.example",
        "two@school.example",
    ]
    first = email.message_from_bytes(taken.got[0].content, policy=policy.default)
    assert taken.got[0].mail_from == "givetake@service.example"
    assert first["From"] == SENDER
    assert first["Subject"] == "Please answer: School 2 supporting School 1"
    assert first["Auto-Submitted"] == "auto-generated"
    text = first.get_content()
    assert f"https://givetake.example.org/portal/answer/{link(exchange, taker)}" in text
    assert "gives 2 days of support with Maths to School 1" in text
    assert {each.state for each in mails(exchange)} == {"delivered"}


@pytest.mark.parametrize(
    ("what", "code", "state"),
    [
        ("rcpt", "550 5.1.1 one@school.example unknown", "dead"),
        ("rcpt", "451 4.7.1 later", "waiting"),
        ("data", "554 no", "dead"),
        ("data", "452 full", "waiting"),
    ],
)
def test_what_a_server_refuses(
    exchange: Database,
    server: tuple[Server, Controller],
    log_lines: list[Any],
    what: str,
    code: str,
    state: str,
) -> None:
    """For good it is given up, for now it is sent later; the address is told to nobody."""
    taken, controller = server
    setattr(taken, what, code)
    ask_now(exchange, Whom(taker=1))
    assert postman(exchange, smtp(controller))() == 0
    (mail,) = mails(exchange)
    assert (mail.state, mail.attempts) == (state, 1)
    assert f"(code {code[:3]})" in str(mail.error)
    assert "school.example" not in str(mail.error) + repr(log_lines)
    assert [each["event"] for each in log_lines if each["event"].startswith("mail.")] == [
        "mail.not_sent"
    ]
    setattr(taken, what, "250 OK")
    due_again(exchange)
    assert postman(exchange, smtp(controller))() == (1 if state == "waiting" else 0)


def test_an_address_put_right_is_written_to(exchange: Database) -> None:
    """What a server refused for good goes to the new address, by another link, when asked again."""
    ask_now(exchange, Whom(taker=1))
    assert postman(exchange, Letterbox(NotSent("refused (code 550)", for_good=True)))() == 0
    with exchange.write() as session:
        found = session.get_one(Contact, 1)
        found.email = "right@school.example"
    box = Letterbox()
    assert postman(exchange, box)() == 0, "it was given up"
    for _ in range(2):
        ask_now(exchange, Whom(taker=1))
        postman(exchange, box)()
    assert [each.to for each in box.got] == ["right@school.example"]
    assert states(exchange) == [("taker", "replaced"), ("taker", "open")]


def test_an_error_that_nobody_foresaw_is_given_up(exchange: Database, log_lines: list[Any]) -> None:
    """It counts like any other, is told by its type alone, and holds up no other email."""

    class Broken(Letterbox):
        def send(self, message: Message) -> None:
            if message.to.startswith("one"):
                raise KeyError(message.to)
            super().send(message)

    box = Broken()
    ask_now(exchange)
    assert postman(exchange, box)() == 1
    for _ in PAUSES:
        due_again(exchange)
        assert postman(exchange, box)() == 0
    first, second = mails(exchange)
    assert (first.state, second.state) == ("dead", "delivered")
    assert first.error == "an error of the service (KeyError)"
    assert "school.example" not in repr(log_lines)


def test_a_link_goes_to_one_mailbox(exchange: Database) -> None:
    """A reminder to another address than the link went to is not sent; the broker is told."""
    box = Letterbox()
    ask_now(exchange, Whom(taker=1))
    send = postman(exchange, box)
    assert send() == 1
    with exchange.snapshot() as session:
        assert verify(session).fault is None
    with exchange.write() as session:
        session.get_one(Contact, 1).email = "other@school.example"
    later(exchange, timedelta(hours=48))
    assert (keep_clocks(exchange, 48, 120), send()) == (1, 0)
    assert [each.to for each in box.got] == ["one@school.example"]
    assert mails(exchange)[1].error == ELSEWHERE


def test_a_server_that_is_away(exchange: Database) -> None:
    """The email waits longer each time, and is given up after the last pause."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        gone = Smtp("smtp", "127.0.0.1", taken.getsockname()[1], SENDER, timeout_s=1.0)
    ask_now(exchange, Whom(taker=1))
    for attempt in range(len(PAUSES) + 1):
        due_again(exchange)
        assert postman(exchange, gone)() == 0
        (mail,) = mails(exchange)
        assert mail.attempts == attempt + 1
        assert mail.error == "the mail server could not be reached (ConnectionRefusedError)"
    assert mail.state == "dead"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a server on this machine, which only this test trusts."""
    folder = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    out = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    try:
        subprocess.run([*command, *names, *out], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return folder


def test_starttls_and_a_password(exchange: Database, certificate: Path) -> None:
    """The password goes over TLS to a server whose certificate is trusted, and to no other."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        right = isinstance(data, LoginPassword) and data.password == b"right"
        return AuthResult(success=right, handled=False)

    taken = Server()
    controller = AnyPort(
        taken,
        hostname="127.0.0.1",
        port=0,
        tls_context=context,
        require_starttls=True,
        authenticator=authenticate,
        auth_required=True,
    )
    controller.start()
    try:
        ask_now(exchange, Whom(taker=1))
        at = ("smtp+starttls", "127.0.0.1", port_number(controller), SENDER, "me")
        trusted = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
        for port, says in (
            (Smtp(*at, "right", 5.0), "SSLCertVerificationError"),
            (Smtp(*at, "wrong", 5.0, trusted), "(code 535)"),
        ):
            due_again(exchange)
            assert postman(exchange, port)() == 0
            assert says in str(mails(exchange)[0].error)
            assert mails(exchange)[0].state == "waiting"
        due_again(exchange)
        assert postman(exchange, Smtp(*at, "right", 5.0, trusted))() == 1
        assert len(taken.got) == 1
    finally:
        controller.stop()


def test_a_worker_sends_by_the_settings(exchange: Database, tmp_path: Path) -> None:
    """Into the folder that they name, with links to their address."""
    secret = "a secret of this worker that is long enough"
    folder = tmp_path / "out"
    chosen = Settings(
        **{"secret": secret, "mail_folder": folder, "public_url": "https://givetake.example.org/b"}
    )
    taker, _ = ask_now(exchange)
    make_worker(exchange, chosen, at_once=1).postman()
    written_out = sorted(each.read_text() for each in folder.iterdir())
    address = f"https://givetake.example.org/b/portal/answer/{link(exchange, taker, secret)}"
    told = "".join(written_out).replace("=\n", "").replace("=3D", "=")
    assert len(written_out) == 2
    assert address in told


def test_the_email_says_that_there_is_a_choice(exchange: Database) -> None:
    """With the organisations to choose from, the suggested one first; else nothing of it."""
    box = Letterbox()
    ask_now(exchange, Whom(1, choices=(Choice("far", 3),)))
    postman(exchange, box)()
    assert "You have a choice of supporting organisation" in box.got[0].text
    assert "- School 2\n- School 3\n" in box.got[0].text
    ask(exchange, Whom(1), now=now_of(exchange))
    postman(exchange, box)()
    assert "You have a choice" not in box.got[1].text


def test_links_of_a_server_lead_to_where_it_listens(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """On whatever port that is, where no other address is set."""
    folder = tmp_path / "out"
    ask_now(preferred(sqlite_database, now_of(sqlite_database)))
    with givetake_serve(
        sqlite_database, tmp_path / "log", secret=SECRET, mail_folder=str(folder)
    ) as client:
        end = time.monotonic() + 60
        while len(list(folder.glob("*.eml"))) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        here = str(client.base_url).rstrip("/")
    told = "".join(each.read_text() for each in folder.glob("*.eml")).replace("=\n", "")
    assert told.count(f"{here}/portal/answer/") == 2


def test_two_workers_send_one_email(exchange: Database, server: tuple[Server, Controller]) -> None:
    """However many look at once."""
    taken, controller = server
    ask_now(exchange)
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        postman(exchange, smtp(controller))()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken.got) == 2
    assert [each.attempts for each in mails(exchange)] == [1, 1]


class Killed(BaseException):
    """The end of a process, which nothing here may take for an error."""


def test_a_killed_send_is_repeated_and_not_doubled(exchange: Database, tmp_path: Path) -> None:
    """A folder knows by the Message-ID that it has the email; before its time nobody looks."""

    class Dying(Folder):
        def send(self, message: Message) -> None:
            super().send(message)
            raise Killed

    folder = tmp_path / "mail"
    ask_now(exchange, Whom(taker=1))
    with pytest.raises(Killed):
        postman(exchange, Dying(folder, SENDER))()
    assert [(each.state, each.attempts) for each in mails(exchange)] == [("waiting", 1)]
    assert postman(exchange, Folder(folder, SENDER))() == 0, "it is the first worker's for a while"
    due_again(exchange)
    assert postman(exchange, Folder(folder, SENDER))() == 1
    (file,) = folder.iterdir()
    (mail,) = mails(exchange)
    assert (mail.state, file.name) == ("delivered", f"{mail.message_id}.eml")
    told = email.message_from_bytes(file.read_bytes(), policy=policy.default)
    assert told["Message-ID"] == f"<{mail.message_id}@service.example>"
    assert oct(file.stat().st_mode & 0o777) == "0o600"


def test_what_needs_no_answer_any_more_is_not_sent(exchange: Database) -> None:
    """Nor is what would go to somebody who was erased."""
    box = Letterbox()
    taker, _ = ask_now(exchange)
    answer(exchange, taker, now=now_of(exchange))
    with exchange.write() as session:
        erase_contact(session, TERMINAL, 2)
    assert postman(exchange, box)() == 0
    assert box.got == []
    assert [each.state for each in mails(exchange)] == ["dead", "dead"]


def test_reminders_come_twice_and_then_it_lapses(exchange: Database) -> None:
    """After 48 hours and 5 days, once however many workers; a late worker sends one, not two."""
    box = Letterbox()
    ask_now(exchange, Whom(1, 2, 4))
    send = postman(exchange, box)
    send()
    assert len(box.got) == 2, "the giver waits for the home head"
    assert keep_clocks(exchange, 48, 120) == 0
    later(exchange, timedelta(hours=48))
    assert [keep_clocks(exchange, 48, 120) for _ in range(2)] == [2, 0]
    send()
    assert [each.subject.partition(":")[0] for each in box.got[2:]] == [
        "Reminder, please answer"
    ] * 2
    later(exchange, timedelta(hours=72))
    assert keep_clocks(exchange, 48, 120) == 2
    send()
    assert box.got[-1].subject.startswith("Last reminder, please answer")
    later(exchange, timedelta(hours=48))
    assert keep_clocks(exchange, 48, 120) == 2
    assert states(exchange) == [("taker", "lapsed"), ("giver", "waiting"), ("home_head", "lapsed")]
    assert send() == 0


def test_a_worker_that_was_away_reminds_once(exchange: Database) -> None:
    """And workers at once remind once."""
    ask_now(exchange, Whom(taker=1))
    later(exchange, timedelta(hours=130))
    start = threading.Barrier(3)
    done: list[int] = []

    def work() -> None:
        start.wait()
        done.append(keep_clocks(exchange, 48, 120))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 0, 1]
    assert [each.kind for each in mails(exchange)] == ["asked", "reminded_again"]


def test_new_terms_are_told_with_the_old(exchange: Database) -> None:
    """The email of the new link says what has changed."""
    box = Letterbox()
    ask_now(exchange, Whom(taker=1))
    with exchange.write() as session:
        set_public_money(session, TERMINAL, 1, 900, hold_days=14)
    assert postman(exchange, box)() == 1
    assert "You were asked before. The terms changed: public money: not recorded, now £900." in (
        box.got[0].text
    )
    assert link(exchange, latest(exchange, Party.TAKER).id) in box.got[0].text


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\nBcc: c@d.example",
        "a b@c.example",
        "a@b.example,c@d.example",
        "",
        "a@é.example",
        "a..b@c.example",
        ".a@b.example",
        "a.@b.example",
        "a@b..example",
        "a@.example",
    ],
)
def test_an_address_smuggles_nothing_in(address: str) -> None:
    """The refusal does not repeat it."""
    with pytest.raises(BadMessage) as bad:
        check_address(address)
    assert not address or address not in bad.value.detail
    with pytest.raises(BadMessage):
        written(Message("x", "a@b.example", "two\nlines", "text", AT), SENDER)


@pytest.mark.parametrize(
    "subject",
    [
        "Please answer: School 2 supporting School 1",
        "Reminder, please answer: of Ysgol Ysgol supporting Primary St Primary of",
        "Please answer: " + "Oak Primary School " * 7 + "supporting Elm",
        "Please answer: C Tŷ supporting Tŷ Oak – Tŷ",
        "Last reminder, please answer: " + "Tŷ Ŵyn – St Mary’s " * 6 + "supporting Elm",
    ],
)
def test_a_subject_arrives_as_it_was_written(subject: str) -> None:
    """No line begins before it, and words with accents keep their spaces."""
    sent = written(
        Message("1", "a@b.example", subject, "text", datetime(2026, 9, 2, tzinfo=UTC)),
        "g@x.example",
    )
    assert email.message_from_bytes(sent, policy=policy.default)["Subject"] == subject
    first, *_ = sent.split(b"\r\n")
    assert len(first) > len("Subject: ")
    assert max(map(len, sent.split(b"\r\n"))) < 998


def test_where_the_settings_send_emails(tmp_path: Path) -> None:
    """A folder beside the database unless a server is named; a password only over TLS."""
    at = {"database_url": f"sqlite:///{tmp_path / 'x.sqlite3'}"}
    assert port_of(Settings(**at)) == Folder(tmp_path / "mail", "Givetake <givetake@localhost>")
    named = Settings(mail_server="smtps://mail.example", mail_user="me", mail_password="p", **at)
    made = port_of(named)
    assert isinstance(made, Smtp)
    assert (made.scheme, made.host, made.port, made.password) == ("smtps", "mail.example", 465, "p")
    assert port_of(Settings(mail_server="smtp://localhost:2525", **at)).port == 2525  # type: ignore[attr-defined]
    for wrong in (
        {"mail_server": "http://mail.example"},
        {"mail_server": "smtp://mail.example", "mail_password": "p"},
        {"mail_from": "a@b.example\nBcc: x@y.example"},
        {"remind_hours": 200},
        {"answer_hours": 100},
    ):
        with pytest.raises(ValidationError):
            Settings(**(at | wrong))


def test_once_written_down_is_one_email(exchange: Database) -> None:
    """The same of the same request again is the same email."""
    (taker,) = ask_now(exchange, Whom(taker=1))
    with exchange.write() as session:
        outbox.put(session, mails(exchange)[0].kind, taker, database_now(session))  # type: ignore[arg-type]
    assert len(mails(exchange)) == 1
