"""uvicorn's HTTP/1.1 protocol, made strict: what two readers could read differently is refused before routing.

llhttp, below httptools, refuses bare line feeds, folded lines, white space before a colon, bad chunk sizes and
content-length beside transfer-encoding. uvicorn adds nothing to that: it passes two Host headers, appends trailers to
the headers, loses the body of an upgrade request, lets headers grow and trickle without bound, and answers a pipelined
bad request in the middle of the answer before it. Everything it lets through stands in `_first_fault` or beside it.
tests/server/requests.yaml is the list of what comes out how.

One request is read at a time: bytes after a request that is not answered yet are not read as a second one (RFC 9112
section 9.3.2 lets a server close instead), so there is nothing to smuggle into a queue.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from .answering import EXTENSION, Writer
from .lingering import Lingering
from .wire import openai_error

logger = logging.getLogger("leastward.http")

HEADER_LIMIT = 64 * 1024
"""Bytes of request line and headers (nginx 32 KiB, node 16 KiB, tomcat 8 KiB; agents send long bearer tokens)."""

HEADER_COUNT = 100
"""As Apache's LimitRequestFields."""

LENGTH_DIGITS = 15
"""Of a content-length: far above every cap, far below what overflows."""

HEADER_SECONDS = 10.0
"""From the first byte of a connection or a request to the end of its headers; what ends a slow loris."""

WRITE_SECONDS = 60.0
"""How long a client may leave a full send buffer untouched."""

# Once or not at all: two readers may choose different ones of two.
_SINGLE = frozenset(
    {
        b"anthropic-version",
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"expect",
        b"host",
        b"last-event-id",
        b"mcp-method",
        b"mcp-name",
        b"mcp-protocol-version",
        b"mcp-session-id",
        b"origin",
        b"transfer-encoding",
        b"x-api-key",
        b"x-leastward-run",
        b"x-session-id",
    }
)
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_SEGMENT = rb"(?!\.{1,2}(?:/|\?|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+"
_TARGET = re.compile(rb"/(?:" + _SEGMENT + rb"(?:/" + _SEGMENT + rb")*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?")


class Fault(NamedTuple):
    status: int
    code: str
    message: str


_NOT_HTTP = Fault(400, "malformed-http", "the request is not plain HTTP/1.1")
_TOO_LONG = Fault(431, "headers-too-large", "the request line and headers are larger than 64 KiB or too many")
_TOO_SLOW = Fault(408, "headers-too-slow", "the headers did not arrive in time")
_FULL = Fault(503, "too-many-connections", "the gate has no room for another connection")
_TARGETS = Fault(404, "unknown-route", "there is no such route")
_PIPELINED = Fault(400, "pipelined", "a second request came before the first was answered")
_TRAILERS = Fault(400, "malformed-http", "trailers are not accepted")
_UPGRADE = Fault(400, "malformed-http", "no other protocol is spoken here")
_FRAMING = Fault(400, "malformed-http", "the request's length can be read in more than one way")
_EXPECT = Fault(417, "unknown-expectation", "only `100-continue` can be expected")


class _Refused(Exception):
    """Stops the parser; the fault stands on the protocol."""


