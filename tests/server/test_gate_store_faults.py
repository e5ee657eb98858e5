"""server/gate.py and server/store: a database that fails under a real gate. No call leaves without its Record, the
answer is 503 in the API's shape, /readyz says so, and the gate comes back by itself."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.store import Store

POLICY = "language 1\nallow pay(...) as ok\n"
COUNTER = itertools.count(1)


class Faults:
    """Makes statements of every connection fail while it is armed; `sql` is what was asked meanwhile."""

    def __init__(self) -> None:
        self.fails: Callable[[int, str], str | None] = lambda number, sql: None
        self.sql: list[str] = []
        self.read_only = False
        self._armed = False
        self._counting = threading.Lock()
        faults = self

        class Faulty(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                with faults.around(sql):
                    if faults.read_only:
                        super().execute("PRAGMA query_only = ON")
                    return super().execute(sql, *values)

            def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
                with faults.around(sql):
                    return super().executemany(sql, rows)

        self.factory = Faulty

    @contextlib.contextmanager
    def around(self, sql: str) -> Iterator[None]:
        when = None
        with self._counting:
            if self._armed:
                self.sql.append(sql)
                when = self.fails(len(self.sql), sql)
        if when == "before":
            raise sqlite3.OperationalError("disk I/O error")
        yield
        if when == "after":
            raise sqlite3.OperationalError("disk I/O error after the fact")

    @contextlib.contextmanager
    def armed(self, fails: Callable[[int, str], str | None]) -> Iterator[None]:
        with self._counting:
            self.fails, self.sql, self._armed = fails, [], True
        try:
            yield
        finally:
            with self._counting:
                self._armed = False


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    made = Faults()
    opened = Store.open.__func__  # type: ignore[attr-defined]
    failing = classmethod(lambda cls, path, **options: opened(cls, path, factory=made.factory, **options))
    monkeypatch.setattr(Store, "open", failing)
    return made


def ask(gate: Any, outside: Any, *, stream: bool = False) -> tuple[str, Any]:
    """One exchange whose call carries a token of its own, and what the client got."""
    token = f"token-{next(COUNTER)}"
    gate.model.script = [outside.saying({"text": "Well.", "calls": [["pay", f'{{"to":"{token}"}}']]})]
    return token, gate.client.chat(stream=stream)


def tokens_recorded(gate: Any) -> set[str]:
    return {record["payload"]["to"] for record in gate.records() if record["payload"]}


def assert_unrecorded(answer: Any, token: str, *, stream: bool) -> None:
    assert token.encode() not in answer.body
    assert b"cannot-record" in answer.body
    if stream and answer.status == 200:
        assert b"[DONE]" not in answer.body
    else:
        assert (answer.status, answer.code) == (503, "cannot-record")


def assert_comes_back(gate: Any, outside: Any) -> None:
    outside.wait_for(lambda: gate.ready()[0] == 200)
    for stream in (False, True):
        token, answer = ask(gate, outside, stream=stream)
        assert answer.status == 200
        assert token.encode() in answer.body
        assert token in tokens_recorded(gate)
    assert gate.house.store.verify().problems == ()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
def test_whichever_statement_fails_nothing_unrecorded_is_released(
    start_gate: Callable[..., Any], outside: Any, faults: Faults, when: str, stream: bool
) -> None:
    gate = start_gate(POLICY)
    failed = 0
    for at in range(1, 60):
        outside.wait_for(lambda: gate.house.store.healthy is None)
        with faults.armed(lambda number, sql, at=at: when if number == at else None):  # type: ignore[misc]
            token, answer = ask(gate, outside, stream=stream)
            asked = len(faults.sql)
        if token.encode() in answer.body:
            assert token in tokens_recorded(gate), f"statement {at}"
        else:
            failed += 1
            assert_unrecorded(answer, token, stream=stream)
        if asked < at:
            break
    else:
        pytest.fail("the exchange never passed")
    assert failed >= 3
    assert_comes_back(gate, outside)


@pytest.mark.parametrize("stream", [False, True])
def test_a_lost_acknowledgement_releases_nothing(
    start_gate: Callable[..., Any], outside: Any, faults: Faults, stream: bool
) -> None:
    """COMMIT reached the disk, and the gate did not hear of it: the Record is there, the call is not released."""
    gate = start_gate(POLICY)
    with faults.armed(lambda number, sql: "after" if sql == "COMMIT" else None):
        token, answer = ask(gate, outside, stream=stream)
        assert_unrecorded(answer, token, stream=stream)
        assert gate.ready()[0] == 503
    assert token in tokens_recorded(gate)
    assert_comes_back(gate, outside)


def test_a_refusal_that_cannot_be_recorded_is_told_to_nobody(
    start_gate: Callable[..., Any], outside: Any, faults: Faults
) -> None:
    gate = start_gate('language 1\nforbid pay as never message "A secret reason."\n')
    with faults.armed(lambda number, sql: "before" if sql.startswith("BEGIN") else None):
        token, answer = ask(gate, outside)
        assert_unrecorded(answer, token, stream=False)
        assert b"secret reason" not in answer.body
        assert len(gate.model.asked) == 1
        malformed = gate.client.ask("POST", "/v1/chat/completions", b"{")
        assert (malformed.status, malformed.code) == (503, "cannot-record")


class EveryThirdTransaction:
    """Each third transaction fails, at its first statement, then at its second and so on; opening anew never does.

    A count of statements alone would not do: opening a database anew takes seven, and then every attempt would meet the
    same fault."""

    def __init__(self) -> None:
        self.transactions = 0
        self._statement = 0

    def __call__(self, number: int, sql: str) -> str | None:
        if sql.startswith("BEGIN"):
            self.transactions += 1
            self._statement = 0
        elif not sql.startswith(("INSERT", "COMMIT")):
            return None
        self._statement += 1
        third, rest = divmod(self.transactions, 3)
        return "before" if rest == 0 and self._statement == 1 + (third - 1) % 4 else None


def test_the_n_th_exchange_of_many_at_once(start_gate: Callable[..., Any], outside: Any, faults: Faults) -> None:
    """Transactions fail while clients work side by side: who got a call has its Record."""

    def answers(asked: Any) -> Any:
        said = {"calls": [["pay", f'{{"to":"{asked.tree["messages"][0]["content"]}"}}']]}
        return outside.saying(said)(asked)

    gate = start_gate(POLICY, answers=answers)
    got: list[tuple[str, Any]] = []

    def work(worker: int) -> None:
        for number in range(12):
            token = f"token-{worker}-{number}"
            outside.wait_for(lambda: gate.house.store.healthy is None)
            got.append((token, gate.client.chat(token, stream=number % 2 == 0)))

    fails = EveryThirdTransaction()
    with faults.armed(fails):
        workers = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    recorded = tokens_recorded(gate)
    released = {token for token, answer in got if f'\\"{token}\\"'.encode() in answer.body}
    assert len(got) == 72
    assert released <= recorded
    # One transaction holds at most one Record of each client, so the third, the first that fails, comes for certain.
    assert fails.transactions >= 3
    assert 0 < len(released) < 72
    assert gate.house.store.verify().problems == ()


# --- real causes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_a_locked_database(start_gate: Callable[..., Any], outside: Any, stream: bool) -> None:
    gate = start_gate(POLICY)
    with contextlib.closing(sqlite3.connect(gate.folder / "gate.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        token, answer = ask(gate, outside, stream=stream)
        assert_unrecorded(answer, token, stream=stream)
        status, tree = gate.ready()
        assert (status, tree["ready"], tree["records"]) == (503, False, "cannot be written")
    assert_comes_back(gate, outside)
    assert token not in tokens_recorded(gate)


def test_a_read_only_database(start_gate: Callable[..., Any], outside: Any, faults: Faults) -> None:
    """SQLite's own read-only error, as after a remount: tests may run as root, for whom no file is read-only."""
    gate = start_gate(POLICY)
    faults.read_only = True
    for stream in (False, True):
        token, answer = ask(gate, outside, stream=stream)
        assert_unrecorded(answer, token, stream=stream)
    assert gate.ready()[0] == 503
    assert "readonly database" in (gate.house.store.healthy or "")
    faults.read_only = False
    assert_comes_back(gate, outside)


