"""server/wire/chat_results.py: what tools answered, as the client tells it, and what the model reads in its place."""

from __future__ import annotations

import json
from typing import Any

from server.wire import ChatRequest, ToolResult, parse_chat_request

HISTORY: list[dict[str, Any]] = [
    {"role": "user", "content": "What is new?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "read_inbox", "arguments": "{}"}},
            {"id": "b", "type": "function", "function": {"name": "get_iban", "arguments": "{}"}},
        ],
    },
    {"role": "tool", "tool_call_id": "b", "content": "GB29 4111111111111111"},
    {
        "role": "tool",
        "tool_call_id": "a",
        "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
    },
    {"role": "tool", "tool_call_id": "nobody", "content": "stray"},
    {"role": "function", "name": "legacy", "content": None},
]


def _request(messages: list[dict[str, Any]]) -> ChatRequest:
    return parse_chat_request(json.dumps({"model": "m", "messages": messages}).encode())


def test_results_are_told_with_the_tool_that_the_history_names() -> None:
    assert _request(HISTORY).results() == (
        ToolResult(2, "b", "get_iban", "GB29 4111111111111111"),
        ToolResult(3, "a", "read_inbox", "one\ntwo"),
        ToolResult(4, "nobody", "", "stray"),
        ToolResult(5, "", "legacy", ""),
    )


def test_an_id_that_is_used_again_names_the_latest_call() -> None:
    again = {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "later", "arguments": "{}"}}]}
    results = _request([*HISTORY[:4], again, {"role": "tool", "tool_call_id": "a", "content": "x"}]).results()
    assert [result.tool for result in results] == ["get_iban", "read_inbox", "later"]


def test_only_results_are_changed() -> None:
    def hide(tool: str, text: str) -> str:
        return text.replace("4111111111111111", "[card]") if tool == "get_iban" else text.replace("two", "2")

    request = _request([*HISTORY, {"role": "user", "content": "4111111111111111 two"}])
    messages = json.loads(request.with_results(hide).encode())["messages"]
    assert messages[2]["content"] == "GB29 [card]"
    assert messages[3]["content"] == [{"type": "text", "text": "one"}, {"type": "text", "text": "2"}]
    assert messages[-1]["content"] == "4111111111111111 two"


def test_a_request_without_a_change_stays_as_it_came() -> None:
    request = _request(HISTORY)
    assert request.with_results(lambda tool, text: text) is request


def test_odd_members_are_no_results() -> None:
    odd = [
        {"role": "assistant", "tool_calls": "none"},
        {"role": "assistant", "tool_calls": [{"id": 7, "function": {"name": "x"}}, "y", {"id": "z"}]},
        {"role": "tool", "tool_call_id": 7, "content": {"text": "x"}},
        {"role": "tool", "tool_call_id": "z", "content": [7, {"type": "text"}]},
    ]
    assert _request(odd).results() == (ToolResult(2, "", "", ""), ToolResult(3, "z", "", ""))
