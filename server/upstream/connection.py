"""One connection to a model server: bytes in, one reply at a time, back to its pool or closed.

Strict on purpose: an answer that two readers could frame differently (RFC 9112 section 6.3 and 11.2) is refused whole,
because what the gate judged must be what the server sent. llhttp, below httptools, already refuses bare line feeds,
white space before a colon and bad chunk sizes; the rest stands here.
"""

from __future__ import annotations

import asyncio
import select
from typing import Protocol, cast

import httptools

from .errors import Code, UpstreamError
from .reply import UpstreamReply

HEADER_LIMIT = 64 * 1024
"""Bytes of status line and headers, the same as from clients (nginx 32 KiB, node 16 KiB, aiohttp 8 KiB a line)."""

INTERIM_LIMIT = 8
"""1xx answers before the real one; more than a few is a server that plays for time."""

NEVER_WITH_A_BODY = (204, 304)

_SINGLE = (b"content-encoding", b"content-length", b"transfer-encoding")
"""Once or not at all: together they say how the body is to be read."""


class Owner(Protocol):
    """The pool, as a connection sees it."""

    def put(self, connection: Connection) -> None: ...
    def lost(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """At most one exchange at a time. `deadline` is on the clock of `time.monotonic`."""

    __slots__ = (
        "_body_bytes",
        "_closing",
        "_fault",
        "_head_done",
        "_headers",
        "_heard_at",
        "_interim",
        "_keeps",
        "_loop",
        "_owner",
        "_parser",
        "_paused",
        "_poll",
        "_reply",
        "_transport",
        "_until_close",
        "_wire_bytes",
        "deadline",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner) -> None:
        self._loop = loop
        self._owner = owner
        self._parser = httptools.HttpResponseParser(self)
        self._poll = select.poll()
        self._reply: UpstreamReply | None = None
        self._closing = self._paused = False
        self.deadline = 0.0
        self._transport: asyncio.Transport
        self._headers: list[tuple[bytes, bytes]] = []
        self._fault: str | None = None
        self._head_done = self._until_close = False
        self._keeps = True
        self._interim = self._wire_bytes = self._body_bytes = 0
        self._heard_at = loop.time()

    # --- used by the pool and the client ---

    @property
    def busy(self) -> bool:
        return self._reply is not None

    def is_fresh(self) -> bool:
        """Whether the peer has neither closed the idle connection nor sent anything on it, asked of the kernel now.

        The event loop may not have looked since. Asking before the first byte of a request is written is what makes
        choosing another connection safe for a POST: nothing of it was sent (RFC 9110 section 9.2.2).
        """
        return not self._closing and not self._poll.poll(0)

    def exchange(self, head: bytes, body: bytes, deadline: float) -> UpstreamReply:
        """Send a request and return its reply, still empty."""
        self._fault = None
        self._head_done = self._until_close = False
        self._interim = self._wire_bytes = self._body_bytes = 0
        self.deadline = deadline
        self._heard_at = self._loop.time()
        self._reply = reply = UpstreamReply(self._loop, self)
        if len(body) < HEADER_LIMIT:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        return reply

    def give_up(self, code: Code, message: str) -> None:
        """Fail the reply that is under way, if any, and close."""
        reply, self._reply = self._reply, None
        self._close_now()
        if reply is not None:
            reply.fail(UpstreamError(code, message))

    def abort(self) -> None:
        self.give_up("closed-early", "the exchange was given up")

    def silence(self, now: float) -> float:
        """Seconds since the peer was last heard; none while it is we who do not listen."""
        return 0.0 if self._paused else now - self._heard_at

    def pause_reading(self) -> None:
        if not self._closing:
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._closing:
            self._paused = False
            self._heard_at = self._loop.time()
            self._transport.resume_reading()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._reply is None:
            self._close_now()  # bytes nobody asked for would be read as the next request's answer
            return
        self._heard_at = self._loop.time()
        self._wire_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.give_up("malformed-upstream", self._fault or f"the answer is not HTTP/1.1: {error}")
            return
        if self._wire_bytes - self._body_bytes > HEADER_LIMIT + 8 * self._body_bytes:
            # Headers without end, or chunk extensions and trailers that outweigh the body (one-byte chunks cost 5).
            self.give_up("malformed-upstream", "the answer has more framing than body")
        elif self._reply is not None and self._reply.complete:
            self._settle()

    def connection_lost(self, error: Exception | None) -> None:
        self._closing = True
        reply, self._reply = self._reply, None
        self._owner.lost(self)
        if reply is None:
            return
        if error is None and self._head_done and self._until_close:
            reply.finish()
        else:
            reply.fail(UpstreamError("closed-early", "the connection ended before the answer did"))

    # --- httptools callbacks; an exception in one stops the parser ---

    def on_message_begin(self) -> None:
        if self._reply is None or self._reply.complete:
            self._refuse("bytes follow the end of the answer")
        self._headers = []
        self._head_done = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_done:  # trailers are dropped: nothing may change after the headers were judged
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._interim += 1
            if status == 101 or self._interim > INTERIM_LIMIT:
                self._refuse(f"an interim answer `{status}` that was not asked for")
            return
        if self._wire_bytes > HEADER_LIMIT and sum(len(n) + len(v) + 4 for n, v in self._headers) > HEADER_LIMIT:
            self._refuse(f"the headers are larger than {HEADER_LIMIT} bytes")
        length = self._framing(status)
        if 300 <= status < 400:
            self._fault = None
            self.give_up("redirect", f"the server answered `{status}`; redirects are never followed")
            raise ConnectionAbortedError
        self._keeps = self._parser.should_keep_alive()
        self._head_done = True
        if self._reply is not None:
            self._reply.begin(status, self._headers, length)

    def on_body(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._reply is not None:
            self._reply.feed(data)

    def on_message_complete(self) -> None:
        if self._head_done and self._reply is not None:
            self._reply.finish()

    # --- inside ---

    def _framing(self, status: int) -> int | None:
        """How long the body is, None where only its end will tell. One way to read it, or it is refused."""
        headers = dict(self._headers)
        if len(headers) != len(self._headers):
            names = [name for name, _ in self._headers]
            if any(names.count(name) > 1 for name in _SINGLE):
                self._refuse("more than one header says how the body is to be read")
        encoding, length, coding = map(headers.get, _SINGLE)
        if encoding is not None and encoding.strip().lower() != b"identity":
            self._refuse("the body is compressed though `accept-encoding: identity` was asked for")
        if length is not None and coding is not None:
            self._refuse("more than one header says how long the body is")
        if coding is not None and coding.strip().lower() != b"chunked":
            self._refuse("a transfer coding other than `chunked`")
        if self._parser.should_upgrade():
            self._refuse("a protocol upgrade that was not asked for")
        if length is not None and not length.strip().isdigit():
            self._refuse("a content-length that is not a number")
        self._until_close = length is None and coding is None and status not in NEVER_WITH_A_BODY
        return None if length is None else int(length)

    def _refuse(self, why: str) -> None:
        self._fault = why
        raise ValueError(why)

    def _settle(self) -> None:
        """The answer is complete: keep the connection, unless either side asked otherwise or our request is unsent."""
        self._reply = None
        if self._keeps and not self._closing and self._transport.get_write_buffer_size() == 0:
            self._owner.put(self)
        else:
            self._close_now()

    def _close_now(self) -> None:
        if not self._closing:
            self._closing = True
            self._transport.abort()
