"""Where a webhook may be: at a public address, by TLS, unless the settings allow a private one."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from app.errors import Problem

Networks = Sequence[IPv4Network | IPv6Network]
TRANSLATED: Final = ip_network("64:ff9b::/96")
"""IPv6 addresses whose last four bytes are an IPv4 address (RFC 6052)."""
LONGEST: Final = 500


class BadWebhook(Problem):
    status = 422
    title = "Invalid webhook"


def allowed_in(networks: Networks) -> Callable[[str], bool]:
    """Whether an address may be called: a public one, or one in `networks`."""

    def allowed(text: str) -> bool:
        address = ip_address(text.partition("%")[0])
        inner = _inner(address)
        if any(each in network for network in networks for each in (address, inner)):
            return True
        return address.is_global and inner.is_global and not inner.is_multicast

    return allowed


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for; itself if none."""
    if isinstance(address, IPv4Address):
        return address
    if address in TRANSLATED:
        return IPv4Address(address.packed[-4:])
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def check_address(url: str, networks: Networks) -> None:
    """Raise `BadWebhook` unless events may be sent to `url`, as names are looked up now."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused(url, "is not an address") from None
    if len(url) > LONGEST or not url.isascii() or any(each <= " " for each in url):
        raise _refused(url, f"must be at most {LONGEST} ASCII characters without spaces")
    if parts.scheme not in ("https", "http") or not host:
        raise _refused(url, "must begin with https:// and name a host")
    if "@" in parts.netloc or parts.fragment:
        raise _refused(url, "must have no user name, password or #")
    allowed = allowed_in(networks)
    try:
        found = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _refused(url, f"names the host {host}, which was not found") from None
    addresses = {str(each[4][0]) for each in found}
    if not all(allowed(each) for each in addresses):
        raise _refused(
            url,
            "is at a private address. Ask your administrator to add its network to "
            "GIVETAKE_WEBHOOK_NETWORKS, or use a public one",
        )
    private = all(not allowed_in(())(each) for each in addresses)
    if parts.scheme == "http" and not private:
        raise _refused(url, "must begin with https://")


def _refused(url: str, why: str) -> BadWebhook:
    return BadWebhook(f"The address {url[:80]!r} {why}.")
