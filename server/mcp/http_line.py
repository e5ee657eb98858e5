"""An MCP server at an HTTP address (Streamable HTTP): one POST a message, answered in one piece or as a stream."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

from ..upstream import Upstream, UpstreamError, UpstreamReply
from ..wire import WireError
from ..wire.sse import SseReader
from .line import NO_HEADERS, Ask, PeerError, declined
from .messages import Notification, Reply, Request, RpcError, read_message

_SESSION: Final = "mcp-session-id"
_ACCEPT: Final = "application/json, text/event-stream"
LAST_SECONDS: Final = 0.2
"""How long the end of a stream is waited for after its answer; then the connection is closed instead of kept."""

TELL_SECONDS: Final = 10.0
LEAVE_SECONDS: Final = 2.0


class HttpLine:
    """`headers` go with every message. A session that the server opens is kept and sent back, for this line only."""

    def __init__(self, upstream: Upstream, path: str, headers: Mapping[str, str], answer_limit: int) -> None:
        self._upstream = upstream
        self._path = path
        self._headers = {**headers, "accept": _ACCEPT}
        self._limit = answer_limit
        self._session: str | None = None
        self._over = False

    keeps_nothing = True

    @property
    def is_open(self) -> bool:
        return not self._over

    def close(self) -> None:
        self._over = True

    async def closed(self) -> None:
        """Close, and end the session that the server keeps for this line (2025-11-25, Session Management). A server
        that does not hear it, or takes no DELETE, ends it by itself."""
        session, self._session = self._session, None
        self.close()
        if session is None:
            return
        deadline = asyncio.get_running_loop().time() + LEAVE_SECONDS
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

    async def _posted(self, message: bytes, headers: Mapping[str, str], seconds: float) -> UpstreamReply:
        own = {**self._headers, **headers}
        if self._session is not None:
            own[_SESSION] = self._session
        deadline = asyncio.get_running_loop().time() + seconds
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
        try:
            async for part in reply.parts():
                size += len(part)
                if size > self._limit:
                    raise PeerError("server-unreadable", f"the answer is larger than {self._limit} bytes")
                for data in reader.feed(part):
                    answer = await self._event(data, ask) if data else None
                    if answer is not None:
                        await _drained(reply)
                        return answer
        except WireError as error:
            raise PeerError("server-unreadable", error.message) from error
        raise PeerError("server-broke-off", "the server's stream ended before its answer")

    async def _event(self, data: bytes, ask: Ask) -> Reply | None:
        message = _read(data)
        if isinstance(message, Notification):
            ask.heard(message)
        elif isinstance(message, Request):
            await self.tell(declined(message), ask.headers)
        else:
            return _own(message, ask.id)
        return None


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
