"""A bounded wait for a person: woken by an answer in this process, looking now and then for one of another replica."""

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

    async def until_answered(self, approval_id: str, look: Look, seconds: float) -> Approval | None:
        """The approval once it is pending no more, or as it stands when the time is over."""
        loop = asyncio.get_running_loop()
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
        """The approval was answered, here and now."""
        answered = self._events.pop(approval_id, None)
        if answered is not None:
            answered.set()
