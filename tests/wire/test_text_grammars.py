from __future__ import annotations

import pytest

from server.wire import GRAMMARS
from server.wire.json_probe import Verdict
from server.wire.text_grammars import MARKERS

NO, MAYBE, YES = Verdict.NO, Verdict.MAYBE, Verdict.YES


@pytest.mark.parametrize(
    ("literal", "rest", "verdict"),
    [
        ("<tool_call>", " \n", MAYBE),
        ("<tool_call>", "``", MAYBE),
        ("<tool_call>", "\n{", YES),
        ("<tool_call>", "```json", YES),
        ("<tool_call>", "<function=f>", YES),
        ("<tool_call>", "</tool_call>", NO),
        ("<tool_call>", "` tag", NO),
        ("<tool_call>", "tag", NO),
        ("[TOOL_CALLS]", "", MAYBE),
        ("[TOOL_CALLS]", " [", YES),
        ("[TOOL_CALLS]", "f", YES),
        ("[TOOL_CALLS]", " marks", NO),
        ("<|python_tag|>", "f(", YES),
        ("<|python_tag|>", "`", NO),
        ("Action", "", MAYBE),
        ("Action", " 1 :", MAYBE),
        ("Action", ": f", MAYBE),
        ("Action", ": f\n\n Act", MAYBE),
        ("Action", ": f\nAction Input:", MAYBE),
        ("Action", ": f\nAction Input: {", YES),
        ("Action", ": f Action 2 Input 2: x", YES),
        ("Action", ": f\nThen", NO),
        ("Action", "s", NO),
        ("Action", ": " + "x" * 800, NO),
        ("Action", ":\n{", MAYBE),
        ("```", "", MAYBE),
        ("```", "js", MAYBE),
        ("```", "JSON\n", MAYBE),
        ("```", "json {", MAYBE),
        ("```", "tool_code\nf", YES),
        ("```", "python", NO),
        ("```", "\ntext", NO),
        ("```", "json\n1", NO),
    ],
)
def test_when_a_place_is_ruled_out(literal: str, rest: str, verdict: Verdict) -> None:
    opening = MARKERS[literal].opens(literal + rest, len(literal))
    # Every blank behind `Action Input:` is still part of the mark.
    expected = YES if rest.endswith("Input:") else verdict
    assert opening.verdict is expected
    assert opening.json_at is None or rest.endswith(("{", "["))


def test_every_grammar_has_a_mark() -> None:
    assert {marker.grammar for marker in MARKERS.values()} == set(GRAMMARS)
    assert list(GRAMMARS) == sorted(GRAMMARS)


@pytest.mark.parametrize("marker", MARKERS.values(), ids=MARKERS)
def test_a_bare_mark_is_no_call(marker: object) -> None:
    literal = marker.literal  # type: ignore[attr-defined]  # a row of the table
    assert MARKERS[literal].read(literal, 0)[1] is None
