from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from server.wire import GRAMMARS, ChatAnswer, HeldCall, Refusal, SoFar, parse_chat_answer
from server.wire.held_choice import add_usage, check_refusals, known_id

TWO = (
    {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
    {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{"}},
)


@pytest.fixture
def read(answer: Callable[..., bytes]) -> Callable[..., ChatAnswer]:
    return lambda message, **more: parse_chat_answer(answer(message, **more), GRAMMARS)


def test_an_unreadable_call_is_never_released(read: Callable[..., ChatAnswer]) -> None:
    with pytest.raises(ValueError, match="unreadable"):
        read({"tool_calls": list(TWO)}).settled({})


def test_a_refusal_must_fit_a_call(read: Callable[..., ChatAnswer]) -> None:
    calls = read({"tool_calls": [TWO[0]]}).calls
    with pytest.raises(ValueError, match="not in this answer"):
        check_refusals(calls, {replace(calls[0], tool="g"): Refusal("x", None, "d")})


def test_the_exchange_shows_the_model_all_its_calls(
    read: Callable[..., ChatAnswer], refuse: Callable[..., dict[HeldCall, Refusal]]
) -> None:
    held = read({"content": 'One <tool_call>{"name":"h","arguments":{}}</tool_call>', "tool_calls": list(TWO)})
    message, *results = held.exchange(refuse(held.calls, "*"))
    assert message["content"] == "One "
    assert [(call["function"]["name"], call["function"]["arguments"]) for call in message["tool_calls"]] == [
        ("f", '{"x":1}'),
        ("g", "{}"),
        ("h", "{}"),
    ]
    assert [call["id"] for call in message["tool_calls"]] == [result["tool_call_id"] for result in results]
    assert results[1]["content"] == "[leastward] refused g: bad-json-arguments. Not allowed. (decision d1)"


def test_the_exchange_of_a_legacy_call(
    read: Callable[..., ChatAnswer], refuse: Callable[..., dict[HeldCall, Refusal]]
) -> None:
    held = read({"content": None, "function_call": {"name": "f", "arguments": "{}"}})
    message, result = held.exchange(refuse(held.calls, "*"))
    assert message == {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    assert (result["role"], result["name"]) == ("function", "f")


def test_what_is_remembered_of_a_refusal(
    read: Callable[..., ChatAnswer], refuse: Callable[..., dict[HeldCall, Refusal]]
) -> None:
    held = read({"content": "One.", "tool_calls": list(TWO)})
    refusals = refuse(held.calls)
    (past,) = held.past(refusals)
    assert (past.call_id, past.tool, past.arguments_text, past.sibling_ids) == ("b", "g", "{}", ("a",))
    released = json.loads(held.settled(refusals))["choices"][0]["message"]
    assert past.content_text == released["content"]
    assert past.text in past.content_text


def test_a_call_without_an_id_of_its_own_gets_one() -> None:
    call = HeldCall(0, 1, "", "f", {}, "text:hermes", None)
    made = known_id("x", call)
    assert made == known_id("x", call) != known_id("y", call)
    assert len(made) == 9
    assert made.isalnum()
    assert known_id("x", replace(call, call_id="a", form="tool")) == "a"


@pytest.mark.parametrize(
    ("first", "second", "total"),
    [
        (None, None, None),
        ({"a": 1}, None, {"a": 1}),
        (None, {"a": 1}, {"a": 1}),
        ({"a": 1, "b": None}, {"a": 2, "b": 3}, {"a": 3, "b": 3}),
        ({"a": {"x": 1}}, {"a": {"x": 1, "y": 2}}, {"a": {"x": 2, "y": 2}}),
        ({"a": 1}, {"a": True}, {"a": True}),
    ],
)
def test_usage_is_added(first: Any, second: Any, total: Any) -> None:
    assert add_usage(first, second) == total


def test_no_call_spans_two_rounds() -> None:
    assert SoFar().glue == ""
    assert SoFar(text="a").glue == "\n"
    assert SoFar(text="Action: f\nAction Input", undecided=True).glue.strip() == "---"


def test_token_probabilities_do_not_spell_a_refused_call(
    answer: Callable[..., bytes], refuse: Callable[..., dict[HeldCall, Refusal]]
) -> None:
    tree = json.loads(answer({"tool_calls": [TWO[0]]}))
    tree["choices"][0] |= {"logprobs": {"content": [{"token": "secret"}]}, "token_ids": [1, 2]}
    held = parse_chat_answer(json.dumps(tree).encode(), GRAMMARS)
    assert b"secret" in held.settled({})
    settled = json.loads(held.settled(refuse(held.calls, "f")))["choices"][0]
    assert settled["logprobs"] is None
    assert settled["token_ids"] is None
