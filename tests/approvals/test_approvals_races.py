"""server/store/approvals.py and writer.py: one yes is one release, whoever asks at once and whatever fails."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from guardrail import ToolCall
from server.approvals import AlreadyUsed, Approvals
from server.exchange import Caller
from server.store import Answered, Asked, Store, StoreError, StoreUnavailable, Unrecordable, Used

CALL = ToolCall("send_money", {"amount": 5}, "call_1")
RACERS = 1_000


async def _approved(gate: Any, people: dict[str, Caller], call: ToolCall = CALL) -> Any:
    bot = people["bot"]
    asked = await gate.call(bot, gate.run_of(bot), call)
    return await gate.approvals.decide(asked.approval.id, people["ada"], True, "")


def test_of_a_thousand_releases_at_once_exactly_one_wins(gate: Any, people: dict[str, Caller]) -> None:
    bot = people["bot"]
    decision = gate.decide(bot, CALL)

    async def race() -> list[BaseException | None]:
        approval = await _approved(gate, people)

        async def release(number: int) -> None:
            name = f"dec-{number:026d}.1"
            record = gate.record(bot, gate.run_of(bot), name, CALL, decision, (approval.id,))
            await gate.store.commit([record], (), [gate.approvals.use(approval, name)])

        return await asyncio.gather(*map(release, range(RACERS)), return_exceptions=True)

    ended = asyncio.run(race())
    assert [type(one) for one in ended].count(type(None)) == 1
    assert [type(one) for one in ended].count(AlreadyUsed) == RACERS - 1
    with gate.store.rows() as rows:
        released = [row.id for row in rows if row.id.startswith("dec-0000000")]
    assert released.count(f"dec-{ended.index(None):026d}.1") == 1
    # The ask and the person's act are the other Records of that kind of id: no loser left one.
    assert sum(name.endswith(".1") and name[4:20].isdigit() and int(name[4:30]) < RACERS for name in released) == 1
    assert gate.store.verify().problems == ()


def test_of_many_calls_through_the_gate_one_is_released(gate: Any, people: dict[str, Caller]) -> None:
    bot = people["bot"]

    async def race() -> list[Any]:
        await _approved(gate, people)
        return await asyncio.gather(*[gate.call(bot, gate.run_of(bot), CALL) for _ in range(RACERS // 5)])

    came = asyncio.run(race())
    assert [one.said for one in came].count("released") == 1
    waiting = {one.approval.id for one in came if one.said == "needs-approval"}
    pending, over = asyncio.run(gate.approvals.listed("acme"))
    assert [one.state for one in over] == ["used"]
    assert {one.id for one in pending} <= waiting
    assert len(pending) == 1, "the losers wait for one new yes"


def test_a_loser_leaves_the_others_of_its_batch_alone(gate: Any, people: dict[str, Caller]) -> None:
    bot, run = people["bot"], gate.run_of(people["bot"])
    decision = gate.decide(bot, CALL)

    async def commit() -> list[BaseException | None]:
        approval = await _approved(gate, people)

        def write(name: str, *, use: bool = False, unreadable: bool = False) -> Any:
            call = ToolCall("send_money", {}, "\ud800" if unreadable else "call_1")
            record = gate.record(bot, run, name, call, decision)
            return gate.store.commit([record], (), [gate.approvals.use(approval, name)] if use else ())

        return await asyncio.gather(
            write("dec-a"),
            write("dec-b", use=True, unreadable=True),  # its use is taken back with it
            write("dec-c", use=True),
            write("dec-d", use=True),
            write("dec-e"),
            return_exceptions=True,
        )

    ended = asyncio.run(commit())
    assert [type(one) for one in ended] == [type(None), Unrecordable, type(None), AlreadyUsed, type(None)]
    with gate.store.rows() as rows:
        assert [row.id for row in rows][-3:] == ["dec-a", "dec-c", "dec-e"]
    assert gate.store.verify().problems == ()


def test_a_second_answer_leaves_no_record(gate: Any, people: dict[str, Caller]) -> None:
    async def both() -> list[Any]:
        bot = people["bot"]
        asked = await gate.call(bot, gate.run_of(bot), CALL)
        answers = [gate.approvals.decide(asked.approval.id, people[who], who == "ada", "") for who in ("ada", "max")]
        return await asyncio.gather(*answers, return_exceptions=True)

    ended = asyncio.run(both())
    assert sorted(getattr(one, "code", "answered") for one in ended) == ["already-decided", "answered"]
    with gate.store.rows() as rows:
        acts = [row for row in rows if b'"kind":"act"' in row.body]
    assert len(acts) == 1


@pytest.mark.parametrize(
    ("when", "every"),
    [
        ("before", 23),
        ("after", 29),
        pytest.param("before", 1, marks=pytest.mark.long),
        pytest.param("after", 1, marks=pytest.mark.long),
    ],
)
def test_whichever_statement_fails_nothing_is_released_twice(
    tmp_path: Path, make_gate: Any, clock: Any, people: dict[str, Caller], when: str, every: int
) -> None:
    """The n-th statement of the whole story fails, for every n (or every few): ask, answer, three releases."""
    bot = people["bot"]
    lost = 0
    for at in range(1, 500, every):
        seen = [0]

        class Failing(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                seen[0] += 1  # noqa: B023 (the class lives as long as this turn of the loop)
                fails = seen[0] == at  # noqa: B023
                if fails and when == "before":
                    raise sqlite3.OperationalError("disk I/O error")
                done = super().execute(sql, *values)
                if fails:
                    raise sqlite3.OperationalError("disk I/O error after the fact")
                return done

        path = tmp_path / f"{when}-{at}.db"
        released: list[str] = []
        with suppress(StoreError), Store.open(path, clock=clock, factory=Failing) as store:
            gate = make_gate()
            gate.store = store
            gate.approvals = Approvals(store, clock)

            async def story(gate: Any = gate, released: list[str] = released) -> None:
                for _ in range(2):
                    with suppress(StoreError):
                        await _approved(gate, people)
                        break
                for _ in range(3):
                    with suppress(StoreError):
                        came = await gate.call(bot, gate.run_of(bot), CALL)
                        released += [came.record] if came.said == "released" else []

            with suppress(Exception):  # an answer that failed after the fact is answered already
                asyncio.run(story())
        assert len(released) <= 1, f"statement {at}"
        lost += not released
        if path.exists() and path.stat().st_size:
            after = Store.open(path)
            assert after.verify().problems == (), f"statement {at}"
            with after.rows() as rows:
                assert set(released) <= {row.id for row in rows}, f"statement {at}"
        if seen[0] < at:
            break
    else:
        pytest.fail("the story never passed")
    assert len(released) == 1
    assert lost > 1


def test_the_primary_key_decides_even_where_two_counted_alike(gate: Any, people: dict[str, Caller]) -> None:
    """What two replicas do that both saw no use: the same place in `approval_use`, which there is once."""
    approval = asyncio.run(_approved(gate, people))
    with gate.store._database.connection() as connection:
        connection.execute("INSERT INTO approval_use VALUES (?, 1, 'dec-theirs', '2026')", (approval.id,))
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("INSERT INTO approval_use VALUES (?, 1, 'dec-ours', '2026')", (approval.id,))
    with pytest.raises(AlreadyUsed):
        asyncio.run(gate.store.commit([], (), [gate.approvals.use(approval, "dec-ours")]))


@pytest.mark.parametrize(
    "change",
    [
        lambda used: replace(used, digest="0" * 64),
        lambda used: replace(used, policy_hash="0" * 64),
        lambda used: replace(used, approval="apr-00000000000000000000000000"),
        lambda used: replace(used, at="2026-11-22T12:10:00.000000Z"),
    ],
    ids=["another call", "another policy", "another approval", "too late"],
)
def test_a_use_that_does_not_fit_is_none(gate: Any, people: dict[str, Caller], change: Callable[[Used], Used]) -> None:
    approval = asyncio.run(_approved(gate, people))
    fits = gate.approvals.use(approval, "dec-1")
    with pytest.raises(AlreadyUsed):
        asyncio.run(gate.store.commit([], (), [change(fits)]))
    asyncio.run(gate.store.commit([], (), [fits]))


def test_answers_are_of_their_own_tenant(gate: Any, people: dict[str, Caller]) -> None:
    bot = people["bot"]
    asked = asyncio.run(gate.call(bot, gate.run_of(bot), CALL)).approval
    answered = Answered(asked.id, "evil", "approved", "eve", "", asked.asked_at, "2030")
    with pytest.raises(StoreError):
        asyncio.run(gate.store.commit([], (), [answered]))
    assert gate.store.approval(asked.id, "acme").state == "pending"


def test_an_ask_whose_write_failed_is_asked_again_as_the_same(gate: Any, people: dict[str, Caller]) -> None:
    bot, run = people["bot"], gate.run_of(people["bot"])
    decision = gate.decide(bot, CALL)

    async def twice() -> tuple[Any, Any]:
        first = await gate.approvals.held(bot, run.id, "chat", CALL, decision, "dec-1")
        second = await gate.approvals.held(bot, run.id, "chat", CALL, decision, "dec-2")
        await gate.store.commit([], (), [second.change])
        third = await gate.approvals.held(bot, run.id, "chat", CALL, decision, "dec-3")
        assert third.change is None
        return first, third

    first, third = asyncio.run(twice())
    assert first.approval.id == third.approval.id


def test_a_replicas_ask_of_the_same_call_leaves_one_pending(gate: Any, people: dict[str, Caller]) -> None:
    bot = people["bot"]
    asked = asyncio.run(gate.call(bot, gate.run_of(bot), CALL)).approval
    other = replace(asked, id="apr-00000000000000000000000001")
    asyncio.run(gate.store.commit([], (), [Asked(other)]))
    assert gate.store.approval(other.id, "acme") is None


def test_erasing_a_record_erases_the_call_that_waits(gate: Any, people: dict[str, Caller]) -> None:
    bot = people["bot"]
    secret = ToolCall("login", {"user": "ann", "password": "hunter2"}, "call_1")
    came = asyncio.run(gate.call(bot, gate.run_of(bot), secret))
    assert gate.store.erase(came.record, "acme")
    kept = gate.store.approval(came.approval.id, "acme")
    assert (kept.arguments, kept.sealed, kept.state) == ("{}", None, "expired")


def test_secrets_of_a_call_never_reach_the_disk(tmp_path: Path, gate: Any, people: dict[str, Caller]) -> None:
    bot = people["bot"]
    secret = ToolCall("login", {"user": "ann", "password": "canary-7f3a"}, "call_1")
    asyncio.run(gate.call(bot, gate.run_of(bot), secret))
    files = list(tmp_path.glob("gate.db*"))
    assert len(files) >= 2
    assert all(b"canary-7f3a" not in path.read_bytes() for path in files)
    assert any(b"[redacted]" in path.read_bytes() for path in files)


def test_what_is_over_is_purged_with_its_uses(gate: Any, clock: Any, people: dict[str, Caller]) -> None:
    async def story() -> None:
        bot = people["bot"]
        await _approved(gate, people)
        await gate.call(bot, gate.run_of(bot), CALL)
        await gate.call(bot, gate.run_of(bot), ToolCall("send_money", {"amount": 6}, "call_1"))

    asyncio.run(story())
    gate.store.close()
    clock.go(29 * 86_400)
    for days, left in ((0, 2), (2, 0)):
        clock.go(days * 86_400)
        with Store.open(gate.store._database.path, clock=clock) as again, again._database.connection() as connection:
            for _ in range(300):  # the writer purges when it has nothing else to do
                approvals, uses = (
                    connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                    for table in ("approval", "approval_use")
                )
                if approvals == left:
                    break
                asyncio.run(asyncio.sleep(0.02))
            assert (approvals, uses) == (left, min(left, 1))


def test_a_store_that_fails_says_so_and_nothing_is_granted(gate: Any, people: dict[str, Caller]) -> None:
    asyncio.run(_approved(gate, people))
    gate.store._database.path.unlink()
    bot = people["bot"]
    with pytest.raises(StoreUnavailable):
        asyncio.run(gate.call(bot, gate.run_of(bot), CALL))


def test_a_yes_that_holds_comes_before_a_newer_ask(gate: Any, people: dict[str, Caller]) -> None:
    """Another replica asked again at the moment of the answer: the yes is found all the same."""
    approval = asyncio.run(_approved(gate, people))
    newer = replace(approval, id="apr-z0000000000000000000000000", state="pending", decided_at=None)
    asyncio.run(gate.store.commit([], (), [Asked(newer)]))
    assert gate.store.approval(newer.id, "acme").state == "pending"
    assert gate.store.approval_for(approval.run, approval.digest, approval.policy_hash).id == approval.id


def test_what_was_kept_of_a_secret_call_is_gone_once_it_is_over(gate: Any, people: dict[str, Caller]) -> None:
    bot, run = people["bot"], gate.run_of(people["bot"])

    async def story() -> list[bool]:
        kept: list[bool] = []
        for password, approve in (("hunter2", True), ("hunter3", False)):
            login = ToolCall("login", {"user": "ann", "password": password}, "call_1")
            asked = await gate.call(bot, run, login)
            kept.append(gate.store.approval(asked.approval.id, "acme").sealed is not None)
            await gate.approvals.decide(asked.approval.id, people["ada"], approve, "")
            await gate.call(bot, run, login)
            kept.append(gate.store.approval(asked.approval.id, "acme").sealed is not None)
        return kept

    assert asyncio.run(story()) == [True, False, True, False]
