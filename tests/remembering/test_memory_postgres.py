"""PostgreSQL behind the gate: what one gate on it learned, the next one on it hears (remembering/address.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def address(postgres_server: Any) -> str:
    return str(postgres_server.empty())


def test_what_is_learned_on_postgresql_is_heard_by_the_next_gate_on_it(
    address: str, scene: Any, tmp_path: Path
) -> None:
    with scene.house(tmp_path, scene.clock(), url=address) as gate:
        before = gate.told("admin0", "GET", "/v1/abstractions")
        assert (before["snapshot"]["version"], before["abstractions"]) == (0, [])
        gate.teach("pay", "forbid", gate.eve, gate.ann, days=3)
        now = gate.clock.now
        spoken = gate.decide("pay", **gate.eve(50))
        assert (spoken["effect"], spoken["reason"]) == ("ask", "learned")
        assert not (tmp_path / "memory.db").exists()
    with scene.house(tmp_path, scene.clock(now), url=address) as gate:
        again = gate.decide("pay", **gate.eve(51))
        assert (again["effect"], again["memory_version"]) == ("ask", spoken["memory_version"])
        assert gate.decide("pay", **gate.ann(51))["effect"] == "allow"
        gate.told("admin0", "POST", "/v1/memory/rollback", {"snapshot": 0})
        assert gate.decide("pay", **gate.eve(52))["effect"] == "allow"
