"""server/adapters/pydantic_ai.py: an agent of the real pydantic-ai, with its own FunctionModel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from server.adapters import Unguardable, pydantic_capability, pydantic_toolset
from server.in_process import Door


class Of(BaseModel):
    pin: int


@pytest.fixture
def model_of(needs: Callable[[str], None]) -> Callable[..., Any]:
    needs("pydantic_ai")
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import FunctionModel

    def make(turns: Sequence[tuple[str, dict[str, Any]]]) -> Any:
        left = iter(turns)

        def say(messages: Any, info: Any) -> ModelResponse:
            turn = next(left, None)
            return ModelResponse([TextPart("done") if turn is None else ToolCallPart(*turn)])

        return FunctionModel(say)

    return make


async def told(agent: Any) -> list[str]:
    result = await agent.run("go on")
    assert result.output == "done"
    parts = [part for message in result.all_messages() for part in message.parts]
    return [str(part.content) for part in parts if part.part_kind in ("tool-return", "retry-prompt")]


def functions(contract: Any) -> list[Callable[..., Any]]:
    tools = contract.tools
    return [tools.add, tools.read, tools.send]


def test_the_contract_holds_for_a_toolset(contract: Any, model_of: Callable[..., Any]) -> None:
    from pydantic_ai import Agent
    from pydantic_ai.toolsets import FunctionToolset

    async def drive(door: Door, turns: Any) -> list[str]:
        toolset = pydantic_toolset(door, FunctionToolset(functions(contract)))
        return await told(Agent(model_of(turns), toolsets=[toolset]))

    contract.keeps(drive)


def test_the_contract_holds_for_all_tools_of_an_agent(contract: Any, model_of: Callable[..., Any]) -> None:
    from pydantic_ai import Agent

    async def drive(door: Door, turns: Any) -> list[str]:
        agent = Agent(model_of(turns), tools=functions(contract), capabilities=[pydantic_capability(door)])
        return await told(agent)

    contract.keeps(drive)


def test_a_broken_gate_runs_nothing(contract: Any, model_of: Callable[..., Any]) -> None:
    from pydantic_ai import Agent

    async def drive(door: Door, turns: Any) -> list[str]:
        agent = Agent(model_of(turns), tools=functions(contract), capabilities=[pydantic_capability(door)])
        return await told(agent)

    assert "the store is closed" in repr(contract.runs_nothing_unrecorded(drive))


def test_a_failure_is_known(contract: Any, model_of: Callable[..., Any]) -> None:
    from pydantic_ai import Agent, ModelRetry

    def fails() -> str:
        raise ModelRetry("the line is dead")

    async def steps(door: Door) -> None:
        agent = Agent(model_of([("fails", {})]), tools=[fails], capabilities=[pydantic_capability(door)])
        assert "the line is dead" in (await told(agent))[0]
        assert await contract.knows_of_failure(door)

    contract.inside(steps)


def test_typed_arguments_are_judged_as_json_and_validated_again(contract: Any, model_of: Callable[..., Any]) -> None:
    from pydantic_ai import Agent

    seen: list[Of] = []

    def read(of: Of, exact: float = 0.5) -> Of:
        seen.append(of)
        return of

    async def steps(door: Door) -> None:
        agent = Agent(model_of([("read", {"of": {"pin": 1}})]), tools=[read], capabilities=[pydantic_capability(door)])
        assert await told(agent) == ["pin=1"]

    contract.inside(steps)
    assert seen == [Of(pin=1)]


def test_tools_that_run_elsewhere_are_refused(contract: Any, model_of: Callable[..., Any]) -> None:
    from pydantic_ai import Agent
    from pydantic_ai.tools import ToolDefinition
    from pydantic_ai.toolsets import ExternalToolset

    async def steps(door: Door) -> None:
        external = ExternalToolset([ToolDefinition(name="read", parameters_json_schema={"type": "object"})])
        with pytest.raises(Unguardable, match="`read`"):
            await told(Agent(model_of([]), toolsets=[external], capabilities=[pydantic_capability(door)]))

    contract.inside(steps)
