"""server/store/store.py: what the server and the command line ask of a store."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import server.store
from guardrail import Principal, Record
from server.store import Store, StoreClosed, StoreError, StoreLocked, StoreUnavailable

MakeRecord = Callable[..., Record]
ALICE = Principal("acme", "bot", "alice")
BOB = Principal("acme", "bot", "bob")


def test_the_public_names_are_sorted_and_exist() -> None:
    assert server.store.__all__ == sorted(server.store.__all__)
    assert all(hasattr(server.store, name) for name in server.store.__all__)


async def _commit_many(store: Store, make_record: MakeRecord, producers: int, each: int) -> list[str]:
    async def produce() -> list[str]:
        ids = []
        for _ in range(each):
            record = make_record()
            await store.commit([record])
            ids.append(record.id)
        return ids

    return [text for ids in await asyncio.gather(*[produce() for _ in range(producers)]) for text in ids]


def test_what_was_committed_is_there_and_verifies(store: Store, make_record: MakeRecord) -> None:
    ids = asyncio.run(_commit_many(store, make_record, 50, 4))
    with store.rows() as rows:
        found = [row.id for row in rows]
    assert found[0].startswith("inc-")
    assert sorted(found[1:]) == sorted(ids)
    seen = store.verify()
    assert (seen.rows, seen.chains, seen.problems) == (201, 1, ())


def test_records_of_one_commit_stand_together_and_in_order(store: Store, make_record: MakeRecord) -> None:
    batches = [[make_record() for _ in range(40)] for _ in range(3)]

    async def commit() -> None:
        await asyncio.gather(*[store.commit(batch) for batch in batches])

    asyncio.run(commit())
    with store.rows(after=1) as rows:
        assert [row.id for row in rows] == [record.id for batch in batches for record in batch]


def test_another_store_reads_while_the_first_one_writes(store: Store, path: Path, make_record: MakeRecord) -> None:
    store.commit_blocking([make_record()])
    beside = Store.open(path, create=False)
    assert beside.verify().rows == 2
    with pytest.raises(StoreLocked):
        beside.start()
    store.commit_blocking([make_record()])
    assert beside.verify().rows == 3


def test_each_opening_is_a_chain_that_names_the_one_before(path: Path, make_record: MakeRecord) -> None:
    for _ in range(3):
        with Store.open(path) as store:
            store.commit_blocking([make_record()])
    seen = Store.open(path).verify()
    assert (seen.rows, seen.chains, seen.problems) == (6, 3, ())


def test_a_decision_is_shown_to_its_own_tenant_only(store: Store, make_record: MakeRecord) -> None:
    record, nobody = make_record(), make_record(tenant=None)
    store.commit_blocking([record, nobody])
    shown = store.decision(record.id, "acme")
    assert shown is not None
    assert (shown["tool"], shown["effect"], shown["sequence"]) == ("send_money", "allow", 1)
    assert shown["payload"]["password"] == "[redacted]"
    assert store.decision(record.id, "other") is None
    assert store.decision(record.id, "") is None
    assert store.decision(nobody.id, "") is not None
    assert store.decision("dec-unknown", "acme") is None


def test_an_erased_payload_is_gone_from_the_file_and_the_chain_holds(path: Path, make_record: MakeRecord) -> None:
    record = make_record(payload=server.store.sealed({"iban": "DE-CANARY-0815"}).payload)
    with Store.open(path) as store:
        store.commit_blocking([record, make_record()])
        assert store.erase(record.id, "other") is False
        assert store.erase(record.id, "acme") is True
        assert store.erase(record.id, "acme") is False
        shown = store.decision(record.id, "acme")
        assert shown is not None
        assert shown["payload"] is None
        assert store.verify().problems == ()
        files = [path, path.with_name(path.name + "-wal")]
        assert not any(b"DE-CANARY-0815" in file.read_bytes() for file in files)


def test_a_minted_run_belongs_to_its_principal_and_outlives_the_process(path: Path) -> None:
    with Store.open(path) as store:
        run = asyncio.run(_mint(store, ALICE))
        assert run.principal_key == ALICE.key
        assert store.run_for(run.id, ALICE) == run
        assert store.run_for(run.id, BOB) is None
    with Store.open(path) as store:
        assert store.run_for(run.id, ALICE) == run
        assert store.run_for(run.id, BOB) is None
        assert store.run_for("run-unknown", ALICE) is None


async def _mint(store: Store, principal: Principal) -> server.store.Run:
    return await store.mint_run(principal)


def test_the_default_run_is_one_for_each_principal_and_database(store: Store, tmp_path: Path) -> None:
    run = store.default_run(ALICE)
    assert store.default_run(Principal("acme", "bot", "alice")) == run
    assert store.run_for(run.id, ALICE) == run
    assert store.run_for(run.id, BOB) is None
    assert store.default_run(BOB).id != run.id
    assert Store.open(tmp_path / "other.db").default_run(ALICE).id != run.id


def test_a_closed_store_takes_nothing(path: Path, make_record: MakeRecord) -> None:
    store = Store.open(path)
    assert store.healthy is not None
    with pytest.raises(StoreClosed):
        store.commit_blocking([make_record()])
    with store:
        assert store.healthy is None
    assert store.healthy == "the store is closed"
    with pytest.raises(StoreClosed):
        asyncio.run(_commit_many(store, make_record, 3, 1))
    with pytest.raises(StoreUnavailable):
        store.caller_for("lw-" + "x" * 43)


def test_a_store_that_cannot_be_there_says_why(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no database at"):
        Store.open(tmp_path / "none.db", create=False)
    with pytest.raises(StoreUnavailable, match="no such file or directory"):
        Store.open(tmp_path / "none" / "records.db")
    with pytest.raises(StoreError, match="mysql://"):
        Store.open("mysql://localhost/leastward")
    with Store.open(f"sqlite:///{tmp_path / 'by_url.db'}") as store:
        assert (tmp_path / "by_url.db").exists()
        with pytest.raises(StoreError, match="started before"):
            store.start()


def test_a_store_serves_one_loop_after_another(store: Store, make_record: MakeRecord) -> None:
    for _ in range(2):
        asyncio.run(_commit_many(store, make_record, 2, 1))
    assert store.verify().rows == 5


def test_a_producer_that_leaves_does_not_take_its_record_back(store: Store, make_record: MakeRecord) -> None:
    record = make_record()

    async def leave() -> None:
        task = asyncio.create_task(store.commit([record]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await store.commit([make_record()])

    asyncio.run(leave())
    assert store.decision(record.id, "acme") is not None


def test_payloads_expire_by_their_retention(path: Path, make_record: MakeRecord) -> None:
    record = make_record()
    with Store.open(path) as store:
        store.commit_blocking([record])
    with Store.open(path, retention_days=0) as store:
        assert (store.decision(record.id, "acme") or {})["payload"] is not None, "kept on its own day"
    with Store.open(path, retention_days=-1) as store:  # the writer's first look erases what is over
        shown = store.decision(record.id, "acme")
        assert shown is not None
        assert shown["payload"] is None
        assert store.verify().problems == ()


@pytest.mark.parametrize("statement", ["VACUUM INTO ?", None])
def test_a_backup_made_while_it_runs_is_a_whole_store(
    store: Store, tmp_path: Path, path: Path, make_record: MakeRecord, statement: str | None
) -> None:
    records = [make_record() for _ in range(5)]
    store.commit_blocking(records)
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as source:
        if statement is not None:
            source.execute(statement, (str(copy),))
        else:
            with closing(sqlite3.connect(copy)) as target:
                source.backup(target)
    with Store.open(copy) as restored:
        assert restored.identity == store.identity
        restored.commit_blocking([make_record()])
        assert restored.decision(records[-1].id, "acme") == store.decision(records[-1].id, "acme")
        seen = restored.verify()
        assert (seen.rows, seen.chains, seen.problems) == (8, 2, ())


def test_a_store_that_was_closed_is_one_file(path: Path, make_record: MakeRecord) -> None:
    with Store.open(path) as store:
        store.commit_blocking([make_record()])
    assert {file.name for file in path.parent.iterdir()} == {"records.db", "records.db.lock"}


@pytest.mark.parametrize(
    ("edit", "first"),
    [
        ("UPDATE record SET body = CAST(replace(CAST(body AS TEXT), 'allow', 'ask') AS BLOB) WHERE position = 4", 4),
        ("UPDATE record SET id = 'dec-x' WHERE position = 5", 5),
        ("UPDATE record SET link = zeroblob(32) WHERE position = 6", 6),
        ("DELETE FROM record WHERE position = 7", 8),
        ("UPDATE record SET position = 99 WHERE position = 8", 9),
    ],
)
def test_edits_by_hand_are_found_in_the_file(path: Path, make_record: MakeRecord, edit: str, first: int) -> None:
    with Store.open(path) as store:
        store.commit_blocking([make_record() for _ in range(9)])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(edit)
    assert [problem.position for problem in Store.open(path).verify().problems] == [first]
