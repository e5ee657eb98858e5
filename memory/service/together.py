"""Group commit without a thread of its own: one of those who wait commits for all of them.

A commit is one sync of the disk, however much is in it. While one caller commits, others queue up; then the first of
them takes the turn and all that wait into one commit. A caller sleeps on an event of its own, not on a lock that the
next commit holds: else those whose answers are ready could not queue up again in time for it, and every commit would
hold one item (measured: 280 reports a second with 32 threads instead of thousands).

Callers who come again at once would fall into two halves, one asking while the other is committed, and every commit
would hold half of them. So whoever takes the turn waits for as many as were there at the last commit, in it or behind
it, but not longer than LINGER_SECONDS (as `commit_delay` and `commit_siblings` do in PostgreSQL). A caller who is alone
was alone before and waits for nobody.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

LINGER_SECONDS: Final = 0.001
"""Less than a sync of a disk takes; callers who come again do so within a few tenths of it."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Work(Generic[Item, Answer]):
    """What one caller wants done, and what came of it. `called` is set when that is known, or when the turn is its."""

    __slots__ = ("answers", "called", "error", "items")

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.answers: Sequence[Answer] | None = None
        self.error: Exception | None = None
        self.called = threading.Event()


class Together(Generic[Item, Answer]):
    """`commit` takes at most `most` items and answers each; where it raises, every caller of the batch hears of it."""

    def __init__(self, commit: Callable[[Sequence[Item]], Sequence[Answer]], most: int) -> None:
        self._commit = commit
        self._most = most
        self._waiting: deque[_Work[Item, Answer]] = deque()
        self._taken = False
        self._expected = 1
        self._enough = threading.Event()
        self._gate = threading.Lock()

    def do(self, items: Sequence[Item]) -> list[Answer]:
        """The answers to `items`, in their order. More than `most` are done in several commits."""
        answers: list[Answer] = []
        for start in range(0, len(items), self._most):
            answers += self._do(_Work(items[start : start + self._most]))
        return answers

    def _do(self, work: _Work[Item, Answer]) -> Sequence[Answer]:
        with self._gate:
            self._waiting.append(work)
            mine = not self._taken
            self._taken = True
            if len(self._waiting) >= self._expected:
                self._enough.set()
        if not mine:
            work.called.wait()
        if work.answers is None and work.error is None:
            self._take_turn()
        if work.error is not None:
            raise work.error
        assert work.answers is not None
        return work.answers

    def _take_turn(self) -> None:
        """Commit what waits, the caller's own first; then the turn is that of whoever waits longest."""
        self._enough.wait(LINGER_SECONDS)
        batch: list[_Work[Item, Answer]] = []
        count = 0
        with self._gate:
            while self._waiting and count + len(self._waiting[0].items) <= self._most:
                batch.append(self._waiting.popleft())
                count += len(batch[-1].items)
        try:
            self._answer(batch)
        finally:
            with self._gate:
                self._taken = bool(self._waiting)
                self._expected = len(batch) + len(self._waiting)
                self._enough.clear()
                if self._waiting:
                    self._waiting[0].called.set()
            for work in batch:
                work.called.set()

    def _answer(self, batch: Sequence[_Work[Item, Answer]]) -> None:
        try:
            answers = self._commit([item for work in batch for item in work.items])
        except Exception as error:
            for work in batch:
                work.error = error
            return
        start = 0
        for work in batch:
            end = start + len(work.items)
            work.answers, start = answers[start:end], end
