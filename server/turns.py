"""Turns of the gates that share a database: who decides on what sessions remember decides on the newest there is.

A replica decides on what it knows and commits by it; the store says Stale where another one wrote meanwhile
(store/postgres/remembering.py). Nothing of the turn was written then: what the sessions were told in it is taken back,
what stands is read anew, and it is decided again. This is optimistic concurrency control (Kung and Robinson, ACM TODS
1981): a replica that is alone asks the database nothing more than before. One that was Stale a moment ago first waits
until the others that were have had their turn, and reads before it decides: where all of them remember all the time, to
be quickest is to be lucky, and some would never be. The queue decides nothing. Who does not wait, or no longer, may
still come first, and Stale says so.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
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


QUEUE_SECONDS: Final = 0.5
"""For so long a replica waits until the others have had their turn. One of them may be waiting for a judge, so who
waited in vain begins its next turns without, and waits again only where it was Stale."""


class Remembering(Protocol):
    """A database that replicas share; server/store keeps this promise. All but `followed` block."""

    @property
    def followed(self) -> int: ...
    def remembered(self) -> list[Remembered]: ...
    def news(self) -> list[Remembered]: ...
    def queue(self, seconds: float) -> Callable[[], None] | None: ...


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
        self._in_vain = float("-inf")
        self._ends: Callable[[], None] | None = None
        self._reading: asyncio.Task[list[Remembered]] | None = None
        self._behind = False

    @property
    def since(self) -> int:
        """What is decided in this turn is decided on this version."""
        return self._store.followed

    @asynccontextmanager
    async def turn(self, state: RunState) -> AsyncIterator[None]:
        """Raises StoreError where what others remember cannot be read, or `state` is no longer that of its run."""
        async with self._lock:
            self._sessions.begin()
            try:
                if self._behind or time.monotonic() - self._crowded < CROWDED_SECONDS:
                    if time.monotonic() - self._in_vain > CROWDED_SECONDS:
                        await self._queue()
                    await self._follow()
                self._is_followed(state)
                yield
            finally:
                self._leave()

    async def put_back(self, state: RunState) -> int:
        """Within a turn: every Session as it stands in the database, and what it was told since that is not written
        yet, but for what a try told it. The version that is decided on now. Raises StoreError."""
        self._crowded = time.monotonic()
        self._behind = True
        await self._queue()
        await self._follow()
        self._is_followed(state)
        return self.since

    async def through(self, commit: Awaitable[None]) -> None:
        """Within a turn: await a commit to its end, also where whoever waits for it leaves meanwhile, so that it is
        known what stands before the next turn begins. Raises what the commit raises."""
        task = asyncio.ensure_future(commit)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            if task.exception() is None:
                self.settled()
            raise

    def settled(self) -> None:
        """What was told in this turn is durable."""
        self._sessions.settled()

    async def join(self) -> None:
        """Follow the others from here on. Raises StoreError."""
        async with self._lock:
            self._sessions.begin()
            await self._follow()

    async def follow(self) -> None:
        """Read what others remember, for ever; while the database cannot be reached nothing is served anyway."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                await self.join()
            except StoreError as error:
                LOG.warning("what other replicas remember was not read: %s", error.message)

    async def _queue(self) -> None:
        """Wait for the others' turns; not twice in one turn."""
        if self._ends is not None:
            return
        place = _Place()
        try:
            self._ends = await asyncio.to_thread(place.wait, self._store.queue)
        except asyncio.CancelledError:
            place.give_up()
            raise
        if self._ends is None:
            self._in_vain = time.monotonic()

    def _leave(self) -> None:
        """The others' turn. Nobody waits for the database to hear of it."""
        ends, self._ends = self._ends, None
        if ends is not None:
            _end(ends)

    def _is_followed(self, state: RunState) -> None:
        """One that the book gave up takes over nothing: what is decided in it would be decided on what was."""
        if self._sessions.find(state.session.run_id) is not state:
            raise StoreError("the session was given up meanwhile")

    async def _follow(self) -> None:
        """What the store has read counts as known there, so until the Sessions have taken it over this is behind, and
        then only all that stands is of use: whatever failed between, or whoever gave up waiting."""
        try:
            if not self._behind:
                rows = await self._read(self._store.news)
                if rows:
                    self._crowded = time.monotonic()
                if self._sessions.follow(rows, self._plan()):
                    self._behind = False
                    return
            self._sessions.put_back(await self._read(self._store.remembered), self._plan())
            self._behind = False
        except StateError as error:
            raise StoreError(f"what sessions remember cannot be read: {error}") from error

    async def _read(self, ask: Callable[[], list[Remembered]]) -> list[Remembered]:
        """A thread goes on when whoever waits for it gives up, and moves `followed`; no other reads before its end."""
        if self._reading is not None and not self._reading.done():
            await asyncio.wait([self._reading])
        self._behind = True
        self._reading = asyncio.create_task(asyncio.to_thread(ask))
        self._reading.add_done_callback(_ended)
        return await asyncio.shield(self._reading)


class _Place:
    """A place in the queue. The thread that waits for a turn goes on when whoever asked for it leaves, and may outlive
    the event loop: so it is the thread that gives such a turn back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given_up = False
        self._ends: Callable[[], None] | None = None

    def wait(self, queue: Callable[[float], Callable[[], None] | None]) -> Callable[[], None] | None:
        ends = queue(QUEUE_SECONDS)
        with self._lock:
            self._ends, unwanted = ends, self._given_up
        if unwanted and ends is not None:
            ends()
        return ends

    def give_up(self) -> None:
        """Where the turn came in the same moment, it ends in a thread: nobody waits for the database to hear of it."""
        with self._lock:
            self._given_up, ends = True, self._ends
        if ends is not None:
            _end(ends)


def _end(turn: Callable[[], None]) -> None:
    """End a turn in a thread of its own: in the pool it would stand behind those who wait for the turn to end."""
    threading.Thread(target=turn, name="leastward-turn", daemon=True).start()


def _ended(reading: asyncio.Task[list[Remembered]]) -> None:
    """Look at how it ended, so that asyncio does not complain where nobody waits any more."""
    if not reading.cancelled():
        reading.exception()
