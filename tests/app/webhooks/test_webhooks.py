"""Webhooks: who is told what, signed and at least once, and what is never called."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook as Signer
from standardwebhooks.webhooks import WebhookVerificationError

from app.access.keys import create_key, revoke_key
from app.access.policy import TERMINAL, Grant, Principal, Scope
from app.batches.service import cancel_batch
from app.database import Database, database_now
from app.errors import Conflict, Forbidden, NotFound
from app.proposals import decisions
from app.webhooks import delivery, service
from app.webhooks.addresses import BadWebhook, allowed_in, check_address
from app.webhooks.delivery import PAUSES, Courier
from models.matching import Proposal
from models.vocabulary import DecisionAction, DeliveryState, Role, ScopeKind
from models.webhooks import Webhook, WebhookDelivery
from tests.batches import add_areas, submit
from tests.callers import csv_rows, keyed
from tests.runs import matched

HERE = (ip_network("127.0.0.0/8"),)
SECRET = "a secret of this test that is long enough"
SOURCE = "https://givetake.example.org"


@dataclass
class Receiver:
    """Somebody else's server: keeps what it was sent, and answers as told."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    slow: threading.Event | None = None
    came: threading.Event = field(default_factory=threading.Event)

    def start(self) -> "ThreadingHTTPServer":
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append((headers, body))
                receiver.came.set()
                if receiver.slow is not None:
                    receiver.slow.wait(10)
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *about: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/hook"
        return server

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    server = made.start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def exchange(database: Database) -> Database:
    return matched(database)


def subscribe(database: Database, url: str, *events: str, who: Principal = TERMINAL) -> int:
    with database.write() as session:
        return service.create_webhook(session, who, url, events or ["*"], HERE).id


def courier(database: Database) -> Courier:
    return Courier(database, lambda: SECRET, SOURCE, HERE)


def prefer(database: Database) -> None:
    with database.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, hold_days=14)


def deliveries(database: Database) -> list[WebhookDelivery]:
    with database.read() as session:
        query = select(WebhookDelivery).order_by(WebhookDelivery.id)
        return list(session.scalars(query))


def later(database: Database, by: timedelta) -> None:
    """Let time pass for what waits."""
    with database.write() as session:
        for each in session.scalars(select(WebhookDelivery)):
            each.due_at -= by


def new_holder(database: Database, *grants: Grant) -> Principal:
    with database.write() as session:
        key, _ = create_key(session, TERMINAL, "receiver", grants)
        return Principal(f"key:{key.prefix}", frozenset(grants))


def test_batches_are_told(database: Database, receiver: Receiver) -> None:
    """That one was started and how it ended, with where to read it."""
    with database.write() as session:
        add_areas(session, 3)
    subscribe(database, receiver.url, "batch.*")
    batch_id = submit(database, 1, 2)
    with database.write() as session:
        cancel_batch(session, TERMINAL, batch_id)
    assert courier(database)() == 2
    told = receiver.bodies()
    assert {each["type"] for each in told} == {
        "givetake.batch.submitted",
        "givetake.batch.cancelled",
    }
    assert {each["data"]["href"] for each in told} == {f"{SOURCE}/api/v1/batches/{batch_id}"}


def test_what_happened_is_told_once_and_signed(exchange: Database, receiver: Receiver) -> None:
    """As a CloudEvent with a link and no more, under Standard Webhooks; the past is not told."""
    number = subscribe(exchange, receiver.url, "proposal.*")
    prefer(exchange)
    assert courier(exchange)() == 1
    assert courier(exchange)() == 0
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert headers["content-type"] == "application/cloudevents+json"
    assert (told["specversion"], told["type"], told["subject"], told["source"]) == (
        "1.0",
        "givetake.proposal.preferred",
        "proposal:1",
        SOURCE,
    )
    assert told["data"] == {"href": f"{SOURCE}/api/v1/proposals/1"}
    with exchange.read() as session:
        webhook = session.get_one(Webhook, number)
        secret = service.secret_of(webhook, SECRET)
    Signer(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Signer(secret).verify(body + b" ", headers)
    (one,) = deliveries(exchange)
    assert (one.state, one.attempts, one.status) == (DeliveryState.DELIVERED, 1, 200)


def test_only_events_that_were_asked_for_and_came_to_pass(
    exchange: Database, receiver: Receiver
) -> None:
    """Of other kinds nothing, nor of a transaction that was undone."""
    subscribe(exchange, receiver.url, "run.solved", "proposal.withdrawn")
    with exchange.rehearse() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.WITHDRAW, hold_days=14)
    prefer(exchange)
    courier(exchange)()
    assert receiver.got == []
    with exchange.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.WITHDRAW, hold_days=14)
    courier(exchange)()
    assert [each["type"] for each in receiver.bodies()] == ["givetake.proposal.withdrawn"]


