"""A small agent: the official `openai` client, a loop, and tools whose answers are looked up in the transcript."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from policy_dsl import strict_json

from .transcripts import Transcript

if TYPE_CHECKING:
    from openai import OpenAI

PATIENCE = 30
"""Requests of one transcript; the longest recording has 7 calls."""


def work_through(client: OpenAI, transcript: Transcript, tools: list[dict[str, Any]], *, stream: bool) -> list[str]:
    """Do one task from the user's prompt to the model's last words. Returns the ids of the calls that were released."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": transcript.prompt}]
    released: list[str] = []
    for _ in range(PATIENCE):
        content, calls = _ask(client, transcript.name, messages, tools, stream=stream)
        message: dict[str, Any] = {"role": "assistant", "content": content}
        if not calls:
            return released
        messages.append(message | {"tool_calls": calls})
        for call in calls:
            released.append(call["id"])
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": _run(transcript, call["function"])})
    return released


def _ask(
    client: OpenAI, model: str, messages: list[dict[str, Any]], tools: list[dict[str, Any]], *, stream: bool
) -> tuple[str | None, list[dict[str, Any]]]:
    """One request. Returns the answer's text and its calls as the API spells them in a message."""
    asked: dict[str, Any] = {"model": model, "messages": messages, "tools": tools}
    if stream:
        return _assembled(client.chat.completions.create(**asked, stream=True))
    message = client.chat.completions.create(**asked).choices[0].message
    return message.content, [call.model_dump(exclude_none=True) for call in message.tool_calls or ()]


def _assembled(chunks: Iterable[Any]) -> tuple[str | None, list[dict[str, Any]]]:
    text = ""
    calls: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for part in choice.delta.tool_calls or ():
                call = calls.setdefault(
                    part.index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
                )
                call["id"] += part.id or ""
                call["function"]["name"] += (part.function and part.function.name) or ""
                call["function"]["arguments"] += (part.function and part.function.arguments) or ""
    return text or None, [calls[index] for index in sorted(calls)]


def _run(transcript: Transcript, function: dict[str, Any]) -> str:
    """What the tool answered when the transcript was recorded."""
    arguments = strict_json.parse(function["arguments"])
    for call in transcript.calls:
        if call.tool == function["name"] and call.arguments == arguments:
            return call.output
    return "error: this call was never made when the transcript was recorded"
