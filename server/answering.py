"""An Answer on its way to the client: in one write where the protocol below is ours, through plain ASGI elsewhere.

ASGI takes an answer apart into dictionaries that the server puts together again, once per streamed chunk. So
StrictProtocol offers a Writer in the scope, under EXTENSION. Other servers, and FastAPI's own routes, get the plain
messages.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from .exchange import Answer, Streamed, Whole

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

EXTENSION: Final = "leastward.write"

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110 section 5.6.2, lower case
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

_STREAM_HEADERS: Final = (
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx in front would hold the parts back
)


class Writer:
    """Writes one Answer on the connection of `cycle`; what uvicorn's own `send` keeps true stays true. Before that it
    has the request's body, where ASGI's `receive` would have nothing to wait for.

    That is: nothing is written for a client who has left, the writing task waits while the transport is full, and the
    connection is free for its next request once the answer is complete.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def asked(self) -> bytes | None:
        """The body of the request where all of it has come; None for what is to be waited for, or who is not there."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected:
            return None
        body, cycle.body = bytes(cycle.body), bytearray()
        cycle.message_event.clear()
        return body

    async def whole(self, answer: Whole) -> None:
        cycle = self._cycle
        if cycle.flow.write_paused:
            await cycle.flow.drain()
        if not cycle.disconnected:
            head = self._head(answer, b"content-length: %d\r\n" % len(answer.body))
            cycle.transport.write(head + answer.body)
            self._complete()

    async def streamed(self, answer: Streamed) -> None:
        cycle, flow, write = self._cycle, self._cycle.flow, self._cycle.transport.write
        lines = b"".join(b"%b: %b\r\n" % header for header in _STREAM_HEADERS)
        if not cycle.disconnected:
            write(self._head(answer, lines + b"transfer-encoding: chunked\r\n"))
        async for part in answer.parts:
            if flow.write_paused:
                await flow.drain()
            if part and not cycle.disconnected:  # a chunk of no bytes would end the answer
                write(b"%x\r\n%b\r\n" % (len(part), part))
        if flow.write_paused:
            await flow.drain()
        if not cycle.disconnected:
            write(b"0\r\n\r\n")
            self._complete()

    def _head(self, answer: Answer, framing: bytes) -> bytes:
        cycle = self._cycle
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        if cycle.more_body:
            cycle.keep_alive = False  # the answer begins before the request has ended: its rest is never read
        named = [_line(name, value) for name, value in answer.headers.items()]
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        first = _first_lines(answer.status, answer.content_type, tuple(cycle.default_headers))
        return first + "".join(named).encode("latin-1") + framing + end

    def _complete(self) -> None:
        cycle = self._cycle
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()


async def send_answer(answer: Answer, send: Send, writer: Writer | None = None) -> None:
    """Send all of it. An error inside a stream is raised, so that the server below cuts the connection and the client
    cannot take what it has for the whole; the parts are closed whatever happens."""
    if isinstance(answer, Whole):
        await (_send_whole(answer, send) if writer is None else writer.whole(answer))
        return
    try:
        await (_send_parts(answer, send) if writer is None else writer.streamed(answer))
    finally:
        close = getattr(answer.parts, "aclose", None)
        if close is not None:
            await close()


async def _send_whole(answer: Whole, send: Send) -> None:
    headers = [*_pairs(answer), (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _send_parts(answer: Streamed, send: Send) -> None:
    parts: AsyncIterator[bytes] = answer.parts
    headers = [*_pairs(answer), *_STREAM_HEADERS]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _pairs(answer: Answer) -> list[tuple[bytes, bytes]]:
    named = [(name.encode("ascii"), value.encode("latin-1")) for name, value in answer.headers.items()]
    return [(b"content-type", answer.content_type.encode("ascii")), *named]


@lru_cache(maxsize=64)
def _first_lines(status: int, content_type: str, always: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """What hundreds of answers in a row begin with: among `always` is the date."""
    lines = [b"%b: %b\r\n" % header for header in always]
    return b"".join((STATUS_LINE[status], *lines, _line("content-type", content_type).encode("latin-1")))


def _line(name: str, value: str) -> str:
    plain = value.isascii() and value.isprintable()  # nearly always, and quicker than the pattern
    if not _NAME.fullmatch(name) or not (plain or _VALUE.fullmatch(value)):
        raise ValueError(f"the header `{name}` cannot be written")
    return f"{name}: {value}\r\n"
