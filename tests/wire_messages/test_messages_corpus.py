"""The attack corpus at wire level: no forbidden call is held as readable, and every allowed one arrives as it was sent.

A block that only a policy can decide ends here with a readable HeldCall; the gate's tests judge those.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from server.wire import GRAMMARS, HeldCall, Refusal, WireError
from server.wire.messages import MESSAGES

PLACES = (
    Path(__file__).parents[1] / "corpus" / "attack" / "cases.jsonl",
    Path(os.environ.get("LEASTWARD_DATA", "data")) / "attack_corpus" / "cases.jsonl",
)

# Blocks that the wire owes alone, whatever the policy says.
BY_THE_WIRE = {f"anthropic_blocks-{number:03}" for number in (10, 14, 16, 17)}


def cases() -> list[dict[str, Any]]:
    for place in PLACES:
        if place.exists():
            lines = place.read_text(encoding="utf-8").splitlines()
            return [case for case in map(json.loads, lines) if case["protocol"] == "anthropic"]
    return []


CASES = cases()
if not CASES:
    pytest.skip("the attack corpus is not here: set LEASTWARD_DATA to the data folder", allow_module_level=True)


def raw(text: str, encoding: str) -> bytes:
    return base64.b64decode(text) if encoding == "base64" else text.encode()


def play(payload: dict[str, Any]) -> tuple[tuple[HeldCall, ...] | None, bytes, bytes]:
    """The held calls (None: refused as a whole), what left before they were judged, and what leaves if all pass."""
    before = b""
    try:
        if "body" in payload:
            answer = MESSAGES.answer(raw(payload["body"], payload["encoding"]), GRAMMARS)
            return answer.calls, before, answer.settled(unreadable(answer.calls))
        stream = MESSAGES.stream(GRAMMARS)
        for chunk in payload["chunks"]:
            before += stream.feed(raw(chunk, payload["encoding"]))
        calls = stream.close()
        return calls, before, stream.settle(unreadable(calls))
    except WireError:
        return None, before, b""


def unreadable(calls: tuple[HeldCall, ...]) -> dict[HeldCall, Refusal]:
    return {call: Refusal(call.problem, None, "d") for call in calls if call.problem}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(case: dict[str, Any]) -> None:
    calls, before, after = play(case["payload"])
    if case["expected"] == "allow":
        assert calls is not None
        assert not [call.problem for call in calls if call.problem]
        assert all(call.tool in after.decode() for call in calls)
    elif case["id"] in BY_THE_WIRE:
        assert not [call for call in calls or () if call.problem is None]
    else:
        assert [call for call in calls or () if call.problem is None]
    assert b"tool_use" not in before


def test_the_corpus_has_the_cases_that_are_named_here() -> None:
    assert {case["id"] for case in CASES} >= BY_THE_WIRE
