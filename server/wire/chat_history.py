"""Puts earlier refused calls back into the messages that a client sends.

A client knows only what was released, so the model would not see its refused calls and try them again. Each refused
call is added to the assistant message it came from, with its refusal as the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .refusal import PastRefusal


def put_back(messages: Sequence[Mapping[str, Any]], past: Sequence[PastRefusal]) -> list[dict[str, Any]]:
    """The messages with every refused call whose place is found; the others are left out.

    The place of a call is the assistant message that carries the calls released with it, or, if there were none, the
    one whose text is the released text. Some servers give the same ids in every answer, so the search goes on behind
    the place of the answer before; `past` is in order of time.
    """
    result = [dict(message) for message in messages]
    before: PastRefusal | None = None
    place, behind = None, 0
    for refusal in past:
        if before is None or not _same_answer(before, refusal):
            place = _place(result, refusal, behind)
        before = refusal
        if place is None:
            continue
        behind = place + 1
        calls = result[place].get("tool_calls") or []
        if any(isinstance(call, dict) and call.get("id") == refusal.call_id for call in calls):
            continue
        function = {"name": refusal.tool, "arguments": refusal.arguments_text}
        result[place]["tool_calls"] = [*calls, {"id": refusal.call_id, "type": "function", "function": function}]
        after = place + 1
        while after < len(result) and result[after].get("role") in ("tool", "function"):
            after += 1
        result.insert(after, {"role": "tool", "tool_call_id": refusal.call_id, "content": refusal.text})
    return result


def _same_answer(first: PastRefusal, second: PastRefusal) -> bool:
    return first.sibling_ids == second.sibling_ids and first.content_text == second.content_text


def _place(messages: Sequence[Mapping[str, Any]], refusal: PastRefusal, behind: int) -> int | None:
    siblings = set(refusal.sibling_ids)
    candidates: list[int] = [*range(behind, len(messages)), *range(behind)]
    for at in candidates:
        message = messages[at]
        if message.get("role") != "assistant":
            continue
        if siblings <= _ids(message) if siblings else _same_text(message.get("content"), refusal.content_text):
            return at
    return None


def _ids(message: Mapping[str, Any]) -> set[str]:
    calls = message.get("tool_calls")
    entries = calls if isinstance(calls, list) else []
    return {call["id"] for call in entries if isinstance(call, dict) and isinstance(call.get("id"), str)}


def _same_text(content: object, released: str) -> bool:
    """Clients send a text back as it came, or as a list of parts, or with blanks trimmed."""
    if isinstance(content, list):
        content = "".join(
            part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return isinstance(content, str) and bool(released.strip()) and content.strip() == released.strip()
