"""The Dialect of the Responses API, and the answers that the gate gives in it by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from policy_dsl.strict_json import encode, parse

from ..calls import HeldCall
from ..dialect import Kept, ModelRequest
from ..errors import openai_error, parse_upstream_error
from ..held_choice import known_id
from ..text_scan import Scan
from .answer import ResponsesAnswer, parse_answer
from .events import item_events, printed
from .output import Earlier, message, spelled
from .request import ResponsesRequest, parse_request
from .stream import ResponsesStream

_FIRST_ROUND: Final = Earlier()

_NO_TOKENS: Final = {
    "input_tokens": 0,
    "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
}


class Responses:
    name = "responses"
    path = "/responses"

    def request(self, body: bytes) -> ResponsesRequest:
        return parse_request(body)

    def answer(self, body: bytes, scan: Scan, so_far: Any = None, kept: Kept = frozenset()) -> ResponsesAnswer:
        return parse_answer(body, scan, so_far or _FIRST_ROUND, kept)

    def stream(self, scan: Scan, so_far: Any = None, kept: Kept = frozenset()) -> ResponsesStream:
        return ResponsesStream(scan, so_far or _FIRST_ROUND, kept)

    def error(self, status: int, message: str, *, code: str) -> bytes:
        return openai_error(status, message, code=code)

    def upstream_error(self, status: int, body: bytes) -> tuple[int, bytes]:
        return parse_upstream_error(status, body)

    def error_event(self, body: bytes) -> bytes:
        """The API's `error` event. Its number is 0: the error is not told how many events the stream had."""
        tree: Any = parse(body, numbers="kept")
        error = tree["error"]
        head = {"type": "error", "sequence_number": 0, "code": error.get("code")}
        return printed({**head, "message": error.get("message"), "param": error.get("param")})

    def own(self, request: ModelRequest, calls: Sequence[HeldCall], text: str, *, id: str, at: int) -> bytes:
        items = [message(f"msg_{id}", text)] if text else []
        items += [_item(id, at_call, call) for at_call, call in enumerate(calls)]
        tree = request.tree if isinstance(request, ResponsesRequest) else {}
        response: dict[str, Any] = {
            "id": f"resp_{id}",
            "object": "response",
            "created_at": at,
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "model": request.model,
            "output": items,
            "parallel_tool_calls": True,
            "temperature": None,
            "tool_choice": tree.get("tool_choice") or "auto",
            "tools": tree.get("tools") or [],
            "top_p": None,
            "usage": _NO_TOKENS,
        }
        if not request.stream:
            return encode(response)
        begun = {**response, "status": "in_progress", "output": [], "usage": None}
        events: list[dict[str, Any]] = [
            {"type": name, "response": begun} for name in ("response.created", "response.in_progress")
        ]
        for place, item in enumerate(items):
            events += item_events(item, place)
        events.append({"type": "response.completed", "response": response})
        return b"".join(printed({**event, "sequence_number": number}) for number, event in enumerate(events))


def _item(answer_id: str, index: int, call: HeldCall) -> dict[str, Any]:
    """A call as an item. One that was written as text has no id of its own and is delivered as a function call."""
    name = f"{'ctc' if call.form == 'custom' else 'fc'}_{answer_id}_{index}"
    call_id = call.call_id or known_id(answer_id, call)
    if call.form == "custom":
        return {"type": "custom_tool_call", "id": name, "call_id": call_id, "name": call.tool, "input": spelled(call)}
    head = {"type": "function_call", "id": name, "call_id": call_id, "name": call.tool}
    return {**head, "arguments": spelled(call), "status": "completed"}
