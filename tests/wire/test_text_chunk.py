"""server/wire/text_chunk.py: a chunk like an earlier one is read the short way, and nothing comes out otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.strict_json import encode
from server.wire import ChatStream, WireError
from server.wire.held_choice import SoFar
from server.wire.text_chunk import text_chunk

SCAN = ("fenced", "hermes", "llama", "mistral", "react")
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def chunk(content: Any, **more: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": 0, "delta": {"content": content}, "logprobs": None, **more}]}


def test_only_the_text_may_differ() -> None:
    tree = chunk("a")
    like = text_chunk(encode(tree), tree, {})
    assert like is not None
    for text in ("b", "", 'q"\\', "\u00e9\U0001f600", "{}", '","x":"'):
        assert like.text_in(encode(chunk(text))) == text
        assert like.printed(text) == b"data: " + encode(chunk(text)) + b"\n\n"
    before, behind = like.before.decode(), like.behind.decode()
    for token in (
        *["", '"', "null", "1", "[]", "'a'", '"a" "b"'],
        *['"a","content":"b"', '"a"},"x":{"y":"b"', '"\\u0061"', '"\\ud83d"', '"\n"'],
    ):
        assert like.text_in(f"{before}{token}{behind}".encode()) is None, token
    assert like.text_in(like.before + b'"\xff"' + like.behind) is None
    assert like.text_in(like.before[:-1] + like.behind) is None


@pytest.mark.parametrize(
    "tree",
    [
        chunk(None),
        chunk(""),
        chunk("a", finish_reason="stop"),
        chunk("a", logprobs={"content": []}),
        {**chunk("a"), "usage": {"total_tokens": 1}},
        {**chunk("a"), "choices": []},
        {**chunk("a"), "choices": chunk("a")["choices"] * 2},
        {**HEAD, "choices": [{"index": 0, "delta": {"content": "a", "role": "assistant"}}]},
        {**HEAD, "choices": [{"index": 0, "delta": {}}]},
    ],
)
def test_what_holds_more_than_a_text_is_no_such_chunk(tree: dict[str, Any]) -> None:
    assert text_chunk(encode(tree), tree, {}) is None


def test_a_chunk_written_otherwise_than_it_is_printed_is_none() -> None:
    tree = chunk("a")
    assert text_chunk(json.dumps(tree).encode(), tree, {}) is None


WORDS = [" word", "", "<tool_", "call>", "x", "Act", "ion", "``", "`", "{", "\u00e9", '"', "\n"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8)
EVENTS = st.lists(
    st.one_of(
        TEXTS.map("".join).map(chunk),
        st.sampled_from(
            [
                chunk("x", index=1),
                chunk("x", finish_reason="stop"),
                chunk(None),
                chunk("w", logprobs={"content": []}),
                {**chunk("z"), "id": "other"},
                {**chunk("z"), "usage": {"total_tokens": 3}},
            ]
        ),
    ),
    max_size=12,
)


def fed(stream: ChatStream, event: bytes) -> bytes | str:
    try:
        return stream.feed(event)
    except WireError as error:
        return error.code


@given(EVENTS, st.sampled_from([None, SoFar("chatcmpl-0", 7, None, "earlier")]))
def test_the_short_way_gives_what_the_long_way_gives(events: list[dict[str, Any]], so_far: SoFar | None) -> None:
    """The same events, once as they are printed here and once with a blank, which only the strict parser reads."""
    outcomes = []
    for opening in (b"data: ", b"data:  "):
        stream = ChatStream(SCAN, continuing=so_far)
        outcomes.append([fed(stream, opening + encode(event) + b"\n\n") for event in events])
    assert outcomes[0] == outcomes[1]
