"""The answer of a model server while it arrives: status and headers first, then the body, whole or in parts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from .errors import UpstreamError

ANSWER_LIMIT = 8 * 1024 * 1024
"""Bytes of a whole answer. nginx and Envoy stream without a limit; a judged answer must fit in memory."""

HIGH_WATER = 256 * 1024
"""Bytes held for a slow reader of parts before the socket is no longer read (one uvloop read is up to 256 KiB)."""


class Line(Protocol):
    """The connection below a reply."""

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def abort(self) -> None: ...


class UpstreamReply:
    """Read it once, by `read` or by `parts`. `abort` at any time closes the connection, unless the answer is complete.

    The connection feeds it: `begin`, `feed`, then `finish` or `fail`.
    """

    __slots__ = (
        "_chunks",
        "_fault",
        "_headers",
        "_line",
        "_loop",
        "_mark",
        "_paused",
        "_raw_headers",
        "_size",
        "_waiter",
        "complete",
        "length",
        "status",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, line: Line) -> None:
        self._loop = loop
        self._line = line
        self._waiter: asyncio.Future[None] | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._mark = 1  # how many held bytes wake the reader
        self._paused = False
        self._fault: UpstreamError | None = None
        self._raw_headers: Sequence[tuple[bytes, bytes]] = ()
        self._headers: dict[str, str] | None = None
        self.status = 0
        self.length: int | None = None
        self.complete = False

    @property
    def headers(self) -> dict[str, str]:
        """Lower-case names; values of a repeated name are joined by a comma (RFC 9110 section 5.3)."""
        if self._headers is None:
            self._headers = {}
            for raw_name, raw_value in self._raw_headers:
                name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
                self._headers[name] = f"{self._headers[name]}, {value}" if name in self._headers else value
        return self._headers

    async def started(self) -> None:
        """Wait for status and headers. Raises UpstreamError."""
        while not self.status:
            await self._change()

    async def read(self, limit: int = ANSWER_LIMIT) -> bytes:
        """The whole body, decoded from its framing. Raises UpstreamError, `too-large` beyond `limit` bytes."""
        if self.length is not None and self.length > limit:
            self.abort()
            raise _too_large(limit)
        self._mark = limit + 1
        self._resume()
        while not self.complete and self._size <= limit:
            await self._change()
        if self._size > limit:
            self.abort()
            raise _too_large(limit)
        return self._taken()

    def parts(self) -> UpstreamReply:
        """`async for part in reply.parts()`: bytes as they come, never empty. Ends only after a complete body; raises
        UpstreamError where the body breaks off, after all that came before it was handed over."""
        return self

    def __aiter__(self) -> UpstreamReply:
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self.complete:
                raise StopAsyncIteration
            await self._change()
        part = self._taken()
        if self._paused:
            self._resume()
        return part

    def abort(self) -> None:
        """Give the answer up. The connection is closed at once; a complete answer keeps its connection alive."""
        if not self.complete:
            self._line.abort()

    # --- fed by the connection ---

    def begin(self, status: int, headers: Sequence[tuple[bytes, bytes]], length: int | None) -> None:
        self.status = status
        self._raw_headers = headers
        self.length = length
        self._wake()

    def feed(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        if self._size >= self._mark:
            self._wake()
        if self._size > HIGH_WATER and self._size > self._mark and not self._paused:
            self._paused = True
            self._line.pause_reading()

    def finish(self) -> None:
        self.complete = True
        self._wake()

    def fail(self, fault: UpstreamError) -> None:
        if not self.complete and self._fault is None:
            self._fault = fault
            self._wake()

    # --- the reader's side ---

    async def _change(self) -> None:
        """Until the connection has fed something. Raises UpstreamError where nothing more will come."""
        if self._fault is not None:
            raise self._fault
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._line.resume_reading()

    def _taken(self) -> bytes:
        chunks, self._chunks, self._size = self._chunks, [], 0
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> UpstreamError:
    return UpstreamError("too-large", f"the answer is larger than {limit} bytes")
