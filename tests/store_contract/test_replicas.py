"""server/store/postgres: several replicas on one database, and a database that fails, hangs and comes back.

Names: server/store/postgres/{database,ledger,remembering,schema,session,watch}.py
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from guardrail import Record, Remembered
from server.store import AlreadyUsed, Answered, Approval, Asked, Stale, Store, StoreError, StoreUnavailable, Used

MakeRecord = Callable[..., Record]
MakeApproval = Callable[..., Approval]
Soon = Callable[[Callable[[], bool]], None]
AT = "2026-11-22T12:00:01.000000Z"
NEVER = "9999-01-01T00:00:00.000000Z"


@pytest.fixture
def url(postgres_server: Any) -> str:
    return str(postgres_server.copy())


@pytest.fixture
def replicas(url: str) -> Iterator[tuple[Store, Store]]:
    with Store.open(url) as first, Store.open(url) as second:
        yield first, second


async def _gathered(*commits: Any) -> list[Any]:
    return await asyncio.gather(*commits, return_exceptions=True)


def test_each_replica_writes_a_chain_of_its_own(replicas: tuple[Store, Store], make_record: MakeRecord) -> None:
    async def write() -> None:
        for _ in range(10):
            await _gathered(*[store.commit([make_record(), make_record()]) for store in replicas for _ in range(5)])

    asyncio.run(write())
    seen = replicas[0].verify()
    assert (seen.rows, seen.chains, seen.problems) == (202, 2, ())
    ends = replicas[1].checkpoints()
    assert len(ends) == 2
    replicas[0].commit_blocking([make_record()])
    assert replicas[1].verify(ends).problems == ()
    for made in ends:
        with replicas[0]._database.session() as connection:
            connection.execute(
                "DELETE FROM record WHERE position >= ? AND position < ?", (made.position, made.position + 9)
            )
    assert len(replicas[1].verify(ends).problems) >= 2


def test_what_one_replica_wrote_the_other_one_reads(replicas: tuple[Store, Store], make_record: MakeRecord) -> None:
    records = [make_record() for _ in range(4)]
    for number, record in enumerate(records):
        replicas[number % 2].commit_blocking([record])
    assert all(store.decision(record.id, "acme") for store in replicas for record in records)


def test_a_key_revoked_at_one_replica_ends_at_the_other(replicas: tuple[Store, Store], soon: Soon) -> None:
    secret, info = replicas[0].issue_key("acme", "bot", ["call"])
    soon(lambda: replicas[1].caller_for(secret) is not None)
    replicas[0].revoke_key(info.id)
    soon(lambda: replicas[1].caller_for(secret) is None)


def test_one_yes_is_one_release_over_replicas(
    replicas: tuple[Store, Store], make_record: MakeRecord, make_approval: MakeApproval
) -> None:
    asked = [make_approval(digest=f"{number:064x}", run=f"run-{number}") for number in range(20)]

    async def race() -> list[Any]:
        for one in asked:
            await replicas[0].commit([], (), [Asked(one)])
            await replicas[1].commit([], (), [Answered(one.id, one.tenant, "approved", "k", "", AT, NEVER)])
        commits = []
        for turn, store in enumerate(replicas):
            for one in asked if turn else reversed(asked):  # opposite orders, yet none waits for the other
                for _ in range(5):
                    record = make_record()
                    used = Used(one.id, one.digest, one.policy_hash, record.id, AT)
                    commits.append(store.commit([record], (), [used]))
        return await _gathered(*commits)

    came = asyncio.run(race())
    assert came.count(None) == len(asked)
    assert {type(one) for one in came if one is not None} == {AlreadyUsed}
    seen = replicas[0].verify()
    assert (seen.rows, seen.chains, seen.problems) == (2 + len(asked), 2, ())


def test_what_one_replica_remembers_the_other_one_must_read_first(
    replicas: tuple[Store, Store], make_record: MakeRecord
) -> None:
    first, second = replicas
    rows = [Remembered("deltas", "run-1", b"{}", bytes([number])) for number in range(4)]
    assert first.news() == second.news() == []
    asyncio.run(first.commit([], [rows[0]]))
    asyncio.run(first.commit([], [rows[1]]))
    late, plain = make_record(), make_record()
    came = asyncio.run(_gathered(second.commit([late], [rows[2]]), second.commit([plain])))
    assert [type(one) for one in came] == [Stale, type(None)]
    assert second.decision(late.id, "acme") is None
    with pytest.raises(Stale):
        asyncio.run(second.commit([make_record()], since=0))
    assert second.news() == rows[:2]
    assert second.news() == []
    asyncio.run(second.commit([late], [rows[2]], since=second.followed))
    assert first.news() == rows[2:3], "its own rows are no news"
    asyncio.run(first.commit([], [Remembered("anew", "", b"", b""), rows[3]]))
    assert second.news() == rows[3:]
    assert first.remembered() == rows[3:]


def test_replicas_that_count_together_lose_nothing(replicas: tuple[Store, Store]) -> None:
    """Each adds one to what it knows and tries again when it was not the newest: a reservation that holds."""

    async def add(store: Store, known: list[int]) -> None:
        for _ in range(10):
            while True:
                since = store.followed
                body = len(known).to_bytes(2, "big")
                try:
                    await store.commit([], [Remembered("deltas", "run-1", b"{}", body)], since=since)
                except Stale:
                    known.extend(int.from_bytes(row.body, "big") for row in store.news())
                else:
                    known.append(len(known))
                    break

    async def both() -> None:
        for store in replicas:
            store.news()
        await asyncio.gather(*[add(store, []) for store in replicas])

    asyncio.run(both())
    bodies = [int.from_bytes(row.body, "big") for row in replicas[0].remembered()]
    assert bodies == list(range(20))


def test_a_replica_that_does_not_follow_stops_serving(replicas: tuple[Store, Store], soon: Soon) -> None:
    assert replicas[1].remembered() == []
    asyncio.run(replicas[0].commit([], [Remembered("deltas", "run-1", b"{}", b"x")]))
    soon(lambda: replicas[1].healthy is not None)
    assert replicas[1].healthy == "another replica remembers what this one does not follow"
    assert replicas[0].healthy is None
    replicas[1].news()
    soon(lambda: replicas[1].healthy is None)
    assert replicas[0].verify().chains <= 3, "it opens no chain while it may not serve"


def test_a_replica_that_comes_later_begins_with_what_there_is(url: str) -> None:
    rows = [Remembered("deltas", "run-1", b"{}", bytes([number])) for number in range(2)]
    with Store.open(url) as store:
        asyncio.run(store.commit([], rows))
    with Store.open(url) as store:
        with pytest.raises(Stale):
            asyncio.run(store.commit([], rows[:1]))
        assert store.remembered() == rows
        asyncio.run(store.commit([], rows[:1]))
        assert store.healthy is None


@contextmanager
def _relay(target: str) -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """A way to the server's socket: its folder, what holds every packet back while set, and what refuses new ones."""
    holds, refuses = threading.Event(), threading.Event()
    folder = Path(target).parent / f"relay-{time.monotonic_ns()}"
    folder.mkdir()
    ended = threading.Event()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / ".s.PGSQL.5432"))
        listening.listen()
        listening.settimeout(0.05)

        def pump(source: socket.socket, sink: socket.socket) -> None:
            source.settimeout(0.05)
            with source, suppress(OSError):
                while not ended.is_set() and not refuses.is_set():
                    try:
                        data = source.recv(65536)
                    except TimeoutError:
                        continue
                    while holds.is_set() and not ended.is_set():
                        time.sleep(0.02)
                    if not data:
                        break
                    sink.sendall(data)
            with suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)

        def accept() -> None:
            while not ended.is_set():
                try:
                    client, _ = listening.accept()
                except TimeoutError:
                    continue
                if refuses.is_set():
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(f"{target}/.s.PGSQL.5432")
                for pair in ((client, server), (server, client)):
                    pumps.append(threading.Thread(target=pump, args=pair))
                    pumps[-1].start()

        pumps: list[threading.Thread] = []
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield str(folder), holds, refuses
        finally:
            ended.set()
            accepting.join()
            for thread in pumps:
                thread.join()


