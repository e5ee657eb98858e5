"""server/lines.py: which input lines are understood, and as what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from server.lines import BadLine, CallLine, ResultLine, UserLine, read_line

CASES = yaml.safe_load((Path(__file__).parent / "lines.yaml").read_text())


def described(data: bytes) -> dict[str, Any] | str:
    try:
        line = read_line(data)
    except BadLine:
        return "bad"
    if isinstance(line, CallLine):
        read = {"kind": "call", "tool": line.tool, "server": line.server, "arguments": line.arguments}
        extra = {
            "problem": line.problem,
            "session": line.session,
            "agent": line.principal and line.principal.agent,
            "call_id": line.call_id,
        }
        return read | {name: value for name, value in extra.items() if value}
    if isinstance(line, UserLine):
        return {"kind": "user", "words": line.words, "session": line.session}
    return {"kind": "result", "session": line.session}


@pytest.mark.parametrize("case", CASES, ids=[case["note"] for case in CASES])
def test_line(case: dict[str, Any]) -> None:
    data = case["raw"].encode("latin-1") if "raw" in case else case["line"].encode()
    assert described(data) == case["want"]


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_line_or_a_bad_line(data: bytes) -> None:
    described(data)


def test_a_result_says_whose_answer_it_is() -> None:
    line = read_line(
        b'{"result":{"id":1},"tool":"bank/pay","call_id":"c1","status":"error","session":"s",'
        b'"principal":{"agent":"a"},"at":"2026-03-04T12:00:00.25+01:00"}'
    )
    assert isinstance(line, ResultLine)
    assert (line.result, line.tool, line.server, line.call_id, line.status) == ({"id": 1}, "pay", "bank", "c1", "error")
    assert line.principal is not None
    assert line.at == 1_772_622_000_250_000


@pytest.mark.parametrize("at", ["1970-01-01T00:00:00Z", "1970-01-01T02:00:00.0000009+02:00"])
def test_a_time_is_microseconds_since_1970(at: str) -> None:
    line = read_line(b'{"tool":"pay","args":{},"at":"' + at.encode() + b'"}')
    assert isinstance(line, CallLine)
    assert line.at == 0
