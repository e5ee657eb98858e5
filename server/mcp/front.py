"""MCP over HTTP: one POST a message, answered as one JSON body, or as a stream where progress was asked for.

Both kinds of client come to one address. A request that names 2026-07-28 stands alone; any other belongs to a session
that began with `initialize`, or is that `initialize`. There is no GET stream: the gate sends nothing unasked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
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
    INTERNAL_ERROR,
    INVALID_REQUEST,
    Notification,
    Reply,
    Request,
    RpcError,
    error_bytes,
    notification_bytes,
    read_message,
    result_bytes,
)

LOG = logging.getLogger("leastward.mcp")

DECISION_HEADER: Final = "x-leastward-decision"
RUN_HEADER: Final = "x-leastward-run"
QUIET_SECONDS: Final = 15.0
"""Silence after which a stream says that it is still there; proxies close idle ones after 30 to 60."""

_STILL_HERE: Final = b": still here\n\n"
_CANCELLED: Final = RpcError(INTERNAL_ERROR, "the request was cancelled", {"code": "cancelled"})


class McpFront:
    """`origins` are the web pages, as `scheme://host`, whose browsers may call; other clients send none."""

    def __init__(
        self, door: Door, *, origins: frozenset[str] = frozenset(), sessions: ClientSessions | None = None
    ) -> None:
        self._door = door
        self._origins = origins
        self._sessions = ClientSessions() if sessions is None else sessions

    async def post(
        self, server: str | None, raw: Iterable[tuple[bytes, bytes]], body: bytes, caller: Caller, run: Run
    ) -> Answer:
        """Answer one message. Raises EdgeError for what is wrong with HTTP itself; everything else is an answer."""
        name = None
        try:
            headers = self._checked(server, raw)
            message = read_message(body)
            if isinstance(message, Reply):
                raise RpcError(INVALID_REQUEST, "the gate asked nothing, so it takes no response", status=400)
            if isinstance(message, Notification):
                return self._noted(server, headers, message, caller)
            name = message.id
            if headers.is_modern(message.params):
                return await self._modern(server, headers, message, caller, run)
            return await self._handshaken(server, headers, message, caller, run)
        except RpcError as error:
            return _failed(name, error)

    def delete(self, server: str | None, raw: Iterable[tuple[bytes, bytes]], caller: Caller) -> Answer:
        """End a session. Raises EdgeError."""
        try:
            headers = self._checked(server, raw)
        except RpcError as error:
            return _failed(None, error)
        self._sessions.close(self._session(server, headers, caller))
        return Whole(200, b"")

    async def close(self) -> None:
        """Give up every server; for the end of the process."""
        await self._door.close()

    # --- the two kinds of client ---

    async def _modern(self, server: str | None, headers: Headers, request: Request, caller: Caller, run: Run) -> Answer:
        headers.check_accept()
        version, capabilities = headers.agreed(request)
        return await self._answered(Asking(caller, run, server, version, request, capabilities, headers), None)

    async def _handshaken(
        self, server: str | None, headers: Headers, request: Request, caller: Caller, run: Run
    ) -> Answer:
        headers.check_accept()
        if request.method == INITIALIZE:
            return await self._opened(server, headers, request, caller, run)
        session = self._session(server, headers, caller)
        return await self._answered(Asking(caller, run, server, session.version, request, {}, headers), session)

    async def _opened(self, server: str | None, headers: Headers, request: Request, caller: Caller, run: Run) -> Answer:
        version = HANDSHAKE_PROTOCOL_VERSIONS[-1]
        result = await self._door.answer(Asking(caller, run, server, version, request, {}, headers))
        session = self._sessions.opened(caller.principal, server, result["protocolVersion"])
        return Whole(200, result_bytes(request.id, result), {SESSION_HEADER: session.id, RUN_HEADER: run.id})

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
        token = progress_token(asking.request)
        if token is not None and asking.request.method == "tools/call":
            parts = _Progress(self._door, asking, token, session)
            return Streamed(200, parts, {RUN_HEADER: asking.run.id})
        task = asyncio.ensure_future(self._door.answer(asking))
        if session is not None:
            session.begin(asking.request.id, task)
        try:
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


class _Progress(AsyncIterator[bytes]):
    """The answer as a stream: progress as it comes, the result at its end. Closing it cancels the call."""

    def __init__(self, door: Door, asking: Asking, token: str | int, session: ClientSession | None) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._door = door
        self._asking = asking
        self._done = False
        asking.progressed = lambda params: self._queue.put_nowait(
            _event(notification_bytes("notifications/progress", progress_params(token, params)))
        )
        self._task = asyncio.ensure_future(self._answer())
        if session is not None:
            session.begin(asking.request.id, self._task)

    async def __anext__(self) -> bytes:
        if self._done:
            raise StopAsyncIteration
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
        return _event(
            error_bytes(self._asking.request.id, _CANCELLED) if self._task.cancelled() else self._task.result()
        )

    async def aclose(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _answer(self) -> bytes:
        """Once the stream has begun an error can only be its last event."""
        name = self._asking.request.id
        try:
            return result_bytes(name, await self._door.answer(self._asking))
        except RpcError as error:
            return error_bytes(name, error)
        except StoreError as error:
            LOG.error("no Decision can be recorded: %s", error.message)
            return error_bytes(name, _UNRECORDED)
        except Exception:
            LOG.exception("a call failed and released nothing more")
            return error_bytes(name, RpcError(INTERNAL_ERROR, "the gate failed", {"code": "gate-error"}))


_UNRECORDED: Final = RpcError(
    INTERNAL_ERROR, "the gate cannot record its decisions, so it releases nothing", {"code": "cannot-record"}
)


def _event(data: bytes) -> bytes:
    return b"event: message\ndata: " + data + b"\n\n"


def _failed(name: Any, error: RpcError) -> Whole:
    return Whole(error.status, error_bytes(name, error))
