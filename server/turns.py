"""Turns of the gates that share a database: who decides on what sessions remember decides on the newest there is.

A replica decides on what it knows and commits by it; the store says Stale where another one wrote meanwhile
(store/postgres/remembering.py). Nothing of the turn was written then: what the sessions were told in it is taken back,
what stands is read anew, and it is decided again. This is optimistic concurrency control (Kung and Robinson, ACM TODS
1981): a replica that is alone asks the database nothing more than before. One that was Stale a moment ago reads before
it decides.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from guardrail import Remembered
from policy_dsl.state import StateError, StatePlan

from .sessions import RunState, SessionBook
from .store import StoreError

LOG = logging.getLogger("leastward.gate")

FOLLOW_SECONDS: Final = 0.5
"""How often what other replicas remember is read while nothing is decided."""

CROWDED_SECONDS: Final = 2.0
"""For so long after another replica wrote, this one reads before each decision."""


class Remembering(Protocol):
    """A database that replicas share; server/store keeps this promise. `remembered` and `news` block."""

    @property
    def followed(self) -> int: ...
    def remembered(self) -> list[Remembered]: ...
    def news(self) -> list[Remembered]: ...


class Turns:
    """One turn at a time in a replica: from before the first call of an answer is decided to the end of its commit.

    So whatever is taken back was told in that turn. A policy that remembers nothing takes no turn. One event loop.
    """

    def __init__(self, store: Remembering, sessions: SessionBook, plan: Callable[[], StatePlan]) -> None:
        self._store = store
        self._sessions = sessions
        self._plan = plan
        self._lock = asyncio.Lock()
        self._crowded = float("-inf")

    @property
    def since(self) -> int:
        """What is decided in this turn is decided on this version."""
        return self._store.followed

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises StoreError where what others remember cannot be read."""
        async with self._lock:
            if time.monotonic() - self._crowded < CROWDED_SECONDS:
                await self._follow()
            yield

    async def put_back(self, state: RunState, pending: int, *, ended: bool) -> int:
        """Within a turn: every Session as it stands in the database, and what it was told since that is not written
        yet. Of `state` that is its first `pending` changes. The version that is decided on now. Raises StoreError."""
        self._crowded = time.monotonic()
        rows = await asyncio.to_thread(self._store.remembered)
        try:
            self._sessions.put_back(rows, self._plan(), state, pending, ended=ended)
        except StateError as error:
            raise StoreError(f"what sessions remember cannot be read: {error}") from error
        return self.since

    def settled(self) -> None:
        """What was told in this turn is durable."""
        self._sessions.settled()

    async def join(self) -> None:
        """Follow the others from here on. Raises StoreError."""
        async with self._lock:
            await self._follow()

    async def follow(self) -> None:
        """Read what others remember, for ever; while the database cannot be reached nothing is served anyway."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                async with self._lock:
                    await self._follow()
            except StoreError as error:
                LOG.warning("what other replicas remember was not read: %s", error.message)

    async def _follow(self) -> None:
        try:
            rows = await asyncio.to_thread(self._store.news)
            if not rows:
                return
            self._crowded = time.monotonic()
            if self._sessions.follow(rows, self._plan()):
                return
            rows = await asyncio.to_thread(self._store.remembered)
            self._sessions.put_back(rows, self._plan())
        except StateError as error:
            raise StoreError(f"what sessions remember cannot be read: {error}") from error
