"""server/adapters/langchain.py: `create_agent` of the real LangChain, with its own fake chat model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from server.adapters import langchain_middleware
from server.in_process import Door


@pytest.fixture
def agent_of(contract: Any, needs: Callable[[str], None]) -> Callable[..., Any]:
    needs("langchain")
    from langchain.agents import create_agent
    from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.tools import StructuredTool

    class Scripted(FakeMessagesListChatModel):
        def bind_tools(self, tools: Any, **given: Any) -> Any:
            return self

    def make(door: Door, turns: Sequence[tuple[str, dict[str, Any]]], at_once: bool = False, **more: Any) -> Any:
        calls = [
            {"name": name, "args": arguments, "id": f"call_{at}", "type": "tool_call"}
            for at, (name, arguments) in enumerate(turns)
        ]
        said = [AIMessage("", tool_calls=calls)] if at_once else [AIMessage("", tool_calls=[call]) for call in calls]
        tools = contract.tools
        offered = [StructuredTool.from_function(one) for one in (tools.add, tools.read, tools.send, tools.fails)]
        model = Scripted(responses=[*said, AIMessage("done")])
        return create_agent(model, [*offered, *more.get("tools", ())], middleware=[langchain_middleware(door)])

    return make


async def told(agent: Any) -> list[Any]:
    answer = await agent.ainvoke({"messages": [("user", "go on")]})
    assert answer["messages"][-1].content == "done"
    return [message for message in answer["messages"] if message.type == "tool"]


def test_the_contract_holds(contract: Any, agent_of: Callable[..., Any]) -> None:
    async def drive(door: Door, turns: Any) -> list[str]:
        return [message.content for message in await told(agent_of(door, turns))]

    contract.keeps(drive)


def test_a_broken_gate_runs_nothing(contract: Any, agent_of: Callable[..., Any]) -> None:
    async def drive(door: Door, turns: Any) -> list[str]:
        return [message.content for message in await told(agent_of(door, turns))]

    assert "the store is closed" in repr(contract.runs_nothing_unrecorded(drive))


def test_calls_of_one_answer_are_decided_one_by_one(contract: Any, agent_of: Callable[..., Any]) -> None:
    turns = [("add", {"a": 1, "b": 1}), ("add", {"a": 9, "b": 1}), ("add", {"a": 2, "b": 1})]

    async def steps(door: Door) -> None:
        messages = await told(agent_of(door, turns, at_once=True))
        assert [message.status for message in messages] == ["success", "error", "success"]
        assert [message.tool_call_id for message in messages] == ["call_0", "call_1", "call_2"]

    contract.inside(steps)
    assert sorted(contract.tools.ran) == [("add", 1, 1), ("add", 2, 1)]


def test_a_failure_is_known_and_raised(contract: Any, agent_of: Callable[..., Any]) -> None:
    async def steps(door: Door) -> None:
        with pytest.raises(ConnectionError):
            await told(agent_of(door, [("fails", {})]))
        assert await contract.knows_of_failure(door)

    contract.inside(steps)


def test_without_a_loop_nothing_runs(contract: Any, agent_of: Callable[..., Any]) -> None:
    async def steps(door: Door) -> None:
        with pytest.raises(NotImplementedError):
            agent_of(door, [("read", {})]).invoke({"messages": [("user", "go on")]})

    contract.inside(steps)
    assert contract.tools.ran == []


def test_a_command_is_redacted_as_a_text(contract: Any, agent_of: Callable[..., Any]) -> None:
    from langchain_core.messages import ToolMessage
    from langchain_core.tools import tool
    from langgraph.types import Command

    @tool("read")
    def command() -> Any:
        """Read."""
        return Command(update={"messages": [ToolMessage("pin 1234", tool_call_id="call_0")]})

    async def steps(door: Door) -> None:
        (message,) = await told(agent_of(door, [("read", {})], tools=[command]))
        assert "1234" not in message.content
        assert "pin ****" in message.content

    contract.inside(steps)
