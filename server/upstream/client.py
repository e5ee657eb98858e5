"""One model server as the gate sees it: where it is, with which key, and how a request to it is written."""

from __future__ import annotations

import re
import ssl
from collections.abc import Coroutine, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from .pool import Pool, Timeouts
from .reply import UpstreamReply

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

# A host name, an IPv4 address or a bracketed IPv6 address, an optional port, a plain path. No user, query or fragment:
# a base URL that needs them is a mistake or an attempt to hide where requests go.
_BASE_URL = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*/?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_PLAIN_VALUE = re.compile(r"[\t\x20-\x7e]*")
_SECRET = re.compile(r"[\x21-\x7e]+")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")

_OURS = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class Upstream:
    """A model server at `base_url` (`http://host:port/v1`); paths of requests are appended to its path.

    One pool per Upstream, bound to the event loop that first uses it. `headers` go with every request. `ca_file` adds
    certificates to trust in place of the system's; verification of certificate and host name cannot be turned off.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str | None = None,
        *,
        timeouts: Timeouts | None = None,
        max_connections: int = 512,
        ca_file: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        """Raises ValueError for a base URL, a key or a header that cannot be written into a request as it stands."""
        host, port, tls, path = _address(base_url)
        if api_key is not None and not _SECRET.fullmatch(api_key):
            raise ValueError("the API key is empty or holds a character that cannot stand in a header")
        self.name = name
        self._path = path
        self._host = urlsplit(base_url).netloc.lower()
        key = f"authorization: Bearer {api_key}\r\n" if api_key is not None else ""
        added = "".join(_line(name, value) for name, value in headers.items())
        self._fixed = f"host: {self._host}\r\n{key}{added}accept-encoding: identity\r\n"
        self._heads: dict[tuple[str, str], bytes] = {}
        self._pool = Pool(
            host, port, (lambda: _tls_context(ca_file)) if tls else None, timeouts or Timeouts(), max_connections
        )

    @property
    def connections(self) -> int:
        """Open connections, idle ones included."""
        return self._pool.connections

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str] = NO_HEADERS, *, deadline: float
    ) -> Coroutine[Any, Any, UpstreamReply]:
        """POST a JSON body; returns when status and headers are there.

        `deadline` is on the clock of `time.monotonic` and binds the whole exchange, reading the body too. The request
        is sent at most once. Raises UpstreamError. Cancelling the awaiting task closes the connection.
        """
        return self._exchange("POST", path, body, headers, deadline)

    def get(
        self, path: str, headers: Mapping[str, str] = NO_HEADERS, *, deadline: float
    ) -> Coroutine[Any, Any, UpstreamReply]:
        """As `post`, without a body."""
        return self._exchange("GET", path, b"", headers, deadline)

    def delete(
        self, path: str, headers: Mapping[str, str] = NO_HEADERS, *, deadline: float
    ) -> Coroutine[Any, Any, UpstreamReply]:
        """As `get`."""
        return self._exchange("DELETE", path, b"", headers, deadline)

    def close(self) -> None:
        """Close all connections at once."""
        self._pool.close()

    async def _exchange(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], deadline: float
    ) -> UpstreamReply:
        head = self._heads.get((method, path)) or self._fixed_head(method, path)
        if headers:
            head += "".join(_line(name, value) for name, value in headers.items()).encode("ascii")
        length = b"content-length: %d\r\n\r\n" % len(body) if method == "POST" else b"\r\n"
        connection = self._pool.take_kept() or await self._pool.take(deadline)
        reply = connection.exchange(head + length, body, deadline)
        await reply.started()
        return reply

    def _fixed_head(self, method: str, path: str) -> bytes:
        if not _PATH.fullmatch(path):
            raise ValueError(f"`{path}` is not a plain path")
        kind = "content-type: application/json\r\n" if method == "POST" else ""
        head = f"{method} {self._path}{path} HTTP/1.1\r\n{self._fixed}{kind}".encode("ascii")
        if len(self._heads) < 64:  # paths are few and ours; the bound keeps a mistake from growing memory
            self._heads[method, path] = head
        return head


def _address(base_url: str) -> tuple[str, int, bool, str]:
    if not _BASE_URL.fullmatch(base_url):
        raise ValueError(f"`{base_url}` is not a plain http or https base URL")
    parts = urlsplit(base_url)
    tls = parts.scheme == "https"
    port = parts.port  # raises ValueError above 65535
    return str(parts.hostname), (443 if tls else 80) if port is None else port, tls, parts.path.rstrip("/")


def _line(name: str, value: str) -> str:
    if not _TOKEN.fullmatch(name) or name.lower() in _OURS:
        raise ValueError(f"`{name}` is not a header that a request may add")
    if not _PLAIN_VALUE.fullmatch(value):
        raise ValueError(f"the value of header `{name}` holds a character that cannot stand in a header")
    return f"{name}: {value}\r\n"


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
