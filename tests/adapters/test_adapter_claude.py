"""server/adapters/claude.py: the real Claude Agent SDK, over a transport that plays its command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from server.adapters import claude_hooks, claude_permission
from server.in_process import Door

RESULT = {
    "type": "result", "subtype": "success", "duration_ms": 1, "duration_api_ms": 1, "is_error": False, "num_turns": 1,
    "session_id": "s", "result": "done",
}  # fmt: skip


class Played:
    """The command line as the SDK sees it: it asks before a tool, runs it, and tells what came back."""

    def __init__(self, tools: Any, turns: Sequence[tuple[str, dict[str, Any]]]) -> None:
        self.told: list[str] = []
        self._tools = tools
        self._turns = turns
        self._out: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._hooks: dict[str, str] = {}
        self._playing: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        pass

    async def write(self, data: str) -> None:
        message = json.loads(data)
        if message["type"] == "control_request":
            for event, matchers in (message["request"].get("hooks") or {}).items():
                (matcher,) = matchers
                assert matcher["onFailure"] == "block"
                (self._hooks[event],) = matcher["hookCallbackIds"]
            done = {"hook_on_failure_supported": True, "hooks_applied": True, "commands": []}
            answer = {"subtype": "success", "request_id": message["request_id"], "response": done}
            self._out.put_nowait({"type": "control_response", "response": answer})
        elif message["type"] == "control_response":
            self._answers[message["response"]["request_id"]].set_result(message["response"])
        elif message["type"] == "user":
            self._playing = asyncio.create_task(self._play())

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        while (message := await self._out.get()) is not None:
            yield message

    async def close(self) -> None:
        self._out.put_nowait(None)
        if self._playing is not None:
            await self._playing

    def is_ready(self) -> bool:
        return True

    async def end_input(self) -> None:
        pass

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        name = f"r{len(self._answers)}"
        future = self._answers[name] = asyncio.get_running_loop().create_future()
        self._out.put_nowait({"type": "control_request", "request_id": name, "request": request})
        answer = await asyncio.wait_for(future, 30)
        return answer.get("response", {}) if answer["subtype"] == "success" else {"failed": answer["error"]}

    async def _hook(self, event: str, at: int, **members: Any) -> dict[str, Any]:
        if event not in self._hooks:
            return {}
        common = {"session_id": "s", "transcript_path": "", "cwd": "", "tool_use_id": f"toolu_{at}"}
        told = {"hook_event_name": event, **common, **members}
        request = {"subtype": "hook_callback", "callback_id": self._hooks[event], "tool_use_id": f"toolu_{at}"}
        return (await self._ask({**request, "input": told})).get("hookSpecificOutput", {})

    async def _play(self) -> None:
        for at, (name, arguments) in enumerate(self._turns):
            asked = await self._hook("PreToolUse", at, tool_name=name, tool_input=arguments)
            if not self._hooks:
                members = {"tool_name": name, "input": arguments, "tool_use_id": f"toolu_{at}"}
                may = await self._ask({"subtype": "can_use_tool", **members, "permission_suggestions": []})
                asked = {"permissionDecision": may.get("behavior", "deny"), "updatedInput": may.get("updatedInput")}
                asked["permissionDecisionReason"] = may.get("message") or may.get("failed")
            if asked.get("permissionDecision", "allow") != "allow":
                self.told.append(asked["permissionDecisionReason"])
                continue
            arguments = asked.get("updatedInput") or arguments
            try:
                answer = getattr(self._tools, name)(**arguments)
            except ConnectionError as error:
                await self._hook("PostToolUseFailure", at, tool_name=name, tool_input=arguments, error=str(error))
                self.told.append(str(error))
                continue
            after = await self._hook("PostToolUse", at, tool_name=name, tool_input=arguments, tool_response=answer)
            self.told.append(after.get("updatedToolOutput", answer))
        self._out.put_nowait(RESULT)


@pytest.fixture
def drive(contract: Any, needs: Callable[[str], None]) -> Callable[..., Any]:
    needs("claude_agent_sdk")
    from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient

    async def run(turns: Any, **options: Any) -> list[str]:
        played = Played(contract.tools, turns)
        async with ClaudeSDKClient(ClaudeAgentOptions(**options), transport=played) as client:  # type: ignore[arg-type]
            await client.query("go on")
            async for _ in client.receive_response():
                pass
        return played.told

    return run


def test_the_contract_holds(contract: Any, drive: Callable[..., Any]) -> None:
    contract.keeps(lambda door, turns: drive(turns, hooks=claude_hooks(door, allows=True)))


def test_hooks_of_a_broken_gate_deny(contract: Any, drive: Callable[..., Any]) -> None:
    said = contract.runs_nothing_unrecorded(lambda door, turns: drive(turns, hooks=claude_hooks(door)))
    assert said == ["leastward: the gate cannot decide"]


def test_a_broken_gate_gives_no_permission(contract: Any, drive: Callable[..., Any]) -> None:
    said = contract.runs_nothing_unrecorded(lambda door, turns: drive(turns, can_use_tool=claude_permission(door)))
    assert said == ["leastward: the gate cannot decide"]


def test_a_failure_is_known(contract: Any, drive: Callable[..., Any]) -> None:
    async def steps(door: Door) -> None:
        assert await drive([("fails", {})], hooks=claude_hooks(door)) == ["the line is dead"]
        assert await contract.knows_of_failure(door)

    contract.inside(steps)


def test_without_allow_the_hosts_rules_stand(contract: Any, drive: Callable[..., Any]) -> None:
    """An allowed call gets no opinion; one that was changed is asked about, with the other arguments."""

    async def steps(door: Door) -> None:
        (hook,) = claude_hooks(door)["PreToolUse"][0].hooks
        event = {"hook_event_name": "PreToolUse", "tool_name": "add", "tool_use_id": "toolu_1"}
        assert await hook({**event, "tool_input": {"a": 1, "b": 1}}, None, {"signal": None}) == {}  # type: ignore
        asked: Any = await hook({**event, "tool_input": {"a": 1, "b": 7}}, None, {"signal": None})  # type: ignore
        told = asked["hookSpecificOutput"]
        assert (told["permissionDecision"], told["updatedInput"]) == ("ask", {"a": 1, "b": 2})

    contract.inside(steps)


def test_permission_is_given_and_refused(contract: Any, drive: Callable[..., Any]) -> None:
    turns = [("add", {"a": 1, "b": 7}), ("add", {"a": 9, "b": 1}), ("add", {"a": 5, "b": 1})]

    async def steps(door: Door) -> None:
        allowed, forbidden, asked = await drive(turns, can_use_tool=claude_permission(door))
        assert allowed == "3"
        assert "Nine is too much." in forbidden
        assert "It is approval apr-" in asked

    contract.inside(steps)
    assert contract.tools.ran == [("add", 1, 2)]


def test_a_float_stays_one_for_the_host(contract: Any, drive: Callable[..., Any]) -> None:
    async def steps(door: Door) -> None:
        assert await drive([("add", {"a": 1.5, "b": 7})], hooks=claude_hooks(door, allows=True)) == ["3.5"]

    contract.inside(steps)
    assert contract.tools.ran == [("add", 1.5, 2)]
