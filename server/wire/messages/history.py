"""The history that a Messages request brings: what tools answered, and refused calls put back into it.

Over this API a result is the client's claim. Which tool it is of is read from the call that the history says it
answers, so a reader has to trust it no further than it trusts the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

from policy_dsl.strict_json import parse_object

from ..errors import MalformedRequest
from ..provided import SERVER
from ..refusal import PastRefusal
from ..results import ToolResult
from .blocks import CALL, PROVIDED_RESULTS, PROVIDER_CALLS, place_texts
from .held_message import safe_name

RESULTS: Final = ("tool_result", "mcp_tool_result")
_CALLS: Final = (CALL, *PROVIDER_CALLS)


def blocks_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The blocks of a message; a text by itself is one text block."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content) if isinstance(content, list) else []


def check_provider_calls(messages: Sequence[Mapping[str, Any]]) -> None:
    """Raises MalformedRequest for a call of a provider's tool that has no result: the provider would run it."""
    blocks = [block for message in messages for block in blocks_of(message)]
    answered = [block.get("tool_use_id") for block in blocks if block["type"].endswith("_tool_result")]
    asked = [block.get("id") for block in blocks if block["type"] in PROVIDER_CALLS]
    if not all(isinstance(call_id, str) and call_id in answered for call_id in asked):
        raise MalformedRequest("a call of a provider's tool has no result in the history", code="unsupported-member")


def results_of(messages: Sequence[Mapping[str, Any]]) -> Iterator[ToolResult]:
    """The results in the messages, in order; images and files say nothing that can be compared."""
    named: dict[str, str] = {}
    for place, message in enumerate(messages):
        for block in blocks_of(message):
            call_id = block.get("tool_use_id")
            if block["type"] in _CALLS and _is_named(block):
                named[block["id"]] = block["name"]
            elif block["type"] in RESULTS:
                call_id = call_id if isinstance(call_id, str) else ""
                words = "\n".join(_texts(block.get("content")))
                yield ToolResult(place, call_id, named.get(call_id, ""), words)
            elif block["type"] in PROVIDED_RESULTS:
                tool = f"{SERVER}/{PROVIDED_RESULTS[block['type']]}"
                words = "\n".join(_texts(block.get("content")))
                yield ToolResult(place, call_id if isinstance(call_id, str) else "", tool, words)


def changed(messages: Sequence[Mapping[str, Any]], change: Callable[[str, str], str]) -> list[dict[str, Any]] | None:
    """The messages with every text of every result replaced by `change(tool, text)`; None where nothing changed."""
    results = results_of(messages)
    again: list[dict[str, Any]] = []
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            content = [
                _changed_block(block, partial(change, next(results).tool)) if _is_result(block) else block
                for block in content
            ]
        again.append({**message, "content": content} if "content" in message else dict(message))
    return None if again == list(messages) else again


def _is_result(block: Mapping[str, Any]) -> bool:
    return block["type"] in RESULTS or block["type"] in PROVIDED_RESULTS


def _changed_block(block: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    if "content" not in block:
        return block
    return {**block, "content": _changed(block["content"], change)}


def _texts(content: object) -> Iterator[str]:
    """Every text of a result that the model reads: the content itself, and in its blocks what place_texts names, what
    they nest, and a document's text."""
    if isinstance(content, str):
        yield content
    for block in content if isinstance(content, list) else (content,):
        if not isinstance(block, dict):
            continue
        yield from (text for _, text in place_texts(block))
        source = block.get("source")
        if isinstance(source, dict) and source.get("type") == "text" and isinstance(source.get("data"), str):
            yield source["data"]
        elif isinstance(source, dict):
            yield from _texts(source.get("content"))
        yield from _texts(block.get("content"))


def _changed(content: object, change: Callable[[str], str]) -> object:
    """The content with every text that `_texts` finds replaced."""
    if isinstance(content, str):
        return change(content)
    if isinstance(content, dict):  # what the provider's tools answered may be one block
        return cast("list[object]", _changed([content], change))[0]
    if not isinstance(content, list):
        return content
    again: list[object] = []
    for block in content:
        if not isinstance(block, dict):
            again.append(block)
            continue
        block = {**block, **{member: change(text) for member, text in place_texts(block)}}
        source = block.get("source")
        if isinstance(source, dict) and source.get("type") == "text" and isinstance(source.get("data"), str):
            block["source"] = {**source, "data": change(source["data"])}
        elif isinstance(source, dict) and "content" in source:
            block["source"] = {**source, "content": _changed(source["content"], change)}
        if "content" in block:
            block["content"] = _changed(block["content"], change)
        again.append(block)
    return again


# --- refused calls of earlier answers -------------------------------------------------------------------------------


def put_back(messages: Sequence[Mapping[str, Any]], past: Sequence[PastRefusal]) -> list[dict[str, Any]]:
    """The messages with every refused call whose place is found; the others are left out.

    The place of a call is the assistant message that carries the calls released with it, or, if there were none, the
    one whose text is the released text. Some servers give the same ids in every answer, so the search goes on behind
    the place of the answer before; `past` is in order of time.
    """
    result = [dict(message) for message in messages]
    before: PastRefusal | None = None
    place: int | None = None
    behind = 0
    for refusal in past:
        if before is None or not _same_answer(before, refusal):
            place = _place(result, refusal, behind)
        before = refusal
        if place is None:
            continue
        behind = place + 1
        blocks = blocks_of(result[place])
        if any(block["type"] == CALL and block.get("id") == refusal.call_id for block in blocks):
            continue
        call = {
            "type": CALL,
            "id": refusal.call_id,
            "name": safe_name(refusal.tool),
            "input": parse_object(refusal.arguments_text, numbers="kept"),
        }
        result[place]["content"] = [*blocks, call]
        _answer(result, place + 1, refused_result(refusal.call_id, refusal.text))
    return result


def refused_result(call_id: str, text: str) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": text, "is_error": True}


def _answer(messages: list[dict[str, Any]], at: int, result: dict[str, Any]) -> None:
    """Puts a result into the user's message at `at`, behind the results already there: the API wants every call
    answered in the very next message, results first."""
    if at == len(messages) or messages[at].get("role") != "user":
        messages.insert(at, {"role": "user", "content": [result]})
        return
    blocks = blocks_of(messages[at])
    after = next((i for i, block in enumerate(blocks) if block["type"] not in RESULTS), len(blocks))
    messages[at]["content"] = [*blocks[:after], result, *blocks[after:]]


def _same_answer(first: PastRefusal, second: PastRefusal) -> bool:
    return first.sibling_ids == second.sibling_ids and first.content_text == second.content_text


def _place(messages: Sequence[Mapping[str, Any]], refusal: PastRefusal, behind: int) -> int | None:
    siblings = set(refusal.sibling_ids)
    candidates: list[int] = [*range(behind, len(messages)), *range(behind)]
    for at in candidates:
        message = messages[at]
        if message.get("role") != "assistant":
            continue
        blocks = blocks_of(message)
        if siblings:
            if siblings <= {block.get("id") for block in blocks if block["type"] == CALL and _is_named(block)}:
                return at
            continue
        # Clients send a text back as it came, as one text, or with blanks trimmed.
        text = "".join(block["text"] for block in blocks if block["type"] == "text").strip()
        if text and text == refusal.content_text.strip():
            return at
    return None


def _is_named(block: Mapping[str, Any]) -> bool:
    return isinstance(block.get("id"), str) and isinstance(block.get("name"), str)
