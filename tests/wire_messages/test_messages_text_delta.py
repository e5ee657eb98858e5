"""server/wire/messages/text_delta.py: the short way of a text delta gives what the long way gives."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.wire import GRAMMARS, MalformedAnswer
from server.wire.messages import MESSAGES

START = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": None,
    "usage": {},
}
PIECES = (
    "Hi",
    " <tool_call>",
    '{"name": "f", "arguments": {}}',
    "</tool_call>",
    '"',
    "\\",
    "\n",
    "\u00e9",
    "\U0001f600",
)


def events_of(blocks: list[list[str]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = [{"type": "message_start", "message": START}]
    for at, texts in enumerate(blocks):
        out.append({"type": "content_block_start", "index": at, "content_block": {"type": "text", "text": ""}})
        for text in texts:
            delta = {"type": "text_delta", "text": text}
            out.append({"type": "content_block_delta", "index": at, "delta": delta})
        out.append({"type": "content_block_stop", "index": at})
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return [*out, {"type": "message_delta", "delta": end, "usage": {}}, {"type": "message_stop"}]


def told(blocks: list[list[str]], separators: tuple[str, str]) -> tuple[list[bytes], Any]:
    """What leaves for each event; with blanks between its members no delta is printed as the gate would print it."""
    stream = MESSAGES.stream(tuple(GRAMMARS))
    parts = [
        stream.feed(b"data: " + json.dumps(event, ensure_ascii=False, separators=separators).encode() + b"\n\n")
        for event in events_of(blocks)
    ]
    return parts, stream.close()


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=8), max_size=3))
def test_both_ways_give_the_same(blocks: list[list[str]]) -> None:
    assert told(blocks, (",", ":")) == told(blocks, (", ", ": "))


def test_a_delta_of_another_block_or_with_half_a_surrogate_is_none_like_it() -> None:
    for raw in (
        b'"index":1,"delta":{"type":"text_delta","text":"x"}',
        b'"index":0,"delta":{"type":"text_delta","text":"\\ud800"}',
    ):
        stream = MESSAGES.stream(tuple(GRAMMARS))
        for event in events_of([["a", "b"]])[:4]:
            stream.feed(b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n")
        assert _fails(stream, b'data: {"type":"content_block_delta",' + raw + b"}\n\n")


def _fails(stream: Any, data: bytes) -> bool:
    try:
        stream.feed(data)
    except MalformedAnswer:
        return True
    return False
