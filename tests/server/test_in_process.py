"""server/in_process.py: the gate without a socket, with its own records."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from guardrail import Principal
from server.edge import EdgeError
from server.in_process import Door, open_doors, open_gate
from server.store import StoreError
from server.tool_gate import Cleared, Released, ToolAnswer, Withheld, decision_of

POLICY = """language 1
allow pay(to, amount) as known when to == "ann"
allow read(...)
trust results of read
allow send(...) as after-read when after succeeded read
redact results of read matching /[0-9]{4}/ with "****"
require approval for pay as big when amount > 100
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "gate.lw").write_text(POLICY)
    (tmp_path / "leastward.yaml").write_text("policies: ['*.lw']\ndatabase: gate.db\n")
    return tmp_path / "leastward.yaml"


def run(config: Path, steps: Any) -> None:
    async def inside() -> None:
        async with open_gate(config, Principal("t", "a")) as door:
            await steps(door)

    asyncio.run(inside())


def test_calls_are_decided_run_and_recorded(config: Path, outside: Any) -> None:
    ran: list[dict[str, Any]] = []

    async def reach(arguments: dict[str, Any]) -> ToolAnswer:
        ran.append(arguments)
        return ToolAnswer({"paid": True})

    async def steps(door: Door) -> None:
        released = await door.call("pay", {"to": "ann", "amount": 2}, reach)
        assert isinstance(released, Released)
        assert released.answer.content == {"paid": True}
        for arguments, effect, code in (
            ({"to": "eve", "amount": 1}, "forbid", "no-rule"),
            ({"to": "ann", "amount": 101}, "ask", "needs-approval"),
            ({"to": object()}, "forbid", "bad-json-arguments"),
        ):
            withheld = await door.call("pay", arguments, reach)
            assert isinstance(withheld, Withheld)
            assert (withheld.effect, withheld.refusal.code) == (effect, code)

    run(config, steps)
    assert ran == [{"to": "ann", "amount": 2}]
    records = outside.read_records(config.parent / "gate.db")
    told = [(one["door"], one["tool"], one["effect"], one["reason"]) for one in records]
    assert told == [
        ("in-process", "pay", "allow", "rule"),
        ("in-process", "pay", "forbid", "no-rule"),
        ("in-process", "pay", "ask", "rule"),
        ("in-process", "pay", "forbid", "bad-json-arguments"),
    ]


def test_what_came_back_is_observed_and_redacted(config: Path, outside: Any) -> None:
    decisions: list[str | None] = []

    async def failing(arguments: dict[str, Any]) -> ToolAnswer:
        raise TimeoutError

    async def reading(arguments: dict[str, Any]) -> ToolAnswer:
        return ToolAnswer({"pin": "1234", "list": ["a 5678"]})

    async def sending(arguments: dict[str, Any]) -> ToolAnswer:
        return ToolAnswer("sent")

    async def steps(door: Door) -> None:
        with pytest.raises(TimeoutError) as failed:
            await door.call("read", {}, failing)
        decisions.append(decision_of(failed.value))
        assert isinstance(await door.call("send", {}, sending), Withheld)
        read = await door.call("read", {}, reading)
        assert isinstance(read, Released)
        assert read.answer.content == {"pin": "****", "list": ["a ****"]}
        assert isinstance(await door.call("send", {}, sending), Released)

    run(config, steps)
    assert decisions == [outside.read_records(config.parent / "gate.db")[0]["id"]]
    assert decision_of(TimeoutError("of another")) is None


def test_one_process_has_the_database(config: Path) -> None:
    async def steps(door: Door) -> None:
        with pytest.raises(StoreError):
            async with open_gate(config, Principal("t", "b")):
                raise AssertionError("a second writer")

    run(config, steps)


