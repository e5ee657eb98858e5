"""Group commit: everybody gets the answers to their own items, and whoever waits is committed together
(memory/service/together.py)."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from memory.service import together as together_module
from memory.service.together import Together


def run_all(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_everybody_gets_their_own_answers() -> None:
    batches: list[int] = []

    def commit(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        return [item * 2 for item in items]

    together = Together(commit, 5)
    wrong: list[int] = []

    def ask(first: int) -> None:
        mine = range(first, first + 200)
        wrong.extend(item for item in mine if together.do([item, -item]) != [item * 2, -item * 2])

    run_all([threading.Thread(target=ask, args=(n * 1_000,)) for n in range(8)])
    assert wrong == []
    assert sum(batches) == 8 * 200 * 2
    assert max(batches) <= 5


def test_who_waits_is_committed_together() -> None:
    begun, go = threading.Event(), threading.Event()
    batches: list[list[str]] = []

    def commit(items: Sequence[str]) -> list[str]:
        batches.append(sorted(items))
        begun.set()
        assert go.wait(30)
        return list(items)

    together = Together(commit, 100)
    first = threading.Thread(target=lambda: together.do(["first"]))
    first.start()
    assert begun.wait(30)
    later = [threading.Thread(target=lambda name=name: together.do([name])) for name in "abc"]
    for thread in later:
        thread.start()
    while len(together._waiting) < 3:
        threading.Event().wait(0.001)
    go.set()
    for thread in (first, *later):
        thread.join(30)
    assert batches == [["first"], ["a", "b", "c"]]


def test_who_was_just_answered_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else those who come again at once fall into two halves, and every commit holds one of them."""
    monkeypatch.setattr(together_module, "LINGER_SECONDS", 30)
    batches: list[list[str]] = []
    begun = threading.Event()

    def commit(items: Sequence[str]) -> list[str]:
        batches.append(sorted(items))
        begun.set()
        while len(batches) == 1 and not together._waiting:
            threading.Event().wait(0.001)
        return list(items)

    together: Together[str, str] = Together(commit, 100)
    again = threading.Thread(target=lambda: [together.do(["again 1"]), together.do(["again 2"])])
    again.start()
    assert begun.wait(30)
    run_all([threading.Thread(target=lambda: together.do(["late"]))])
    again.join(30)
    assert batches == [["again 1"], ["again 2", "late"]]


def test_whoever_was_alone_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together_module, "LINGER_SECONDS", 3_600)
    together: Together[int, int] = Together(list, 100)
    assert [together.do([n]) for n in range(5)] == [[n] for n in range(5)]


def test_more_than_a_commit_takes_is_split_in_order() -> None:
    batches: list[list[int]] = []

    def commit(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        return list(items)

    assert Together(commit, 3).do(list(range(8))) == list(range(8))
    assert batches == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert Together(commit, 3).do([]) == []


def test_a_failed_commit_fails_its_batch_and_no_later_one() -> None:
    def commit(items: Sequence[int]) -> list[int]:
        if 13 in items:
            raise OSError("no space left")
        return list(items)

    together = Together(commit, 1)
    caught: list[int] = []

    def ask(item: int) -> None:
        try:
            together.do([item])
        except OSError:
            caught.append(item)

    run_all([threading.Thread(target=ask, args=(item,)) for item in range(20)])
    assert caught == [13]
    with pytest.raises(OSError, match="no space left"):
        together.do([13])
    assert together.do([1]) == [1]
