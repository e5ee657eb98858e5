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

from server.wire import GRAMMARS, ChatStream, HeldCall, Refusal, WireError, parse_chat_answer

PLACES = (
    Path(__file__).parents[1] / "corpus" / "attack" / "cases.jsonl",
    Path(os.environ.get("LEASTWARD_DATA", "data")) / "attack_corpus" / "cases.jsonl",
)
PROTOCOLS = ("openai_chat", "openai_chat_stream")

# Blocks that the wire owes alone, whatever the policy says.
BY_THE_WIRE = {
    *(f"json_differential-{n:03}" for n in (3, 6, 10, 12, 13, 18, 19, 21, 25, 27, 31, 33, 34)),
    *(f"stream_reassembly-{n:03}" for n in (8, 13, 14, 19, 23, 24, 28, 29, 30, 46)),
    *(f"args_shape-{n:03}" for n in (1, 7)),
    *(f"choices_legacy_custom-{n:03}" for n in (9, 10, 15)),
}


def cases() -> list[dict[str, Any]]:
    for place in PLACES:
        if place.exists():
            lines = place.read_text(encoding="utf-8").splitlines()
            return [case for case in map(json.loads, lines) if case["protocol"] in PROTOCOLS]
    return []


CASES = cases()
if not CASES:
    pytest.skip("the attack corpus is not here: set LEASTWARD_DATA to the data folder", allow_module_level=True)


def raw(text: str, encoding: str) -> bytes:
    return base64.b64decode(text) if encoding == "base64" else text.encode()


def play(case: dict[str, Any]) -> tuple[tuple[HeldCall, ...] | None, bytes, bytes]:
    """The held calls (None: refused as a whole), what left before they were judged, and what leaves if all pass."""
    payload = case["payload"]
    try:
        if case["protocol"] == "openai_chat":
            answer = parse_chat_answer(raw(payload["body"], payload["encoding"]), GRAMMARS)
            refusals = unreadable(answer.calls)
            return answer.calls, b"", answer.settled(refusals)
        stream, before = ChatStream(GRAMMARS), bytearray()
        for chunk in payload["chunks"]:
            before += stream.feed(raw(chunk, payload["encoding"]))
        calls = stream.close()
        return calls, bytes(before), stream.settle(unreadable(calls))
    except WireError:
        return None, b"", b""


def unreadable(calls: tuple[HeldCall, ...]) -> dict[HeldCall, Refusal]:
    return {call: Refusal(call.problem, None, "d") for call in calls if call.problem}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(case: dict[str, Any]) -> None:
    calls, before, after = play(case)
    if case["expected"] == "allow":
        assert calls is not None
        assert not [call.problem for call in calls if call.problem]
        assert all(call.tool in after.decode() for call in calls)
    elif case["id"] in BY_THE_WIRE:
        forbidden = {rule["tool"] for rule in case["rules"] if rule["effect"] == "forbid"}
        assert not [call for call in calls or () if call.problem is None and call.tool in forbidden]
        assert calls is None or any(call.problem for call in calls)
    assert b"tool_calls" not in before
    assert b"function_call" not in before


def test_the_corpus_has_the_cases_that_are_named_here() -> None:
    assert {case["id"] for case in CASES} >= BY_THE_WIRE
