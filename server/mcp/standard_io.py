"""The same door on a pair of pipes: an agent's host on one side, the gate in front of one server on the other.

One message a line. Requests are answered as they are done, so a slow call holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from ..exchange import Caller
from ..store import Run, StoreError
from .asking import Asking, progress_params, progress_token
from .clients import ClientSession
from .door import INITIALIZE, Door
from .eras import LATEST_HANDSHAKE_VERSION, MODERN, PROTOCOL_VERSION_META_KEY
from .messages import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    UNSUPPORTED_PROTOCOL_VERSION,
    Notification,
    Reply,
    Request,
    RpcError,
    RpcId,
    error_bytes,
    notification_bytes,
    read_message,
    result_bytes,
)
from .subscribing import LISTEN
from .talking import Talk

LOG = logging.getLogger("leastward.mcp")

MOST_AT_ONCE: Final = 64
"""Requests under way; the host waits beyond."""

LAST_SECONDS: Final = 10.0
"""How long requests under way may take once the input has ended: a host that only asks and listens is answered."""

INITIALIZED: Final = "notifications/initialized"

Write = Callable[[bytes], Awaitable[None]]
"""Writes one line, whole, before the next."""


async def serve_pipes(
    door: Door, server: str, caller: Caller, run: Run, reader: asyncio.StreamReader, write: Write
) -> None:
    """Answer messages until the input ends. The caller is whoever started the process."""
    await _Pipes(door, server, caller, run, write).serve(reader)


class _Pipes:
    def __init__(self, door: Door, server: str, caller: Caller, run: Run, write: Write) -> None:
        self._door = door
        self._server = server
        self._caller = caller
        self._run = run
        self._write_line = write
        self._writing = asyncio.Lock()
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._session = ClientSession("pipes", caller.principal.key, server, LATEST_HANDSHAKE_VERSION, 0.0)
        self._session.hears = self._later
        self._under_way: dict[RpcId, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unending: set[asyncio.Task[None]] = set()
        self._unwritten = 0

    async def serve(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                if line.strip():
                    await self._taken(line.strip())
            for task in self._unending:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=LAST_SECONDS)
        except ValueError:
            LOG.error("a line of the agent's host is too long; the gate ends here")
        finally:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _taken(self, line: bytes) -> None:
        try:
            message = read_message(line)
        except RpcError as error:
            await self._malformed(error)
            await self._write(error_bytes(None, error))
            return
        if isinstance(message, Reply):
            if not self._session.replies.came(message):
                await self._write(error_bytes(None, RpcError(INVALID_REQUEST, "the gate asked nothing")))
        elif isinstance(message, Notification):
            if message.method == "notifications/cancelled":
                name = message.params.get("requestId")
                task = self._under_way.get(name) if isinstance(name, int | str) else None
                if task is not None:
                    task.cancel()
            elif message.method == INITIALIZED and self._door.follows(self._server):
                self._begin(self._unasked(self._asking(Request(0, INITIALIZED, {}))))
        elif message.id in self._under_way:
            await self._write(error_bytes(message.id, RpcError(INVALID_REQUEST, "`id` is in use")))
        else:
            await self._room.acquire()
            task = asyncio.ensure_future(self._answer(message))
            self._under_way[message.id] = task
            self._tasks.add(task)
            if message.method == LISTEN:  # it ends by itself when nobody listens any more
                self._unending.add(task)
            task.add_done_callback(lambda done: self._finished(message.id, done))

    def _begin(self, unending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(unending)
        for tasks in (self._tasks, self._unending):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _unasked(self, asking: Asking) -> None:
        """What a client on HTTP opens a stream of its own for."""
        try:
            standing = await self._door.listens(asking)
        except RpcError as error:
            LOG.warning("the server is not listened to: %s", error.message)
            return
        while True:
            await standing.changed()
            standing.renew()
            for message in await self._door.lists_changed(asking):
                self._later(message)

    async def _malformed(self, error: RpcError) -> None:
        try:
            await self._door.malformed(self._caller, self._run, error)
        except StoreError as unrecorded:  # nothing is released by this message either way
            LOG.error("a message that cannot be read cannot be recorded: %s", unrecorded.message)

    def _finished(self, name: RpcId, task: asyncio.Task[None]) -> None:
        if self._under_way.get(name) is task:
            del self._under_way[name]
        self._tasks.discard(task)
        self._unending.discard(task)
        self._room.release()

    async def _answer(self, request: Request) -> None:
        """A cancelled request is not answered (2025-11-25, Cancellation)."""
        try:
            asking = self._asking(request)
            result = await self._door.answer(asking)
            if asking.talk is not None:
                await asking.talk.settled()
            if request.method == INITIALIZE:
                self._session.version = result["protocolVersion"]
            text = result_bytes(request.id, result)
        except RpcError as error:
            if error.code == INVALID_PARAMS:
                await self._malformed(error)
            text = error_bytes(request.id, error)
        except StoreError as error:
            LOG.error("no Decision can be recorded: %s", error.message)
            said = "the gate cannot record its decisions, so it releases nothing"
            text = error_bytes(request.id, RpcError(INTERNAL_ERROR, said, {"code": "cannot-record"}))
        except Exception:
            LOG.exception("a request failed and released nothing")
            text = error_bytes(request.id, RpcError(INTERNAL_ERROR, "the gate failed", {"code": "gate-error"}))
        self._under_way.pop(request.id, None)  # whoever reads the answer may use the id again
        await self._write(text)

    def _asking(self, request: Request) -> Asking:
        meta = request.params.get("_meta")
        named = meta.get(PROTOCOL_VERSION_META_KEY) if isinstance(meta, dict) else None
        session: ClientSession | None = self._session
        version = self._session.version
        if request.method == INITIALIZE and isinstance(request.params.get("capabilities"), dict):
            self._session.capabilities = request.params["capabilities"]
        capabilities = self._session.capabilities
        if named is not None:
            if named != MODERN:
                data = {"supported": [MODERN], "requested": str(named)[:64]}
                raise RpcError(UNSUPPORTED_PROTOCOL_VERSION, "this version is not served", data)
            version, session = MODERN, None
            claimed = meta.get("io.modelcontextprotocol/clientCapabilities") if isinstance(meta, dict) else None
            capabilities = claimed if isinstance(claimed, dict) else {}
        asking = Asking(self._caller, self._run, self._server, version, request, capabilities)
        asking.session = session
        if self._door.speaks(asking):
            asking.talk = Talk(self._later, None if session is None else session.replies, lambda: self._unwritten)
        token = progress_token(request)
        if token is not None:
            asking.progressed = lambda params: self._later(
                notification_bytes("notifications/progress", progress_params(token, params))
            )
        return asking

    def _later(self, line: bytes) -> None:
        task = asyncio.ensure_future(self._write(line))
        self._tasks.add(task)
        self._unwritten += 1
        task.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._unwritten -= 1

    async def _write(self, line: bytes) -> None:
        async with self._writing:
            await self._write_line(line + b"\n")
