"""server/wire/responses/text_delta.py: the fast way to read a delta gives what the strict way gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.wire import GRAMMARS, WireError
from server.wire.responses import RESPONSES

SETTINGS = settings(print_blob=True, deadline=None, max_examples=40)
HEAD: dict[str, Any] = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0}

deltas = st.lists(
    st.tuples(
        st.one_of(st.text(max_size=6), st.sampled_from(("<tool_call>", '{"', "\\", "\U0001f600", "Action: f\n"))),
        st.one_of(st.just("delta,logprobs"), st.sampled_from(("delta", "obfuscation,delta", "delta,sequence_number"))),
        st.booleans(),
    ),
    max_size=12,
)


def begun(event: Callable[..., bytes]) -> Any:
    stream = RESPONSES.stream(GRAMMARS)
    item = {"type": "message", "id": "m", "role": "assistant", "content": []}
    stream.feed(event({"type": "response.output_item.added", "output_index": 0, "item": item}))
    part = {"type": "output_text", "text": "", "annotations": []}
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    stream.feed(event({"type": "response.content_part.added", **place, "part": part}))
    return stream


def spelled(number: int, text: str, members: str, ascii_only: bool) -> str:
    told = {"delta": text, "logprobs": [], "obfuscation": "aZ0", "sequence_number": number}
    tree = {**HEAD, **{member: told[member] for member in members.split(",")}}
    return json.dumps(tree, ensure_ascii=ascii_only, separators=(",", ":"))


@SETTINGS
@given(deltas)
def test_both_ways_read_the_same(event: Callable[..., bytes], said: list[tuple[str, str, bool]]) -> None:
    fast, strict = begun(event), begun(event)
    for number, (text, members, ascii_only) in enumerate(said):
        line = spelled(number, text, members, ascii_only)
        spaced = line.replace('"item_id":', '"item_id": ')  # not as it would be printed here: read strictly
        assert fast.feed(f"data: {line}\n\n".encode()) == strict.feed(f"data: {spaced}\n\n".encode())


FAULTS = {
    "a double key": '{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,'
    '"delta":"a","delta":"b"}',
    "half a surrogate": '{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,'
    '"delta":"\\ud800"}',
    "trailing data": '{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,'
    '"delta":"a"}{}',
    "another item": '{"type":"response.output_text.delta","item_id":"m","output_index":1,"content_index":0,'
    '"delta":"a"}',
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_behind_any_number_of_like_events(event: Callable[..., bytes], fault: str) -> None:
    stream = begun(event)
    for number in range(3):
        assert stream.feed(f"data: {spelled(number, 'a', 'delta', True)}\n\n".encode())
    with pytest.raises(WireError):
        stream.feed(f"data: {FAULTS[fault]}\n\n".encode())


def test_bytes_that_are_no_text_are_found(event: Callable[..., bytes]) -> None:
    stream = begun(event)
    for text in (b"a", b"b"):
        line = spelled(0, "X", "delta", True).encode().replace(b"X", text)
        assert stream.feed(b"data: " + line + b"\n\n")
    with pytest.raises(WireError):
        stream.feed(b"data: " + line.replace(b'"b"', b'"\xff"') + b"\n\n")


def test_a_text_that_ended_takes_no_more(event: Callable[..., bytes]) -> None:
    stream = begun(event)
    line = f"data: {spelled(0, 'a', 'delta', True)}\n\n".encode()
    assert stream.feed(line) == stream.feed(line).replace(b'number":3', b'number":2')
    part = {"type": "output_text", "text": "aa", "annotations": []}
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    stream.feed(event({"type": "response.content_part.done", **place, "part": part}))
    with pytest.raises(WireError):
        stream.feed(line)
