"""What must hold for every stream: how bytes are cut does not matter, and nothing of a call leaves unjudged."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl.strict_json import parse
from server.wire import (
    GRAMMARS,
    ChatStream,
    HeldCall,
    MalformedRequest,
    Refusal,
    WireError,
    parse_chat_answer,
    parse_chat_request,
    parse_upstream_error,
)

SETTINGS = settings(print_blob=True, deadline=None, max_examples=150)
FORBIDDEN = "zqtool"  # stands in every name and every argument, and nowhere else

ARGUMENTS = '{"zqtool": "zqtool"}'
NAMED = '"name": "zqtool", "arguments": ' + ARGUMENTS
WRITTEN = (
    f"<tool_call>{{{NAMED}}}</tool_call>",
    f"<tool_call>\n{{{NAMED}}}",
    f"<|tool_call|>[{{{NAMED}}}]<|/tool_call|>",
    f"[TOOL_CALLS][{{{NAMED}}}, {{{NAMED}}}]",
    f"[TOOL_CALLS] zqtool{ARGUMENTS}".replace("] ", "]"),
    f"<|python_tag|>{{{NAMED}}}",
    "<|python_tag|>zqtool.call()",
    f"Action: zqtool\nAction Input: {ARGUMENTS}\n",
    f"Action 1:  zqtool Action 1 Input 1: {ARGUMENTS}",
    f"Action:\n{{{NAMED}}}",
    f"```json\n{{{NAMED}}}\n```",
    f"```\n[{{{NAMED}}}]```",
    "```tool_code\nzqtool()\n```",
    "<tool_call>{'name': 'zqtool'}</tool_call>",
)
PLAIN = (
    "Hello ", "<", "<tool", "<tool_call> is a tag. ", "[", "[TOOL", "Action", "Action: go home\n", "``", "```",
    "`json`", "```python\nx\n```\n", '{"a": 1}', '{"name": "x"} ', "é☃", "\n", " ", "Action Input: ", "A", "}", ":",
    "</tool_call>",
)  # fmt: skip

words = st.lists(st.one_of(st.sampled_from(PLAIN), st.text(max_size=5)), max_size=6).map("".join)
said = st.tuples(words, st.sampled_from(("", *WRITTEN)), words).map("".join)
bare = st.tuples(st.sampled_from(("", " ", "\n\n")), st.just(f"{{{NAMED}}}")).map("".join)


def cut(data: st.DataObject, whole: Any, most: int = 6) -> list[Any]:
    places = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=most)))
    return [whole[begin:end] for begin, end in zip([0, *places], [*places, len(whole)], strict=True)]


def deltas(data: st.DataObject, text: str, member: str, calls: int) -> list[dict[str, Any]]:
    """A model's answer in deltas: its words cut anywhere, then its calls with their arguments cut anywhere."""
    out: list[dict[str, Any]] = [{member: piece} for piece in cut(data, text)]
    for index in range(calls):
        function = {"name": FORBIDDEN, "arguments": ""}
        out.append({"tool_calls": [{"index": index, "id": f"c{index}", "type": "function", "function": function}]})
        pieces = cut(data, ARGUMENTS, 3)
        out += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in pieces]
    return out


def texts(out: bytes, member: str) -> str:
    parts = [part[6:] for part in out.decode().split("\n\n")[:-1] if part != "data: [DONE]"]
    return "".join(choice["delta"].get(member) or "" for part in parts for choice in json.loads(part)["choices"])


def run(parts: list[bytes]) -> tuple[bytes, bytes, tuple[HeldCall, ...] | None]:
    """What left before the calls were judged, what left after (everything refused), and the calls."""
    stream = ChatStream(GRAMMARS)
    out = bytearray()
    try:
        for part in parts:
            out += stream.feed(part)
        calls = stream.close()
    except WireError:
        return bytes(out), b"", None
    return bytes(out), stream.settle(refuse_all(calls)), calls


def refuse_all(calls: tuple[HeldCall, ...]) -> dict[HeldCall, Refusal]:
    return {call: Refusal("no-rule", None, "d") for call in calls}


members = st.sampled_from(("content", "reasoning", "reasoning_content"))


