"""server/store/changing.py: approvals change with the Records that they belong to, on every database."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from guardrail import Record
from server.store import AlreadyAnswered, AlreadyUsed, Answered, Approval, ApprovalChange, Asked, Store, Used

MakeRecord = Callable[..., Record]
MakeApproval = Callable[..., Approval]
AT = "2026-11-22T12:00:01.000000Z"
NEVER = "9999-01-01T00:00:00.000000Z"


def _yes(approval: Approval) -> Answered:
    return Answered(approval.id, approval.tenant, "approved", "key-1", "it is due", AT, NEVER)


def _used(approval: Approval, record: Record) -> Used:
    return Used(approval.id, approval.digest, approval.policy_hash, record.id, AT)


async def _together(
    store: Store, writes: Sequence[tuple[Sequence[Record], Sequence[ApprovalChange]]]
) -> list[BaseException | None]:
    commits = [store.commit(records, (), changes) for records, changes in writes]
    return await asyncio.gather(*commits, return_exceptions=True)


def _written(store: Store, *writes: tuple[Sequence[Record], Sequence[ApprovalChange]]) -> list[Any]:
    return [type(result) for result in asyncio.run(_together(store, writes))]


OK = type(None)


def test_an_approval_goes_its_way(store: Store, make_record: MakeRecord, make_approval: MakeApproval) -> None:
    asked, other = make_approval(), make_approval(tenant="other")
    assert _written(store, ([make_record()], [Asked(asked)]), ([], [Asked(other)])) == [OK, OK]
    assert store.approval(asked.id, "acme") == asked
    assert store.approval(asked.id, "other") is None
    assert store.approvals("acme", ["pending", "approved"], 10) == [asked]
    assert store.open_runs() == {asked.run}
    assert store.asked(asked.principal_key, "2026-11-22T12:00:00.000000Z") != []
    assert _written(store, ([], [_yes(asked)]), ([], [_yes(asked)])) == [OK, AlreadyAnswered]
    found = store.approval_for(asked.run, asked.digest, asked.policy_hash)
    assert found is not None
    assert (found.state, found.because, found.used) == ("approved", "it is due", 0)
    assert [approval.id for approval in store.approved(asked.run, "acme")] == [asked.id]
    assert _written(store, ([record := make_record()], [_used(asked, record)])) == [OK]
    ended = store.approval(asked.id, "acme")
    assert ended is not None
    assert (ended.state, ended.used, ended.sealed) == ("used", 1, None)


def test_a_second_use_fails_alone(store: Store, make_record: MakeRecord, make_approval: MakeApproval) -> None:
    asked = make_approval()
    assert _written(store, ([], [Asked(asked)])) == [OK]
    assert _written(store, ([], [_yes(asked)])) == [OK]
    records = [make_record() for _ in range(3)]
    came = _written(
        store, (records[:1], [_used(asked, records[0])]), (records[1:2], [_used(asked, records[1])]), (records[2:], [])
    )
    assert came == [OK, AlreadyUsed, OK]
    assert store.decision(records[1].id, "acme") is None
    assert store.decision(records[2].id, "acme") is not None
    assert store.verify().problems == ()


def test_a_yes_is_good_for_as_many_uses_as_it_says(
    store: Store, make_record: MakeRecord, make_approval: MakeApproval
) -> None:
    asked = make_approval(uses=3)
    assert _written(store, ([], [Asked(asked)])) == [OK]
    assert _written(store, ([], [_yes(asked)])) == [OK]
    records = [make_record() for _ in range(5)]
    came = _written(store, *[([record], [_used(asked, record)]) for record in records])
    assert came == [OK, OK, OK, AlreadyUsed, AlreadyUsed]


def test_a_call_waits_once(store: Store, make_approval: MakeApproval) -> None:
    asked = make_approval()
    again = make_approval(digest=asked.digest)
    assert _written(store, ([], [Asked(asked)]), ([], [Asked(again)])) == [OK, OK]
    assert [approval.id for approval in store.approvals("acme", ["pending"], 10)] == [asked.id]


def test_an_erased_call_is_erased_from_its_approval(
    store: Store, make_record: MakeRecord, make_approval: MakeApproval
) -> None:
    record = make_record()
    asked = make_approval(decision=record.id)
    assert _written(store, ([record], [Asked(asked)])) == [OK]
    assert store.erase(record.id, "acme") is True
    found = store.approval(asked.id, "acme")
    assert found is not None
    assert (found.state, found.arguments, found.sealed) == ("expired", "{}", None)


def test_roles_kept_before_several_rules_counted_are_one_group(
    store: Store, place: str, make_record: MakeRecord, make_approval: MakeApproval
) -> None:
    asked = make_approval()
    assert _written(store, ([make_record()], [Asked(asked)])) == [OK]
    table = "leastward.approval" if place.startswith("postgres") else "approval"
    update = f"UPDATE {table} SET by_roles = '[\"clerk\",\"board\"]' WHERE id = '{asked.id}'"
    if place.startswith("postgres"):
        with psycopg.connect(place) as connection:
            connection.execute(update)
    else:
        with contextlib.closing(sqlite3.connect(place)) as database, database:
            database.execute(update)
    found = store.approval(asked.id, "acme")
    assert found is not None
    assert found.by_roles == (("clerk", "board"),)
