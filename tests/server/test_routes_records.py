"""server/routes_records.py: a Decision by its id, for its own tenant only."""

from __future__ import annotations

from typing import Any

import pytest

from server.exchange import Scope


@pytest.mark.parametrize(
    "record", ["dec-00000000000000000000000000", "x", "dec-1", "%64", "DEC-00000000000000000000000000", "a" * 500]
)
def test_unknown_decisions(record: str, gate: Any, code_of: Any) -> None:
    status, _, body = gate.ask("GET", f"/v1/decisions/{record}", key=gate.issue(Scope.AUDIT))
    assert status == 404
    assert code_of(body) in ("unknown-decision", "unknown-route")
