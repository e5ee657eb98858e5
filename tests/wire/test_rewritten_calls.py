"""Calls that leave with other arguments than they came with: every form of call, whole answers and streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from server.wire import GRAMMARS, ChatStream, HeldCall, parse_chat_answer

NEW = {"to": "ada", "bcc": []}


def _tool_calls(name: str) -> dict[str, Any]:
    return {"tool_calls": [{"id": "a", "type": "function", "function": {"name": name, "arguments": '{"to":"eve"}'}}]}


FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "tool": (_tool_calls("send"), '{"to":"ada","bcc":[]}'),
    "function": ({"function_call": {"name": "send", "arguments": '{"to":"eve"}'}}, '{"to":"ada","bcc":[]}'),
    "hermes": (
        {"content": 'Now <tool_call>{"name":"send","arguments":{"to":"eve"}}</tool_call> done'},
        '{"name":"send","arguments":{"to":"ada","bcc":[]}}',
    ),
    "hermes, arguments as text": (
        {"content": '<tool_call>{"name":"send","arguments":"{\\"to\\":\\"eve\\"}"}</tool_call>'},
        '{"name":"send","arguments":"{\\"to\\":\\"ada\\",\\"bcc\\":[]}"}',
    ),
    "function inside": (
        {"content": '<tool_call>{"function":{"name":"send","parameters":{"to":"eve"}}}</tool_call>'},
        '{"function":{"name":"send","parameters":{"to":"ada","bcc":[]}}}',
    ),
    "mistral": ({"content": '[TOOL_CALLS]send{"to":"eve"}'}, '{"to":"ada","bcc":[]}'),
}


def _spelled(message: dict[str, Any]) -> str:
    """The text in which the call stands."""
    if "tool_calls" in message:
        return str(message["tool_calls"][0]["function"]["arguments"])
    return str((message.get("function_call") or {}).get("arguments") or message["content"])


@pytest.mark.parametrize("form", FORMS)
def test_a_call_leaves_as_it_was_rewritten(form: str, answer: Callable[..., bytes]) -> None:
    message, wanted = FORMS[form]
    held = parse_chat_answer(answer(message), GRAMMARS)
    (call,) = held.calls
    assert call.arguments == {"to": "eve"}
    held.rewrite({call: NEW})
    left = json.loads(held.settled({}))["choices"][0]["message"]
    assert wanted in _spelled(left)
    assert "eve" not in json.dumps(left)
    assert [one.arguments for one in held.calls] == [NEW]


@pytest.mark.parametrize("form", FORMS)
def test_a_streamed_call_too(form: str, chunk: Callable[..., bytes]) -> None:
    message, _ = FORMS[form]
    delta = dict(message)
    if "tool_calls" in delta:
        delta["tool_calls"] = [{"index": 0, **delta["tool_calls"][0]}]
    stream = ChatStream(GRAMMARS)
    out = stream.feed(chunk(delta)) + stream.feed(chunk({}, finish="stop")) + stream.feed(b"data: [DONE]\n\n")
    (call,) = stream.close()
    stream.rewrite({call: NEW})
    out += stream.settle({})
    assert b"ada" in out
    assert b"eve" not in out


def test_only_the_call_that_was_rewritten_changes(answer: Callable[..., bytes]) -> None:
    two = 'One <tool_call>{"name":"f","arguments":{"x":1}}</tool_call><tool_call>{"name":"f","arguments":{"x":2}}'
    held = parse_chat_answer(answer({**_tool_calls("send"), "content": two + "</tool_call>"}), GRAMMARS)
    changes: dict[HeldCall, dict[str, Any]] = {held.calls[2]: {"x": 3}}
    held.rewrite(changes)
    assert [call.arguments for call in held.calls] == [{"to": "eve"}, {"x": 1}, {"x": 3}]
    content = json.loads(held.settled({}))["choices"][0]["message"]["content"]
    assert '"x":1' in content
    assert '"x":3' in content
    assert '"x":2' not in content
