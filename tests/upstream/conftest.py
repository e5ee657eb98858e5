"""A model server that plays scripts over real sockets, and the event loops the client must work on."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
import uvloop

from server.upstream import Timeouts, Upstream

Play = Callable[["Wire"], Awaitable[None]]


class Wire:
    """One accepted connection, as a script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes]) -> None:
        self._reader = reader
        self._writer = writer
        self._seen = seen
        self.number = 0

    async def request(self) -> bytes:
        """The next request, head and body; empty at end of stream."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        whole = head + await self._reader.readexactly(length)
        self._seen.append(whole)
        return whole

    async def send(self, data: bytes, *, apart: bool = False) -> None:
        if apart:
            for position in range(len(data)):
                self._writer.write(data[position : position + 1])
                await self._writer.drain()
                await asyncio.sleep(0)
        else:
            self._writer.write(data)
            await self._writer.drain()

    async def at_eof(self) -> bool:
        """Wait until the client closes its end; true then."""
        with contextlib.suppress(ConnectionError):
            return await self._reader.read(1) == b""
        return True

    def close(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        """Close with a TCP reset, as a crashed server does."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class Scripted:
    """A listening server: `requests` in order of arrival, `wires` how many connections it accepted."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self.requests: list[bytes] = []
        self.wires = 0
        self.port = 0

    @property
    def open_wires(self) -> int:
        return len(self._open)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = asyncio.current_task()
        self.wires += 1
        wire = Wire(reader, writer, self.requests)
        wire.number = self.wires
        try:
            # CancelledError is `end`; asyncio.streams would log it as an error of the server.
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._play(wire)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
            del self._open[writer]

    async def end(self) -> None:
        """Close the server's own ends, so that a socket that is left is the client's."""
        for writer, task in list(self._open.items()):
            writer.transport.abort()
            if task is not None:
                task.cancel()
                await asyncio.wait([task])

    def upstream(self, **options: Any) -> Upstream:
        scheme = options.pop("scheme", "http")
        host = options.pop("host", "127.0.0.1")
        options.setdefault("timeouts", Timeouts(connect=5, read=5, idle=5))
        return Upstream("scripted", f"{scheme}://{host}:{self.port}/v1", "sk-test", **options)


@contextlib.asynccontextmanager
async def _serving(play: Play, tls: ssl.SSLContext | None = None) -> AsyncIterator[Scripted]:
    scripted = Scripted(play)
    server = await asyncio.start_server(scripted.accept, "127.0.0.1", 0, ssl=tls)
    scripted.port = server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        server.close()
        await scripted.end()
        await asyncio.sleep(0)


async def _collect(parts: AsyncIterator[bytes], into: list[bytes]) -> None:
    async for part in parts:
        into.append(part)  # noqa: PERF401 - what came before an error must stay in the list


@pytest.fixture
def collect() -> Callable[[AsyncIterator[bytes], list[bytes]], Awaitable[None]]:
    return _collect


@pytest.fixture
def serving() -> Callable[..., contextlib.AbstractAsyncContextManager[Scripted]]:
    return _serving


@pytest.fixture(params=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Run a test's coroutine on each event loop; a socket or task left behind fails the test."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def running(main: Coroutine[Any, Any, None]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30):
                await main

        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(bounded())
        gc.collect()  # an unclosed socket warns here, and warnings are errors

    return running


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture(name="soon")
def soon_fixture() -> Callable[..., float]:
    """A deadline on the running loop's clock."""
    return soon
