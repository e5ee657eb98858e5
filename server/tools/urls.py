"""One URL grammar, narrower than any client's: what two readers could take for two places is refused.

The subset of RFC 3986 on which RFC 3986, WHATWG URL, Python's urlsplit and curl agree. Refused: backslashes (WHATWG
reads them as slashes), user information (`https://good@evil`), white space and controls (some readers strip them),
anything that is not ASCII and `xn--` (two scripts, one look), percent-encoded hosts, IPv4 in any spelling but plain
decimals (`2130706433`, `0x7f.1`, `127.1`, `0177.0.0.1`), IPv6 in any spelling but the canonical one (RFC 5952) and with
a zone, an empty port or one with a leading zero, dot segments plain or encoded, empty segments, encoded slashes, and
fragments, which are never sent. Nothing is normalised: a URL is taken as it stands or not at all.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from .faults import ToolFault

MAX_URL: Final = 8000
"""Characters. RFC 9110 section 4.1 asks servers for 8,000 octets at least."""

MAX_HOST: Final = 253
"""RFC 1035 section 2.3.4: 255 octets on the wire."""

_LABEL: Final = r"(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# WHATWG URL takes a host for an IPv4 address when its last label is a number.
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)*(?!(?:[0-9]+|0x[0-9a-f]*)\Z){_LABEL}")
_PCHAR: Final = r"[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}"
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]++|\[[0-9a-f:.]++\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    rf"(?P<path>(?:/(?:{_PCHAR})*+)*+)(?:\?(?P<query>(?:{_PCHAR}|[/?])*+))?"
)
# Encoded: a slash or backslash (some servers decode before they route), a dot (dot segments), a percent sign (decoded
# twice by some), controls and what is no ASCII but cannot be UTF-8 is left to the server.
_HIDING: Final = re.compile(r"%(?:2[fFeE5]|5[cC]|[01][0-9A-Fa-f]|7[fF])")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Url:
    """A URL that was read. `literal` is the address where the host is one; `query` is None where there is no `?`."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None = None
    literal: Ip | None = None

    @property
    def authority(self) -> str:
        """Host and port as they stand in a `Host` header: the scheme's own port is left out (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if isinstance(self.literal, ipaddress.IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def target(self) -> str:
        """The request target in origin form (RFC 9112 section 3.2.1)."""
        return (self.path or "/") + ("" if self.query is None else f"?{self.query}")


def read_url(text: str) -> Url:
    """Raises ToolFault `url-refused`."""
    found = _URL.fullmatch(text) if len(text) <= MAX_URL else None
    if found is None:
        raise ToolFault("url-refused", "the URL is not one that all clients read alike")
    scheme, path, query = found["scheme"], found["path"], found["query"]
    host, literal = _host(found["host"])
    port = _DEFAULT_PORTS[scheme] if found["port"] is None else int(found["port"])
    if port > 65_535:
        raise ToolFault("url-refused", "the port of the URL is no port")
    check_path(path)
    return Url(scheme, host, port, path, query, literal)


def check_path(path: str) -> None:
    """Refuses a path that two servers could take for two places. Raises ToolFault `url-refused`."""
    segments = path.split("/")[1:]
    if "" in segments[:-1] or not {".", ".."}.isdisjoint(segments) or _HIDING.search(path):
        raise ToolFault("url-refused", "the path of the URL has empty, dot or encoded segments")


def _host(text: str) -> tuple[str, Ip | None]:
    if text.startswith("["):
        address = _literal(text[1:-1])
        if isinstance(address, ipaddress.IPv6Address) and str(address) == text[1:-1]:
            return text[1:-1], address
    else:
        lowered = text.lower()
        address = _literal(text)
        if isinstance(address, ipaddress.IPv4Address):  # four decimals without leading zeros, since Python 3.9.5
            return lowered, address
        if len(lowered) <= MAX_HOST and _NAME.fullmatch(lowered):
            return lowered, None
    raise ToolFault("url-refused", "the host of the URL is not one that all clients read alike")


def _literal(text: str) -> Ip | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
