"""Where a call may go: which schemes and ports, and which addresses the name behind a URL may lead to.

The check is made on the addresses that DNS gave, and the connection is then made to one of exactly these: a second
look-up by the connecting code could answer differently (DNS rebinding; OWASP SSRF, CVE-2026-26118 for a peer). Where
one of several addresses is closed the whole name is: an answer that mixes inside and outside is what rebinding looks
like.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from .faults import ToolFault
from .urls import Ip, Url

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses, as text. Raises OSError where there is none."""

_CLOSED_4: Final = (
    "0.0.0.0/8",  # this host on this network; 0.0.0.0 reaches the loopback on Linux
    "10.0.0.0/8",
    "100.64.0.0/10",  # carrier-grade NAT; clouds put metadata here too (100.100.100.200)
    "127.0.0.0/8",
    "169.254.0.0/16",  # link-local; 169.254.169.254 is the metadata of most clouds
    "172.16.0.0/12",
    "192.0.0.0/24",  # protocol assignments; Oracle's metadata 192.0.0.192
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",  # 6to4 relays
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "168.63.129.16/32",  # Azure's wire server: public by number, inside by routing
)
_OPEN_6: Final = ipaddress.IPv6Network("2000::/3")
"""All that is unicast and global (RFC 4291 section 2.4). Loopback, mapped, NAT64 and private lie outside."""

_CLOSED_6: Final = (
    "2001::/23",  # protocol assignments: Teredo (2001::/32) carries IPv4 addresses inside, ORCHID
    "2001:db8::/32",
    "2002::/16",  # 6to4: carries an IPv4 address inside
    "2620:4f:8000::/48",
    "3fff::/20",
)
CLOSED: Final[tuple[Network, ...]] = tuple(map(ipaddress.ip_network, (*_CLOSED_4, *_CLOSED_6)))
"""IANA's special-purpose registries (RFC 6890 and updates, read 2026-11). The standard library's `is_global` follows
them too, but differently in each patch release."""


@dataclass(frozen=True, slots=True)
class Egress:
    """The rules of one server. `networks` are opened in addition to what is public; `home` is the server's own origin,
    which its operator wrote down."""

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({443})
    plain_http: bool = False
    home: tuple[str, str, int] | None = None

    def check(self, url: Url) -> None:
        """Scheme, port, and the host where it is an address. Raises ToolFault."""
        if url.literal is not None and not self._is_named(url.literal):
            # A public address has a name; one without is how filters by name are walked around.
            raise ToolFault("address-refused", "the URL names an address that no setting opens")
        if url.origin == self.home:
            return
        if url.scheme != "https" and not self.plain_http:
            raise ToolFault("url-refused", "only `https` is open")
        if url.port not in self.ports:
            raise ToolFault("url-refused", "the port of the URL is not open")

    async def addresses(self, url: Url, resolve: Resolve) -> list[str]:
        """The checked addresses to connect to, in the order that the name service gave. Raises ToolFault."""
        self.check(url)
        if url.literal is not None:
            return [str(url.literal)]
        try:
            found = await resolve(url.host, url.port)
        except OSError:
            raise ToolFault("no-address", "the name of the tool's server leads nowhere") from None
        addresses = list(map(_address, dict.fromkeys(found)))
        if not addresses:
            raise ToolFault("no-address", "the name of the tool's server leads nowhere")
        for address in addresses:
            if not self.opens(address):
                raise ToolFault("address-refused", "the name leads to an address that no setting opens")
        return list(map(str, addresses))

    def opens(self, address: Ip) -> bool:
        """Whether a connection to this address may be made."""
        if self._is_named(address):
            return True
        if isinstance(address, ipaddress.IPv6Address) and address not in _OPEN_6:
            return False
        return not any(address in network for network in CLOSED if network.version == address.version)

    def _is_named(self, address: Ip) -> bool:
        return any(address in network for network in self.networks if network.version == address.version)


async def system_resolve(host: str, port: int) -> list[str]:
    """What the system's name service says, /etc/hosts included."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(entry[4][0]) for entry in found]


def _address(text: str) -> Ip:
    """A zone (`fe80::1%eth0`) names an interface, so it is never what a tool's server has."""
    try:
        return ipaddress.ip_address(text if "%" not in text else "")
    except ValueError:
        raise ToolFault("address-refused", "the name leads to an address that no setting opens") from None