@pytest.mark.parametrize("way", ["hangs", "is gone"])
def test_a_database_that_does_not_answer_ends_the_lease_and_its_return_begins_it(
    url: str, make_record: MakeRecord, soon: Soon, way: str
) -> None:
    address, _, folder = url.partition("?host=")
    with ExitStack() as stack:
        through, holds, refuses = stack.enter_context(_relay(folder))
        store = stack.enter_context(Store.open(f"{address}?host={through}", lease_seconds=0.8))
        secret, _ = store.issue_key("acme", "bot", ["call"])
        soon(lambda: store.caller_for(secret) is not None)
        kept, lost, later = make_record(), make_record(), make_record()
        asyncio.run(store.commit([kept]))
        stops = holds if way == "hangs" else refuses
        stops.set()
        with pytest.raises(StoreUnavailable):
            asyncio.run(asyncio.wait_for(store.commit([lost]), 10))
        soon(lambda: store.healthy is not None)
        with pytest.raises(StoreUnavailable):
            asyncio.run(asyncio.wait_for(store.commit([make_record()]), 10))
        with pytest.raises(StoreUnavailable):
            store.decision(kept.id, "acme")
        stops.clear()
        soon(lambda: store.healthy is None)
        asyncio.run(store.commit([later]))
        assert store.caller_for(secret) is not None
        assert store.decision(kept.id, "acme") is not None
        assert store.decision(later.id, "acme") is not None
        assert store.verify().problems == ()


