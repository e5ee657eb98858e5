"""The connections to one model server: bounded, last used first, watched by one timer for all of them."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .connection import Connection
from .errors import UpstreamError


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `connect` covers name, TCP and TLS; `read` is the longest silence while an answer is due; `idle` is how
    long an unused connection is kept. `idle` stays below the 5 s after which uvicorn, and so vLLM, closes its own end:
    then the two ends do not race."""

    connect: float = 5.0
    read: float = 120.0
    idle: float = 4.0


class Pool:
    """Hands out connections to `host:port`. Waiters are served first come, first served."""

    def __init__(
        self, host: str, port: int, tls: Callable[[], ssl.SSLContext] | None, timeouts: Timeouts, size: int
    ) -> None:
        self._host = host
        self._port = port
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._timeouts = timeouts
        self._size = size
        self._tick = max(0.01, min(0.25, timeouts.read / 4, timeouts.idle / 4))
        self._all: set[Connection] = set()
        self._idle: list[Connection] = []
        self._opening = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def connections(self) -> int:
        """Open and opening connections, idle ones included."""
        return len(self._all) + self._opening

    def take_kept(self) -> Connection | None:
        """A kept connection, where nothing is to be waited for: neither for a new one nor for those who came before."""
        return None if self._closed or self._waiters else self._take_idle()

    def _take_idle(self) -> Connection | None:
        """A kept connection that is fresh at this moment. Nothing was written on it, so a stale one costs no retry."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh():
                return connection
            connection.abort()
        return None

    async def take(self, deadline: float) -> Connection:
        """A kept or a new connection. Raises UpstreamError."""
        waited = False
        while not self._closed:
            if waited or not self._waiters:  # a newcomer never overtakes
                connection = self._take_idle()
                if connection is not None:
                    return connection
                if self.connections < self._size:
                    return await self._open(deadline)
            await self._wait(deadline, front=waited)
            waited = True
        raise _shutting_down()

    def put(self, connection: Connection) -> None:
        if self._closed:
            connection.abort()
            return
        self._idle.append(connection)
        self._wake()

    def lost(self, connection: Connection) -> None:
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._wake()

    def close(self) -> None:
        """Close every connection at once; exchanges under way fail with `shutting-down`."""
        self._closed = True
        for connection in list(self._all):
            fault = _shutting_down()
            connection.give_up(fault.code, fault.message)
        if self._timer is not None:
            self._timer.cancel()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    # --- inside ---

    async def _open(self, deadline: float) -> Connection:
        loop = asyncio.get_running_loop()
        self._opening += 1
        try:
            connection = await self._connect(loop, min(self._timeouts.connect, deadline - time.monotonic()))
        except BaseException:
            self._wake()  # the place is free again
            raise
        finally:
            self._opening -= 1
        if self._closed:
            connection.abort()
            raise _shutting_down()
        self._all.add(connection)
        if self._timer is None:
            self._timer = loop.call_later(self._tick, self._sweep, loop)
        return connection

    async def _connect(self, loop: asyncio.AbstractEventLoop, seconds: float) -> Connection:
        try:
            if self._make_tls is not None and self._tls is None:
                self._tls = self._make_tls()
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, self),
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )
        except TimeoutError as error:
            raise UpstreamError("connect-timeout", f"no connection within {max(0.0, seconds):.3g} seconds") from error
        except ssl.SSLError as error:
            raise UpstreamError("tls-failed", f"the TLS handshake failed: {error.reason or 'unknown'}") from error
        except OSError as error:
            raise UpstreamError("connect-failed", "the server cannot be reached") from error
        return connection

    async def _wait(self, deadline: float, front: bool) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._waiters.appendleft if front else self._waiters.append)(waiter)
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await waiter
        except BaseException as error:
            if not waiter.done() or waiter.cancelled():
                self._waiters.remove(waiter)
            else:
                self._wake()  # what this one was woken for is the next one's
            if isinstance(error, TimeoutError):
                raise UpstreamError("pool-timeout", "every connection stayed busy until the deadline") from error
            raise

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends what has overstayed. One timer for all connections costs a request nothing; a timeout is late by at most
        one tick (a quarter of a second)."""
        now, clock = loop.time(), time.monotonic()
        for connection in list(self._all):
            if not connection.busy:
                if connection.silence(now) > self._timeouts.idle:
                    connection.abort()
            elif clock > connection.deadline:
                connection.give_up("deadline", "the answer was not complete at the deadline")
            elif connection.silence(now) > self._timeouts.read:
                connection.give_up("read-timeout", f"silence for more than {self._timeouts.read:.3g} seconds")
        self._timer = loop.call_later(self._tick, self._sweep, loop) if self._all else None


def _shutting_down() -> UpstreamError:
    return UpstreamError("shutting-down", "the gate is closing its connections")
