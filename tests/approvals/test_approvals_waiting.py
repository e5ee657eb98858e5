"""server/approvals/waiting.py: a wait ends with the answer, with its time, or at once where too many wait."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from guardrail import ToolCall
from server.approvals import AlreadyAnswered
from server.exchange import Caller
from server.store import Answered

CALL = ToolCall("send_money", {"amount": 5}, "call_1")


async def _asked(gate: Any, people: dict[str, Caller]) -> Any:
    bot = people["bot"]
    return (await gate.call(bot, gate.run_of(bot), CALL)).approval


def test_an_answer_in_this_process_wakes_all_who_wait(make_gate: Any, people: dict[str, Caller]) -> None:
    gate = make_gate(poll_seconds=3600.0, wait_seconds=3600.0)

    async def story() -> list[Any]:
        asked = await _asked(gate, people)
        waiting = [asyncio.create_task(gate.approvals.waiting(asked.id, "acme", 3600)) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert not any(one.done() for one in waiting)
        await gate.approvals.decide(asked.id, people["ada"], True, "")
        return await asyncio.gather(*waiting)

    assert [one.state for one in asyncio.run(story())] == ["approved"] * 3
    assert gate.approvals._waiting._events == {}


def test_an_answer_of_another_replica_is_found(make_gate: Any, people: dict[str, Caller]) -> None:
    gate = make_gate(poll_seconds=0.01, wait_seconds=3600.0)

    async def story() -> Any:
        asked = await _asked(gate, people)
        waiting = asyncio.create_task(gate.approvals.waiting(asked.id, "acme", 3600))
        answered = Answered(asked.id, "acme", "denied", "ada", "", asked.asked_at, asked.asked_at)
        await gate.store.commit([], (), [answered])
        return await waiting

    assert asyncio.run(story()).state == "denied"


@pytest.mark.parametrize("names_it", [True, False])
def test_what_another_replica_says_ends_the_wait_for_the_next_look(
    make_gate: Any, people: dict[str, Caller], names_it: bool
) -> None:
    """The id of another approval ends none, and no id ends all; what counts is what the database says then."""
    gate = make_gate(poll_seconds=3600.0, wait_seconds=3600.0)

    async def story() -> Any:
        gate.approvals.told("apr-before-anybody-waits")
        asked = await _asked(gate, people)
        waiting = asyncio.create_task(gate.approvals.waiting(asked.id, "acme", 3600))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(gate.approvals.told, asked.id)
        await asyncio.sleep(0.05)
        assert not waiting.done(), "it is pending, whoever says that it is not"
        answered = Answered(asked.id, "acme", "denied", "ada", "", asked.asked_at, asked.asked_at)
        await gate.store.commit([], (), [answered])
        await asyncio.to_thread(gate.approvals.told, "apr-other")
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await asyncio.to_thread(gate.approvals.told, asked.id if names_it else "")
        return await waiting

    assert asyncio.run(story()).state == "denied"
    gate.approvals.told("")


def test_a_wait_is_bounded(make_gate: Any, people: dict[str, Caller]) -> None:
    gate = make_gate(poll_seconds=0.01, wait_seconds=0.03)

    async def story() -> list[Any]:
        asked = await _asked(gate, people)
        other = await gate.approvals.waiting(asked.id, "evil", 3600)
        return [await gate.approvals.waiting(asked.id, "acme", seconds) for seconds in (3600, 0)] + [other]

    pending, at_once, other = asyncio.run(story())
    assert (pending.state, at_once.state, other) == ("pending", "pending", None)


def test_too_many_do_not_wait(make_gate: Any, people: dict[str, Caller]) -> None:
    gate = make_gate(poll_seconds=3600.0, wait_seconds=3600.0, waiting_at_once=1)

    async def story() -> tuple[Any, Any]:
        asked = await _asked(gate, people)
        first = asyncio.create_task(gate.approvals.waiting(asked.id, "acme", 3600))
        await asyncio.sleep(0.05)
        second = await gate.approvals.waiting(asked.id, "acme", 3600)
        await gate.approvals.decide(asked.id, people["ada"], False, "")
        return second, await first

    second, first = asyncio.run(story())
    assert (second.state, first.state) == ("pending", "denied")


def test_an_answer_that_came_too_late_is_told_so(gate: Any, people: dict[str, Caller]) -> None:
    """Between the look and the write somebody else answered: the writer decides, not the look."""

    async def story() -> Any:
        asked = await _asked(gate, people)
        answered = Answered(asked.id, "acme", "denied", "max", "", asked.asked_at, asked.asked_at)
        await gate.store.commit([], (), [answered])
        with_second = await asyncio.gather(
            gate.store.commit([], (), [replace(answered, state="approved")]), return_exceptions=True
        )
        return with_second[0]

    assert isinstance(asyncio.run(story()), AlreadyAnswered)
