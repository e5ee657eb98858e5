"""An MCP server at an HTTP address (Streamable HTTP): one POST a message, answered in one piece or as a stream."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Final

from ..upstream import Upstream, UpstreamError, UpstreamReply
from ..wire import WireError
from ..wire.sse import SseReader
from .line import NO_HEADERS, Ask, Heard, PeerError, answered
from .messages import Notification, Reply, Request, RpcError, read_message

_SESSION: Final = "mcp-session-id"
_ACCEPT: Final = "application/json, text/event-stream"
LAST_SECONDS: Final = 0.2
"""How long the end of a stream is waited for after its answer; then the connection is closed instead of kept."""

TELL_SECONDS: Final = 10.0
LEAVE_SECONDS: Final = 2.0

LISTEN_SECONDS: Final = 3600.0
AGAIN_SECONDS: Final = 1.0
"""Between the end of a GET stream and the next: SSE's `retry` is not taken from the server."""

MOST_ANSWERING: Final = 16
"""Questions of a server that are open at a time."""


class HttpLine:
    """`headers` go with every message. A session that the server opens is kept and sent back, for this line only."""

    def __init__(self, upstream: Upstream, path: str, headers: Mapping[str, str], answer_limit: int) -> None:
        self._upstream = upstream
        self._path = path
        self._headers = {**headers, "accept": _ACCEPT}
        self._limit = answer_limit
        self._session: str | None = None
        self._over = False
        self._listening: asyncio.Task[None] | None = None
        self._hears = asyncio.Event()

    keeps_nothing = True

    @property
    def is_open(self) -> bool:
        return not self._over

    def close(self) -> None:
        self._over = True
        if self._listening is not None:
            self._listening.cancel()

    async def closed(self) -> None:
        """Close, and end the session that the server keeps for this line (2025-11-25, Session Management). A server
        that does not hear it, or takes no DELETE, ends it by itself."""
        session, self._session = self._session, None
        self.close()
        if session is None:
            return
        deadline = time.monotonic() + LEAVE_SECONDS
        headers = {**self._headers, _SESSION: session}
        with contextlib.suppress(UpstreamError):
            reply = await self._upstream.delete(self._path, headers, deadline=deadline)
            reply.abort()

    async def ask(self, ask: Ask) -> Reply:
        try:
            async with asyncio.timeout(ask.seconds):
                reply = await self._posted(ask.message, ask.headers, ask.seconds)
                try:
                    return await self._answer(reply, ask)
                finally:
                    reply.abort()
        except TimeoutError:
            raise PeerError("server-too-slow", f"no answer within {ask.seconds:g} seconds") from None
        except UpstreamError as error:
            slow = error.code in ("deadline", "read-timeout", "connect-timeout", "pool-timeout")
            raise PeerError("server-too-slow" if slow else "server-unavailable", error.message) from error

    async def tell(self, message: bytes, headers: Mapping[str, str] = NO_HEADERS) -> None:
        try:
            reply = await self._posted(message, headers, TELL_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TELL_SECONDS):
                    await reply.read(self._limit)
            reply.abort()
        except UpstreamError as error:
            raise PeerError("server-unavailable", error.message) from error

    def listen(self, heard: Heard, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """The GET stream of a session (2025-11-25, Listening for Messages), opened again when it ends. A server that
        has none answers 405, and is not asked again before the next call of this."""
        if self._session is not None and (self._listening is None or self._listening.done()):
            self._hears.clear()
            self._listening = asyncio.ensure_future(self._listen(heard, headers))
            self._listening.add_done_callback(lambda _: self._hears.set())

    async def listens(self, seconds: float) -> None:
        if self._listening is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._hears.wait()

    async def _listen(self, heard: Heard, headers: Mapping[str, str]) -> None:
        while not self._over and self._session is not None:
            with contextlib.suppress(UpstreamError, WireError, PeerError):
                deadline = time.monotonic() + LISTEN_SECONDS
                own = {**self._headers, **headers, _SESSION: self._session, "accept": "text/event-stream"}
                reply = await self._upstream.get(self._path, own, deadline=deadline)
                try:
                    if reply.status != 200:
                        return
                    self._hears.set()
                    await self._overheard(reply, heard)
                finally:
                    reply.abort()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _overheard(self, reply: UpstreamReply, heard: Heard) -> None:
        reader = SseReader()
        async for part in reply.parts():
            for data in reader.feed(part):
                message = _read(data) if data else None
                if isinstance(message, Notification):
                    heard(message)
                elif isinstance(message, Request):  # nothing is under way that it could belong to
                    await self.tell(await answered(message, None))

    async def _posted(self, message: bytes, headers: Mapping[str, str], seconds: float) -> UpstreamReply:
        own = {**self._headers, **headers}
        if self._session is not None:
            own[_SESSION] = self._session
        deadline = time.monotonic() + seconds
        return await self._upstream.post(self._path, message, own, deadline=deadline)

    async def _answer(self, reply: UpstreamReply, ask: Ask) -> Reply:
        if reply.status in (401, 403, 407):
            raise PeerError("server-refuses-gate", "the server refused the gate's credentials")
        if reply.status == 404 and self._session is not None:
            self._over = True
            raise PeerError("session-over", "the server ended its session with the gate")
        kind = reply.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind == "text/event-stream" and reply.status == 200:
            answer = await self._streamed(reply, ask)
        elif kind == "application/json":
            answer = _reply_in(await reply.read(self._limit), ask.id)
        else:
            raise PeerError("server-unreadable", f"the server answered with status {reply.status} and no message")
        session = reply.headers.get(_SESSION)
        if session is not None and self._session is None and answer.error is None:
            if not session.isascii() or not session.isprintable() or len(session) > 1024:
                raise PeerError("server-unreadable", "the server's session id cannot stand in a header")
            self._session = session
        return answer

    async def _streamed(self, reply: UpstreamReply, ask: Ask) -> Reply:
        reader, size = SseReader(), 0
        answering: set[asyncio.Task[None]] = set()
        try:
            async for part in reply.parts():
                size += len(part)
                if size > self._limit:
                    raise PeerError("server-unreadable", f"the answer is larger than {self._limit} bytes")
                for data in reader.feed(part):
                    answer = self._event(data, ask, answering) if data else None
                    if answer is not None:
                        await _drained(reply)
                        return answer
        except WireError as error:
            raise PeerError("server-unreadable", error.message) from error
        finally:
            for task in answering:
                task.cancel()
        raise PeerError("server-broke-off", "the server's stream ended before its answer")

    def _event(self, data: bytes, ask: Ask, answering: set[asyncio.Task[None]]) -> Reply | None:
        message = _read(data)
        if isinstance(message, Notification):
            ask.heard(message)
        elif isinstance(message, Request):  # a person may take minutes over it, and progress goes on meanwhile
            if len(answering) >= MOST_ANSWERING:
                raise PeerError("server-unreadable", "the server asks too much at once")
            task = asyncio.ensure_future(self._answered(message, ask))
            answering.add(task)
            task.add_done_callback(answering.discard)
        else:
            return _own(message, ask.id)
        return None

    async def _answered(self, request: Request, ask: Ask) -> None:
        with contextlib.suppress(PeerError):  # the server gives up on its own question, or the call does
            await self.tell(await answered(request, ask.asked), ask.headers)


async def _drained(reply: UpstreamReply) -> None:
    """A stream that ends properly leaves its connection usable."""
    with contextlib.suppress(TimeoutError, UpstreamError):
        async with asyncio.timeout(LAST_SECONDS):
            async for _ in reply.parts():
                break


def _read(data: bytes) -> Request | Notification | Reply:
    try:
        return read_message(data, numbers="kept")
    except RpcError as error:
        raise PeerError("server-unreadable", error.message) from error


def _reply_in(body: bytes, name: int) -> Reply:
    message = _read(body)
    if not isinstance(message, Reply):
        raise PeerError("server-unreadable", "the server answered a request with a request")
    return _own(message, name)


def _own(message: Reply, name: int) -> Reply:
    if message.id is not None and (type(message.id) is not int or message.id != name):
        raise PeerError("server-unreadable", "the server answered another request than the one that was asked")
    return message
