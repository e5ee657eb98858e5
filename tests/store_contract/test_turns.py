"""server/turns.py and server/sessions.py: replicas that decide on what sessions remember, at once and in any order.

The database is in memory and in order (server/store/postgres/remembering.py says how it decides what is Stale); the
last test has two replicas on a real PostgreSQL.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail import Principal, Record, Remembered
from policy_dsl import parse, policy_set
from server.exchange import Caller
from server.policies import guard_of
from server.recorded import MOST_TRIES, RecordedDecisions
from server.recording import Conduct
from server.sessions import SessionBook
from server.store import AlreadyUsed, Stale, Store, StoreUnavailable
from server.turns import Turns
from server.wire import HeldCall

POLICY = "language 1\nallow pay(amount) as small\nlimit pay to {most} released per agent within 1 hour as few\n"
WHO = Principal("acme", "bot")


@dataclass
class Database:
    """The rows of all replicas, each with its version and who wrote it."""

    rows: list[tuple[int, int, Remembered]] = field(default_factory=list)
    version: int = 0


class Memory:
    """One replica's store: Sink and Remembering. `faults` are raised by the next commits, one each; None by none."""

    def __init__(self, database: Database, number: int, faults: Sequence[Exception | None] = ()) -> None:
        self._database = database
        self._number = number
        self.faults = list(faults)
        self.followed = 0
        self.records: list[Record] = []
        self.hold = threading.Event()
        self.hold.set()
        self.queued: list[float] = []
        self.inside, self.is_long, self.opens = 0, False, threading.Event()
        self.opens.set()
        self.stands = threading.Event()
        self.asked, self.waits = asyncio.Event(), asyncio.Event()
        self.waits.set()

    def remembered(self) -> list[Remembered]:
        self.followed = self._database.version
        return [row for _, _, row in self._database.rows]

    def queue(self, seconds: float) -> Callable[[], None] | None:
        self.queued.append(seconds)
        self.stands.set()
        self.opens.wait(10)
        if self.is_long:
            return None
        self.inside += 1
        return self.leave

    def leave(self) -> None:
        self.inside -= 1

    def news(self) -> list[Remembered]:
        self.hold.wait(10)
        since, self.followed = self.followed, self._database.version
        return [row for version, who, row in self._database.rows if version > since and who != self._number]

    async def commit(
        self, records: Sequence[Record], remembered: Sequence[Remembered] = (), approvals: Any = (), *,
        since: int | None = None,
    ) -> None:  # fmt: skip
        self.asked.set()
        await self.waits.wait()
        await asyncio.sleep(0)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        if remembered or since is not None:
            others = max((version for version, who, _ in self._database.rows if who != self._number), default=0)
            if (self.followed if since is None else since) < others:
                raise Stale("another replica remembered something meanwhile")
        self.records += records
        if remembered:
            self._database.version += 1
        for row in remembered:
            if row.kind == "anew":
                self._database.rows.clear()
            else:
                self._database.rows.append((self._database.version, self._number, row))


class Replica:
    def __init__(self, store: Any, most: int = 1) -> None:
        guard = guard_of(policy_set([parse(POLICY.format(most=most), "few.lw")]))
        self.book = SessionBook(shared=True)
        self.turns = Turns(store, self.book, lambda: guard.plan)
        self.store = store
        self.guard = guard
        clock = lambda: datetime(2026, 11, 22, 12, tzinfo=UTC)  # noqa: E731 (one word of a constructor)
        self.decisions = RecordedDecisions(store, clock, Conduct(), changes_of=self.book.changes, turns=self.turns)

    def state(self, run: str = "run-1") -> Any:
        state = self.book.of(run, WHO, self.guard.plan)
        state.under(self.guard.plan)
        return state

    async def pay(self, run: str = "run-1", before: Callable[[Any], None] = lambda _: None) -> bool:
        """Whether a payment was released. `before` is done to the Session before the call is decided."""
        state = self.state(run)
        exchange = self.decisions.open(Caller(WHO, frozenset(), "key-1"), run, state, self.guard, "chat")
        before(state.session)
        held = HeldCall(0, 0, "call_1", "pay", {"amount": 1}, "tool", None)
        return held not in (await self.decisions.ruled(exchange, [held])).refusals


def test_of_two_replicas_that_take_the_last_one_releases() -> None:
    async def race() -> list[bool]:
        database = Database()
        return await asyncio.gather(*[Replica(Memory(database, number)).pay() for number in range(2)])

    assert sorted(asyncio.run(race())) == [False, True]


@pytest.mark.parametrize("fault", [Stale("late"), AlreadyUsed("used")])
@pytest.mark.parametrize("times", [1, MOST_TRIES - 1])
def test_what_was_counted_in_a_try_that_was_not_written_is_gone(fault: Exception, times: int) -> None:
    replica = Replica(Memory(Database(), 0, [fault] * times))
    assert asyncio.run(replica.pay()) is True
    assert asyncio.run(replica.pay()) is False
    assert len(replica.store.records) == 2


