"""One request to a tool's server: over a connection to a checked address, with the name in `Host` and in the TLS
handshake. Built on the gate's own HTTP/1.1 client (server/upstream), which refuses what two readers could frame
differently; what is new here is that the address is given, and that a redirect is told, never followed.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..upstream import Connection, UpstreamError
from .egress import Egress, Resolve, system_resolve
from .faults import ToolFault
from .urls import Url

KEPT_SECONDS: Final = 4.0
"""How long an unused connection is kept: less than the 5 s of uvicorn and node, so that the two ends do not race."""

KEPT_LINES: Final = 8
"""Unused connections kept for one address."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?")
_TARGET: Final = re.compile(r"/[\x21-\x7e]*")


@dataclass(frozen=True, slots=True)
class Request:
    """What leaves. `headers` are ours or written from judged arguments; none of a client's."""

    method: str
    url: Url
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer, or a redirect with where it points (`location`, unread)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    location: str | None = None


class _Line(Connection):
    """A Connection that remembers where a redirect pointed before it is closed."""

    __slots__ = ("kept_until", "location", "redirect")

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: _Kept) -> None:
        super().__init__(loop, owner)
        self.location: str | None = None
        self.redirect = 0
        self.kept_until = 0.0

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 300 <= status < 400:
            places = [value for name, value in self._headers if name == b"location"]
            self.redirect = status
            if len(places) == 1 and places[0].isascii():  # two places are two readings
                self.location = places[0].decode("ascii").strip(" \t")
        super().on_headers_complete()


class _Kept:
    """Unused connections to one address under one name."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._idle: list[_Line] = []

    def take(self) -> _Line | None:
        now = self._loop.time()
        while self._idle:
            line = self._idle.pop()
            if line.kept_until > now and line.is_fresh():
                return line
            line.abort()
        return None

    def put(self, connection: Connection) -> None:
        assert isinstance(connection, _Line)
        if len(self._idle) >= KEPT_LINES:
            self._idle.pop(0).abort()
        connection.kept_until = self._loop.time() + KEPT_SECONDS
        self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        self._idle = [line for line in self._idle if line is not connection]

    def close(self) -> None:
        for line in list(self._idle):
            line.abort()


class Client:
    """Requests to the servers of tools by the rules of `egress`, on one event loop.

    `connect_seconds` covers name, TCP and TLS; `seconds` the whole exchange; `answer_bytes` is the largest body read.
    `ca_file` replaces the system's certificates; verification cannot be turned off.
    """

    def __init__(
        self,
        egress: Egress,
        *,
        connect_seconds: float = 5.0,
        seconds: float = 60.0,
        answer_bytes: int = 1024 * 1024,
        ca_file: str | None = None,
        resolve: Resolve = system_resolve,
    ) -> None:
        self._egress = egress
        self._connect_seconds = connect_seconds
        self._seconds = seconds
        self._answer_bytes = answer_bytes
        self._ca_file = ca_file
        self._resolve = resolve
        self._tls: ssl.SSLContext | None = None
        self._kept: dict[tuple[tuple[str, str, int], str], _Kept] = {}

    async def send(self, request: Request) -> Response:
        """Send once. Raises ToolFault; whether the tool acted is then unknown unless the code says it was not asked."""
        loop = asyncio.get_running_loop()
        head, body = _written(request)
        try:
            async with asyncio.timeout(self._seconds):
                line = await self._line(loop, request.url)
                try:
                    reply = line.exchange(head, body, time.monotonic() + self._seconds)
                    await reply.started()
                    return Response(reply.status, reply.headers, await reply.read(self._answer_bytes))
                except UpstreamError as error:
                    if error.code == "redirect":
                        return Response(line.redirect, {}, b"", line.location)
                    raise _fault(error) from error
                except BaseException:
                    line.abort()
                    raise
        except TimeoutError:
            raise ToolFault("tool-too-slow", f"the tool did not answer within {self._seconds:.3g} seconds") from None

    async def reach(self, url: Url) -> None:
        """Connect as `send` does, and ask nothing. Raises ToolFault."""
        (await self._line(asyncio.get_running_loop(), url)).abort()

    def close(self) -> None:
        for kept in self._kept.values():
            kept.close()
        self._kept.clear()

    async def _line(self, loop: asyncio.AbstractEventLoop, url: Url) -> _Line:
        """A connection whose other end is an address that was checked for this very call."""
        failed: Exception | None = None
        try:
            async with asyncio.timeout(self._connect_seconds):
                addresses = await self._egress.addresses(url, self._resolve)
                for address in addresses:
                    kept = self._kept_for(loop, url, address)
                    line = kept.take()
                    if line is not None:
                        return line
                for address in addresses:
                    try:
                        return await self._opened(loop, url, address)
                    except (OSError, ssl.SSLError) as error:
                        failed = error
        except TimeoutError:
            message = f"no connection to the tool within {self._connect_seconds:.3g} seconds"
            raise ToolFault("tool-unreachable", message) from None
        if isinstance(failed, ssl.SSLError):
            raise ToolFault("tool-unreachable", "the TLS handshake with the tool's server failed") from failed
        raise ToolFault("tool-unreachable", "the tool's server cannot be reached") from failed

    async def _opened(self, loop: asyncio.AbstractEventLoop, url: Url, address: str) -> _Line:
        tls = self._context() if url.scheme == "https" else None
        kept = self._kept_for(loop, url, address)
        transport, line = await loop.create_connection(
            lambda: _Line(loop, kept), address, url.port, ssl=tls, server_hostname=url.host if tls else None
        )
        if transport.get_extra_info("peername")[0] != address:
            transport.abort()
            raise ToolFault("address-refused", "the connection led to another address than the one checked")
        return line

    def _kept_for(self, loop: asyncio.AbstractEventLoop, url: Url, address: str) -> _Kept:
        key = (url.origin, address)
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= 256:  # names come from arguments: the bound keeps them from growing memory
                self._kept.pop(next(iter(self._kept))).close()
            kept = self._kept[key] = _Kept(loop)
        return kept

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._ca_file)
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def is_header(name: str, value: str) -> bool:
    """Whether name and value can stand in a request as they are (RFC 9110 section 5.5)."""
    return _TOKEN.fullmatch(name) is not None and _VALUE.fullmatch(value) is not None


def _written(request: Request) -> tuple[bytes, bytes]:
    """The last look before bytes leave: whatever was built, it is one request of one target and whole headers."""
    target = request.url.target
    if not _TARGET.fullmatch(target) or not all(is_header(name, value) for name, value in request.headers):
        raise ToolFault("bad-arguments", "the arguments cannot be written into a request")
    lines = [f"{request.method} {target} HTTP/1.1", f"host: {request.url.authority}", "accept-encoding: identity"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    body = request.body or b""
    if request.body is not None:
        lines.append(f"content-type: {request.content_type}")
    if request.body is not None or request.method not in ("GET", "HEAD"):
        lines.append(f"content-length: {len(body)}")  # RFC 9110 section 8.6: also where a POST has no body
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii"), body


def _fault(error: UpstreamError) -> ToolFault:
    if error.code == "too-large":
        return ToolFault("answer-too-large", error.message)
    if error.code in ("deadline", "read-timeout"):
        return ToolFault("tool-too-slow", error.message)
    return ToolFault("tool-unreachable", error.message)
