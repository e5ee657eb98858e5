"""MCP over HTTP: one POST a message, answered as one JSON body, or as a stream where something is said before that.

Both kinds of client come to one address. A request that names 2026-07-28 stands alone; any other belongs to a session
that began with `initialize`, or is that `initialize`. A session has a GET stream only where its server's changes are
passed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Final

from ..edge import EdgeError
from ..exchange import Answer, Caller, Streamed, Whole
from ..store import Run, StoreError
from .asking import Asking, progress_params, progress_token
from .clients import ClientSession, ClientSessions
from .door import INITIALIZE, Door
from .eras import HANDSHAKE_PROTOCOL_VERSIONS
from .headers import SESSION_HEADER, Headers
from .messages import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    Notification,
    Reply,
    Request,
    RpcError,
    error_bytes,
    notification_bytes,
    read_message,
    result_bytes,
)
from .standing import LOOK_SECONDS, Standing
from .talking import Talk

LOG = logging.getLogger("leastward.mcp")

DECISION_HEADER: Final = "x-leastward-decision"
RUN_HEADER: Final = "x-leastward-run"
QUIET_SECONDS: Final = 15.0
"""Silence after which a stream says that it is still there; proxies close idle ones after 30 to 60."""

MOST_UNHEARD: Final = 1_000
"""Changes and steps of progress that wait for a client that does not read: it will list anew anyway, and the next step
says more than those before it."""

_UNREADABLE: Final = frozenset({HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR})
"""Errors of a message that somebody could read in another way than the gate; the others say what is not there."""

_STILL_HERE: Final = b": still here\n\n"
_CANCELLED: Final = RpcError(INTERNAL_ERROR, "the request was cancelled", {"code": "cancelled"})


class McpFront:
    """`origins` are the web pages, as `scheme://host`, whose browsers may call; other clients send none."""

    def __init__(self, door: Door, *, origins: frozenset[str] = frozenset()) -> None:
        self._door = door
        self._origins = origins
        self._sessions = ClientSessions(door.left)

    @property
    def door(self) -> Door:
        """The same door, for another front."""
        return self._door

    async def post(
        self,
        server: str | None,
        raw: Iterable[tuple[bytes, bytes]],
        body: bytes,
        caller: Caller,
        run: Run,
        admitted: Callable[[], bool],
    ) -> Answer:
        """Answer one message. Raises EdgeError for what is wrong with HTTP itself; everything else is an answer."""
        name = None
        try:
            headers = self._checked(server, raw)
            message = read_message(body)
            if isinstance(message, Reply):
                return self._replied(server, headers, message, caller)
            if isinstance(message, Notification):
                return self._noted(server, headers, message, caller)
            name = message.id
            if headers.is_modern(message.params):
                return await self._modern(server, headers, message, caller, run, admitted)
            return await self._handshaken(server, headers, message, caller, run)
        except RpcError as error:
            if error.code in _UNREADABLE:
                await self._door.malformed(caller, run, error)
            return _failed(name, error)

    def delete(self, server: str | None, raw: Iterable[tuple[bytes, bytes]], caller: Caller) -> Answer:
        """End a session. Raises EdgeError."""
        try:
            headers = self._checked(server, raw)
        except RpcError as error:
            return _failed(None, error)
        session = self._session(server, headers, caller)
        self._sessions.close(session)
        return Whole(200, b"")

    async def get(
        self,
        server: str | None,
        raw: Iterable[tuple[bytes, bytes]],
        caller: Caller,
        run: Run,
        admitted: Callable[[], bool],
    ) -> Answer:
        """The stream of what a client with a session hears unasked. Raises EdgeError, 405 where there is none."""
        try:
            headers = self._checked(server, raw)
            if not self._door.follows(server):
                raise EdgeError(405, "method-not-allowed", "there is no stream of messages that nobody asked for")
            session = self._session(server, headers, caller)
            if session.hears is not None:
                raise EdgeError(409, "stream-open", "this session's stream is open already")
            request = Request(0, "notifications", {})
            talk = Talk(lambda _: None, session.replies)
            asking = Asking(caller, run, server, session.version, request, session.capabilities, headers)
            asking.session, asking.talk, asking.admitted = session, talk, admitted
            standing = await self._door.listens(asking)
        except RpcError as error:
            return _failed(None, error)
        return Streamed(
            200, _Unasked(session, standing, partial(self._door.lists_changed, asking)), {RUN_HEADER: run.id}
        )

    async def close(self) -> None:
        """Give up every server; for the end of the process."""
        await self._door.close()

    # --- the two kinds of client ---

    async def _modern(
        self,
        server: str | None,
        headers: Headers,
        request: Request,
        caller: Caller,
        run: Run,
        admitted: Callable[[], bool],
    ) -> Answer:
        headers.check_accept()
        version, capabilities = headers.agreed(request)
        asking = Asking(caller, run, server, version, request, capabilities, headers)
        asking.admitted = admitted
        return await self._answered(asking, None)

    async def _handshaken(
        self, server: str | None, headers: Headers, request: Request, caller: Caller, run: Run
    ) -> Answer:
        headers.check_accept()
        if request.method == INITIALIZE:
            return await self._opened(server, headers, request, caller, run)
        session = self._session(server, headers, caller)
        asking = Asking(caller, run, server, session.version, request, session.capabilities, headers)
        asking.session = session
        return await self._answered(asking, session)

    async def _opened(self, server: str | None, headers: Headers, request: Request, caller: Caller, run: Run) -> Answer:
        version = HANDSHAKE_PROTOCOL_VERSIONS[-1]
        asking = Asking(caller, run, server, version, request, {}, headers)
        session = self._sessions.opened(caller.principal, server, version)
        declared = request.params.get("capabilities")
        asking.session = session
        asking.capabilities = session.capabilities = declared if isinstance(declared, dict) else {}
        asking.talk = Talk(lambda _: None, session.replies) if self._door.speaks(asking) else None
        try:
            result = await self._door.answer(asking)
        except BaseException:
            self._sessions.close(session)
            raise
        session.version = result["protocolVersion"]
        return Whole(200, result_bytes(request.id, result), {SESSION_HEADER: session.id, RUN_HEADER: run.id})

    def _replied(self, server: str | None, headers: Headers, reply: Reply, caller: Caller) -> Answer:
        """A client answers what it was asked on the stream of its own request; nobody else's answer is taken for it."""
        if headers.session is None or not self._session(server, headers, caller).replies.came(reply):
            raise RpcError(INVALID_REQUEST, "the gate asked nothing, so it takes no response", status=400)
        return Whole(202, b"")

    def _noted(self, server: str | None, headers: Headers, message: Notification, caller: Caller) -> Answer:
        """Notifications are taken and mean nothing, but for the end of a request in a session. A call in the form of
        one is not a call."""
        if not headers.is_modern(message.params) and headers.session is not None:
            session = self._session(server, headers, caller)
            if message.method == "notifications/cancelled":
                session.cancel(message.params.get("requestId"))
        return Whole(202, b"")

    def _session(self, server: str | None, headers: Headers, caller: Caller) -> ClientSession:
        if headers.session is None:
            raise EdgeError(400, "no-session", "a session begins with `initialize`, and is named from then on")
        session = self._sessions.find(headers.session, caller.principal, server)
        if session is None:
            raise EdgeError(404, "unknown-session", "there is no such session here; begin with `initialize`")
        if headers.version is not None and headers.version != session.version:
            raise EdgeError(400, "other-version", "the session was opened for another version of MCP")
        return session

    def _checked(self, server: str | None, raw: Iterable[tuple[bytes, bytes]]) -> Headers:
        headers = Headers(raw)
        headers.check_origin(self._origins)
        if not self._door.has(server):
            raise EdgeError(404, "unknown-server", "there is no such MCP server behind this gate")
        return headers

    # --- answers ---

    async def _answered(self, asking: Asking, session: ClientSession | None) -> Answer:
        """A stream from the first moment at which something is said before the answer; else one body."""
        stream = _Stream(asking, session) if self._door.speaks(asking) else None
        token = progress_token(asking.request)
        if token is not None and asking.request.method == "tools/call":
            stream = stream or _Stream(asking, session)
            stream.progress(token)
            stream.begin(self._door)
            return Streamed(200, stream, {RUN_HEADER: asking.run.id})
        task = asyncio.ensure_future(self._door.answer(asking)) if stream is None else stream.begin(self._door)
        if session is not None:
            session.begin(asking.request.id, task)
        try:
            if stream is not None and await stream.speaks():
                return Streamed(200, stream, {RUN_HEADER: asking.run.id})
            result = await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                task.cancel()
                raise
            raise _CANCELLED from None
        headers = {RUN_HEADER: asking.run.id}
        if asking.decisions:
            headers[DECISION_HEADER] = ", ".join(asking.decisions)
        return Whole(200, result_bytes(asking.request.id, result), headers)