def test_after_the_last_try_nothing_is_released_and_nothing_is_counted() -> None:
    replica = Replica(Memory(Database(), 0, [Stale("late")] * MOST_TRIES))
    with pytest.raises(Stale):
        asyncio.run(replica.pay())
    assert replica.store.records == []
    assert asyncio.run(replica.pay()) is True


def test_what_a_session_learnt_stays_when_a_try_is_taken_back() -> None:
    replica = Replica(Memory(Database(), 0, [Stale("late")]))
    assert asyncio.run(replica.pay(before=lambda session: session.labelled("secret"))) is True
    assert ("secret", None) in replica.state().session.state.labels
    other = Replica(Memory(replica.store._database, 1))
    asyncio.run(other.turns.join())
    assert ("secret", None) in other.state().session.state.labels, "and it was written"


def test_what_a_lost_commit_was_handed_is_written_with_the_next() -> None:
    """Of a label whose commit failed nobody knows whether it stands: without it another replica would allow more."""
    replica = Replica(Memory(Database(), 0, [StoreUnavailable("gone")]), most=9)
    with pytest.raises(StoreUnavailable):
        asyncio.run(replica.pay(before=lambda session: session.labelled("secret")))
    assert asyncio.run(replica.pay("run-2")) is True
    assert asyncio.run(replica.pay()) is True
    other = Replica(Memory(replica.store._database, 1))
    asyncio.run(other.turns.join())
    assert ("secret", None) in other.state().session.state.labels


def test_news_that_were_read_and_not_taken_over_are_not_lost() -> None:
    """The store says that it has read as far as that, and a commit on it would not be Stale."""
    database = Database()
    first, second = (Replica(Memory(database, number)) for number in range(2))
    assert asyncio.run(first.pay()) is True
    second.state("run-1").session.labelled("own")
    database.rows.append((database.version + 1, 7, Remembered("shared", "", b"", b"not read")))
    database.version += 1
    with pytest.raises(Exception, match="cannot be read"):
        asyncio.run(second.turns.join())
    database.rows.pop()
    assert asyncio.run(second.pay("run-2")) is False


def test_news_whose_reader_gave_up_are_not_lost() -> None:
    async def play() -> bool:
        database = Database()
        first, second = (Replica(Memory(database, number)) for number in range(2))
        assert await first.pay()
        second.store.hold.clear()
        joining = asyncio.create_task(second.turns.join())
        await asyncio.sleep(0.01)
        second.store.hold.set()
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)
        return await second.pay("run-2")

    assert asyncio.run(play()) is False


def test_a_client_that_leaves_during_its_commit_counts_once() -> None:
    async def play() -> list[bool]:
        replica = Replica(Memory(Database(), 0), most=3)
        replica.store.waits, replica.store.asked = asyncio.Event(), asyncio.Event()
        paying = asyncio.create_task(replica.pay())
        await replica.store.asked.wait()
        paying.cancel()
        await asyncio.sleep(0)
        replica.store.waits.set()
        await asyncio.gather(paying, return_exceptions=True)
        other = Replica(Memory(replica.store._database, 1), most=3)
        return [await one.pay() for one in (replica, other, other, replica)]

    assert asyncio.run(play()) == [True, True, False, False]


def test_a_session_that_was_given_up_meanwhile_releases_nothing() -> None:
    replica = Replica(Memory(Database(), 0))
    state = replica.state()
    exchange = replica.decisions.open(Caller(WHO, frozenset(), "key-1"), "run-1", state, replica.guard, "chat")
    replica.book._runs.clear()
    held = HeldCall(0, 0, "call_1", "pay", {"amount": 1}, "tool", None)
    with pytest.raises(Exception, match="given up"):
        asyncio.run(replica.decisions.ruled(exchange, [held]))


def test_a_replica_that_is_alone_waits_for_nobody() -> None:
    replica = Replica(Memory(Database(), 0), most=9)
    assert asyncio.run(replica.pay()) is True
    assert replica.store.queued == []


@pytest.mark.parametrize("is_long", [False, True])
def test_who_was_stale_waits_once_a_turn_and_the_others_after_it(is_long: bool, soon: Any) -> None:
    """Where somebody else's turn is long it is decided all the same, and the next turn begins without waiting."""

    store = Memory(Database(), 0, [Stale("late"), Stale("late")])
    store.is_long = is_long

    async def play() -> list[int]:
        replica, seen = Replica(store, most=9), []
        for _ in range(2):
            assert await replica.pay() is True
            seen.append(len(store.queued))
        return seen

    assert asyncio.run(play()) == ([2, 2] if is_long else [1, 2])
    soon(lambda: store.inside == 0)


