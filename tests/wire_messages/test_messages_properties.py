"""What must hold for every streamed message: no cut of its bytes matters, and nothing of a call leaves unjudged."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.wire import GRAMMARS, HeldCall, Refusal, WireError
from server.wire.messages import MESSAGES

SETTINGS = settings(print_blob=True, deadline=None, max_examples=50)
FORBIDDEN = "zqtool"  # stands in every name and every argument, and nowhere else

ARGUMENTS = '{"zqtool": "zqtool"}'
NAMED = '"name": "zqtool", "arguments": ' + ARGUMENTS
WRITTEN = (
    f"<tool_call>{{{NAMED}}}</tool_call>",
    f"[TOOL_CALLS][{{{NAMED}}}, {{{NAMED}}}]",
    f"<|python_tag|>{{{NAMED}}}",
    f"Action: zqtool\nAction Input: {ARGUMENTS}\n",
    f"```json\n{{{NAMED}}}\n```",
    f"{{{NAMED}}}",
)
PLAIN = (
    "Hello ", "<", "<tool", "<tool_call> is a tag. ", "[", "[TOOL", "Action", "Action: go home\n", "``", "```",
    '{"a": 1}', "é☃", "\n", " ", "Action Input: ", "A", "}", ":", "</tool_call>",
)  # fmt: skip

plain_words = st.lists(st.one_of(st.sampled_from(PLAIN), st.text(max_size=5)), max_size=5).map("".join)
said = st.one_of(plain_words, st.tuples(plain_words, st.sampled_from(WRITTEN[:-1]), plain_words).map("".join),
                 st.just(WRITTEN[-1]))  # fmt: skip
blocks = st.lists(
    st.one_of(
        st.builds(lambda text: {"type": "text", "text": text}, said),
        st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "c2ln"}, said),
        st.just({"type": "redacted_thinking", "data": "b3BhcXVl"}),
        st.just({"type": "tool_use", "name": FORBIDDEN, "input": ARGUMENTS}),
    ),
    max_size=5,
).map(lambda drawn: [{**b, "id": f"toolu_{at}"} if b["type"] == "tool_use" else b for at, b in enumerate(drawn)])


def cut(data: st.DataObject, whole: Any, most: int = 5) -> list[Any]:
    places = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=most)))
    return [whole[begin:end] for begin, end in zip([0, *places], [*places, len(whole)], strict=True)]


def refuse_all(calls: tuple[HeldCall, ...]) -> dict[HeldCall, Refusal]:
    return {call: Refusal(call.problem or "no-rule", None, "d") for call in calls}


def run(parts: list[bytes]) -> tuple[bytes, bytes, tuple[HeldCall, ...] | None]:
    """What left before the calls were judged, what left after (everything refused), and the calls."""
    stream = MESSAGES.stream(GRAMMARS)
    out = bytearray()
    try:
        for part in parts:
            out += stream.feed(part)
        calls = stream.close()
    except WireError:
        return bytes(out), b"", None
    return bytes(out), stream.settle(refuse_all(calls)), calls


def content(out: bytes) -> list[dict[str, Any]]:
    """The blocks of a stream, put together; a block that leaves must be begun, open and ended in order."""
    found: list[dict[str, Any]] = []
    is_open = False
    for part in out.decode().split("\n\n")[:-1]:
        tree = json.loads(part.partition("data: ")[2])
        if tree["type"] == "content_block_start":
            assert not is_open
            assert tree["index"] == len(found)
            found.append(tree["content_block"])
            is_open = True
        elif tree["type"].startswith("content_block"):
            assert is_open
            assert tree["index"] == len(found) - 1
            is_open = tree["type"] != "content_block_stop"
            delta = dict(tree.get("delta", {"type": ""}))
            del delta["type"]
            for member, value in delta.items():
                if member == "partial_json":
                    found[-1]["input"] = json.loads(value)
                else:
                    found[-1][member] += value
    assert not is_open
    return found


@SETTINGS
@given(st.data(), blocks)
def test_nothing_of_a_call_leaves_before_it_is_judged(
    streamed: Callable[..., list[bytes]], data: st.DataObject, drawn: list[dict[str, Any]]
) -> None:
    before, after, held = run(streamed(drawn, "tool_use", lambda text: cut(data, text)))
    assert FORBIDDEN.encode() not in before
    assert held is not None
    # Every block with the word in it is one call at least.
    assert len(held) >= sum(FORBIDDEN in json.dumps(block) for block in drawn)
    # A refused call is named in its sentence, and nothing else of it leaves.
    assert after.count(FORBIDDEN.encode()) == after.count(f"refused {FORBIDDEN}: ".encode())
    assert b'"tool_use"' not in before + after


@SETTINGS
@given(st.data(), blocks, st.booleans())
def test_a_stream_and_a_whole_answer_say_the_same(
    streamed: Callable[..., list[bytes]],
    body: Callable[..., bytes],
    data: st.DataObject,
    drawn: list[dict[str, Any]],
    refuse: bool,
) -> None:
    stream = MESSAGES.stream(GRAMMARS)
    out = b"".join([stream.feed(event) for event in streamed(drawn, "tool_use", lambda text: cut(data, text))])
    held = stream.close()
    given_whole = [{**b, "input": json.loads(b["input"])} if b["type"] == "tool_use" else b for b in drawn]
    whole = MESSAGES.answer(body(given_whole, "tool_use"), GRAMMARS)
    assert held == whole.calls
    refusals = {call: each for call, each in refuse_all(held).items() if refuse or call.problem or call.index % 2}
    settled = whole.settled(refusals)
    assert content(out + stream.settle(refusals)) == json.loads(settled)["content"]
    assert stream.past(refusals) == whole.past(refusals)
    assert stream.so_far == whole.so_far


@SETTINGS
@given(st.data(), blocks, st.sampled_from((b"\n", b"\r\n", b"\r")))
def test_how_the_network_cuts_the_bytes_does_not_matter(
    streamed: Callable[..., list[bytes]], data: st.DataObject, drawn: list[dict[str, Any]], line_end: bytes
) -> None:
    whole = b"".join(streamed(drawn, "tool_use", lambda text: cut(data, text, 2)))
    whole += data.draw(st.sampled_from((b"", b": ping\n\n", b"data: [DONE]\n\n", b"data: x\n\n")))
    whole = data.draw(st.sampled_from((b"", b"\xef\xbb\xbf"))) + whole.replace(b"\n", line_end)
    assert run(cut(data, whole, 12)) == run([whole])
    assert run([whole[at : at + 1] for at in range(len(whole))]) == run([whole])


@pytest.mark.parametrize("end", [b"", b"event: x\n", b'data: {"type":"content_block_stop","index":9}\n\n'])
def test_a_stream_that_is_cut_off_anywhere_releases_no_call(streamed: Callable[..., list[bytes]], end: bytes) -> None:
    call = {"type": "tool_use", "id": "a", "name": FORBIDDEN, "input": ARGUMENTS}
    whole = b"".join(streamed([{"type": "text", "text": "Hi"}, call], "tool_use"))
    for at in range(len(whole) - 2):
        before, after, held = run([whole[:at] + end])
        assert FORBIDDEN.encode() not in before + after
        assert held is None


@SETTINGS
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda raw: b"data: " + raw + b"\n\n")))
def test_bytes_raise_nothing_but_wire_errors(raw: bytes) -> None:
    run([raw])
    for read in (lambda: MESSAGES.answer(raw, GRAMMARS), lambda: MESSAGES.request(raw)):
        with suppress(WireError):
            read()
    status, body = MESSAGES.upstream_error(500, raw)
    assert status == 500
    assert json.loads(body)["type"] == "error"


types = st.sampled_from((
    "text", "thinking", "redacted_thinking", "tool_use", "tool_result", "server_tool_use", "message", "text_delta",
    "input_json_delta", "signature_delta", "citations_delta", "mcp_tool_result", "custom", "tool", "any", "document",
))  # fmt: skip
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 200), st.sampled_from(("", "a", "{}", "user")), types),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.builds(
            lambda kind, rest: {**rest, **kind},
            st.one_of(st.just({}), st.builds(lambda kind: {"type": kind}, types)),
            st.dictionaries(
                st.sampled_from((
                    "index", "delta", "role", "content", "id", "name", "input", "text", "thinking", "signature", "data",
                    "citations", "usage", "stop_reason", "source", "tool_use_id", "partial_json", "caller", "title",
                    "content_block", "citation", "tool_choice", "tools", "input_schema", "toolset_name", "X",
                )),
                inner,
                max_size=5,
            ),
        ),
    ),
    max_leaves=20,
)  # fmt: skip
REASONS = st.sampled_from(("end_turn", "tool_use", "max_tokens"))


@SETTINGS
@given(st.lists(json_values, max_size=3), st.lists(json_values, max_size=4), REASONS, st.lists(json_values, max_size=3))
def test_any_json_is_refused_or_read_completely(
    event: Callable[..., bytes],
    start: dict[str, Any],
    body: Callable[..., bytes],
    asking: Callable[..., bytes],
    content_blocks: list[Any],
    trees: list[Any],
    stop: str,
    messages: list[Any],
) -> None:
    with suppress(WireError):
        answer = MESSAGES.answer(body(content_blocks, stop), GRAMMARS)
        assert all((call.arguments is None) != (call.problem is None) for call in answer.calls)
        assert b'"tool_use"' not in answer.settled(refuse_all(answer.calls)).replace(b'"end_turn"', b"")
    kinds = ("content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop")
    events = [
        {**tree, "type": kinds[at % len(kinds)], "index": 0} if isinstance(tree, dict) else {"type": "x", "y": tree}
        for at, tree in enumerate(trees)
    ]
    _, _, calls = run([event(start), *map(event, events)])
    assert all((call.arguments is None) != (call.problem is None) for call in calls or ())
    with suppress(WireError):
        request = MESSAGES.request(asking(*messages, tools=content_blocks))
        request.user_words()
        list(request.results())
        request.with_results(lambda tool, text: text + "!").encode()
        request.keeping(lambda offer: offer.kind == "function").encode()
