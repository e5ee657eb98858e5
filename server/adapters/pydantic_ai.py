"""pydantic-ai: a toolset around another, and a capability that puts one around all of an agent's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from policy_dsl import strict_json

from ..tool_gate import ToolAnswer, Withheld
from ..wire import refusal_text
from .answers import Unguardable, as_told, shown

if TYPE_CHECKING:
    from pydantic_ai.capabilities import AbstractCapability
    from pydantic_ai.toolsets import AbstractToolset

    from ..in_process import Door


def pydantic_toolset(door: Door, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
    """`toolset` behind the gate. Raises Unguardable once it lists a tool that is run outside of the agent.

    What is judged is the JSON of the validated arguments, defaults included; what runs is that JSON, validated again.
    """
    from pydantic_ai.toolsets import WrapperToolset

    @dataclass
    class Leastward(WrapperToolset[Any]):
        async def get_tools(self, ctx: Any) -> dict[str, Any]:
            tools: dict[str, Any] = await super().get_tools(ctx)
            for name, tool in tools.items():
                if tool.tool_def.kind == "external":
                    raise Unguardable(f"`{name}` is run outside of the agent: the gate would not see its calls")
            return tools

        async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: Any, tool: Any) -> Any:
            ran: Any = None

            async def reach(judged: dict[str, Any]) -> ToolAnswer:
                nonlocal ran
                text = strict_json.encode(judged)
                arguments = tool.args_validator.validate_json(text, context=ctx.validation_context)
                ran = await super(Leastward, self).call_tool(name, arguments, ctx, tool)
                return ToolAnswer(as_told(ran))

            arguments = to_jsonable_python(tool_args, fallback=lambda value: value)
            outcome = await door.call(name, arguments, reach, call_id=ctx.tool_call_id or "")
            return (
                refusal_text(outcome.refusal, name)
                if isinstance(outcome, Withheld)
                else shown(ran, as_told(ran), outcome)
            )

    return Leastward(toolset)


def pydantic_capability(door: Door) -> AbstractCapability[Any]:
    """For `Agent(..., capabilities=[...])`: every tool that the agent runs, those of its decorators included. Tools
    that the provider runs never come here."""
    from pydantic_ai.capabilities import AbstractCapability

    @dataclass
    class Leastward(AbstractCapability[Any]):
        def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
            return pydantic_toolset(door, toolset)

    return Leastward()
