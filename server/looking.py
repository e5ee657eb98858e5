"""Following what stands in the database: looked for every so often, and at once where another replica says that it
changed. Being told makes the next look come sooner and replaces none (docs/adr/0018)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from .store import StoreError


class Looking:
    """`look` blocks, and may raise StoreError."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._told = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def tell(self) -> None:
        """Look at once. From any thread; nothing where nobody follows yet, or any more."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed
                self._loop.call_soon_threadsafe(self._told.set)

    async def watch(self, interval: float) -> None:
        """Look every `interval` seconds, and whenever `tell` is called, for ever."""
        self._loop = asyncio.get_running_loop()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), interval)
            self._told.clear()  # before looking: whatever is told of meanwhile is looked for again
            with suppress(StoreError):  # a gate without its database stops releasing by its lease
                await asyncio.to_thread(self._look)