class _Events(AsyncIterator[bytes]):
    """Messages for a client as they come, and a sign of life in between."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()

    def say(self, message: bytes) -> None:
        self._queue.put_nowait(_event(message))


class _Stream(_Events):
    """The answer as a stream: progress, logs and questions as they come, the result at its end. Closing it cancels the
    request."""

    def __init__(self, asking: Asking, session: ClientSession | None) -> None:
        super().__init__()
        self._asking = asking
        self._session = session
        self._done = False
        self._first: bytes | None = None
        self._talk = asking.talk = Talk(self.say, None if session is None else session.replies, self._queue.qsize)

    def progress(self, token: str | int) -> None:
        def progressed(params: dict[str, Any]) -> None:
            if self._queue.qsize() < MOST_UNHEARD:
                self.say(notification_bytes("notifications/progress", progress_params(token, params)))

        self._asking.progressed = progressed

    def begin(self, door: Door) -> asyncio.Task[dict[str, Any]]:
        self._task = asyncio.ensure_future(self._answer(door))
        if self._session is not None:
            self._session.begin(self._asking.request.id, self._task)
        return self._task

    async def _answer(self, door: Door) -> dict[str, Any]:
        try:
            result = await door.answer(self._asking)
            await self._talk.settled()
            return result
        finally:
            self._talk.close()

    async def speaks(self) -> bool:
        """Whether something is to be said before the answer; waits until that is known."""
        first = asyncio.ensure_future(self._queue.get())
        try:
            await asyncio.wait((first, self._task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            first.cancel()
        if not first.done() or first.cancelled():
            return False
        self._first = first.result()
        return True

    async def __anext__(self) -> bytes:
        if self._done:
            raise StopAsyncIteration
        if self._first is not None:
            first, self._first = self._first, None
            return first
        getting = asyncio.ensure_future(self._queue.get())
        try:
            await asyncio.wait((getting, self._task), timeout=QUIET_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
        finally:
            getting.cancel()
        if not self._task.done():
            return _STILL_HERE
        if not self._queue.empty():
            return self._queue.get_nowait()
        self._done = True
        return _event(self._last())

    async def aclose(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self._task

    def _last(self) -> bytes:
        """Once the stream has begun an error can only be its last event."""
        name = self._asking.request.id
        if self._task.cancelled():
            return error_bytes(name, _CANCELLED)
        error = self._task.exception()
        if error is None:
            return result_bytes(name, self._task.result())
        if isinstance(error, RpcError):
            return error_bytes(name, error)
        if isinstance(error, StoreError):
            LOG.error("no Decision can be recorded: %s", error.message)
            return error_bytes(name, _UNRECORDED)
        LOG.error("a call failed and released nothing more", exc_info=error)
        return error_bytes(name, RpcError(INTERNAL_ERROR, "the gate failed", {"code": "gate-error"}))


class _Unasked(_Events):
    """What a session hears between its requests, until it or the client ends, or the client is let in no more."""

    def __init__(
        self, session: ClientSession, standing: Standing, lists_changed: Callable[[], Awaitable[list[bytes]]]
    ) -> None:
        super().__init__()
        self._session = session
        self._standing = standing
        self._lists_changed = lists_changed
        session.hears = self.say_some

    def say_some(self, message: bytes) -> None:
        if self._queue.qsize() < MOST_UNHEARD:
            self.say(message)

    async def __anext__(self) -> bytes:
        looked = 0.0
        while looked < QUIET_SECONDS:
            if not self._standing.is_admitted:
                await self.aclose()
                raise StopAsyncIteration
            if not self._standing.is_as_it_was:
                self._standing.renew()
                for message in await self._lists_changed():
                    self.say_some(message)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    return await self._queue.get()
            except TimeoutError:
                looked += LOOK_SECONDS
        return _STILL_HERE

    async def aclose(self) -> None:
        self._session.hears = None


_UNRECORDED: Final = RpcError(
    INTERNAL_ERROR, "the gate cannot record its decisions, so it releases nothing", {"code": "cannot-record"}
)


def _event(data: bytes) -> bytes:
    return b"event: message\ndata: " + data + b"\n\n"


def _failed(name: Any, error: RpcError) -> Whole:
    return Whole(error.status, error_bytes(name, error))
