from __future__ import annotations

from typing import Any

import pytest

from server.wire import MalformedAnswer
from server.wire.calls import MAX_CALL
from server.wire.stream_calls import CallParts, call_index


def parts(*fragments: dict[str, Any]) -> CallParts:
    call = CallParts()
    for fragment in fragments:
        call.add(fragment)
    return call


def test_fragments_make_the_member_that_a_whole_answer_would_have() -> None:
    call, entry = parts(
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a":'}, "extra_content": {"x": 1}},
        {"index": 0, "function": {"arguments": "1}"}},
    ).call(0, 3)
    assert (call.choice, call.index, call.call_id, call.tool, call.arguments) == (0, 3, "a", "f", {"a": 1})
    assert entry["id"] == "a"
    assert entry["extra_content"] == {"x": 1}


@pytest.mark.parametrize(
    "second",
    [
        {"id": "b"},
        {"id": 1},
        {"type": "custom"},
        {"function": {"name": "g"}},
        {"function": {"name": ["f"]}},
        {"function": "f"},
    ],
)
def test_what_changes_is_malformed(second: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        parts({"id": "a", "type": "function", "function": {"name": "f"}}, second)


@pytest.mark.parametrize(
    ("fragment", "problem"),
    [
        ({"custom": {"name": "g"}}, "unknown-call-kind"),
        ({"function": {"parameters": {}}}, "unknown-call-kind"),
        ({"function": {"arguments": {}}}, "arguments-not-text"),
        ({"function": {"arguments": "{"}}, "bad-json-arguments"),
    ],
)
def test_what_cannot_be_read_is_a_problem(fragment: dict[str, Any], problem: str) -> None:
    call, _ = parts({"id": "a", "type": "function", "function": {"name": "f"}}, fragment).call(0, 0)
    assert (call.problem, call.arguments) == (problem, None)


def test_a_call_that_is_too_large() -> None:
    call = CallParts()
    assert call.add({"id": "a", "function": {"name": "f", "arguments": "x" * MAX_CALL}}) == MAX_CALL + 2
    with pytest.raises(MalformedAnswer) as caught:
        call.add({"function": {"arguments": "x"}})
    assert caught.value.code == "answer-too-large"


def test_a_legacy_function() -> None:
    call = CallParts()
    call.add_function({"name": "f"})
    call.add_function({"arguments": "{}"})
    assert call.function(0, 0).arguments == {}


@pytest.mark.parametrize("fragment", [{}, {"index": None}, {"index": "0"}, {"index": True}, {"index": 1.0}, None, []])
def test_a_fragment_without_a_place(fragment: object) -> None:
    with pytest.raises(MalformedAnswer):
        call_index(fragment)