@SETTINGS
@given(st.data(), st.one_of(said, bare), members, st.integers(0, 2))
def test_nothing_of_a_call_leaves_before_it_is_judged(
    chunk: Callable[..., bytes], data: st.DataObject, text: str, member: str, calls: int
) -> None:
    stream = ChatStream(GRAMMARS)
    out = bytearray()
    for delta in deltas(data, text, member, calls):
        out += stream.feed(chunk(delta))
    out += stream.feed(chunk({}, finish="tool_calls")) + stream.feed(b"data: [DONE]\n\n")
    assert FORBIDDEN.encode() not in out
    held = stream.close()
    assert len(held) >= calls + (FORBIDDEN in text)
    after = stream.settle(refuse_all(held))
    # A refused call is named in its sentence, and nothing else of it leaves.
    assert after.count(FORBIDDEN.encode()) <= after.count(f"refused {FORBIDDEN}: ".encode())


@SETTINGS
@given(st.data(), st.one_of(said, bare), st.integers(0, 2))
def test_a_stream_and_a_whole_answer_say_the_same(
    chunk: Callable[..., bytes], answer: Callable[..., bytes], data: st.DataObject, text: str, calls: int
) -> None:
    parts = [chunk(delta) for delta in deltas(data, text, "content", calls)]
    before, after, held = run([*parts, chunk({}, finish="stop"), b"data: [DONE]\n\n"])
    entries = [
        {"id": f"c{index}", "type": "function", "function": {"name": FORBIDDEN, "arguments": ARGUMENTS}}
        for index in range(calls)
    ]
    whole = parse_chat_answer(answer({"content": text, "tool_calls": entries}), GRAMMARS)
    assert held == whole.calls
    message = json.loads(whole.settled(refuse_all(whole.calls)))["choices"][0]["message"]
    assert texts(before + after, "content") == (message["content"] or "")


@SETTINGS
@given(st.data(), said, st.integers(0, 2), st.sampled_from((b"\n", b"\r\n", b"\r")))
def test_how_the_network_cuts_the_bytes_does_not_matter(
    chunk: Callable[..., bytes], data: st.DataObject, text: str, calls: int, line_end: bytes
) -> None:
    whole = b"".join(chunk(delta) for delta in deltas(data, text, "content", calls))
    end = data.draw(st.sampled_from((b"data: [DONE]\n\n", b"", b"data: x\n\n")))
    whole += chunk({}, finish="stop") + b": ping\n\n" + end
    whole = data.draw(st.sampled_from((b"", b"\xef\xbb\xbf"))) + whole.replace(b"\n", line_end)
    assert run(cut(data, whole, 12)) == run([whole])
    assert run([whole[at : at + 1] for at in range(len(whole))]) == run([whole])


@SETTINGS
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda raw: b"data: " + raw + b"\n\n")))
def test_bytes_raise_nothing_but_wire_errors(raw: bytes) -> None:
    run([raw])
    for read in (lambda: parse_chat_answer(raw, GRAMMARS), lambda: parse_chat_request(raw)):
        with suppress(WireError):
            read()
    status, body = parse_upstream_error(500, raw)
    assert status == 500
    parse(body)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 200), st.sampled_from(("", "a", "function", "{}"))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from((
                "index", "delta", "message", "role", "content", "tool_calls", "function_call", "function", "id", "type",
                "name", "arguments", "finish_reason", "choices", "usage", "error", "reasoning", "logprobs", "messages",
                "model", "tools", "tool_choice", "n", "stream", "stream_options", "functions", "x", "Name", "plugins",
            )),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=25,
)  # fmt: skip
bodies = st.one_of(json_values, st.fixed_dictionaries({"choices": st.lists(json_values, max_size=2)}))


@SETTINGS
@given(st.lists(bodies, max_size=3), json_values)
def test_any_json_is_refused_or_read_completely(event: Callable[..., bytes], trees: list[Any], request: Any) -> None:
    for tree in trees:
        try:
            answer = parse_chat_answer(json.dumps(tree).encode(), GRAMMARS)
        except WireError:
            continue
        assert all((call.arguments is None) != (call.problem is None) for call in answer.calls)
        json.loads(answer.settled(refuse_all(answer.calls)))
    _, _, calls = run([*map(event, trees), b"data: [DONE]\n\n"])
    assert all((call.arguments is None) != (call.problem is None) for call in calls or ())
    with suppress(MalformedRequest):
        read = parse_chat_request(json.dumps(request).encode())
        read.user_words()
        read.keeping(lambda offer: offer.kind == "function").encode()
