"""Both databases of the Store, each new for every test: SQLite's file, and a database of a real PostgreSQL server."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guardrail import new_id
from server.store import Approval, Store


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a database is, for Store.open."""
    if request.param == "sqlite":
        return str(tmp_path / "records.db")
    return str(request.getfixturevalue("postgres_server").copy())


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    """A started store on each kind of database."""
    with Store.open(place) as opened:
        yield opened


@pytest.fixture(scope="session")
def make_approval() -> Callable[..., Approval]:
    """A pending Approval with an id of its own; members by keyword."""
    numbers = itertools.count(1)

    def make(**changes: Any) -> Approval:
        number = next(numbers)
        members: dict[str, Any] = {
            "id": new_id("apr", 1_763_800_000_000 + number, number.to_bytes(10, "big")),
            "tenant": "acme",
            "principal_key": "acme/bot",
            "agent": "bot",
            "user": "alice",
            "run": "run-00000000000000000000000000",
            "decision": f"dec-{number}",
            "door": "chat",
            "server": None,
            "tool": "send_money",
            "arguments": '{"amount":1}',
            "digest": f"{number:064x}",
            "policy_hash": "f" * 64,
            "rule": "pay",
            "prompt": None,
            "by_roles": (("clerk",), ("board", "treasurer")),
            "uses": 1,
            "valid_seconds": 600,
            "state": "pending",
            "asked_at": "2026-11-22T12:00:00.000000Z",
            "expires_at": "9999-01-01T00:00:00.000000Z",
            "sealed": b"the call",
        }
        return Approval(**{**members, **changes})

    return make


@pytest.fixture(scope="session")
def soon() -> Callable[[Callable[[], bool]], None]:
    """Wait until something holds; a test that waits for ever fails."""

    def wait(holds: Callable[[], bool]) -> None:
        until = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < until, "it never came to hold"
            time.sleep(0.02)

    return wait
