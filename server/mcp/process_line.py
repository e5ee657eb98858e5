"""An MCP server that is a process: one message a line, on its standard input and output."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Final

from .line import NO_HEADERS, Ask, Asked, Heard, PeerError, answered
from .messages import Notification, Reply, Request, RpcError, read_message

LOG = logging.getLogger("leastward.mcp")

INHERITED: Final = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER")
"""What a server gets of the gate's environment. Everything else, keys above all, has to be named for it."""

MOST_ANSWERING: Final = 16
"""Questions of the server that are open at a time; more are not answered."""

PATIENCE_SECONDS: Final = 2.0
"""From asking a process to end to ending it."""


class ProcessLine:
    """A running server. `started` starts it; it ends with its standard input, or is made to."""

    def __init__(self, process: asyncio.subprocess.Process, limit: int) -> None:
        self._process = process
        self._limit = limit
        self._waiting: dict[int, tuple[asyncio.Future[Reply], Heard, Asked | None]] = {}
        self._overhears: Heard | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._over = False
        self._reading = asyncio.create_task(self._read())
        self._ending: asyncio.Task[None] | None = None

    @classmethod
    async def started(
        cls, command: str, arguments: Sequence[str], environment: Mapping[str, str], folder: str | None, limit: int
    ) -> ProcessLine:
        """Raises PeerError where the process cannot be started."""
        own = {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(environment)
        try:
            process = await asyncio.create_subprocess_exec(
                command,
                *arguments,
                env=own,
                cwd=folder,
                limit=limit,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise PeerError("server-unavailable", f"`{command}` cannot be started: {error.strerror}") from error
        return cls(process, limit)

    keeps_nothing = False

    @property
    def is_open(self) -> bool:
        return not self._over

    async def ask(self, ask: Ask) -> Reply:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[ask.id] = future, ask.heard, ask.asked
        try:
            await self.tell(ask.message)
            async with asyncio.timeout(ask.seconds):
                return await future
        except TimeoutError:
            raise PeerError("server-too-slow", f"no answer within {ask.seconds:g} seconds") from None
        finally:
            self._waiting.pop(ask.id, None)

    async def tell(self, message: bytes, headers: Mapping[str, str] = NO_HEADERS) -> None:
        if self._over or self._process.stdin is None:
            raise PeerError("server-unavailable", "the server's process has ended")
        try:
            self._process.stdin.write(message + b"\n")
            await self._process.stdin.drain()
        except (OSError, RuntimeError) as error:
            self.close()
            raise PeerError("server-unavailable", "the server's process has ended") from error

    def close(self) -> None:
        if self._over:
            return
        self._over = True
        for future, _, _ in self._waiting.values():
            if not future.done():
                future.set_exception(PeerError("server-broke-off", "the server's process ended before its answer"))
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._ending = asyncio.ensure_future(self._ended())

    async def closed(self) -> None:
        """Close, and wait until the process is gone."""
        self.close()
        if self._ending is not None:
            await self._ending

    async def _ended(self) -> None:
        """MCP, stdio, Shutdown: close its input, then SIGTERM, then SIGKILL; the whole group, for servers that are
        scripts around others."""
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, number)
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._process.wait()
                break
            except TimeoutError:
                continue
        self._reading.cancel()
        for task in self._answering:
            task.cancel()

    async def _read(self) -> None:
        stream = self._process.stdout
        try:
            while stream is not None and (line := await stream.readline()):
                if line.strip():
                    await self._heard(line)
        except (ValueError, OSError):
            LOG.warning("an MCP server sent a line of more than %d bytes", self._limit)
        except PeerError as error:
            LOG.warning("an MCP server's line cannot be used: %s", error.message)
        finally:
            self.close()

    async def _heard(self, line: bytes) -> None:
        """A line that is no message ends the process: what follows it could be its other half."""
        try:
            message = read_message(line.strip(), numbers="kept")
        except RpcError as error:
            raise PeerError("server-unreadable", error.message) from error
        if isinstance(message, Request):
            self._asked(message)
        elif isinstance(message, Notification):
            listening = [heard for _, heard, _ in self._waiting.values()]
            if not listening and self._overhears is not None:
                listening = [self._overhears]
            for heard in listening:
                heard(message)
        elif type(message.id) is int and message.id in self._waiting:
            future, _, _ = self._waiting[message.id]
            if not future.done():
                future.set_result(message)

    def listen(self, heard: Heard, headers: Mapping[str, str] = NO_HEADERS) -> None:
        self._overhears = heard

    async def listens(self, seconds: float) -> None:
        """Whatever the process says is heard."""

    def _asked(self, request: Request) -> None:
        """On a pipe nothing says for which request the server asks; all that are under way are of one client, or of
        none that is asked (Server gives every client that can be asked a process of its own)."""
        asked = next((one for _, _, one in reversed(self._waiting.values()) if one is not None), None)

        async def tell() -> None:
            with contextlib.suppress(PeerError):
                await self.tell(await answered(request, asked))

        if len(self._answering) < MOST_ANSWERING:
            task = asyncio.ensure_future(tell())
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
