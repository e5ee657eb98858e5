"""Keeps the key sets of all issuers fresh. Where one cannot be read the last good one serves on: keys are withdrawn by
publishing a set without them, so a set is forgotten once it was not confirmed for STALE_SECONDS."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from server.logs import fields

from .keys import BadKeySet, KeySet

LOG = logging.getLogger("leastward.identity")

REFRESH_SECONDS: Final = 300.0
SOONEST_SECONDS: Final = 10.0
"""Between two looks at one issuer, however many tokens name keys that are not known."""

STALE_SECONDS: Final = 3600.0

Read = Callable[[], Awaitable[bytes]]
"""Reads one issuer's JWKS document. Raises an error where that fails."""


class KeyWatch:
    """`sources` has, by issuer's name, where its keys are read."""

    def __init__(self, sources: Mapping[str, Read], clock: Callable[[], float] = time.monotonic) -> None:
        self._sources = sources
        self._clock = clock
        self._sets: dict[str, KeySet] = {}
        self._read_at: dict[str, float] = {}
        self._tried_at: dict[str, float] = {}
        self._wanted = asyncio.Event()

    def keys(self, name: str) -> KeySet | None:
        """The keys of an issuer, None where none are known or those that were are too old."""
        read_at = self._read_at.get(name)
        if read_at is None or self._clock() - read_at > STALE_SECONDS:
            return None
        return self._sets[name]

    def unknown(self, name: str) -> None:
        """A token named a key that is not there: look again soon."""
        if name in self._read_at:
            self._read_at[name] = min(self._read_at[name], self._clock() - REFRESH_SECONDS)
        self._wanted.set()

    async def look(self) -> None:
        """Read every key set that is due. Never raises."""
        now = self._clock()
        due = [
            name
            for name in self._sources
            if now - self._read_at.get(name, -REFRESH_SECONDS) >= REFRESH_SECONDS
            and now - self._tried_at.get(name, -SOONEST_SECONDS) >= SOONEST_SECONDS
        ]
        await asyncio.gather(*map(self._look_at, due))

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            self._wanted.clear()
            try:
                async with asyncio.timeout(REFRESH_SECONDS):
                    await self._wanted.wait()
                await asyncio.sleep(SOONEST_SECONDS / 10)
            except TimeoutError:
                continue

    async def _look_at(self, name: str) -> None:
        self._tried_at[name] = self._clock()
        try:
            found = KeySet.read(await self._sources[name]())
        except BadKeySet as error:
            LOG.error("key-set-refused", extra=fields(issuer=name, problem=str(error)))
            return
        except Exception as error:
            LOG.error("key-set-unread", extra=fields(issuer=name, problem=type(error).__name__))
            return
        self._sets[name], self._read_at[name] = found, self._clock()