@pytest.mark.parametrize("is_long", [False, True])
def test_a_turn_that_a_client_did_not_wait_for_is_given_back(is_long: bool, soon: Any) -> None:
    store = Memory(Database(), 0, [Stale("late")])
    store.is_long = is_long
    store.opens.clear()

    async def play() -> bool:
        replica = Replica(store, most=9)
        paying = asyncio.create_task(replica.pay())
        await asyncio.to_thread(store.stands.wait, 10)
        paying.cancel()
        await asyncio.gather(paying, return_exceptions=True)
        store.opens.set()
        return await replica.pay()

    assert asyncio.run(play()) is True
    soon(lambda: store.inside == 0)


def test_a_turn_ends_while_every_thread_waits_for_one(soon: Any) -> None:
    """Three gates that are starved have every thread wait for the lock that one of them holds."""

    class Held(Memory):
        """Its second commit, for which it has queued, waits."""

        async def commit(self, *given: Any, **more: Any) -> None:
            if not self.faults:
                second.set()
                await goes.wait()
            await super().commit(*given, **more)

    store, opens = Held(Database(), 0, [Stale("late")]), threading.Event()
    second, goes = asyncio.Event(), asyncio.Event()

    async def play() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        paying = asyncio.create_task(Replica(store, most=9).pay())
        await second.wait()
        assert store.inside == 1
        waiting = asyncio.create_task(asyncio.to_thread(opens.wait, 60))
        await asyncio.sleep(0)
        goes.set()
        assert await paying is True
        try:
            soon(lambda: store.inside == 0)
        finally:
            opens.set()
        await waiting

    asyncio.run(play())


@pytest.mark.parametrize("hours", [25, 60])
def test_a_session_that_one_replica_serves_is_idle_at_none(hours: int) -> None:
    """A label that was forgotten where the run was not asked for a day would be gone for who asks there next."""
    time = [0.0]
    plan = guard_of(
        policy_set(
            [parse("language 1\nlabel results of read as secret\nforbid pay as no when session has secret\n", "few.lw")]
        )
    ).plan
    books = [SessionBook(lambda: time[0], shared=True) for _ in range(2)]

    def use(at: int, label: str | None = None) -> Any:
        state = books[at].of("run-1", WHO, plan)
        state.under(plan)
        if label is not None:
            state.session.labelled(label)
        rows = books[at].changes(state)
        books[at].settled()
        assert books[1 - at].follow(rows, plan)
        return state

    use(0, "secret")
    told = []
    for _ in range(hours * 4):
        time[0] += 900
        told.append(len(books[0].changes(use(0))))
    assert ("secret", None) in use(1).session.state.labels
    assert sum(told) == 0, "whatever is said is said once"
    time[0] += 27 * 3600
    assert use(1).session.state.labels == use(0).session.state.labels == frozenset(), "now it was idle everywhere"


@settings(max_examples=40)
@given(st.integers(1, 4), st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["run-1", "run-2"])), max_size=9),
       st.lists(st.integers(0, 3), max_size=9))  # fmt: skip
def test_any_interleaving_releases_what_some_order_would(most: int, asked: list[tuple[int, str]], waits: Any) -> None:
    """A limit by count does not ask who came first: in any serial order exactly the first `most` are released. Of calls
    that lost every race nothing is released, and they may be asked again."""

    async def play() -> tuple[int, int]:
        database = Database()
        replicas = [Replica(Memory(database, number), most) for number in range(3)]

        async def one(place: int, at: int, run: str) -> bool:
            for _ in range(waits[place] if place < len(waits) else 0):
                await asyncio.sleep(0)
            try:
                return await replicas[at].pay(run)
            except Stale:
                return False

        came = await asyncio.gather(*[one(place, *who) for place, who in enumerate(asked)])
        again = [await replicas[at].pay(run) for at, run in asked]
        return sum(came), sum(came) + sum(again)

    at_once, altogether = asyncio.run(play())
    assert at_once <= most
    assert altogether == min(most, 2 * len(asked))


def test_two_replicas_on_one_postgresql_hold_a_limit(postgres_server: Any) -> None:
    async def play(stores: Sequence[Store]) -> list[Any]:
        replicas = [Replica(store, most=3) for store in stores]
        for replica in replicas:
            await replica.turns.join()
        pays = [replica.pay(f"run-{number}") for number in range(3) for replica in replicas]
        came = await asyncio.gather(*pays, return_exceptions=True)
        return [*came, *[await replica.pay() for replica in replicas * 3]]

    url = postgres_server.copy()
    with Store.open(url) as first, Store.open(url) as second:
        came = asyncio.run(play((first, second)))
        assert [one for one in came if not isinstance(one, bool | Stale)] == []
        assert came.count(True) == 3
        with first.rows() as rows:
            assert sum(row.id.startswith("dec-") for row in rows) == sum(isinstance(one, bool) for one in came)
