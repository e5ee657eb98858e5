from __future__ import annotations

from contextlib import suppress

import pytest

from server.wire import GRAMMARS, MalformedAnswer
from server.wire.text_calls import Written
from server.wire.text_scan import MAX_HELD_TEXT, TextScanner, mentions_call


def scan(*pushes: str) -> tuple[list[str], list[object]]:
    scanner = TextScanner(GRAMMARS)
    left = [scanner.push(text) for text in pushes]
    return left, [piece if isinstance(piece, str) else piece.calls[0].tool for piece in scanner.close()]


def test_plain_text_leaves_at_once() -> None:
    assert scan("Hello", " <b>world</b> [1] `x` ") == (["Hello", " <b>world</b> [1] `x` "], [])


def test_a_beginning_is_held_until_it_is_ruled_out() -> None:
    assert scan("a <", "b", " <tool", "_c", "x") == (["a ", "<b", " ", "", "<tool_cx"], [])


def test_what_is_still_undecided_at_the_end_is_plain() -> None:
    assert scan("a <tool_call>") == (["a "], ["<tool_call>"])


def test_everything_behind_a_call_is_held() -> None:
    first, second = '<tool_call>{"name":"f","arguments":{}}</tool_call>', '[TOOL_CALLS][{"name":"g","arguments":{}}]'
    left, pieces = scan(f"a {first}", " b ", second)
    assert left == ["a ", "", ""]
    assert pieces == ["f", " b ", "g"]


def test_a_call_behind_something_that_was_ruled_out() -> None:
    left, pieces = scan('Action: <tool_call>{"name":"f","arguments":{}}</tool_call>\nend')
    assert left == ["Action: "]
    assert pieces == ["f", "\nend"]


def test_no_grammar_no_scan() -> None:
    scanner = TextScanner(())
    text = '<tool_call>{"name":"f","arguments":{}}</tool_call>'
    assert scanner.push(text) == text
    assert not scanner.holds


@pytest.mark.parametrize("pushes", [("<tool_call>{" + "x" * MAX_HELD_TEXT,), ("<tool_call>{", *(["x" * 1000] * 300))])
def test_too_much_held_text_is_refused(pushes: tuple[str, ...]) -> None:
    with pytest.raises(MalformedAnswer):
        scan(*pushes)


@pytest.mark.parametrize(
    "text",
    [
        '```\n{"name":["' * 8000,
        "Action: " * 20000,
        "Action" + " " * 100_000,
        "<tool_call> " * 20000,
        "[TOOL_CALLS] x " * 16000,
        "```json\n" * 20000,
        '{"name":' + "[" * 100_000,
        '"```\n{name:[\'", \'"' * 10000,
    ],
)
def test_text_made_to_be_looked_at_again_and_again(text: str) -> None:
    """Ends by the suite's own time limit if the work grows with the square of the length."""
    with suppress(MalformedAnswer):
        left, pieces = scan(text)
        assert "".join(left) + "".join(map(str, pieces)) in (text, "")


def test_whether_a_call_is_written_somewhere() -> None:
    assert mentions_call('<tool_call>{"name":"f","arguments":{}}</tool_call>', GRAMMARS)
    assert not mentions_call("<tool_call> is a tag", GRAMMARS)
    assert isinstance(TextScanner(GRAMMARS).close(), list)
    assert Written("hermes", ()).printed(()) == ""