@pytest.mark.parametrize("lost", ["database", "log", "folder"])
def test_files_that_are_gone(tmp_path: Path, start_gate: Callable[..., Any], outside: Any, lost: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    gate = start_gate(POLICY, database="inner/gate.db")
    away = tmp_path / "away"
    if lost == "folder":
        inner.rename(away)
    else:
        away.mkdir()
        (inner / ("gate.db" if lost == "database" else "gate.db-wal")).rename(away / "moved")
    token, answer = ask(gate, outside)
    assert_unrecorded(answer, token, stream=False)
    assert gate.ready()[0] == 503
    if lost == "folder":
        away.rename(inner)
        outside.wait_for(lambda: gate.ready()[0] == 200)
        token, answer = ask(gate, outside)
        recorded = {record["payload"]["to"] for record in outside.read_records(inner / "gate.db")}
        assert token.encode() in answer.body
        assert token in recorded
    else:
        shutil.rmtree(away)


def test_a_full_disk(start_process: Callable[..., Any], outside: Any) -> None:
    """No file of the gate may grow beyond 512 KiB (EFBIG in place of ENOSPC), until it may again."""

    def answers(asked: Any) -> Any:
        said = {"calls": [["pay", f'{{"to":"{asked.tree["messages"][0]["content"]}","why":"{"x" * 40_000}"}}']]}
        return outside.saying(said)(asked)

    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    gate = start_process(
        POLICY, answers=answers, limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, hard))
    )
    got: dict[str, Any] = {}

    def is_full() -> bool:
        """Nothing went through for a while: the first refusal may be the log alone, which then moves."""
        return len(got) > 8 and all(b"cannot-record" in answer.body for answer in list(got.values())[-6:])

    while not is_full():
        assert len(got) < 300
        got[f"token-{len(got)}"] = gate.client.chat(f"token-{len(got)}", stream=len(got) % 2 == 0)
    released = {token for token, answer in got.items() if f'\\"{token}\\"'.encode() in answer.body}
    for at, (token, answer) in enumerate(got.items()):
        if token not in released:
            assert_unrecorded(answer, token, stream=at % 2 == 0)
    assert 5 < len(released) < len(got)
    assert tokens_recorded(gate) >= released
    assert gate.client.ask("GET", "/readyz").status == 503
    resource.prlimit(gate.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    outside.wait_for(gate.is_ready)
    assert b"token-last" in gate.client.chat("token-last").body
    assert "token-last" in tokens_recorded(gate)


def test_a_store_in_use_by_another_gate(start_gate: Callable[..., Any], outside: Any) -> None:
    gate = start_gate(POLICY)
    config = outside.write_config(gate.folder, POLICY, gate.model.port, 0)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    ended = subprocess.run(
        [sys.executable, *outside.serve[1:], str(config)], capture_output=True, text=True, timeout=60, check=False,
        env=environment,
    )  # fmt: skip
    assert ended.returncode != 0
    assert "another process writes records" in ended.stderr
    assert_comes_back(gate, outside)
