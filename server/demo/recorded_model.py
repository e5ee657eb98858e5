"""The recorded model: an ASGI server of `/v1/chat/completions` that plays transcripts, whole or as a stream.

It keeps no state. The request's `model` names the transcript, and the last of its own calls that the conversation
holds says which turn is next. After a refusal the gate puts the refused call and what the model is told into the
conversation, so the model goes on with the call after it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from .transcripts import Transcript

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

FRAGMENT = 9
"""Characters in one streamed fragment: short, so that names and numbers are cut in the middle."""

CREATED = 1_700_000_000
"""Unix time in every answer; a recording has no clock."""


class RecordedModel:
    """An ASGI application over some transcripts."""

    def __init__(self, transcripts: Iterable[Transcript]) -> None:
        self._transcripts: Mapping[str, Transcript] = {transcript.name: transcript for transcript in transcripts}

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body = await _body(receive)
        if scope["path"] == "/v1/models":
            await _whole(
                send, 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self._transcripts]}
            )
            return
        request = json.loads(body or b"{}")
        transcript = self._transcripts.get(request.get("model", ""))
        if scope["path"] != "/v1/chat/completions" or transcript is None:
            error = {
                "message": "no such recording",
                "type": "invalid_request_error",
                "param": None,
                "code": "not_found",
            }
            await _whole(send, 404, {"error": error})
            return
        turn = _turn(transcript, request["messages"])
        message, reason = _answer(transcript, turn)
        if request.get("stream"):
            with_usage = bool((request.get("stream_options") or {}).get("include_usage"))
            await _streamed(send, _chunks(transcript.name, turn, message, reason, with_usage))
        else:
            choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
            await _whole(send, 200, _envelope(transcript.name, turn, "chat.completion", [choice]) | {"usage": _USAGE})


def _turn(transcript: Transcript, messages: list[dict[str, Any]]) -> int:
    """The position after the last of the transcript's own calls that the conversation holds, refused or answered."""
    positions = {transcript.call_id(position): position for position in range(len(transcript.calls))}
    made = {call["id"] for message in messages for call in message.get("tool_calls") or ()}
    return max((positions[call_id] + 1 for call_id in made & positions.keys()), default=0)


_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def _answer(transcript: Transcript, turn: int) -> tuple[dict[str, Any], str]:
    """The assistant message of a turn and its finish reason: the next recorded call, or the last words."""
    if turn >= len(transcript.calls):
        return {"role": "assistant", "content": transcript.final}, "stop"
    call = transcript.calls[turn]
    function = {"name": call.tool, "arguments": call.arguments_text}
    tool_call = {"id": transcript.call_id(turn), "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [tool_call]}, "tool_calls"


def _envelope(model: str, turn: int, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": f"chatcmpl-{model}-{turn}", "object": kind, "created": CREATED, "model": model, "choices": choices}


def _chunks(model: str, turn: int, message: dict[str, Any], reason: str, with_usage: bool) -> Iterator[dict[str, Any]]:
    for delta in _deltas(message):
        choice = {"index": 0, "delta": delta, "finish_reason": None, "logprobs": None}
        yield _envelope(model, turn, "chat.completion.chunk", [choice])
    choice = {"index": 0, "delta": {}, "finish_reason": reason, "logprobs": None}
    yield _envelope(model, turn, "chat.completion.chunk", [choice])
    if with_usage:
        yield _envelope(model, turn, "chat.completion.chunk", []) | {"usage": _USAGE}


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": "" if message["content"] else None}
    yield from ({"content": fragment} for fragment in _fragments(message["content"] or ""))
    for index, call in enumerate(message.get("tool_calls", ())):
        function = {"name": call["function"]["name"], "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": function}]}
        for fragment in _fragments(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": fragment}}]}


def _fragments(text: str) -> Iterator[str]:
    return (text[start : start + FRAGMENT] for start in range(0, len(text), FRAGMENT))


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _whole(send: Send, status: int, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _streamed(send: Send, chunks: Iterator[dict[str, Any]]) -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for chunk in chunks:
        data = b"data: " + json.dumps(chunk).encode() + b"\n\n"
        await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
