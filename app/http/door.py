"""Where the service is and who calls it: by the settings, never by what a stranger's headers say.

Behind this, a request has the public address as its own, and the address of whoever sent it to
the first proxy that is not trusted.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import Network

_LOOPBACK = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.ASCII)
_WITH_PORT = re.compile(r"\[([0-9a-fA-F:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+", re.ASCII)
NOT_TO_BE_BELIEVED: Final = (b"forwarded", b"x-forwarded-", b"x-real-ip")
"""How the headers begin that anybody can write; what comes after us does not see them."""
PLACES: Final = ("location", "hx-redirect")
"""Headers of answers that lead to an address, where a prefix may be wanting."""
STRICT_TRANSPORT: Final = "max-age=31536000"
"""A year of nothing but HTTPS, for this host and not for those under it, which are not ours."""

log = structlog.get_logger()


class Door:
    """Outermost: what the address of a request is, and of whom."""

    def __init__(self, app: ASGIApp, public_url: str | None, trusted: tuple[Network, ...]) -> None:
        self.app = app
        self.public = urlsplit(public_url) if public_url else None
        self.trusted = trusted
        self.has_warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope = dict(scope)
        if self._trusts(scope.get("client")):
            scope["client"] = self._sender(scope["client"], headers.getlist("x-forwarded-for"))
            if headers.get("x-forwarded-proto") in ("http", "https"):
                scope["scheme"] = headers["x-forwarded-proto"]
                self._want_public_url()
        prefix = ""
        if self.public is None:
            netloc = _own(scope, headers.get("host", ""))
        else:
            scope["scheme"], netloc, prefix = self.public[:3]
        scope["headers"] = [
            *((name, it) for name, it in scope["headers"] if not _is_hearsay(name)),
            (b"host", netloc.encode()),
        ]
        if prefix:
            _enter(scope, prefix)

        async def send_from_here(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                if self.public and self.public.scheme == "https":
                    answer["Strict-Transport-Security"] = STRICT_TRANSPORT
                for name in PLACES:
                    if prefix and name in answer:
                        answer[name] = _within(prefix, answer[name])
            await send(message)

        await self.app(scope, receive, send_from_here)

    def _trusts(self, client: tuple[str, int] | None) -> bool:
        address = _address(client[0]) if client else None
        return address is not None and any(address in network for network in self.trusted)

    def _sender(self, proxy: tuple[str, int], said: Iterable[str]) -> tuple[str, int]:
        """The last of those forwarded for whom only trusted proxies vouch."""
        sender = proxy
        for each in reversed([one.strip() for line in said for one in line.split(",")]):
            if not self._trusts(sender):
                break
            address = _address(each)
            if address is None:
                break
            sender = (str(address), 0)
        return sender

    def _want_public_url(self) -> None:
        if self.public is None and not self.has_warned:
            self.has_warned = True
            log.warning("http.public_url_missing")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as sockets and proxies write it: with a port or not, IPv4 perhaps within IPv6."""
    matched = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address(next(filter(None, matched.groups())) if matched else text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _own(scope: Scope, host: str) -> str:
    """Where the service listens, while nobody said where it is; only of this machine has it names.

    Their port may be another than ours: that of a tunnel or a container.
    """
    if _LOOPBACK.fullmatch(host):
        return host
    name, port = scope.get("server") or ("localhost", None)
    name = f"[{name}]" if ":" in name else name
    usual = {"http": 80, "https": 443}[scope.get("scheme", "http")]
    return name if port in (usual, None) else f"{name}:{port}"


def _is_hearsay(name: bytes) -> bool:
    return name == b"host" or name.startswith(NOT_TO_BE_BELIEVED)


def _enter(scope: Scope, prefix: str) -> None:
    """Let the path have the prefix, whether or not a proxy took it off."""
    scope["root_path"] = prefix
    if not (scope["path"] == prefix or scope["path"].startswith(f"{prefix}/")):
        scope["path"] = prefix + scope["path"]
        if scope.get("raw_path") is not None:
            scope["raw_path"] = prefix.encode() + scope["raw_path"]


def _within(prefix: str, place: str) -> str:
    """An address of ours with the prefix; constants of our code have none."""
    is_ours = place.startswith("/") and not place.startswith("//")
    if not is_ours or place == prefix or place.startswith((f"{prefix}/", f"{prefix}?")):
        return place
    return prefix + place
