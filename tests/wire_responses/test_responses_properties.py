"""What must hold for every stream: how bytes are cut does not matter, and nothing of a call leaves unjudged."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.wire import GRAMMARS, HeldCall, Refusal, WireError
from server.wire.responses import RESPONSES

SETTINGS = settings(print_blob=True, deadline=None, max_examples=40)
FORBIDDEN = "zqtool"  # stands in every name and every argument, and nowhere else

ARGUMENTS = '{"zqtool": "zqtool"}'
WRITTEN = (
    f'<tool_call>{{"name": "zqtool", "arguments": {ARGUMENTS}}}</tool_call>',
    f"[TOOL_CALLS]zqtool{ARGUMENTS}",
    f"Action: zqtool\nAction Input: {ARGUMENTS}\n",
    f'```json\n{{"name": "zqtool", "arguments": {ARGUMENTS}}}\n```',
)
BARE = f'{{"name": "zqtool", "arguments": {ARGUMENTS}}}'  # a call only where a text begins with it
PLAIN = ("Hello ", "<", "<tool_call> is a tag. ", "[TOOL", "Action", "```", "é☃", "\n", '{"a": 1}', "Action Input: ")
words = st.lists(st.one_of(st.sampled_from(PLAIN), st.text(max_size=4)), max_size=4).map("".join)
said = st.one_of(st.tuples(words, st.sampled_from(("", *WRITTEN)), words).map("".join), words.map(BARE.__add__))
answers = st.lists(
    st.one_of(
        st.tuples(st.just("message"), said),
        st.tuples(st.just("reasoning"), said),
        st.tuples(st.just("call"), st.just(ARGUMENTS)),
        st.tuples(st.just("custom"), st.just("zqtool zqtool")),
    ),
    max_size=4,
)


def made(items: Any, what: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        getattr(items, kind)(text, name=f"{kind}_{at}")
        if kind in ("message", "reasoning")
        else getattr(items, kind)(at, FORBIDDEN, text)
        for at, (kind, text) in enumerate(what)
    ]


def refuse_all(calls: tuple[HeldCall, ...]) -> dict[HeldCall, Refusal]:
    return {call: Refusal("no-rule", None, "d") for call in calls}


def run(parts: list[bytes], refuses: bool = True) -> tuple[bytes, bytes, tuple[HeldCall, ...] | None]:
    """What left before the calls were judged, what left after, and the calls (None: the stream was malformed)."""
    stream, out = RESPONSES.stream(GRAMMARS), bytearray()
    try:
        for part in parts:
            out += stream.feed(part)
        calls = stream.close()
    except WireError:
        return bytes(out), b"", None
    return bytes(out), stream.settle(refuse_all(calls) if refuses else refuse_all(tuple(_unread(calls)))), calls


def _unread(calls: tuple[HeldCall, ...]) -> list[HeldCall]:
    return [call for call in calls if call.problem]


@SETTINGS
@given(answers, st.integers(1, 7))
def test_nothing_of_a_refused_call_leaves(
    items: Any, streamed: Callable[..., list[bytes]], what: list[tuple[str, str]], size: int
) -> None:
    before, after, calls = run(streamed(*made(items, what), size=size))
    assert calls is not None
    assert b"zqtool" not in before
    assert b'_call"' not in before
    # A refusal names its tool, and nothing else of the call is left: no argument, no id.
    assert b"zqtool" not in after.replace(b"refused zqtool:", b"")
    assert b'"call_' not in after
    assert b'_call"' not in after


@SETTINGS
@given(answers)
def test_a_whole_answer_holds_as_little(items: Any, whole: Callable[..., bytes], what: list[tuple[str, str]]) -> None:
    answer = RESPONSES.answer(whole(*made(items, what)), GRAMMARS)
    after = answer.settled(refuse_all(answer.calls))
    assert b"zqtool" not in after.replace(b"refused zqtool:", b"")


@SETTINGS
@given(st.data(), answers, st.booleans())
def test_how_bytes_are_cut_does_not_matter(
    items: Any, streamed: Callable[..., list[bytes]], data: st.DataObject, what: list[tuple[str, str]], refuses: bool
) -> None:
    events = streamed(*made(items, what))
    body = b"".join(events)
    places = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=30)))
    cut = [body[begin:end] for begin, end in zip([0, *places], [*places, len(body)], strict=True)]
    assert run(cut, refuses) == run(events, refuses)


def _rich(items: Any, streamed: Callable[..., list[bytes]]) -> list[bytes]:
    return streamed(
        items.reasoning("Let me think."),
        items.message("Now ☃ <tool_call>"),
        items.call(1, "f", '{"a": [1, "é"]}'),
        items.custom(2, "sh", "ls -l\n"),
        items.message('<tool_call>{"name":"g","arguments":{}}</tool_call> done', name="msg_2"),
    )


def test_a_cut_at_every_byte_gives_the_same(items: Any, streamed: Callable[..., list[bytes]]) -> None:
    events = _rich(items, streamed)
    body, expected = b"".join(events), run(events, refuses=False)
    assert expected[2] is not None
    assert len(expected[2]) == 3
    assert run([body[at : at + 1] for at in range(len(body))], refuses=False) == expected
    for at in range(0, len(body), 101):
        assert run([body[:at], body[at:]], refuses=False) == expected


@pytest.mark.long
def test_a_cut_in_two_at_every_byte_gives_the_same(items: Any, streamed: Callable[..., list[bytes]]) -> None:
    events = _rich(items, streamed)
    body, expected = b"".join(events), run(events, refuses=False)
    for at in range(len(body)):
        assert run([body[:at], body[at:]], refuses=False) == expected


@SETTINGS
@given(answers, st.integers(0, 60))
def test_a_stream_that_stops_anywhere_releases_no_call(
    items: Any, streamed: Callable[..., list[bytes]], what: list[tuple[str, str]], kept: int
) -> None:
    events = streamed(*made(items, what))
    before, after, calls = run(events[: min(kept, len(events) - 1)], refuses=False)
    assert calls is None
    assert b"zqtool" not in before + after


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 2000), st.sampled_from(("", "a", "message", "completed"))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from((
                "type", "id", "call_id", "name", "arguments", "input", "output", "content", "summary", "text", "role",
                "status", "item", "part", "response", "delta", "output_index", "content_index", "item_id", "error",
                "usage", "tools", "tool_choice", "model", "stream", "annotations", "logprobs", "x", "Output", "caller",
            )),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=20,
)  # fmt: skip
kinds = st.sampled_from(("message", "reasoning", "function_call", "custom_tool_call", "web_search_call", "compaction"))
names = st.sampled_from((
    "response.created", "response.output_item.added", "response.output_item.done", "response.content_part.added",
    "response.output_text.delta", "response.output_text.done", "response.function_call_arguments.delta",
    "response.function_call_arguments.done", "response.completed", "response.web_search_call.searching",
))  # fmt: skip
some_items = st.builds(
    lambda tree, kind: {**(tree if isinstance(tree, dict) else {}), "type": kind}, json_values, kinds
)
some_events = st.builds(
    lambda tree, kind, item, at: {**tree, "type": kind, "item": item, "output_index": at},
    st.dictionaries(st.sampled_from(("delta", "part", "text", "response", "content_index")), json_values),
    names,
    some_items,
    st.integers(0, 1),
)


@SETTINGS
@given(st.lists(some_items, max_size=3), st.lists(some_events, max_size=5), json_values)
def test_any_json_is_refused_or_read_completely(
    event: Callable[..., bytes], output: list[Any], trees: list[Any], other: Any
) -> None:
    for tree in ({"output": output}, other):
        with suppress(WireError):
            answer = RESPONSES.answer(json.dumps(tree).encode(), GRAMMARS)
            assert all((call.arguments is None) != (call.problem is None) for call in answer.calls)
            json.loads(answer.settled(refuse_all(answer.calls)))
            answer.past(refuse_all(answer.calls))
    _, _, calls = run([event(tree) for tree in trees])
    assert all((call.arguments is None) != (call.problem is None) for call in calls or ())
    for tree in (other, {"model": "m", "input": output}, {"model": "m", "input": "x", "tools": [other]}):
        with suppress(WireError):
            read = RESPONSES.request(json.dumps(tree).encode())
            read.user_words()
            read.with_results(lambda tool, text: text + tool).results()
            read.keeping(lambda offer: offer.kind == "function").encode()


@SETTINGS
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(body: bytes) -> None:
    run([body])
    for read in (lambda: RESPONSES.answer(body, GRAMMARS), lambda: RESPONSES.request(body)):
        with suppress(WireError):
            read()