def test_nobody_is_told_what_they_may_not_read(exchange: Database, receiver: Receiver) -> None:
    """The scope of whoever made it counts, as it is when the event is taken up."""
    here = new_holder(exchange, Grant(Role.BROKER, Scope(ScopeKind.AREA, "999")))
    there = new_holder(exchange, Grant(Role.BROKER, Scope(ScopeKind.AREA, "998")))
    ids = [subscribe(exchange, receiver.url, who=who) for who in (here, there)]
    prefer(exchange)
    courier(exchange)()
    assert {each.webhook_id for each in deliveries(exchange)} == {ids[0]}
    viewer = new_holder(exchange, Grant(Role.VIEWER))
    with exchange.write() as session:
        with pytest.raises(Forbidden):
            service.create_webhook(session, viewer, receiver.url, ["*"], HERE)
        with pytest.raises(NotFound):
            service.revoke_webhook(session, there, ids[0])


def test_what_a_key_subscribed_to_ends_with_it(exchange: Database, receiver: Receiver) -> None:
    """On the record, with nothing more sent, not even what waited already."""
    who = new_holder(exchange, Grant(Role.BROKER))
    number = subscribe(exchange, receiver.url, who=who)
    prefer(exchange)
    delivery.queue(exchange)
    assert len(deliveries(exchange)) == 1
    with exchange.write() as session:
        revoke_key(session, TERMINAL, who.name.removeprefix("key:"))
    courier(exchange)()
    assert receiver.got == []
    with exchange.read() as session:
        ended = session.get_one(Webhook, number)
        assert (ended.revoked_by, ended.revoked_at is not None) == ("clock", True)


@pytest.mark.parametrize("status", [500, 302, 404])
def test_a_failed_delivery_is_sent_again_and_given_up_at_last(
    exchange: Database, receiver: Receiver, status: int
) -> None:
    """With longer and longer pauses, the same message each time; and again when asked."""
    receiver.status = status
    receiver.headers = {"Location": receiver.url}
    number = subscribe(exchange, receiver.url, "proposal.*")
    prefer(exchange)
    for attempt, pause in enumerate([*PAUSES, None], start=1):
        courier(exchange)()
        (one,) = deliveries(exchange)
        assert (one.attempts, one.status) == (attempt, status)
        assert len(receiver.got) == attempt
        if pause is not None:
            assert one.state == DeliveryState.WAITING
            courier(exchange)()
            assert len(receiver.got) == attempt, "before its pause is over"
            later(exchange, pause)
    assert one.state == DeliveryState.DEAD
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1
    receiver.status = 200
    with exchange.write() as session:
        service.retry(session, TERMINAL, number, one.id)
        with pytest.raises(Conflict, match="it is waiting"):
            service.retry(session, TERMINAL, number, one.id)
    courier(exchange)()
    assert deliveries(exchange)[0].state == DeliveryState.DELIVERED


def test_an_address_that_is_gone_is_told_nothing_more(
    exchange: Database, receiver: Receiver
) -> None:
    receiver.status = 410
    number = subscribe(exchange, receiver.url)
    prefer(exchange)
    courier(exchange)()
    with exchange.read() as session:
        assert session.get_one(Webhook, number).revoked_at is not None


def test_a_slow_address_keeps_nobody_waiting(
    exchange: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TOTAL_S", 0.3)
    slow = Receiver(slow=threading.Event())
    server = slow.start()
    subscribe(exchange, slow.url)
    subscribe(exchange, receiver.url)
    prefer(exchange)
    courier(exchange)()
    assert slow.slow is not None
    slow.slow.set()
    server.shutdown()
    server.server_close()
    found = {each.webhook_id: each for each in deliveries(exchange)}
    assert (found[1].state, found[2].state) == (DeliveryState.WAITING, DeliveryState.DELIVERED)
    assert "not within 0.3 seconds" in str(found[1].error)


def test_workers_at_once_send_each_event_once(exchange: Database, receiver: Receiver) -> None:
    """Deliveries are made once, and each is taken up by one worker."""
    subscribe(exchange, receiver.url, "proposal.*")
    prefer(exchange)
    threads = [threading.Thread(target=courier(exchange)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.got) == len(deliveries(exchange)) == 1


def test_what_a_killed_worker_had_taken_up_is_sent_by_another(
    exchange: Database, receiver: Receiver
) -> None:
    """After a minute, with the same id: whoever receives it can tell that it came twice."""
    subscribe(exchange, receiver.url, "proposal.*")
    prefer(exchange)
    delivery.queue(exchange)
    (lost,) = delivery.claim(exchange, SECRET, SOURCE)
    assert courier(exchange)() == 0
    later(exchange, delivery.CLAIM)
    assert courier(exchange)() == 1
    assert receiver.got[0][0]["webhook-id"] == lost.message_id


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.0.0.8/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://[fe80::1]/",
        "https://224.0.0.1/",
        "https://2130706433/",
        "http://93.184.216.34/",
        "ftp://93.184.216.34/",
        "https:///path",
        "https://user:word@93.184.216.34/",
        "https://93.184.216.34/#part",
        "https://93.184.216.34/a b",
        "https://93.184.216.34:99999/",
        "https://" + "a" * 500 + ".example/",
        "https://no-such-host.invalid/",
        "//93.184.216.34/",
    ],
)
def test_what_is_not_public_is_refused(url: str) -> None:
    """Private, loopback and reserved addresses in every dress, and what is no address."""
    with pytest.raises(BadWebhook):
        check_address(url, ())


