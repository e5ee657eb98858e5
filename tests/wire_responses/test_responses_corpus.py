"""The attack corpus in this protocol: what the wire owes alone, whatever the policy says, and what must pass.

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
from server.wire.responses import RESPONSES

PLACES = (
    Path(__file__).parents[1] / "corpus" / "attack" / "cases.jsonl",
    Path(os.environ.get("LEASTWARD_DATA", "data")) / "attack_corpus" / "cases.jsonl",
)
BY_THE_WIRE = {f"responses_items-{n:03}" for n in (6, 8, 12, 15, 18, 19)}


def cases() -> list[dict[str, Any]]:
    for place in PLACES:
        if place.exists():
            lines = place.read_text(encoding="utf-8").splitlines()
            return [case for case in map(json.loads, lines) if case["protocol"] == "responses"]
    return []


CASES = cases()
if not CASES:
    pytest.skip("the attack corpus is not here: set LEASTWARD_DATA to the data folder", allow_module_level=True)


def raw(text: str, encoding: str) -> bytes:
    return base64.b64decode(text) if encoding == "base64" else text.encode()


def unreadable(calls: tuple[HeldCall, ...]) -> dict[HeldCall, Refusal]:
    return {call: Refusal(call.problem, None, "d") for call in calls if call.problem}


def play(case: dict[str, Any]) -> tuple[tuple[HeldCall, ...] | None, bytes, bytes]:
    """The held calls (None: refused as a whole), what left before they were judged, and what leaves if all pass."""
    payload, before = case["payload"], bytearray()
    try:
        if "body" in payload:
            answer = RESPONSES.answer(raw(payload["body"], payload["encoding"]), GRAMMARS)
            return answer.calls, b"", answer.settled(unreadable(answer.calls))
        stream = RESPONSES.stream(GRAMMARS)
        for chunk in payload["chunks"]:
            before += stream.feed(raw(chunk, payload["encoding"]))
        calls = stream.close()
        return calls, bytes(before), stream.settle(unreadable(calls))
    except WireError:
        return None, bytes(before), b""


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
        assert b'_call"' not in after
    assert b'_call"' not in before


def test_the_corpus_has_the_cases_that_are_named_here() -> None:
    assert {case["id"] for case in CASES} >= BY_THE_WIRE
