from __future__ import annotations

import pytest

from server.wire.text_calls import UNREADABLE, bracketed, calls_of, extent, named, probed


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        ('{"name": "f", "arguments": {"a": 1}}', "f", {"a": 1}),
        ('{"name": "f", "arguments": "{\\"a\\": 1}"}', "f", {"a": 1}),
        ('{"tool": "f", "args": {}}', "f", {}),
        ('{"type": "function", "id": "x", "function": {"name": "f", "parameters": {}}}', "f", {}),
        ('{"function": "f", "parameters": {}}', "f", {}),
    ],
)
def test_a_readable_call(text: str, tool: str, arguments: dict[str, object]) -> None:
    (call,) = calls_of("hermes", text).calls
    assert (call.tool, call.arguments, call.problem) == (tool, arguments, None)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "f"}',
        '{"arguments": {}}',
        '{"name": 1, "arguments": {}}',
        '{"name": "", "arguments": {}}',
        '{"name": "f", "arguments": [1]}',
        '{"name": "f", "arguments": "[1]"}',
        '{"name": "f", "arguments": {}, "args": {}}',
        '{"name": "f", "tool": "g", "arguments": {}}',
        '{"name": "f", "arguments": {}, "more": 1}',
        '{"name": "f", "name": "g", "arguments": {}}',
        '{"function": {"name": "f", "arguments": {}}, "name": "g"}',
        "{'name': 'f', 'arguments': {}}",
        '"f"',
        "[]",
        "[1]",
        "f(a=1)",
        "",
    ],
)
def test_an_unreadable_one(text: str) -> None:
    calls = calls_of("hermes", text).calls
    assert [call.problem for call in calls if call.problem] == [calls[0].problem]
    assert all(call.arguments is None for call in calls)


def test_it_is_printed_from_its_tree() -> None:
    written = calls_of("fenced", ' [{"name":"f", "arguments" : {"a":1.50}}, {"name":"g","args":{}}] ', "<", ">")
    assert written.printed(written.calls) == '<[{"name":"f","arguments":{"a":1.50}},{"name":"g","args":{}}]>'
    assert written.printed(written.calls[1:]) == '<[{"name":"g","args":{}}]>'
    assert written.printed(()) == ""


def test_arguments_that_are_a_text_are_printed_from_their_tree_too() -> None:
    written = calls_of("fenced", '{"name":"f","arguments":"{ \\"a\\" : 1 }"}')
    assert written.printed(written.calls) == '{"name":"f","arguments":"{\\"a\\":1}"}'


def test_more_behind_the_bracket_makes_it_unreadable() -> None:
    text = '{"name":"f","arguments":{}} ; {"name":"g","arguments":{}}'
    for end, written in (bracketed("llama", text, 0, ""), probed("llama", text, 0, "")):
        assert end == len(text)
        assert written is not None
        assert written.calls[0].problem == UNREADABLE


def test_a_name_apart_from_its_arguments() -> None:
    end, written = named("react", 'x {"a": 1} y', 2, "f", "Action: ")
    assert end == 10
    assert written is not None
    assert written.printed(written.calls) == 'Action: {"a":1}'
    assert extent('x {"a": 1} y', 2) == 10
