"""server/lines.py: which input lines are understood, and as what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from server.lines import BadLine, CallLine, UserLine, read_line

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