def test_a_backend_that_is_killed_costs_no_acknowledged_record(url: str, make_record: MakeRecord) -> None:
    acknowledged: list[str] = []

    async def produce(store: Store) -> None:
        for _ in range(15):
            record = make_record()
            with suppress(StoreError):
                await store.commit([record])
                acknowledged.append(record.id)
            await asyncio.sleep(0.01)

    async def load(store: Store) -> None:
        async def kill() -> None:
            for _ in range(3):
                await asyncio.sleep(0.05)
                with Store.open(url)._database.session() as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE application_name = 'leastward' AND pid <> pg_backend_pid()"
                        " AND datname = current_database()"
                    )

        await asyncio.gather(*[produce(store) for _ in range(4)], kill())

    with Store.open(url) as store:
        asyncio.run(load(store))
        with store.rows() as rows:
            found = {row.id for row in rows}
        assert store.verify().problems == ()
    assert set(acknowledged) <= found
    assert len(acknowledged) >= 40


def test_a_replica_that_is_gone_in_its_turn_keeps_nobody_waiting(url: str) -> None:
    one, two = Store.open(url), Store.open(url)
    ends = one.queue(1.0)
    assert ends is not None
    assert two.queue(0.01) is None
    with two._database.session() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    others = two.queue(10.0)
    assert others is not None
    ends()
    assert one.queue(0.01) is None, "what is over ends nobody else's turn"
    others()


def test_tables_are_made_once_however_many_open_at_once(postgres_server: Any) -> None:
    url = postgres_server.empty()
    with pytest.raises(StoreUnavailable, match="no database at"):
        Store.open(url, create=False)
    identities: list[str] = []
    threads = [threading.Thread(target=lambda: identities.append(Store.open(url).identity)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(identities) == 3
    assert len(set(identities)) == 1


def test_the_newest_revision_is_the_one_that_is_known() -> None:
    from server.store.postgres.schema import HEAD, MIGRATIONS

    assert max(path.name[1:5] for path in (MIGRATIONS / "versions").glob("v*.py")) == HEAD


def test_an_address_that_nothing_answers_at_says_so_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="the database failed") as raised:
        Store.open(f"postgresql://bot:hunter2@/gate?host={tmp_path}")
    assert "hunter2" not in str(raised.value)
