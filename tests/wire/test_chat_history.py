"""Refused calls go back into the history that a client sends, and into the next round of the same answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from server.wire import GRAMMARS, HeldCall, PastRefusal, Refusal, parse_chat_answer, parse_chat_request

SENTENCE = "[leastward] refused g: no-rule."
PAST = PastRefusal("b", "g", '{"x":1}', SENTENCE, ("a",), f"One.\n{SENTENCE}")
ALONE = replace(PAST, sibling_ids=())


def call(call_id: str, name: str = "f") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}


def put_back(messages: list[dict[str, Any]], *past: PastRefusal) -> list[dict[str, Any]]:
    request = parse_chat_request(json.dumps({"model": "m", "messages": messages}).encode())
    again = request.with_refusals(past)
    assert request.tree["messages"] == messages, "the request itself is unchanged"
    return json.loads(again.encode())["messages"]  # type: ignore[no-any-return]  # the test wrote it


REFUSED = {"id": "b", "type": "function", "function": {"name": "g", "arguments": '{"x":1}'}}
RESULT = {"role": "tool", "tool_call_id": "b", "content": PAST.text}
USER = {"role": "user", "content": "hi"}


def test_beside_the_calls_that_were_released() -> None:
    released, its_result = {"role": "assistant", "content": "One."}, {**RESULT, "tool_call_id": "a"}
    assert put_back([USER, {**released, "tool_calls": [call("a")]}, its_result, USER], PAST) == [
        USER,
        {**released, "tool_calls": [call("a"), REFUSED]},
        its_result,
        RESULT,
        USER,
    ]


@pytest.mark.parametrize(
    "content", [ALONE.content_text, ALONE.content_text + "\n", [{"type": "text", "text": ALONE.content_text}]]
)
def test_at_the_text_where_all_were_refused(content: Any) -> None:
    message = {"role": "assistant", "content": content}
    assert put_back([USER, message, USER], ALONE) == [USER, {**message, "tool_calls": [REFUSED]}, RESULT, USER]


def test_several_refusals_of_one_answer_and_of_two_equal_ones() -> None:
    message = {"role": "assistant", "content": ALONE.content_text}
    second = replace(ALONE, call_id="c")
    history = put_back([message, USER], ALONE, second)
    assert [entry["id"] for entry in history[0]["tool_calls"]] == ["b", "c"]
    assert [entry.get("tool_call_id") for entry in history] == [None, "b", "c", None]


def test_two_answers_with_the_same_ids() -> None:
    first = {"role": "assistant", "content": "1", "tool_calls": [call("a")]}
    history = put_back([first, USER, first, USER], PAST, replace(PAST, call_id="c", content_text="2"))
    assert [len(entry.get("tool_calls", ())) for entry in history] == [2, 0, 0, 2, 0, 0]


def test_a_call_that_is_there_already_is_not_added_again() -> None:
    history = [{"role": "assistant", "content": None, "tool_calls": [call("a"), REFUSED]}, RESULT]
    assert put_back(history, PAST) == history


@pytest.mark.parametrize(
    "history",
    [
        [],
        [USER],
        [{"role": "assistant", "content": "rewritten"}],
        [{"role": "user", "content": ALONE.content_text}],
        [{"role": "assistant", "content": None, "tool_calls": [call("z")]}],
        [{"role": "assistant", "tool_calls": "odd"}, {"role": "assistant", "tool_calls": ["odd", {"id": 1}]}],
    ],
)
def test_where_the_client_removed_the_place_nothing_is_added(history: list[dict[str, Any]]) -> None:
    assert put_back(history, PAST, ALONE) == history


def test_what_was_released_is_found_again(
    answer: Callable[..., bytes], refuse: Callable[..., dict[HeldCall, Refusal]]
) -> None:
    for calls in ([call("a"), call("b", "g")], [call("b", "g")]):
        held = parse_chat_answer(answer({"content": "One.", "tool_calls": calls}), GRAMMARS)
        refusals = refuse(held.calls, "g")
        released = json.loads(held.settled(refusals))["choices"][0]["message"]
        history = put_back([USER, released], *held.past(refusals))
        assert [entry["id"] for entry in history[1]["tool_calls"]] == [entry["id"] for entry in calls]
        assert history[-1]["content"].startswith("[leastward] refused g: ")


def test_the_next_round(answer: Callable[..., bytes], refuse: Callable[..., dict[HeldCall, Refusal]]) -> None:
    members = {"model": "m", "messages": [USER], "tools": [{"type": "function", "function": {"name": "g"}}]}
    held = parse_chat_answer(answer({"content": "One.", "tool_calls": [call("b", "g")]}), GRAMMARS)
    refusals = refuse(held.calls, "*")
    for choice, expected in (("auto", "auto"), ("required", "auto"), ({"type": "function"}, "auto"), (None, None)):
        request = parse_chat_request(json.dumps({**members, "tool_choice": choice}).encode())
        sent = json.loads(request.continued(held, refusals).encode())
        assert sent["tool_choice"] == expected
        assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "tool"]
        assert sent["messages"][1]["tool_calls"] == [call("b", "g")]
        assert len(request.tree["messages"]) == 1
