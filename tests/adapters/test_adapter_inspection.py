"""server/adapters/inspection.py: an evaluation by the real inspect_ai, with its mock model."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.adapters import inspect_approver
from server.in_process import Door

# inspect_ai's own: how it uses tenacity, and streams of anyio that it leaves to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'initial' parameter is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def told(contract: Any, needs: Callable[[str], None], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    needs("inspect_ai")
    from inspect_ai import Task, eval_async
    from inspect_ai.approval import ApprovalPolicy
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model
    from inspect_ai.solver import generate, use_tools
    from inspect_ai.tool import Tool, ToolError, tool

    tools = contract.tools

    @tool
    def add() -> Tool:
        async def execute(a: int, b: int) -> str:
            """Add.

            Args:
                a: one
                b: other
            """
            return str(tools.add(a, b))

        return execute

    @tool
    def read() -> Tool:
        async def execute() -> str:
            """Read."""
            return str(tools.read())

        return execute

    @tool
    def send() -> Tool:
        async def execute(text: str) -> str:
            """Send.

            Args:
                text: what
            """
            return str(tools.send(text))

        return execute

    @tool
    def fails() -> Tool:
        async def execute() -> str:
            """Fail."""
            raise ToolError("the line is dead")

        return execute

    @tool
    def again() -> Tool:
        async def execute() -> str:
            """Again."""
            return "again"

        return execute

    async def run(door: Door, turns: Any) -> list[str]:
        outputs = [ModelOutput.for_tool_call("mockllm/model", name, arguments) for name, arguments in turns]
        outputs.append(ModelOutput.from_content("mockllm/model", "done"))
        for output in outputs:
            output.usage = ModelUsage(total_tokens=1)  # counting them would fetch a tokenizer from the network
        task = Task([Sample(input="go on")], solver=[use_tools(add(), read(), send(), fails(), again()), generate()])
        (log,) = await eval_async(
            task,
            model=get_model("mockllm/model", custom_outputs=outputs),
            approval=[ApprovalPolicy(inspect_approver(door), "*")],
            log_dir=str(tmp_path / "logs"),
        )
        if log.error is not None:
            raise RuntimeError(log.error.message)
        assert log.samples is not None
        messages = [one for one in log.samples[0].messages if one.role == "tool"]
        return [one.error.message if one.error else one.text for one in messages]

    yield run
    gc.collect()  # here, where its streams may be unclosed, and not in another test


def test_the_contract_holds(contract: Any, told: Callable[..., Any]) -> None:
    contract.keeps(told, redacts=False)


def test_a_broken_gate_runs_nothing(contract: Any, told: Callable[..., Any]) -> None:
    assert "the store is closed" in repr(contract.runs_nothing_unrecorded(told))


def test_a_failure_is_known(contract: Any, told: Callable[..., Any]) -> None:
    async def steps(door: Door) -> None:
        early, failed, again = await told(door, [("again", {}), ("fails", {}), ("again", {})])
        assert "refused again: no-rule" in early
        assert (failed, again) == ("the line is dead", "again")

    contract.inside(steps)
