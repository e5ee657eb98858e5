"""server/remembering/refresher.py: refreshes where there is something new, one a day, and none that stops the gate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from memory import Context, Observed, Refreshed, Reported, Reporter
from memory.store import Logged
from server.edge import EdgeError
from server.metrics import Metrics
from server.remembering.refresher import DAY_SECONDS, Refresher

REPORTED = Reported(
    1,
    Observed("dec-1", "acme", 1, "", Context("pay", ()), "allow", "allow", "hash"),
    Reporter("user:ada", "acme", "user"),
    "forbid",
)


class Gate:
    """A desk, a log and a policy."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.refreshed: list[str] = []
        self.error: Exception | None = None
        self.policy_hash = "one"
        self.time = 0.0
        self.metrics = Metrics()
        self.refresher = Refresher(self, self.entries, self, self.metrics, lambda: self.time)  # type: ignore[arg-type]

    @property
    def current(self) -> Gate:
        return self

    def tenants(self) -> list[str]:
        return ["acme"]

    def entries(self, tenant: str, after: int) -> Iterator[Logged]:
        yield from (Logged(at, None, event) for at, event in enumerate(self.log, 1) if at > after)

    def refresh(self, tenant: str) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        self.refreshed.append(tenant)
        self.log.append(Refreshed(2, 0))
        return {"changes": {}, "snapshot": {"version": 1}}

    def turns(self, count: int = 1) -> int:
        """How many refreshes came of `count` turns."""
        before = len(self.refreshed)
        for _ in range(count):
            self.refresher.once()
        return len(self.refreshed) - before


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_where_nobody_ever_reported_there_is_none(gate: Gate) -> None:
    assert gate.turns(3) == 0
    gate.time += DAY_SECONDS
    gate.policy_hash = "two"
    assert gate.turns(3) == 0


def test_without_anything_new_there_is_one_a_day(gate: Gate) -> None:
    gate.log.append(REPORTED)
    assert gate.turns(5) == 1
    gate.time += DAY_SECONDS
    assert gate.turns(5) == 1


def test_a_report_or_another_policy_is_something_new(gate: Gate) -> None:
    for _ in range(2):
        gate.log.append(REPORTED)
        assert gate.turns(3) == 1
    gate.policy_hash = "two"
    assert gate.turns(3) == 1


@pytest.mark.parametrize("error", [EdgeError(503, "memory-unavailable", "no"), RuntimeError("broken")])
def test_a_refresh_that_fails_is_counted_and_tried_again(gate: Gate, error: Exception) -> None:
    gate.log.append(REPORTED)
    gate.error = error
    assert gate.turns(2) == 0
    assert b'leastward_memory_refreshes_total{result="failed"} 2.0' in gate.metrics.text()
    gate.error = None
    assert gate.turns(2) == 1
    assert b'leastward_memory_refreshes_total{result="done"} 1.0' in gate.metrics.text()
