"""Whole answers: the transcripts say what passes; here are the parts that they do not show."""

from __future__ import annotations

import json
from collections.abc import Callable

from server.wire import GRAMMARS, HeldCall, Refusal, SoFar, parse_chat_answer

CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_what_an_answer_says_of_itself(answer: Callable[..., bytes]) -> None:
    read = parse_chat_answer(answer({"content": "a"}, {"content": "b"}, usage={"total_tokens": 3}), GRAMMARS)
    assert (read.id, read.choices, read.usage, read.calls) == ("chatcmpl-1", 2, {"total_tokens": 3}, ())


def test_two_rounds_make_one_answer(
    answer: Callable[..., bytes], refuse: Callable[..., dict[HeldCall, Refusal]]
) -> None:
    first = parse_chat_answer(answer({"content": "One.", "tool_calls": [CALL]}, usage={"total_tokens": 3}), GRAMMARS)
    so_far = first.so_far
    body = answer({"content": "Two."}, usage={"total_tokens": 4}).replace(b"chatcmpl-1", b"chatcmpl-2")
    second = parse_chat_answer(body, GRAMMARS, so_far=so_far)
    settled = json.loads(second.settled({}))
    assert settled["id"] == second.id == "chatcmpl-1"
    assert settled["usage"] == {"total_tokens": 7}
    assert settled["choices"][0]["message"]["content"] == "One.\nTwo."


def test_the_text_of_earlier_rounds_is_not_lost(answer: Callable[..., bytes]) -> None:
    read = parse_chat_answer(answer({"content": None, "tool_calls": [CALL]}), GRAMMARS, so_far=SoFar(text="One."))
    assert json.loads(read.settled({}))["choices"][0]["message"]["content"] == "One."


def test_nothing_changes_the_tree(answer: Callable[..., bytes], refuse: Callable[..., dict[HeldCall, Refusal]]) -> None:
    read = parse_chat_answer(answer({"content": "a", "tool_calls": [CALL]}, finish="tool_calls"), GRAMMARS)
    before = json.dumps(read.tree)
    refused = json.loads(read.settled(refuse(read.calls, "*")))
    assert "tool_calls" not in refused["choices"][0]["message"]
    assert refused["choices"][0]["finish_reason"] == "stop"
    assert json.dumps(read.tree) == before
    assert json.loads(read.settled({})) == json.loads(before)
