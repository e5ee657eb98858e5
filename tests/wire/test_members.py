from __future__ import annotations

from typing import Any

import pytest

from server.wire import MalformedAnswer
from server.wire.members import MESSAGE_MEMBERS, is_unread, refuse_unknown


def mentions(text: str) -> bool:
    return "CALL" in text


@pytest.mark.parametrize(
    "member",
    [
        {"annotations": []},
        {"audio": {"id": "a", "data": "x", "transcript": "hi"}},
        {"toolCalls": None},
        {"executed_tools": None},
        {"citations": ["https://example.com"]},
        {"reasoning_details": [{"type": "text", "text": "hm"}]},
        {"timings": {"predicted_ms": 12}},
    ],
)
def test_these_pass(member: dict[str, Any]) -> None:
    refuse_unknown(member, MESSAGE_MEMBERS, mentions, "a message")


@pytest.mark.parametrize(
    "member",
    [
        {"toolCalls": []},
        {"Tool_Calls": [{}]},
        {"tool_calls ": [{}]},
        {"ｔool_calls": [{}]},
        {"functionCall": {}},
        {"executed_tools": [1]},
        {"CONTENT": "a"},
        {"Role": "a"},
        {"name": "f"},
        {"steps": [{"name": "f", "arguments": "{}"}]},
        {"steps": [{"name": "f", "input": {}}]},
        {"steps": {"a": {"toolCalls": [{}]}}},
        {"thoughts": ["x", "CALL"]},
    ],
)
def test_these_could_carry_a_call(member: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        refuse_unknown(member, MESSAGE_MEMBERS, mentions, "a message")


def test_a_null_says_nothing() -> None:
    assert not is_unread({"name": "f", "strict": None}, frozenset({"name"}))
    assert is_unread({"name": "f", "strict": False}, frozenset({"name"}))
