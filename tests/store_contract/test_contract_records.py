"""server/store/port.py, addresses.py: every database of the Store, with Records, runs, keys and what is remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guardrail import Principal, Record, Remembered
from server.store import Store, StoreClosed, StoreError, StoreUnavailable, Unrecordable, located, sealed

MakeRecord = Callable[..., Record]
ALICE = Principal("acme", "bot", "alice")
BOB = Principal("acme", "bot", "bob")


async def _commit(store: Store, batches: list[list[Record]]) -> list[BaseException | None]:
    return await asyncio.gather(*[store.commit(batch) for batch in batches], return_exceptions=True)


def test_what_was_committed_is_there_in_order_and_verifies(store: Store, make_record: MakeRecord) -> None:
    batches = [[make_record() for _ in range(size)] for size in (1, 40, 3)]
    assert asyncio.run(_commit(store, batches)) == [None] * 3
    with store.rows() as rows:
        first, *found = [row.id for row in rows]
    assert first.startswith("inc-")
    assert found == [record.id for batch in batches for record in batch]
    seen = store.verify()
    assert (seen.rows, seen.chains, seen.problems) == (45, 1, ())


def test_a_record_that_cannot_be_written_fails_its_own_producer_only(store: Store, make_record: MakeRecord) -> None:
    good, bad = [make_record(), make_record()], [make_record(), make_record(call_id="\ud800")]
    results = asyncio.run(_commit(store, [good[:1], bad, good[1:]]))
    assert [type(result) for result in results] == [type(None), Unrecordable, type(None)]
    assert store.decision(bad[0].id, "acme") is None
    assert all((store.decision(record.id, "acme") or {})["payload"] for record in good)
    assert store.verify().problems == ()


def test_an_id_used_twice_is_refused_and_the_next_write_is_a_new_chain(store: Store, make_record: MakeRecord) -> None:
    record = make_record()
    store.commit_blocking([record])
    with pytest.raises(StoreUnavailable, match=r"(?i)unique"):
        store.commit_blocking([record])
    store.commit_blocking([make_record()])
    seen = store.verify()
    assert (seen.rows, seen.chains, seen.problems) == (4, 2, ())


def test_a_changed_record_is_found(store: Store, make_record: MakeRecord) -> None:
    records = [make_record() for _ in range(3)]
    store.commit_blocking(records)
    with store._database.session() as connection:
        connection.execute("UPDATE record SET link = ? WHERE id = ?", (bytes(32), records[1].id))
    assert [(problem.code, problem.id) for problem in store.verify().problems] == [("link", records[1].id)]


def test_a_removed_end_is_found_with_a_checkpoint(store: Store, make_record: MakeRecord) -> None:
    records = [make_record() for _ in range(3)]
    store.commit_blocking(records)
    ends = store.checkpoints()
    assert [made.id for made in ends] == [records[-1].id]
    assert store.verify(ends).problems == ()
    with store._database.session() as connection:
        connection.execute("DELETE FROM record WHERE id = ?", (records[-1].id,))
    assert store.verify().problems == ()
    assert [problem.code for problem in store.verify(ends).problems] == ["truncated"]


def test_a_removed_end_of_an_earlier_chain_is_found_without_one(place: str, make_record: MakeRecord) -> None:
    last = make_record()
    with Store.open(place) as store:
        store.commit_blocking([make_record(), last])
    with Store.open(place) as store:
        store.commit_blocking([make_record()])
        assert store.verify().problems == ()
        with store._database.session() as connection:
            connection.execute("DELETE FROM record WHERE id = ?", (last.id,))
        assert len(store.verify().problems) == 1


def test_a_decision_is_shown_to_its_own_tenant_only(store: Store, make_record: MakeRecord) -> None:
    record, nobody = make_record(), make_record(tenant=None)
    store.commit_blocking([record, nobody])
    shown = store.decision(record.id, "acme")
    assert shown is not None
    assert (shown["tool"], shown["payload"]["password"]) == ("send_money", "[redacted]")
    assert store.decision(record.id, "other") is None
    assert store.decision(nobody.id, "") is not None
    assert store.tenant_of(record.id) == "acme"
    assert store.tenant_of("dec-unknown") is None


def test_the_records_of_an_exchange_are_those_under_its_id(store: Store, make_record: MakeRecord) -> None:
    mine = [make_record(id=f"dec-exchange.{number}") for number in (1, 2)]
    store.commit_blocking([make_record(id="dec-exchange-.1"), *mine, make_record(id="dec-exchange0.1")])
    assert [members["id"] for members in store.decisions("dec-exchange", "acme")] == [record.id for record in mine]
    assert store.decisions("dec-exchange", "other") == []


def test_an_erased_payload_is_gone_and_the_chain_holds(store: Store, make_record: MakeRecord) -> None:
    record = make_record()
    store.commit_blocking([record])
    assert store.erase(record.id, "other") is False
    assert store.erase(record.id, "acme") is True
    assert store.erase(record.id, "acme") is False
    assert (store.decision(record.id, "acme") or {})["payload"] is None
    assert store.verify().problems == ()


def test_what_memory_asks_for_comes_newest_first(store: Store, make_record: MakeRecord) -> None:
    def learnable(audit: float | None, **changes: Any) -> Record:
        return make_record(payload=sealed({"amount": 1}, context=b"{}", audit=audit).payload, **changes)

    records = [learnable(0.5), learnable(None), learnable(0.25), learnable(1.0, tenant="other"), make_record()]
    store.commit_blocking(records)
    assert [seen.record["id"] for seen in store.recent("acme", 2)] == [records[2].id, records[1].id]
    assert [seen.record["id"] for seen in store.recent("acme", 9)] == [record.id for record in records[2::-1]]
    assert [(seen.record["id"], seen.audit) for seen in store.drawn("acme", 9)] == [
        (records[2].id, 0.25),
        (records[0].id, 0.5),
    ]
    seen = store.seen(records[0].id, "acme")
    assert seen is not None
    assert (seen.context, seen.arguments) == (b"{}", {"amount": 1})


def test_a_minted_run_belongs_to_its_principal_and_outlives_the_process(place: str) -> None:
    with Store.open(place) as store:
        run = asyncio.run(store.mint_run(ALICE))
    with Store.open(place) as store:
        assert store.run_for(run.id, ALICE) == run
        assert store.run_for(run.id, BOB) is None
        assert store.run_for("run-unknown", ALICE) is None
        assert store.run_for(store.default_run(ALICE).id, ALICE) == store.default_run(ALICE)


def test_a_key_works_is_rotated_and_revoked(store: Store, soon: Callable[[Callable[[], bool]], None]) -> None:
    secret, info = store.issue_key("acme", "bot", ["call"], user="alice", roles=["clerk"], label="first")
    soon(lambda: store.caller_for(secret) is not None)
    caller = store.caller_for(secret)
    assert caller is not None
    assert (caller.tenant, caller.principal.user, caller.principal.roles) == ("acme", "alice", frozenset({"clerk"}))
    second, newer = store.rotate_key(info.id, 3600)
    soon(lambda: store.caller_for(second) is not None)
    assert store.caller_for(secret) is not None, "the old one goes on for its hour"
    assert store.revoke_key(info.id) is True
    assert store.revoke_key("key-unknown") is False
    soon(lambda: store.caller_for(secret) is None)
    assert [found.id for found in store.list_keys()] == [info.id, newer.id]
    with pytest.raises(KeyError):
        store.rotate_key(info.id, 1)


def test_what_is_remembered_comes_back_in_order_or_anew(place: str, make_record: MakeRecord) -> None:
    rows = [Remembered("deltas", "run-1", b"{}", bytes([number])) for number in range(3)]
    with Store.open(place) as store:
        asyncio.run(store.commit([make_record()], rows[:2]))
        assert store.remembered() == rows[:2]
        asyncio.run(store.commit([], [Remembered("anew", "", b"", b""), rows[2]]))
    assert Store.open(place).remembered() == rows[2:]


def test_a_closed_store_takes_nothing(place: str, make_record: MakeRecord) -> None:
    store = Store.open(place)
    assert store.healthy is not None
    with pytest.raises(StoreClosed):
        store.commit_blocking([make_record()])
    with store:
        assert store.healthy is None
        with pytest.raises(StoreError, match="started before"):
            store.start()
    assert store.healthy == "the store is closed"
    with pytest.raises(StoreClosed):
        asyncio.run(store.commit([make_record()]))
    with pytest.raises(StoreUnavailable):
        store.caller_for("lw-" + "x" * 43)


def test_a_database_is_found_where_settings_name_it(place: str, tmp_path: Path) -> None:
    assert located(tmp_path, "gate.db") == str(tmp_path / "gate.db")
    assert located(tmp_path, place) == place
    store = Store.open(located(tmp_path, place))
    assert store.shared == place.startswith("postgresql://")
    assert (store.followed, store.news()) == (0, [])


def test_replicas_stand_in_a_queue_where_there_can_be_several(place: str) -> None:
    one, two = Store.open(place), Store.open(place)
    ends = one.queue(1.0)
    assert ends is not None
    assert (two.queue(0.01) is None) == one.shared, "SQLite has one writer, who waits for nobody"
    ends()
    ends = two.queue(1.0)
    assert ends is not None
    ends()


def test_the_secrets_of_a_database_stay_its_own(place: str) -> None:
    with Store.open(place) as store:
        first = (store.identity, store.lot, store.state_key)
    again = Store.open(place)
    assert (again.identity, again.lot, again.state_key) == first
    assert (len(again.lot), len(again.state_key)) == (32, 32)
    again.close()
