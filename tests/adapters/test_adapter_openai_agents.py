"""server/adapters/openai_agents.py: the real runner of the Agents SDK, with a scripted Model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from server.adapters import Unguardable, openai_tools
from server.in_process import Door


@pytest.fixture
def told(needs: Callable[[str], None]) -> Callable[..., Any]:
    """`await told(tools, turns)`: what the model was told of each call. A turn's arguments may be a JSON text."""
    needs("agents")
    from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

    class Scripted(Model):
        def __init__(self, turns: Sequence[tuple[str, Any]]) -> None:
            self.turns = list(turns)

        async def get_response(self, *args: Any, **given: Any) -> ModelResponse:
            if self.turns:
                name, arguments = self.turns.pop(0)
                text = arguments if isinstance(arguments, str) else json.dumps(arguments)
                call_id = f"call_{len(self.turns)}"
                said: Any = ResponseFunctionToolCall(name=name, arguments=text, call_id=call_id, type="function_call")
            else:
                content = [ResponseOutputText(text="done", type="output_text", annotations=[])]
                said = ResponseOutputMessage(
                    id="m", content=content, role="assistant", status="completed", type="message"
                )
            return ModelResponse([said], Usage(), None)

        def stream_response(self, *args: Any, **given: Any) -> Any:
            raise NotImplementedError

    async def run(tools: Any, turns: Any) -> list[str]:
        agent = Agent("scripted", tools=tools, model=Scripted(turns))
        result = await Runner.run(agent, "go on", run_config=RunConfig(tracing_disabled=True))
        assert result.final_output == "done"
        return [str(item.output) for item in result.new_items if item.type == "tool_call_output_item"]

    return run


def tools_of(contract: Any, door: Door) -> list[Any]:
    from agents import function_tool

    tools = contract.tools
    return list(openai_tools(door, [function_tool(one) for one in (tools.add, tools.read, tools.send, tools.fails)]))


def test_the_contract_holds(contract: Any, told: Callable[..., Any]) -> None:
    async def drive(door: Door, turns: Any) -> list[str]:
        made: list[str] = await told(tools_of(contract, door), turns)
        return made

    contract.keeps(drive)


def test_a_broken_gate_runs_nothing(contract: Any, told: Callable[..., Any]) -> None:
    async def drive(door: Door, turns: Any) -> list[str]:
        made: list[str] = await told(tools_of(contract, door), turns)
        return made

    assert "the store is closed" in repr(contract.runs_nothing_unrecorded(drive))


def test_a_failure_is_known_though_the_sdk_makes_a_text_of_it(contract: Any, told: Callable[..., Any]) -> None:
    async def steps(door: Door) -> None:
        (text,) = await told(tools_of(contract, door), [("fails", {})])
        assert "An error occurred while running the tool" in text  # the SDK from 0.24 on keeps the error to itself
        assert await contract.knows_of_failure(door)

    contract.inside(steps)


def test_what_strict_json_refuses_does_not_run(contract: Any, told: Callable[..., Any]) -> None:
    async def steps(door: Door) -> None:
        answers = await told(tools_of(contract, door), [("add", '{"a": 9, "a": 1, "b": 1}'), ("add", "no json")])
        assert ["bad-json-arguments" in text for text in answers] == [True, True]

    contract.inside(steps)
    assert contract.tools.ran == []


def test_a_tool_reads_the_judged_arguments_in_its_context_too(contract: Any, told: Callable[..., Any]) -> None:
    from agents import function_tool
    from agents.tool_context import ToolContext

    seen: list[tuple[str, str]] = []

    def add(context: Any, a: int, b: int) -> str:
        assert context.tool_call is not None
        seen.append((context.tool_arguments, context.tool_call.arguments))
        return "added"

    add.__annotations__["context"] = ToolContext[Any]  # the SDK looks types up by name, and this one is imported here

    async def steps(door: Door) -> None:
        assert await told(openai_tools(door, [function_tool(add)]), [("add", {"a": 1, "b": 7})]) == ["added"]

    contract.inside(steps)
    assert seen == [('{"a":1,"b":2}', '{"a":1,"b":2}')]


def test_a_tool_of_the_provider_is_refused(contract: Any, told: Callable[..., Any]) -> None:
    from agents import WebSearchTool

    async def steps(door: Door) -> None:
        with pytest.raises(Unguardable, match="web_search"):
            openai_tools(door, [WebSearchTool()])

    contract.inside(steps)
