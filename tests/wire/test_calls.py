from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from server.wire import PROBLEMS, HeldCall
from server.wire.calls import MAX_CALL, read_arguments, read_function, read_tool_call, unique_ids


def call(**changes: Any) -> dict[str, Any]:
    return {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, **changes}


@pytest.mark.parametrize(
    ("text", "arguments", "problem"),
    [
        ('{"a": 1.50}', {"a": Decimal("1.50")}, None),
        ("", {}, None),
        (None, {}, None),
        ({"a": 1}, None, "arguments-not-text"),
        ('["a"]', None, "arguments-not-object"),
        ('"{}"', None, "arguments-not-object"),
        ('{"a":1,}', None, "bad-json-arguments"),
        ("{'a':1}", None, "bad-json-arguments"),
        ('{"a":1}{"a":2}', None, "bad-json-arguments"),
        ('{"a":1,"\\u0061":2}', None, "bad-json-arguments"),
        ('{"a":NaN}', None, "bad-json-arguments"),
        ('{"a":"\\ud800"}', None, "bad-json-arguments"),
        ('{"a":18446744073709551617}', None, "bad-json-arguments"),
        ('{"a":' + "[" * 3000 + "]" * 3000 + "}", None, "bad-json-arguments"),
        (" ", None, "bad-json-arguments"),
        ('{"a":"' + "x" * MAX_CALL + '"}', None, "call-too-large"),
    ],
)
def test_arguments(text: object, arguments: object, problem: str | None) -> None:
    assert read_arguments(text) == (arguments, problem)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (call(), None),
        (call(index=0, extra_content={"x": 1}, custom=None), None),
        (call(type=None), "unknown-call-kind"),
        (call(type="mystery"), "unknown-call-kind"),
        (call(function=None), "unknown-call-kind"),
        (call(custom={"name": "g", "input": "x"}), "unknown-call-kind"),
        (call(Function={"name": "g"}), "unknown-call-kind"),
        (call(function={"name": "f", "arguments": "{}", "parameters": {}}), "unknown-call-kind"),
        (call(function={"name": "", "arguments": "{}"}), "missing-name"),
        (call(function={"name": 1, "arguments": "{}"}), "missing-name"),
        (call(id=None), "missing-id"),
        (call(id=""), "missing-id"),
        (call(id=7), "missing-id"),
    ],
)
def test_a_tool_call(entry: dict[str, Any], problem: str | None) -> None:
    held = read_tool_call(0, 0, entry)
    assert held.problem == problem
    assert (held.arguments is None) == (problem is not None)
    assert problem is None or problem in PROBLEMS


def test_a_legacy_function() -> None:
    held = read_function(1, 2, {"name": "f", "arguments": '{"a":1}'})
    assert held == HeldCall(1, 2, "", "f", {"a": 1}, "function", None)


def test_calls_are_told_apart_by_their_place() -> None:
    first, second = read_tool_call(0, 0, call()), read_tool_call(0, 1, call())
    assert len({first, second}) == 2
    assert hash(first) == hash(read_tool_call(0, 0, call(id="b")))


def test_an_id_that_comes_twice_makes_both_unreadable() -> None:
    entries = [call(id="a"), call(id="b"), call(id="a")]
    held = unique_ids(read_tool_call(0, index, entry) for index, entry in enumerate(entries))
    assert [one.problem for one in held] == ["duplicate-id", None, "duplicate-id"]
    assert held[0].arguments is None
