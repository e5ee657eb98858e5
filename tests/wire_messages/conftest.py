"""What the tests of the Messages API share: how a model server answers in it, and how calls are refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from server.wire import HeldCall, Refusal

HEAD: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": None, "stop_sequence": None,
}  # fmt: skip
START = {"type": "message_start", "message": {**HEAD, "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}}
WORDS = {"text": ("text", "text_delta"), "thinking": ("thinking", "thinking_delta")}


def _event(tree: dict[str, Any]) -> bytes:
    return f"event: {tree['type']}\ndata: {json.dumps(tree, ensure_ascii=False)}\n\n".encode()


def _whole(text: str) -> list[str]:
    return [text]


def _block_events(index: int, block: dict[str, Any], cut: Callable[[str], list[str]]) -> list[dict[str, Any]]:
    kind = block["type"]
    block = dict(block)
    deltas: list[dict[str, Any]] = []
    if kind == "tool_use":
        given = block["input"]
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        block["input"] = {}
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in cut(text)]
    elif kind in WORDS:
        member, name = WORDS[kind]
        deltas = [{"type": name, member: piece} for piece in cut(block[member])]
        block[member] = ""
        deltas += [{"type": "citations_delta", "citation": citation} for citation in block.get("citations") or ()]
        if block.get("citations"):
            block["citations"] = []
        if "signature" in block:
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            block["signature"] = ""
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _streamed(
    blocks: Iterable[dict[str, Any]], stop: str = "end_turn", cut: Callable[[str], list[str]] = _whole
) -> list[bytes]:
    """The events of a streamed answer. A call's `input` is an object, or the text that its deltas make."""
    inner = [event for index, block in enumerate(blocks) for event in _block_events(index, block, cut)]
    end = {"stop_reason": stop, "stop_sequence": None}
    last = {"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}}
    return list(map(_event, [START, *inner, last, {"type": "message_stop"}]))


def _body(blocks: Iterable[dict[str, Any]], stop: str = "end_turn", **more: Any) -> bytes:
    usage = {"input_tokens": 3, "output_tokens": 7}
    tree = {**HEAD, "content": list(blocks), "stop_reason": stop, "usage": usage, **more}
    return json.dumps(tree, ensure_ascii=False).encode()


def _refuse(calls: Iterable[HeldCall], *tools: str) -> dict[HeldCall, Refusal]:
    return {
        call: Refusal(call.problem or "no-rule", "Not allowed.", "d1")
        for call in calls
        if call.problem or call.tool in tools or "*" in tools
    }


def _asking(*messages: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"model": "m", "max_tokens": 9, "messages": messages, **more}, ensure_ascii=False).encode()


@pytest.fixture(scope="session")
def event() -> Callable[..., bytes]:
    return _event


@pytest.fixture(scope="session")
def streamed() -> Callable[..., list[bytes]]:
    return _streamed


@pytest.fixture(scope="session")
def body() -> Callable[..., bytes]:
    return _body


@pytest.fixture(scope="session")
def asking() -> Callable[..., bytes]:
    """A request with these messages."""
    return _asking


@pytest.fixture(scope="session")
def refuse() -> Callable[..., dict[HeldCall, Refusal]]:
    """Refuses the unreadable calls, those of the named tools, and with `*` all."""
    return _refuse


@pytest.fixture(scope="session")
def start() -> dict[str, Any]:
    return START
