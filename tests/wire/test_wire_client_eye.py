"""What leaves, seen with the eyes of real clients: they must find exactly the released calls."""

from __future__ import annotations

import json
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from server.wire import GRAMMARS, ChatStream, HeldCall, Refusal, parse_chat_answer

names = st.sampled_from(("f", "g", "h"))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
calls = st.lists(st.tuples(names, st.dictionaries(st.text(max_size=5), json_values, max_size=3)), max_size=4)
SETTINGS = settings(print_blob=True, deadline=None, max_examples=100)


def refused(held: tuple[HeldCall, ...]) -> dict[HeldCall, Refusal]:
    return {call: Refusal("no-rule", None, "d") for call in held if call.tool == "g"}


def released(held: tuple[HeldCall, ...]) -> list[tuple[str, str, dict[str, Any] | None]]:
    return [(call.call_id, call.tool, call.arguments) for call in held if call.tool != "g"]


def seen(message: Any) -> list[tuple[str, str, Any]]:
    return [(c.id, c.function.name, orjson.loads(c.function.arguments)) for c in message.tool_calls or ()]


@SETTINGS
@given(calls)
def test_a_whole_answer(wanted: list[tuple[str, dict[str, Any]]]) -> None:
    entries = [
        {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for at, (name, arguments) in enumerate(wanted)
    ]
    message = {"role": "assistant", "content": "Hi", "tool_calls": entries}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": None}
    tree = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    answer = parse_chat_answer(json.dumps(tree).encode(), GRAMMARS)
    completion = ChatCompletion.model_validate(orjson.loads(answer.settled(refused(answer.calls))))
    assert seen(completion.choices[0].message) == released(answer.calls)
    assert (completion.choices[0].finish_reason == "stop") == (not released(answer.calls))


@SETTINGS
@given(calls, st.data())
def test_a_stream(wanted: list[tuple[str, dict[str, Any]]], data: st.DataObject) -> None:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, {"content": "Hi"}]
    for at, (name, arguments) in enumerate(wanted):
        text = json.dumps(arguments)
        cut = data.draw(st.integers(0, len(text)))
        first = {"index": at, "id": f"c{at}", "type": "function", "function": {"name": name, "arguments": text[:cut]}}
        deltas += [{"tool_calls": [first]}, {"tool_calls": [{"index": at, "function": {"arguments": text[cut:]}}]}]
    stream, out = ChatStream(GRAMMARS), bytearray()
    for delta in [*deltas, None]:
        choice = {"index": 0, "delta": delta or {}, "finish_reason": None if delta else "tool_calls"}
        chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        out += stream.feed(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    stream.feed(b"data: [DONE]\n\n")
    held = stream.close()
    out += stream.settle(refused(held))

    state = ChatCompletionStreamState()
    parts = out.decode().split("\n\n")
    assert parts[-2:] == ["data: [DONE]", ""]
    for part in parts[:-2]:
        state.handle_chunk(ChatCompletionChunk.model_validate(orjson.loads(part.removeprefix("data: "))))
    completion = state.get_final_completion()
    assert seen(completion.choices[0].message) == released(held)
    assert (completion.choices[0].message.content or "").startswith("Hi")