def test_public_addresses_and_allowed_networks_are_taken() -> None:
    check_address("https://93.184.216.34/hook?x=1", ())
    check_address("https://[2606:2800:220:1:248:1893:25c8:1946]:8443/", ())
    check_address("http://127.0.0.1:9/", HERE)
    assert allowed_in(HERE)("::ffff:127.0.0.1")
    assert not allowed_in(())("::ffff:127.0.0.1")


def test_the_address_counts_that_is_connected_to(exchange: Database, receiver: Receiver) -> None:
    """A name that means a private address by the time it is called gets nothing."""
    subscribe(exchange, receiver.url)
    prefer(exchange)
    Courier(exchange, lambda: SECRET, SOURCE, ())()
    assert receiver.got == []
    assert {each.error for each in deliveries(exchange)} == {"its address is not public"}


@pytest.mark.parametrize(
    "event", ["proposals.*", "key.create", "visit.begin", "proposal", "", "**"]
)
def test_only_what_can_be_read_over_http_can_be_asked_for(exchange: Database, event: str) -> None:
    with exchange.write() as session, pytest.raises(BadWebhook, match="kind of event"):
        service.create_webhook(session, TERMINAL, "http://127.0.0.1/", [event], HERE)


def test_over_http(exchange: Database, receiver: Receiver) -> None:
    """Made with a secret that is shown once, listed, rotated, revoked; deliveries with states."""
    url = "/api/v1/webhooks"
    with keyed(exchange, webhook_networks=HERE, secret=SECRET) as client:
        refused = client.post(url, json={"url": "https://10.1.1.1/", "events": ["*"]})
        assert (refused.status_code, "private address" in refused.text) == (422, True)
        made = client.post(url, json={"url": receiver.url, "events": ["proposal.*"]})
        assert made.status_code == 201, made.text
        assert made.json()["secret"].startswith("whsec_")
        (one,) = client.get(url).json()["items"]
        assert "secret" not in one
        prefer(exchange)
        courier(exchange)()
        (told,) = client.get(f"{url}/1/deliveries").json()["items"]
        assert (told["state"], told["status"]) == ("delivered", 200)
        assert client.get(f"{url}/1/deliveries?state=dead").json()["items"] == []
        table = csv_rows(client.get(f"{url}/1/deliveries", headers={"Accept": "text/csv"}))
        assert table[0]["event"] == str(told["event"])
        assert client.post(f"{url}/1/deliveries/1/retry").status_code == 409
        other = client.post(f"{url}/1/rotation").json()["secret"]
        assert other != made.json()["secret"]
        assert client.post(f"{url}/1/revocation").json()["revoked_at"]
        assert client.post(f"{url}/1/rotation").status_code == 409
    with keyed(exchange) as somebody:
        assert somebody.get(url).status_code == 200


def test_the_service_sends_by_itself(exchange: Database, receiver: Receiver) -> None:
    """Whoever has a worker has a courier."""
    with keyed(exchange, workers=1, webhook_networks=HERE, secret=SECRET) as client:
        made = client.post(
            "/api/v1/webhooks", json={"url": receiver.url, "events": ["proposal.preferred"]}
        )
        prefer(exchange)
        assert receiver.came.wait(20)
    Signer(made.json()["secret"]).verify(receiver.got[0][1], receiver.got[0][0])


def test_there_are_only_so_many(exchange: Database) -> None:
    for _ in range(service.MOST):
        subscribe(exchange, "http://127.0.0.1/")
    with pytest.raises(BadWebhook, match="Revoke one first"):
        subscribe(exchange, "http://127.0.0.1/")


def test_due_is_by_the_clock_of_the_database(exchange: Database, receiver: Receiver) -> None:
    subscribe(exchange, receiver.url, "proposal.*")
    prefer(exchange)
    delivery.queue(exchange)
    with exchange.read() as session:
        now = database_now(session)
    assert abs(deliveries(exchange)[0].due_at - now) < timedelta(minutes=1)
    with exchange.read() as session:
        assert session.get_one(Proposal, 1).state == "preferred"
