"""OpenAI Agents SDK: function tools that ask the gate first."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from policy_dsl import strict_json

from ..tool_gate import ToolAnswer, Withheld
from ..wire import refusal_text
from .answers import Unguardable, as_told, shown

if TYPE_CHECKING:
    from agents import FunctionTool, Tool

    from ..in_process import Door


def openai_tools(door: Door, tools: Iterable[Tool]) -> list[FunctionTool]:
    """The same tools behind the gate, for `Agent(tools=...)`. Raises Unguardable for a tool that is no FunctionTool:
    the provider, or the SDK past any wrapper, would run it.

    MCP servers of an agent go through the gate's own `/mcp`; an agent that another one hands over to wraps its own.
    """
    from agents import FunctionTool

    guarded = []
    for tool in tools:
        if not isinstance(tool, FunctionTool):
            raise Unguardable(f"`{tool.name}` is no function tool: the gate would not see its calls")
        guarded.append(_guarded(door, tool))
    return guarded


def _guarded(door: Door, tool: FunctionTool) -> FunctionTool:
    from agents.tool import maybe_invoke_function_tool_failure_error_function as told_of
    from agents.tool import set_function_tool_failure_error_function

    # The SDK turns what a tool raises into a text for the model. The gate must hear that it failed: that is done here.
    bare = set_function_tool_failure_error_function(copy.copy(tool), None)
    wrapped = copy.copy(tool)

    async def invoke(context: Any, arguments: str) -> Any:
        failed: Exception | None = None
        ran: Any = None

        async def reach(judged: dict[str, Any]) -> ToolAnswer:
            nonlocal failed, ran
            text = strict_json.encode(judged).decode()
            try:
                ran = await bare.on_invoke_tool(_with_arguments(context, text), text)
            except Exception as error:
                failed = error
                raise
            return ToolAnswer(as_told(ran))

        try:
            outcome = await door.call(tool.qualified_name, arguments or "{}", reach, call_id=context.tool_call_id)
        except Exception as error:
            text = None if error is not failed else await told_of(function_tool=tool, context=context, error=error)
            if text is None:
                raise
            return text
        if isinstance(outcome, Withheld):
            return refusal_text(outcome.refusal, tool.qualified_name)
        return shown(ran, as_told(ran), outcome)

    wrapped.on_invoke_tool = invoke
    return wrapped


def _with_arguments(context: Any, text: str) -> Any:
    """The tool's context without what was asked before the gate changed it."""
    judged = copy.copy(context)
    judged.tool_arguments = text
    if judged.tool_call is not None:
        judged.tool_call = judged.tool_call.model_copy(update={"arguments": text})
    return judged
