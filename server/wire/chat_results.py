"""What tools answered, as a chat request tells it: messages of the roles `tool` and `function`.

Over this API a result is the client's claim. Which tool it is of is read from the call that the history says it
answers, so a reader has to trust it no further than it trusts the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final

from .results import ToolResult

RESULT_ROLES: Final = frozenset({"tool", "function"})
ROLE: Final = itemgetter("role")


def results_of(messages: Sequence[Mapping[str, Any]]) -> Iterator[ToolResult]:
    """The results in the messages, in order; parts of a result that are no text say nothing that can be compared. Every
    message has a role."""
    if RESULT_ROLES.isdisjoint(map(ROLE, messages)):
        return
    named: dict[str, str] = {}
    for place, message in enumerate(messages):
        if message.get("role") == "assistant":
            named.update(_names(message))
        elif message.get("role") in RESULT_ROLES:
            call_id = message.get("tool_call_id")
            call_id = call_id if isinstance(call_id, str) else ""
            name = message.get("name") if message.get("role") == "function" else None
            tool = name if isinstance(name, str) else named.get(call_id, "")
            yield ToolResult(place, call_id, tool, "\n".join(texts(message.get("content"))))


def changed(messages: Sequence[Mapping[str, Any]], change: Callable[[str, str], str]) -> list[dict[str, Any]] | None:
    """The messages with every text of every result replaced by `change(tool, text)`; None where nothing changed."""
    found: dict[int, Any] = {}
    for result in results_of(messages):
        content = messages[result.place].get("content")
        again = _changed_content(content, partial(change, result.tool))
        if again != content:
            found[result.place] = again
    if not found:
        return None
    return [{**message, "content": found[at]} if at in found else dict(message) for at, message in enumerate(messages)]


def texts(content: object) -> list[str]:
    """The texts of a message's content: the content itself, or those of its text parts."""
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


def _changed_content(content: object, change: Callable[[str], str]) -> object:
    if isinstance(content, str):
        return change(content)
    if not isinstance(content, list):
        return content
    return [
        {**part, "text": change(part["text"])} if isinstance(part, dict) and isinstance(part.get("text"), str) else part
        for part in content
    ]


def _names(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str) and isinstance(call.get("id"), str):
            yield call["id"], name
