"""server/approvals/over_mcp.py: the port that the MCP door waits through, on a real queue."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from guardrail import ToolCall
from server.approvals.over_mcp import HeldOverMcp
from server.edge import EdgeError
from server.exchange import Caller

CALL = ToolCall("send_money", {"amount": 5, "note": "\u202e"}, "call_1", None)


async def _state(gate: Any, held: HeldOverMcp, who: Caller, call: ToolCall = CALL) -> tuple[str, str]:
    asked = await gate.call(who, gate.run_of(who), call, "mcp")
    waiting = await held.waiting(who, asked.approval.id)
    assert waiting is not None
    return asked.approval.id, waiting.state


def test_a_client_comes_back_and_is_let_through(make_gate: Any, people: dict[str, Caller]) -> None:
    gate = make_gate(wait_seconds=3600.0, poll_seconds=3600.0)
    held, bot = HeldOverMcp(gate.approvals), people["bot"]

    async def story() -> str:
        name, state = await _state(gate, held, bot)
        back = asyncio.create_task(held.resumed(bot, CALL, state))
        await asyncio.sleep(0.05)
        assert not back.done()
        await gate.approvals.decide(name, people["ada"], True, "")
        await back
        first = await gate.call(bot, gate.run_of(bot), CALL, "mcp")
        await held.resumed(bot, CALL, state)  # the same state again: it opens, and grants nothing
        second = await gate.call(bot, gate.run_of(bot), CALL, "mcp")
        return f"{first.said} {second.said}"

    assert asyncio.run(story()) == "released needs-approval"


def test_what_the_client_is_told_is_the_gates_rendering(gate: Any, people: dict[str, Caller]) -> None:
    bot = people["bot"]
    held = HeldOverMcp(gate.approvals, "https://gate.example/approvals")
    asked = asyncio.run(gate.call(bot, gate.run_of(bot), CALL, "mcp"))
    waiting = asyncio.run(held.waiting(bot, asked.approval.id))
    assert waiting is not None
    assert waiting.url == "https://gate.example/approvals"
    assert waiting.message.split("\n") == [
        f"A person has to approve this call first (approval {asked.approval.id}).",
        "send_money(",
        "  amount = 5",
        '  note = "\\u202e"',
        ")",
    ]
    for who in ("other-bot", "eve", "bot-for-ann"):
        assert asyncio.run(held.waiting(people[who], asked.approval.id)) is None


def test_a_state_is_for_its_own_principal_call_and_time(gate: Any, clock: Any, people: dict[str, Caller]) -> None:
    held, bot = HeldOverMcp(gate.approvals), people["bot"]
    rounded = ToolCall("round", {"amount": 7}, "call_1")

    async def story() -> None:
        _, state = await _state(gate, held, bot)
        _, of_rounded = await _state(gate, held, bot, rounded)
        refused: list[tuple[Caller, ToolCall, str]] = [
            (people["other-bot"], CALL, state),
            (people["eve"], CALL, state),
            (bot, ToolCall("send_money", {"amount": 6, "note": "\u202e"}, "c"), state),
            (bot, ToolCall("send_money", dict(CALL.arguments), "c", "bank"), state),
            (bot, CALL, state[:-1] + ("A" if state[-1] != "A" else "B")),
            (bot, CALL, "forged"),
            (bot, CALL, of_rounded),
            (bot, ToolCall("round", {"amount": 100}, "c"), of_rounded),
        ]
        for who, call, one in refused:
            with pytest.raises(EdgeError) as told:
                await held.resumed(who, call, one)
            assert (told.value.status, told.value.code) == (400, "bad-state")
        clock.go(3_600 + 600)
        with pytest.raises(EdgeError):
            await held.resumed(bot, CALL, state)

    asyncio.run(story())
