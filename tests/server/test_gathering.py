"""What comes in one by one is done together, and everybody hears of their own (server/gathering.py)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from server.gathering import Gathered


def test_what_waits_is_done_together_and_whoever_is_alone_waits_for_nobody() -> None:
    batches: list[list[int]] = []
    begun, go = threading.Event(), threading.Event()

    def work(items: Sequence[int]) -> list[int | Exception]:
        batches.append(list(items))
        begun.set()
        assert go.wait(30)
        return [item * 2 for item in items]

    async def ask() -> list[int]:
        gathered = Gathered(work, 3)
        first = asyncio.create_task(gathered.do(0))
        assert await asyncio.to_thread(begun.wait, 30)
        rest = [asyncio.create_task(gathered.do(number)) for number in range(1, 6)]
        await asyncio.sleep(0)
        go.set()
        answers = await asyncio.gather(first, *rest)
        assert await gathered.do(9) == 18
        return answers

    assert asyncio.run(ask()) == [0, 2, 4, 6, 8, 10]
    assert batches == [[0], [1, 2, 3], [4, 5], [9]]


def test_an_error_is_its_own_items_alone_and_one_of_the_work_is_everybodys() -> None:
    def work(items: Sequence[str]) -> list[str | Exception]:
        if "all" in items:
            raise OSError("no space left")
        return [ValueError(item) if item == "bad" else item for item in items]

    async def ask() -> None:
        gathered = Gathered(work, 10)
        answers = await asyncio.gather(*map(gathered.do, ("a", "bad", "b")), return_exceptions=True)
        assert [answers[0], answers[2]] == ["a", "b"]
        assert isinstance(answers[1], ValueError)
        broken = await asyncio.gather(*map(gathered.do, ("a", "all")), return_exceptions=True)
        assert [type(one) for one in broken] == [OSError, OSError]
        assert await gathered.do("after") == "after"

    asyncio.run(ask())


def test_whoever_leaves_takes_nobody_along() -> None:
    begun, go = threading.Event(), threading.Event()
    done: list[str] = []

    def work(items: Sequence[str]) -> list[str | Exception]:
        begun.set()
        assert go.wait(30)
        done.extend(items)
        return list(items)

    async def ask() -> None:
        gathered = Gathered(work, 10)
        tasks = [asyncio.create_task(gathered.do(name)) for name in ("leaves", "stays")]
        assert await asyncio.to_thread(begun.wait, 30)
        tasks[0].cancel()
        go.set()
        assert await tasks[1] == "stays"
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]

    asyncio.run(ask())
    assert done == ["leaves", "stays"], "it was under way"


def test_a_loop_that_ends_leaves_nothing_that_hangs() -> None:
    release = threading.Event()

    def work(items: Sequence[str]) -> list[str | Exception]:
        assert release.wait(30)
        return list(items)

    gathered = Gathered(work, 1)

    async def leave() -> None:
        waiting = [asyncio.create_task(gathered.do(name)) for name in ("a", "b")]
        await asyncio.sleep(0.01)
        threading.Timer(0.05, release.set).start()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        assert [type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)] == [
            asyncio.CancelledError,
            asyncio.CancelledError,
        ]

    asyncio.run(leave())
    assert asyncio.run(gathered.do("again")) == "again"
