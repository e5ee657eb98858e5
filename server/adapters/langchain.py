"""LangChain and LangGraph: a middleware of `create_agent` around each tool call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from guardrail import with_floats

from ..tool_gate import ToolAnswer, Withheld
from ..wire import refusal_text
from .answers import as_told

if TYPE_CHECKING:
    from langchain.agents.middleware import AgentMiddleware

    from ..in_process import Door


def langchain_middleware(door: Door) -> AgentMiddleware[Any, Any]:
    """For `create_agent(..., middleware=[...])`, as the last of them: one behind it could change what was judged.

    The agent is asked with `ainvoke` or `astream`; asked otherwise LangChain raises before a tool runs. Tools that the
    provider runs never come here.
    """
    from langchain.agents.middleware import wrap_tool_call
    from langchain_core.messages import ToolMessage

    async def leastward(request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        call = request.tool_call
        ran: Any = None

        async def reach(arguments: dict[str, Any]) -> ToolAnswer:
            nonlocal ran
            ran = await handler(request.override(tool_call={**call, "args": with_floats(arguments)}))
            failed = isinstance(ran, ToolMessage) and ran.status == "error"
            return ToolAnswer(_content(ran), "error" if failed else "ok")

        outcome = await door.call(call["name"], call["args"], reach, call_id=call["id"] or "")
        if not isinstance(outcome, Withheld):
            kept = outcome.answer.content
            if kept == _content(ran):
                return ran
            # What is no message (a Command, with state in it) cannot be redacted in its own form: the text is.
            text = kept if isinstance(kept, str | list) else str(kept)
            if isinstance(ran, ToolMessage):
                return ran.model_copy(update={"content": text})
            return ToolMessage(str(text), name=call["name"], tool_call_id=call["id"])
        text = refusal_text(outcome.refusal, call["name"])
        return ToolMessage(text, name=call["name"], tool_call_id=call["id"], status="error")

    return wrap_tool_call(name="Leastward")(leastward)


def _content(ran: Any) -> Any:
    """Of a message what the model reads; of anything else all of it."""
    return as_told(getattr(ran, "content", ran))
