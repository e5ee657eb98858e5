"""The Dialect of Anthropic's Messages API: what gate.py needs of this protocol, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policy_dsl.strict_json import encode

from ..calls import HeldCall
from ..dialect import Kept, ModelRequest
from ..held_choice import known_id
from ..text_scan import Scan
from . import events
from .answer import MessagesAnswer, parse_answer
from .blocks import CALL
from .errors import anthropic_error, upstream_error
from .held_message import Earlier
from .request import MessagesRequest, parse_request
from .stream import MessagesStream


class Messages:
    name = "messages"
    path = "/messages"

    def request(self, body: bytes) -> MessagesRequest:
        return parse_request(body)

    def answer(
        self, body: bytes, scan: Scan, so_far: Earlier | None = None, kept: Kept = frozenset()
    ) -> MessagesAnswer:
        return parse_answer(body, scan, so_far, kept)

    def stream(self, scan: Scan, so_far: Earlier | None = None, kept: Kept = frozenset()) -> MessagesStream:
        return MessagesStream(scan, so_far, kept)

    def error(self, status: int, message: str, *, code: str) -> bytes:
        return anthropic_error(status, message, code=code)

    def upstream_error(self, status: int, body: bytes) -> tuple[int, bytes]:
        return upstream_error(status, body)

    def error_event(self, body: bytes) -> bytes:
        """The SDK raises on the event's name, and reads the error from its data."""
        return b"event: error\ndata: " + body + b"\n\n"

    def own(self, request: ModelRequest, calls: Sequence[HeldCall], text: str, *, id: str, at: int) -> bytes:
        """`at` is not told: messages of this API carry no time."""
        answer_id = f"msg_{id}"
        blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
        blocks += [
            {"type": CALL, "id": known_id(id, call), "name": call.tool, "input": call.arguments} for call in calls
        ]
        usage: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0}
        head: dict[str, Any] = {"id": answer_id, "type": "message", "role": "assistant", "model": request.model}
        end = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
        if not request.stream:
            message: dict[str, Any] = {**head, "content": blocks, **end, "usage": usage}
            return encode(message)
        start = {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        said = (events.whole_block(index, block) for index, block in enumerate(blocks))
        last = events.printed("message_delta", delta=end, usage={"output_tokens": 0})
        return b"".join((events.printed("message_start", message=start), *said, last, events.STOP))
