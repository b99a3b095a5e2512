"""Servers of others, asked by HTTP within a total time and a length of their answer."""

import http.client
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Final

MOST_BYTES: Final = 8 * 2**20
"""Of one answer: a table of 100 places has some kilobytes."""


class NoAnswer(Exception):
    """A server that could not be asked, or did not answer within bounds; says why."""


class TooSlow(NoAnswer):
    pass


class NotAllowed(NoAnswer):
    """A server at an address that is not to be asked."""


@dataclass(slots=True)
class _Exchange:
    """One request, made in a thread of its own: a name is looked up without any time limit."""

    request: urllib.request.Request
    timeout_s: float
    most_bytes: int
    allowed: Callable[[str], bool] | None = None
    follows: bool = True
    sockets: list[socket.socket] = field(default_factory=list)
    over: bool = False
    found: tuple[int, bytes] | None = None
    fault: Exception | None = None

    def carry_out(self) -> None:
        _under_way.exchange = self
        try:
            try:
                answer = _opener(self.follows).open(self.request, timeout=self.timeout_s)
            except urllib.error.HTTPError as refusal:
                answer = refusal
            with answer:
                self.found = answer.status, answer.read(self.most_bytes + 1)
        except Exception as fault:
            self.fault = fault

    def opened(self, connection: http.client.HTTPConnection) -> None:
        self.sockets.append(connection.sock)
        if self.over:
            self.cut_off()
        # Of the connection itself: a name may mean another address than when it was looked up.
        address = connection.sock.getpeername()[0]
        if self.allowed is not None and not self.allowed(address):
            self.cut_off()
            raise NotAllowed("its address is not public")

    def cut_off(self) -> None:
        self.over = True
        for each in self.sockets:
            # Of TLS too: what is read in the other thread ends at once.
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)


_under_way = threading.local()
"""The exchange of this thread."""


class _Plain(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _under_way.exchange.opened(self)


class _Secure(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _under_way.exchange.opened(self)


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Plain, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Secure, req)


class _Stays(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for the answer that it is."""

    def redirect_request(self, *about: object) -> None:
        return None


@cache
def _opener(follows: bool) -> urllib.request.OpenerDirector:
    """Made once: reading the certificates of authorities takes longer than an answer."""
    handlers: list[urllib.request.BaseHandler] = [_Http(), _Https()]
    return urllib.request.build_opener(*handlers, *([] if follows else [_Stays()]))


def fetch(
    url: str,
    headers: Mapping[str, str],
    *,
    total_s: float,
    most_bytes: int = MOST_BYTES,
    form: bytes | None = None,
    allowed: Callable[[str], bool] | None = None,
    follows: bool = True,
) -> tuple[int, bytes]:
    """The status and body of an answer, in `total_s` seconds from the first to the last byte.

    A `form` is sent by POST. `allowed` is asked of the address that was connected to, before
    anything is sent there. A redirect is an answer like others unless it `follows`.

    Raises
    ------
    NoAnswer
        If there is none, none in time, one that is longer than `most_bytes`, or the address is not
        `allowed`.
    """
    request = urllib.request.Request(url, form, dict(headers))  # noqa: S310 - http(s) alone
    exchange = _Exchange(request, total_s, most_bytes, allowed, follows)
    thread = threading.Thread(target=exchange.carry_out, name="outside", daemon=True)
    thread.start()
    thread.join(total_s)
    late = thread.is_alive()
    exchange.cut_off()
    if late or isinstance(exchange.fault, TimeoutError):
        raise TooSlow(f"not within {total_s:g} seconds")
    if exchange.fault is not None:
        reason = getattr(exchange.fault, "reason", exchange.fault)
        if isinstance(reason, TimeoutError):
            raise TooSlow(f"not within {total_s:g} seconds") from exchange.fault
        raise NoAnswer(str(reason)) from exchange.fault
    assert exchange.found is not None
    status, body = exchange.found
    if len(body) > most_bytes:
        raise NoAnswer(f"its answer has more than {most_bytes:,} bytes")
    return status, body
