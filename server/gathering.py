"""What comes in one by one and is done many at a time: a group commit for an event loop.

While one batch is done in a thread, what comes in waits, and is the next batch. So there is one switch of threads and
one transaction for a batch, and none for each item; whoever comes alone waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Gathered(Generic[Item, Answer]):
    """`work` takes at most `most` items, in a thread, and gives for each its answer, or the error that is its own.

    What `work` raises is everybody's of that batch. For one event loop at a time.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Answer | Exception]], most: int) -> None:
        self._work = work
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._working: asyncio.Task[None] | None = None

    async def do(self, item: Item) -> Answer:
        """The answer to `item`. Raises its error. Whoever is cancelled while waiting does not hear what came of it."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        batch: list[tuple[Item, asyncio.Future[Answer]]] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                for (_, future), answer in zip(batch, await self._answers([item for item, _ in batch]), strict=True):
                    _tell(future, answer)
        finally:
            self._working = None
            for _, future in (*batch, *self._waiting):  # none is left but where the loop ends
                future.cancel()
            self._waiting = []

    async def _answers(self, items: Sequence[Item]) -> Sequence[Answer | Exception]:
        try:
            return await asyncio.to_thread(self._work, items)
        except Exception as error:
            return [error] * len(items)


def _tell(future: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    if future.done():  # cancelled: its request is gone
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