def test_a_host_that_runs_its_tools_itself_decides_and_tells(config: Path) -> None:
    async def steps(door: Door) -> None:
        cleared = await door.decide("read", "{}")
        assert isinstance(cleared, Cleared)
        told = await door.answered(cleared.call, ToolAnswer("pin 1234"), observed=False)
        assert told.content == "pin ****"
        assert isinstance(await door.decide("send", {}), Withheld)  # a claim proves nothing
        again = await door.decide("read", {}, call_id="second")
        assert isinstance(again, Cleared)
        await door.answered(again.call, ToolAnswer("pin 1234"))
        assert isinstance(await door.decide("send", {}), Cleared)
        for text in ('{"to": "ann", "to": "eve", "amount": 1}', "[]", ""):
            withheld = await door.decide("pay", text)
            assert isinstance(withheld, Withheld)
            assert withheld.refusal.code == "bad-json-arguments"

    run(config, steps)


def test_a_hook_of_a_door_names_the_approval_and_redacts(config: Path) -> None:
    async def steps(door: Door) -> None:
        hook = door.hook()
        pay = {"tool_name": "pay", "tool_input": {"to": "ann", "amount": 101}}
        told = (await hook.answer({"hook_event_name": "PreToolUse", **pay}))["hookSpecificOutput"]
        assert told["permissionDecision"] == "ask"
        assert re.search(r"\bapr-[0-9a-v]{26}\b", told["permissionDecisionReason"])
        read = {"tool_name": "read", "tool_input": {}, "tool_response": {"text": "pin 1234"}}
        after = await hook.answer({"hook_event_name": "PostToolUse", **read})
        assert after["hookSpecificOutput"]["updatedToolOutput"] == {"text": "pin ****"}

    run(config, steps)


def test_many_principals_have_a_standing_run_each(config: Path) -> None:
    async def reading(arguments: dict[str, Any]) -> ToolAnswer:
        return ToolAnswer("read")

    async def inside() -> None:
        async with open_doors(config) as doors:
            one, other = Principal("t", "a"), Principal("t", "b")
            assert isinstance(await doors(one).call("read", {}, reading), Released)
            assert isinstance(await doors(one).decide("send", {}), Cleared)
            assert isinstance(await doors(other).decide("send", {}), Withheld)

    asyncio.run(inside())


async def _paying(arguments: dict[str, Any]) -> ToolAnswer:
    return ToolAnswer({"paid": arguments["amount"]})


def test_a_call_waits_for_a_person_and_a_repeat_runs_once(config: Path) -> None:
    """Answered while it waits, then answered after it was refused: the repeat runs once, then is asked about anew."""
    pay = {"to": "ann", "amount": 101}
    person = Principal("t", "desk", "eve")

    async def given(door: Door, approve: bool = True) -> str:
        while not (found := await door.pending()):  # noqa: ASYNC110 (what another task writes is seen by looking)
            await asyncio.sleep(0.01)
        with pytest.raises(EdgeError, match="of their own"):
            await door.answer(found[0]["id"], Principal("t", "a"), approve=True)
        await door.answer(found[0]["id"], person, approve=approve)
        return str(found[0]["id"])

    async def waiting(door: Door) -> None:
        released, _ = await asyncio.gather(door.call("pay", pay, _paying), given(door))
        assert isinstance(released, Released)
        withheld, _ = await asyncio.gather(
            door.call("pay", {**pay, "amount": 102}, _paying), given(door, approve=False)
        )
        assert isinstance(withheld, Withheld)

    async def repeating(door: Door) -> None:
        first = await door.call("pay", pay, _paying)
        assert isinstance(first, Withheld)
        assert await given(door) == first.approval
        assert isinstance(await door.call("pay", {**pay, "amount": 102}, _paying), Withheld)
        came = await asyncio.gather(*(door.call("pay", pay, _paying) for _ in range(8)))
        assert [isinstance(one, Released) for one in came].count(True) == 1
        again = await door.call("pay", pay, _paying)
        assert isinstance(again, Withheld)
        assert again.approval not in (None, first.approval)

    plain = config.read_text()
    config.write_text(plain + "approvals: {wait_seconds: 30}\n")
    run(config, waiting)
    config.write_text(plain)
    run(config, repeating)
