"""server/approvals/service.py and asking.py: what the transcripts do not reach."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Any

import pytest

from guardrail import ToolCall
from server.exchange import Caller
from server.store import Run

CALL = ToolCall("send_money", {"amount": 5}, "call_1")


def test_a_yes_is_not_for_another_principal_with_the_same_run(gate: Any, people: dict[str, Caller]) -> None:
    bot = people["bot"]
    run = gate.run_of(bot)

    async def story() -> tuple[Any, Any, Any]:
        asked = await gate.call(bot, run, CALL)
        await gate.approvals.decide(asked.approval.id, people["ada"], True, "")
        theirs = Run(run.id, people["other-bot"].principal.key)
        decision = gate.decide(bot, CALL)
        return (
            await gate.approvals.granted(theirs, CALL, decision),
            await gate.approvals.granted(run, replace(CALL, server="bank"), decision),
            await gate.approvals.granted(run, CALL, decision),
        )

    other, elsewhere, own = asyncio.run(story())
    assert (other, elsewhere) == (None, None)
    assert own.state == "approved"


def test_only_an_ask_is_held(gate: Any, people: dict[str, Caller]) -> None:
    bot = people["bot"]
    drop = ToolCall("drop", {}, "call_1")
    with pytest.raises(ValueError, match="only an ask is held"):
        asyncio.run(gate.approvals.held(bot, "run-1", "chat", drop, gate.decide(bot, drop), "dec-1"))


def test_an_ask_is_told_once_however_often_it_stands_in_one_turn(make_gate: Any, people: dict[str, Caller]) -> None:
    told: list[str] = []
    gate, bot = make_gate(asked=lambda: told.append("asked"), announces=True), people["bot"]
    run, decision = gate.run_of(bot), gate.decide(bot, CALL)

    async def turn() -> list[Any]:
        holdings = [await gate.approvals.held(bot, run.id, "chat", CALL, decision, name) for name in ("dec-1", "dec-2")]
        await gate.store.commit([], (), [one.change for one in holdings])
        for one in holdings:
            gate.approvals.committed(one)
        return holdings

    first, second = asyncio.run(turn())
    assert first.approval == second.approval
    assert told == ["asked"]
    assert [one.approval for one in gate.store.announcements(9)] == [first.approval.id]


def test_asks_of_one_turn_count_before_they_are_written(make_gate: Any, people: dict[str, Caller]) -> None:
    gate, bot = make_gate(pending_at_once=3), people["bot"]
    run = gate.run_of(bot)

    async def turn() -> list[str]:
        calls = [ToolCall("send_money", {"amount": amount}, f"call_{amount}") for amount in range(6)]
        asks = [gate.approvals.held(bot, run.id, "chat", call, gate.decide(bot, call), "dec-1") for call in calls]
        return [one.code for one in await asyncio.gather(*asks)]

    assert sorted(asyncio.run(turn())) == ["approval-budget"] * 3 + ["needs-approval"] * 3


def test_without_cryptography_a_secret_is_not_kept_and_the_agent_asks_again(
    gate: Any, people: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    bot = people["bot"]
    run = gate.run_of(bot)
    login = ToolCall("login", {"user": "ann", "password": "hunter2"}, "call_1")

    async def story() -> tuple[Any, list[Any], Any]:
        asked = await gate.call(bot, run, login)
        await gate.approvals.decide(asked.approval.id, people["ada"], True, "")
        return asked, await gate.approvals.ready(run, "acme", "chat"), await gate.call(bot, run, login)

    asked, ready, again = asyncio.run(story())
    assert asked.approval.sealed is None
    assert ready == []
    assert again.said == "released"


def test_only_a_yes_that_holds_is_granted(gate: Any, clock: Any, people: dict[str, Caller]) -> None:
    bot = people["bot"]
    run = gate.run_of(bot)

    async def story() -> list[Any]:
        calls = [ToolCall("send_money", {"amount": amount}, "call_1") for amount in range(4)]
        asked = [await gate.call(bot, run, call) for call in calls]
        found = [await gate.approvals.granted(run, calls[0], gate.decide(bot, calls[0]))]
        for one, approve in zip(asked[1:], (False, True, True), strict=True):
            await gate.approvals.decide(one.approval.id, people["ada"], approve, "")
        await gate.call(bot, run, calls[2])
        found += [await gate.approvals.granted(run, call, gate.decide(bot, call)) for call in calls[1:]]
        clock.go(600)
        return [*found, await gate.approvals.granted(run, calls[3], gate.decide(bot, calls[3]))]

    pending, denied, used, good, over = asyncio.run(story())
    assert (pending, denied, used, over) == (None, None, None, None)
    assert good.state == "approved"