class StrictProtocol(HttpToolsProtocol):
    """`limit` bounds the connections; `refused` is told status and code of what is refused here."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limit: int = 1024,
        refused: Callable[[int, str], None] | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limit = limit
        self._tell = refused
        self._fault: Fault | None = None
        self._in_head = False
        self._in_message = False
        self._deaf = False
        self._wire_bytes = self._body_bytes = 0
        self._good: tuple[bytes, bytes] | None = None
        self._path = ""
        self._query = b""
        self._version = "1.1"
        self._idle_since = 0.0
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        plain = cast(asyncio.Transport, transport)
        lingering = Lingering(plain, self.loop, self._request_unread, self._be_deaf)
        super().connection_made(cast(asyncio.Transport, lingering))
        if len(self.connections) > self._limit:
            self._answer(_FULL)
        else:
            self._head_timer = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            cast(Lingering, self.transport).swallow(len(data))
            return
        self._wire_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(self._fault or _NOT_HTTP)
            return
        if not self._in_message:
            self._wire_bytes = self._body_bytes = 0
        elif self._wire_bytes - self._body_bytes > HEADER_LIMIT + 8 * self._body_bytes:
            # Headers without end, or chunk extensions that outweigh the body (chunks of one byte cost 5).
            self._refuse(_TOO_LONG)
        elif self._in_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        self._unset_keepalive_if_required()
        cast(Lingering, self.transport).lost()
        super().connection_lost(exc)
        if self._task is not None and self.cycle is not None and not self.cycle.response_complete:
            self._task.cancel()  # the client has left: whatever works for it stops, the upstream request too

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(WRITE_SECONDS, self._abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    # --- httptools callbacks ---

    def on_message_begin(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop(_PIPELINED)
        self._in_head = self._in_message = True
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        fault = self._first_fault()
        if fault is not None:
            self._stop(fault)
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        scope: Any = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": self._version,
            "method": self.parser.get_method().decode("ascii"),
            "scheme": self.scheme,
            "path": self._path,  # a target that was let through is plain: nothing in it is to be decoded
            "raw_path": self._path.encode("ascii"),
            "query_string": self._query,
            "root_path": "",
            "headers": self.headers,
            "server": self.server,
            "client": self.client,
            "state": self.app_state.copy(),
        }
        self.headers = []  # trailers would come here, and not into the headers that were judged
        self.cycle = RequestResponseCycle(
            scope,
            self.transport,
            self.flow,
            self.logger,
            self.access_logger,
            self.access_log,
            self.server_state.default_headers,
            asyncio.Event(),
            self.expect_100_continue,
            self._version == "1.1" and self.parser.should_keep_alive(),
            self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, self.app)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self.headers:
            self._stop(_TRAILERS)
        self._in_message = False
        self.flow.resume_reading()  # a large body may have paused it, and that its client leaves is heard by reading
        if not self.cycle.response_complete:
            self.cycle.more_body = False
            self.cycle.message_event.set()

    # --- what is refused ---

    def _first_fault(self) -> Fault | None:
        if len(self.headers) > HEADER_COUNT:
            return _TOO_LONG
        found = dict(self.headers)
        if len(found) != len(self.headers) and (twice := _twice(self.headers)) is not None:
            return Fault(400, "malformed-http", f"more than one `{twice.decode()}` header")
        if self._wire_bytes > HEADER_LIMIT - HEADER_COUNT and self._head_bytes() > HEADER_LIMIT:
            return _TOO_LONG
        self._version = version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            return _NOT_HTTP
        if self.parser.should_upgrade():
            return _UPGRADE
        coding = found.get(b"transfer-encoding")
        if coding is not None and (coding.lower() != b"chunked" or b"content-length" in found or version != "1.1"):
            return _FRAMING
        length = found.get(b"content-length")
        if length is not None and not (length.isdigit() and len(length) <= LENGTH_DIGITS):
            return _FRAMING
        expectation = found.get(b"expect")
        if expectation is not None:
            if expectation.lower() != b"100-continue":
                return _EXPECT
            self.expect_100_continue = True
        return self._address_fault(found.get(b"host", b""))

    def _address_fault(self, host: bytes) -> Fault | None:
        """Host and target; a connection mostly repeats those of its last request."""
        if self._good == (host, self.url):
            return None
        if not _HOST.fullmatch(host):
            return Fault(400, "malformed-http", "exactly one plain `host` header is needed")
        if not _TARGET.fullmatch(self.url):
            return _TARGETS
        self._good = (host, self.url)
        path, _, self._query = self.url.partition(b"?")
        self._path = path.decode("ascii")
        return None

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _stop(self, fault: Fault) -> None:
        self._fault = fault
        raise _Refused

    def _refuse(self, fault: Fault) -> None:
        """Answer the fault, or end the connection where an answer to it could be taken for an answer to another."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._answer(fault)
        elif fault is _PIPELINED:
            self._be_deaf()
            cycle.keep_alive = False
        elif not cycle.response_started:
            cycle.disconnected = True  # from here on nothing the handler sends can leave
            self._answer(fault)
            if self._task is not None:
                self._task.cancel()
        else:
            self._abort()

    def _answer(self, fault: Fault) -> None:
        self._stop_timers()
        if self._tell is not None:
            self._tell(fault.status, fault.code)
        body = openai_error(fault.status, fault.message, code=fault.code)
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[fault.status] + head + body)
        self._in_message = True  # the rest of what comes is read and dropped
        self.transport.close()

    def _too_slow(self) -> None:
        self._head_timer = None
        if self._in_head:
            self._refuse(_TOO_SLOW)
        elif not self._in_message:
            self.transport.close()  # connected and never asked anything

    # --- running the application ---

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        task = self.loop.create_task(self._run(cycle, app))
        self._task = task
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run(self, cycle: RequestResponseCycle, app: Any) -> None:
        """uvicorn's `run_asgi`, except that a client who leaves is no error, and that half an answer is cut off."""
        send = partial(_send_early, cycle) if cycle.more_body else cycle.send
        scope: Any = cycle.scope
        scope["extensions"] = {EXTENSION: Writer(cycle)}
        try:
            await app(scope, cycle.receive, send)
        except asyncio.CancelledError:
            if not cycle.disconnected:
                self._abort()
        except Exception:
            logger.exception("the application failed")
            self._abort()
        else:
            if not cycle.response_complete and not cycle.disconnected:
                logger.error("the application left its answer unfinished")
                self._abort()
        finally:
            cycle.on_response = _nothing
            scope["extensions"].clear()  # a Writer holds the cycle that holds the scope: the collector's work otherwise
            self._task = None

    def on_response_complete(self) -> None:
        """uvicorn's, except that the timer of an idle connection is not made and cancelled for every request: it looks
        how long the connection has been idle when it is due."""
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self._idle_since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._look_again_in(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._in_message or self.cycle is None or not self.cycle.response_complete:
            return  # the end of this answer looks again
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._look_again_in(left)
        else:
            super().timeout_keep_alive_handler()

    def _look_again_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    # --- the end of a connection ---

    def _request_unread(self) -> bool:
        return self._in_message

    def _be_deaf(self) -> None:
        self._deaf = True
        self.flow.resume_reading()

    def _abort(self) -> None:
        cast(Lingering, self.transport).abort()

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._write_timer = None


def _twice(headers: list[tuple[bytes, bytes]]) -> bytes | None:
    """The first header that comes a second time although it may not."""
    found: set[bytes] = set()
    for name, _ in headers:
        if name in found and (name in _SINGLE or name.startswith(b"mcp-param-")):
            return name
        found.add(name)
    return None


async def _send_early(cycle: RequestResponseCycle, message: Any) -> None:
    if cycle.more_body:
        cycle.keep_alive = False  # the answer begins before the request has ended: its rest is never read
    await cycle.send(message)


def _nothing() -> None:
    return None
