"""What leaves, seen with the eyes of the official SDK: it must find exactly the released calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from openai._types import NOT_GIVEN
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from server.wire import GRAMMARS, HeldCall
from server.wire.responses import RESPONSES

SETTINGS = settings(print_blob=True, deadline=None, max_examples=40)
EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
arguments = st.dictionaries(st.text(max_size=5), json_values, max_size=3)
wanted = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.sampled_from("fgh"), arguments.map(json.dumps)),
        st.tuples(st.just("custom"), st.sampled_from("fgh"), st.text(max_size=12)),
        st.tuples(st.just("message"), st.just(""), st.text(max_size=12)),
        st.tuples(st.just("reasoning"), st.just(""), st.text(max_size=12)),
    ),
    max_size=5,
)


def made(items: Any, what: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    out = []
    for at, (kind, tool, text) in enumerate(what):
        if kind in ("message", "reasoning"):
            out.append(getattr(items, kind)(text, name=f"{kind}_{at}"))
        else:
            out.append(getattr(items, kind)(at, tool, text))
    return out


def seen(response: Response) -> set[tuple[str, str, str]]:
    return {
        (item.call_id, item.name, item.arguments if item.type == "function_call" else item.input)
        for item in response.output
        if item.type in ("function_call", "custom_tool_call")
    }


def released(calls: tuple[HeldCall, ...]) -> set[tuple[str, str, str]]:
    def text(call: HeldCall) -> str:
        assert call.arguments is not None
        return str(call.arguments["input"]) if call.form == "custom" else compact(call.arguments)

    return {(call.call_id, call.tool, text(call)) for call in calls if call.tool != "g"}


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@SETTINGS
@given(wanted)
def test_a_whole_answer(
    items: Any, whole: Callable[..., bytes], refuse: Callable[..., Any], what: list[tuple[str, str, str]]
) -> None:
    answer = RESPONSES.answer(whole(*made(items, what)), GRAMMARS)
    tree = json.loads(answer.settled(refuse(answer.calls, "g")))
    response = Response.model_validate(tree)
    assert seen(response) == released(answer.calls)
    assert ("[leastward] refused g" in response.output_text) == any(call.tool == "g" for call in answer.calls)


@SETTINGS
@given(wanted, st.integers(1, 9))
def test_a_stream(
    items: Any, streamed: Callable[..., list[bytes]], refuse: Callable[..., Any],
    left: Callable[[bytes], list[dict[str, Any]]], what: list[tuple[str, str, str]], size: int,
) -> None:  # fmt: skip
    stream = RESPONSES.stream(GRAMMARS)
    out = b"".join(stream.feed(event) for event in streamed(*made(items, what), size=size))
    calls = stream.close()
    out += stream.settle(refuse(calls, "g"))
    state = ResponseStreamState(text_format=NOT_GIVEN, input_tools=[])
    snapshot: Any = None
    for number, tree in enumerate(left(out)):
        event = EVENT.validate_python({**tree, "sequence_number": number})
        state.handle_event(event)
        if event.type != "response.completed":
            snapshot = state._ResponseStreamState__current_snapshot
            texts = [item.model_dump() for item in snapshot.output]
    final = state._completed_response
    assert final is not None
    assert seen(final) == released(calls)
    # What was put together from the events is what the last event says.
    by_events = [
        [part.get("text") for part in item["content"]] if item["type"] == "message" else item.get("arguments")
        for item in texts
    ]
    by_last = [
        [part.text for part in item.content] if item.type == "message" else getattr(item, "arguments", None)
        for item in final.output
    ]
    assert by_events == by_last
