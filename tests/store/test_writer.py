"""server/store/writer.py: whatever fails, nobody is told that a record is durable when it may not be."""

from __future__ import annotations

import asyncio
import resource
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from guardrail import Record
from server.store import Store, StoreError, StoreUnavailable, Unrecordable, database
from server.store.schema import MIGRATIONS

MakeRecord = Callable[..., Record]


def _failing(at: int, when: str) -> tuple[type[sqlite3.Connection], list[int]]:
    """A connection class whose `at`-th statement, over all its connections, fails before or after it was done."""
    count = [0]
    counting = threading.Lock()

    def guarded(self: sqlite3.Connection, do: Callable[[], Any]) -> Any:
        with counting:
            count[0] += 1
            fails = count[0] == at
        if fails and when == "before":
            raise sqlite3.OperationalError("disk I/O error")
        result = do()
        if fails:
            raise sqlite3.OperationalError("disk I/O error after the fact")
        return result

    class Failing(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            return guarded(self, lambda: sqlite3.Connection.execute(self, sql, *values))  # type: ignore[no-any-return]

        def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
            return guarded(self, lambda: sqlite3.Connection.executemany(self, sql, rows))  # type: ignore[no-any-return]

    return Failing, count


async def _load(store: Store, make_record: MakeRecord, acknowledged: list[str]) -> None:
    async def produce() -> None:
        for size in (1, 35, 2):
            records = [make_record() for _ in range(size)]
            with suppress(StoreError):
                await store.commit(records)
                acknowledged.extend(record.id for record in records)

    await asyncio.gather(*[produce() for _ in range(3)])


@pytest.mark.parametrize("when", ["before", "after"])
def test_whichever_statement_fails_no_acknowledged_record_is_missing(
    tmp_path: Path, make_record: MakeRecord, when: str
) -> None:
    refused = 0
    for at in range(1, 1000):
        factory, count = _failing(at, when)
        path, acknowledged = tmp_path / f"{at}.db", list[str]()
        with suppress(StoreError), Store.open(path, factory=factory) as store:
            asyncio.run(_load(store, make_record, acknowledged))
        if path.exists() and path.stat().st_size:
            store = Store.open(path)
            assert store.verify().problems == (), f"statement {at}"
            with store.rows() as rows:
                missing = set(acknowledged) - {row.id for row in rows}
            assert not missing, f"statement {at}"
        refused += len(acknowledged) < 3 * 38
        if count[0] < at:
            break
    else:
        pytest.fail("the run never passed")
    assert len(acknowledged) == 3 * 38
    assert refused > 20


def test_a_failed_batch_is_refused_and_the_next_one_is_a_new_chain(path: Path, make_record: MakeRecord) -> None:
    commits = [0]

    class Failing(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                commits[0] += 1
                if commits[0] == len(MIGRATIONS) + 3:  # after the schema, the opening row and one record
                    raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *values)

    with Store.open(path, factory=Failing) as store:
        kept, lost, later = make_record(), make_record(), make_record()
        store.commit_blocking([kept])
        with pytest.raises(StoreUnavailable, match="disk I/O error"):
            store.commit_blocking([lost])
        store.commit_blocking([later])
        assert store.healthy is None
    with Store.open(path).rows() as rows:
        assert [row.id for row in rows if not row.id.startswith("inc-")] == [kept.id, later.id]
    seen = Store.open(path).verify()
    assert (seen.chains, seen.problems) == (2, ())


@contextmanager
def _no_space(path: Path) -> Iterator[None]:
    """No file of this process may grow: what a full disk does, without one (EFBIG in place of ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(path.name + "-wal").stat().st_size + 1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_refuses_until_there_is_space(store: Store, path: Path, make_record: MakeRecord) -> None:
    store.commit_blocking([make_record()])
    with _no_space(path):
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                store.commit_blocking([make_record() for _ in range(200)])
        healthy = store.healthy
    assert healthy is not None
    assert healthy.startswith("the database failed")
    store.commit_blocking([make_record()])
    assert store.healthy is None
    assert store.verify().problems == ()


def test_a_database_moved_away_takes_no_records(store: Store, path: Path, make_record: MakeRecord) -> None:
    names = ("", "-wal", "-shm")
    away = path.parent / "away"
    away.mkdir()
    first, second = make_record(), make_record()
    store.commit_blocking([first])
    for name in names:
        shutil.move(f"{path}{name}", away)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.commit_blocking([make_record()])
    assert store.healthy is not None
    assert not path.exists(), "a database that vanished is not quietly begun anew"
    for name in names:
        if (away / f"{path.name}{name}").exists():
            shutil.move(away / f"{path.name}{name}", path.parent)
    store.commit_blocking([second])
    assert store.healthy is None
    assert store.decision(first.id, "acme") is not None
    assert store.verify().problems == ()


def test_another_database_at_the_path_takes_no_records(store: Store, path: Path, make_record: MakeRecord) -> None:
    other = path.parent / "other.db"
    Store.open(other)
    for name in ("-wal", "-shm"):
        Path(f"{path}{name}").unlink()
    shutil.move(other, path)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.commit_blocking([make_record()])
    assert store.healthy == "another database stands at the path"
    assert Store.open(path).verify().rows == 0


def test_a_wal_deleted_while_open_is_noticed(store: Store, path: Path, make_record: MakeRecord) -> None:
    path.with_name(path.name + "-wal").unlink()
    with pytest.raises(StoreUnavailable, match="no such file"):
        store.commit_blocking([make_record()])


def test_another_process_that_holds_the_write_lock_is_not_waited_for_for_ever(
    path: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Store.open(path) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                store.commit_blocking([make_record()])
            other.execute("ROLLBACK")
        store.commit_blocking([make_record()])
        assert store.verify().problems == ()


def test_a_record_that_cannot_be_written_fails_its_own_producer_only(store: Store, make_record: MakeRecord) -> None:
    bad = [make_record(), make_record(call_id="\ud800")]
    good = [make_record() for _ in range(3)]

    async def commit() -> list[BaseException | None]:
        commits = [store.commit(records) for records in (good[:1], bad, good[1:])]
        return await asyncio.gather(*commits, return_exceptions=True)

    results = asyncio.run(commit())
    assert [type(result) for result in results] == [type(None), Unrecordable, type(None)]
    with store.rows(after=1) as rows:
        assert [row.id for row in rows] == [record.id for record in good]
    assert store.decision(bad[0].id, "acme") is None
    assert all((store.decision(record.id, "acme") or {})["payload"] for record in good)
    assert store.verify().problems == ()


def test_an_id_used_twice_is_refused(store: Store, make_record: MakeRecord) -> None:
    record = make_record()
    store.commit_blocking([record])
    with pytest.raises(StoreUnavailable, match="UNIQUE"):
        store.commit_blocking([record])
    store.commit_blocking([make_record()])
    assert store.verify().problems == ()


def test_keys_that_cannot_be_refreshed_count_for_nothing(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, _ = store.issue_key("acme", "bot", ["call"])
    until = time.monotonic() + 10
    while store.caller_for(secret) is None and time.monotonic() < until:
        time.sleep(0.02)
    assert store.caller_for(secret) is not None
    monkeypatch.setattr("server.store.store.KEYS_STALE_SECONDS", 0.5)
    path.rename(path.parent / "away.db")
    error: StoreError | None = None
    while error is None and time.monotonic() < until + 10:
        time.sleep(0.02)
        try:
            store.caller_for(secret)
        except StoreUnavailable as raised:
            error = raised
    assert error is not None


def test_a_busy_writer_moves_the_wal_into_the_database(
    path: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.store.ledger.CHECKPOINT_BYTES", 100_000)
    with Store.open(path) as store:
        for _ in range(30):
            store.commit_blocking([make_record() for _ in range(50)])
        assert path.stat().st_size > 500_000, "the records are in the database itself"
        assert path.with_name(path.name + "-wal").stat().st_size < 1_000_000, "the log is used again from its start"
        assert store.verify().problems == ()


def test_what_was_handed_over_before_the_end_is_written(path: Path, make_record: MakeRecord) -> None:
    records = [make_record() for _ in range(20)]

    async def commit_and_close(store: Store) -> None:
        waiting = [asyncio.ensure_future(store.commit([record])) for record in records]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        store.close()
        await asyncio.gather(*waiting)

    store = Store.open(path)
    store.start()
    asyncio.run(commit_and_close(store))
    assert Store.open(path).verify().rows == 21
