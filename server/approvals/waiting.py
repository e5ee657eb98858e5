"""A bounded wait for a person: woken by an answer, looking now and then for one of which nobody told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ..store import Approval

Look = Callable[[], Awaitable[Approval | None]]


class Waiting:
    """`at_once` bounds how many requests wait: beyond it they are answered at once, as if their time were over."""

    def __init__(self, poll_seconds: float, at_once: int) -> None:
        self._poll_seconds = poll_seconds
        self._at_once = at_once
        self._events: dict[str, asyncio.Event] = {}
        self._waiting = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def until_answered(self, approval_id: str, look: Look, seconds: float) -> Approval | None:
        """The approval once it is pending no more, or as it stands when the time is over."""
        self._loop = loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds if self._waiting < self._at_once else loop.time()
        self._waiting += 1
        try:
            while True:
                answered = self._events.setdefault(approval_id, asyncio.Event())  # before looking: no answer is missed
                found = await look()
                left = deadline - loop.time()
                if found is None or found.state != "pending" or left <= 0:
                    return found
                with suppress(TimeoutError):
                    await asyncio.wait_for(answered.wait(), min(left, self._poll_seconds))
        finally:
            self._waiting -= 1
            if self._waiting == 0:
                self._events.clear()

    def wake(self, approval_id: str) -> None:
        """The approval was answered, here and now. Without an id any of them may have been."""
        for name in [approval_id] if approval_id else list(self._events):
            answered = self._events.pop(name, None)
            if answered is not None:
                answered.set()

    def told(self, approval_id: str) -> None:
        """Another replica says that it was answered there. From any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self._loop.call_soon_threadsafe(self.wake, approval_id)
