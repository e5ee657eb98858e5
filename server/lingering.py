"""A transport that closes without cutting off its own last words.

Closing a socket while the peer still sends makes the kernel answer with a reset, and the peer may lose what was written
just before: the 413 that told it to stop. So, as nginx does (lingering_close), our side is ended, the rest is read and
dropped for a while, then the socket is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

SECONDS = 5.0
"""nginx: lingering_timeout 5s."""

BYTES = 16 * 1024 * 1024
"""What is read and dropped at most: four times the largest body that would have been accepted."""


class Lingering:
    """The part of asyncio.Transport that uvicorn's HTTP protocol uses, over one. `unread` says whether the peer is in
    the middle of a request; `deaf` tells the protocol to give further bytes to `swallow` only."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        unread: Callable[[], bool],
        deaf: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._unread = unread
        self._deaf = deaf
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._swallowed = 0
        self.write = transport.write
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._closing or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing():
            return
        self._closing = True
        if self._unread() and self._transport.can_write_eof():
            self._deaf()
            self._transport.write_eof()
            self._timer = self._loop.call_later(SECONDS, self._transport.abort)
        else:
            self._transport.close()

    def abort(self) -> None:
        self._closing = True
        self._transport.abort()

    def swallow(self, size: int) -> None:
        self._swallowed += size
        if self._swallowed > BYTES:
            self._transport.abort()

    def lost(self) -> None:
        """There is no connection any more. The protocol holds this, so this lets go of the protocol: two that hold each
        other wait for the collector."""
        if self._timer is not None:
            self._timer.cancel()
        self._unread, self._deaf = _no, _nothing


def _no() -> bool:
    return False


def _nothing() -> None:
    return None
