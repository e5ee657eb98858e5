from __future__ import annotations

import pytest

from server.wire.json_probe import JsonProbe, Verdict

NO, MAYBE, YES = Verdict.NO, Verdict.MAYBE, Verdict.YES


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("{", MAYBE),
        ('{"', MAYBE),
        ('{"name"', MAYBE),
        ('{"name": "f", "type": "function"', MAYBE),
        ('{"name": "f", "arguments"', YES),
        ('{"parameters": {"a": "\\"}"}, "name"', YES),
        ('{"action": "f", "action_input"', YES),
        ("{'name': 'f', 'args'", YES),
        ("{name: f, args:", YES),
        ('{"type": "function", "function": {', YES),
        ('{"tool_calls"', YES),
        ('{"n\\u0061me"', YES),
        ('[{"name": "f", "parameters"', YES),
        ('[{"name": "f"}, {"name": "g", "parameters"', YES),
        ("{" * 1 + '"name":' + "[" * 64, YES),
        ('{"answer"', NO),
        ('{"name": "Ann", "age"', NO),
        ('{"name": "Ann"}', NO),
        ("{}", NO),
        ("[]", NO),
        ("[1", NO),
        ("[TOOL", NO),
        ("[link](url)", NO),
        ("{ x }", NO),
        ('{"name": "a" "b"', NO),
        ('{"name"]', NO),
        ('{"name": "f"} {"name": "f", "arguments": 1}', NO),
        ('[{"name": "f"}, {"id"', MAYBE),
        ('[{"name": "f"}, {"arguments": 1}]', NO),
    ],
)
def test_verdict(text: str, verdict: Verdict) -> None:
    assert JsonProbe().more(text) is verdict
    probe = JsonProbe()
    for char in text:
        probe.more(char)
    assert probe.verdict is verdict


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ('{"a": "}"} x', 10),
        ("[{}, {}]", 8),
        ('{"a": [1, {"b": 2}]}', 20),
        ('{"a": "\\\\"}', 11),
        ('{"a": ', None),
        ("{]", None),
    ],
)
def test_the_end_of_what_begins_at_a_bracket(text: str, end: int | None) -> None:
    probe = JsonProbe(YES)
    probe.more(text)
    assert probe.end == end


def test_a_verdict_is_final() -> None:
    probe = JsonProbe()
    assert probe.more('{"answer"') is NO
    assert probe.more(': 1, "name": 1, "arguments": 2}') is NO
