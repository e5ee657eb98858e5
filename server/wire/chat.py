"""The Dialect of OpenAI's chat completions: what gate.py needs of this protocol, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policy_dsl.strict_json import encode

from .calls import HeldCall
from .chat_answer import ChatAnswer, parse_chat_answer
from .chat_request import ChatRequest, parse_chat_request
from .chat_stream import ChatStream
from .dialect import Dialect, Kept, ModelRequest
from .errors import openai_error, parse_upstream_error
from .held_choice import known_id
from .sse import DONE_EVENT, sse_event
from .text_scan import Scan


class _Chat:
    name = "chat"
    path = "/chat/completions"

    def request(self, body: bytes) -> ChatRequest:
        return parse_chat_request(body)

    def answer(self, body: bytes, scan: Scan, so_far: Any = None, kept: Kept = frozenset()) -> ChatAnswer:
        return parse_chat_answer(body, scan, so_far=so_far)

    def stream(self, scan: Scan, so_far: Any = None, kept: Kept = frozenset()) -> ChatStream:
        return ChatStream(scan, continuing=so_far)

    def error(self, status: int, message: str, *, code: str) -> bytes:
        return openai_error(status, message, code=code)

    def upstream_error(self, status: int, body: bytes) -> tuple[int, bytes]:
        return parse_upstream_error(status, body)

    def error_event(self, body: bytes) -> bytes:
        return sse_event(body)

    def own(self, request: ModelRequest, calls: Sequence[HeldCall], text: str, *, id: str, at: int) -> bytes:
        head: dict[str, Any] = {"id": f"chatcmpl-{id}", "created": at, "model": request.model}
        entries = [_entry(id, call) for call in calls]
        finish = "tool_calls" if entries else "stop"
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if not request.stream:
            if entries:
                message["tool_calls"] = entries
            choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish}
            return encode({**head, "object": "chat.completion", "choices": [choice]})
        if entries:
            message["tool_calls"] = [{"index": index, **entry} for index, entry in enumerate(entries)]
        chunks: list[dict[str, Any]] = [
            {"index": 0, "delta": message, "finish_reason": None},
            {"index": 0, "delta": {}, "finish_reason": finish},
        ]
        head["object"] = "chat.completion.chunk"
        return b"".join(sse_event(encode({**head, "choices": [chunk]})) for chunk in chunks) + DONE_EVENT


def _entry(answer_id: str, call: HeldCall) -> dict[str, Any]:
    function = {"name": call.tool, "arguments": encode(call.arguments).decode()}
    return {"id": known_id(answer_id, call), "type": "function", "function": function}


CHAT: Dialect = _Chat()
