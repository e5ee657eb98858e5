"""Streams: the transcripts say what passes; here are the rounds, the faults and the bounds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from server.wire import GRAMMARS, ChatStream, HeldCall, MalformedAnswer, Refusal, parse_chat_answer

DONE = b"data: [DONE]\n\n"


def call(index: int = 0, arguments: str = "{}", name: str = "f") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "id": f"c{index}", "type": "function", "function": function}]}


def events(out: bytes) -> list[Any]:
    return [json.loads(part[6:]) for part in out.decode().split("\n\n")[:-1] if part != "data: [DONE]"]


def test_two_rounds_make_one_stream(
    chunk: Callable[..., bytes], event: Callable[..., bytes], head: dict[str, Any],
    refuse: Callable[..., dict[HeldCall, Refusal]],
) -> None:  # fmt: skip
    first = ChatStream(GRAMMARS)
    out = first.feed(chunk({"role": "assistant", "content": "One, plan A"}))
    out += first.feed(chunk(call()) + chunk({}, finish="tool_calls"))
    first.feed(event({**head, "choices": [], "usage": {"total_tokens": 3}}) + DONE)
    refusals = refuse(first.close(), "*")
    out += first.settle(refusals, done=False)

    second = ChatStream(GRAMMARS, continuing=first.so_far)
    for part in (chunk({"role": "assistant", "content": ""}), chunk({"content": "Two."}), chunk({}, finish="stop")):
        out += second.feed(part.replace(b"chatcmpl-1", b"chatcmpl-2"))
    out += second.feed(event({**head, "id": "chatcmpl-2", "choices": [], "usage": {"total_tokens": 4}}) + DONE)
    out += second.settle(refuse(second.close()))

    trees = events(out)
    assert {tree["id"] for tree in trees} == {"chatcmpl-1"}
    deltas = [choice["delta"] for tree in trees for choice in tree["choices"]]
    assert "".join(delta.get("content", "") for delta in deltas) == "One, plan A\n\n---\n\nTwo."
    assert [delta["role"] for delta in deltas if "role" in delta] == ["assistant"]
    reasons = [choice["finish_reason"] for tree in trees for choice in tree["choices"]]
    assert [reason for reason in reasons if reason] == ["stop"]
    assert [tree["usage"] for tree in trees if tree.get("usage")] == [{"total_tokens": 7}]
    assert out.endswith(DONE)


def test_between_two_rounds_no_call_is_lost(chunk: Callable[..., bytes]) -> None:
    stream = ChatStream(GRAMMARS)
    stream.feed(chunk(call()) + chunk({}, finish="tool_calls") + DONE)
    stream.close()
    with pytest.raises(ValueError, match="lost"):
        stream.settle({}, done=False)


def test_nothing_is_settled_before_the_end(chunk: Callable[..., bytes]) -> None:
    stream = ChatStream(GRAMMARS)
    stream.feed(chunk(call()))
    with pytest.raises(ValueError, match="before the stream was closed"):
        stream.settle({})


def test_what_came_before_a_fault_leaves_and_then_it_is_raised(chunk: Callable[..., bytes]) -> None:
    stream = ChatStream(GRAMMARS)
    assert b"Hello" in stream.feed(chunk({"content": "Hello"}) + b"data: {\n\n" + chunk({"content": "more"}))
    for again in (lambda: stream.feed(b""), stream.close, lambda: stream.feed(DONE)):
        with pytest.raises(MalformedAnswer):
            again()


def test_after_a_failed_close_nothing_is_settled(chunk: Callable[..., bytes]) -> None:
    stream = ChatStream(GRAMMARS)
    stream.feed(chunk(call()) + DONE)
    with pytest.raises(MalformedAnswer):
        stream.close()
    with pytest.raises(ValueError, match="before the stream was closed"):
        stream.settle({})


def test_a_stream_and_a_whole_answer_hold_the_same(
    chunk: Callable[..., bytes], answer: Callable[..., bytes], refuse: Callable[..., dict[HeldCall, Refusal]]
) -> None:
    stream = ChatStream(GRAMMARS)
    deltas = (call(), call(1, "{", "g"))
    stream.feed(chunk({"content": "Hi"}) + b"".join(map(chunk, deltas)) + chunk({}, finish="stop") + DONE)
    entries = [{n: value for n, value in delta["tool_calls"][0].items() if n != "index"} for delta in deltas]
    whole = parse_chat_answer(answer({"content": "Hi", "tool_calls": entries}), GRAMMARS)
    assert stream.close() == whole.calls
    refusals = refuse(whole.calls)
    assert stream.past(refusals) == whole.past(refusals)
    assert stream.exchange(refuse(whole.calls, "*")) == whole.exchange(refuse(whole.calls, "*"))
    assert stream.so_far == whole.so_far


def test_token_probabilities_leave_only_with_their_words(event: Callable[..., bytes], head: dict[str, Any]) -> None:
    stream = ChatStream(GRAMMARS)

    def feed(delta: dict[str, Any]) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": {"content": [{"token": "t"}]}, "finish_reason": None}
        return stream.feed(event({**head, "choices": [{**choice, "token_ids": [1]}]}))

    assert b"logprobs" in feed({"content": "Hello"})
    held = feed({"content": " <tool", **call()}) + feed({"content": "_call>{"}) + feed({"role": "assistant", **call()})
    assert b"logprobs" not in held
    assert b"token_ids" not in held


@pytest.mark.parametrize("index", range(3))
def test_bounds(chunk: Callable[..., bytes], index: int) -> None:
    def many_calls() -> list[bytes]:
        return [chunk(call(at, " " * 100_000)) for at in range(60)]

    def much_text() -> list[bytes]:
        return [chunk({"content": "x" * 1_000_000})] * 17

    def many_choices() -> list[bytes]:
        return [chunk({"content": "x"}, 16)]

    stream = ChatStream(())
    parts = (many_calls, much_text, many_choices)[index]()
    with pytest.raises(MalformedAnswer):
        [stream.feed(part) for part in parts]


def test_chunks_without_choices_pass_at_once(event: Callable[..., bytes], head: dict[str, Any]) -> None:
    stream = ChatStream(GRAMMARS)
    assert events(stream.feed(event({**head, "choices": [], "prompt_filter_results": []}))) == [
        {**head, "choices": [], "prompt_filter_results": []}
    ]


def test_usage_in_the_last_chunk_stays_there(chunk: Callable[..., bytes]) -> None:
    stream = ChatStream(GRAMMARS)
    assert stream.feed(chunk({}, finish="stop", usage={"total_tokens": 2}) + DONE) == b""
    stream.close()
    (last,) = events(stream.settle({}))
    assert last["usage"] == {"total_tokens": 2}
    assert last["choices"][0]["finish_reason"] == "stop"
