"""What the store promises, on SQLite and on PostgreSQL alike (memory/store/store.py, intake.py, arrays.py)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from memory import (
    Abstraction,
    Approved,
    Condition,
    GateReading,
    Refreshed,
    Retracted,
    Snapshot,
    State,
)
from memory.store import Overtaken, Store


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = Store(store_url)
    yield store
    store.close()


READING = GateReading("beta", True, "open", 4.0, 1.0, 3, 1, 0.71, 2.5, 0.6, 0.05)


def lesson(id_: str = "L-1", **given: Any) -> Abstraction:
    members: dict[str, Any] = {
        "version": 1,
        "label": "forbid",
        "condition": Condition("send_money", (("domain to", ("evil.example",)),)),
        "made": 1,
        "made_at": 5,
        "policy_hash": "7b",
        "support": ("dec-1",),
        "radius": float("inf"),
        "alpha": 0.05,
        "rationale": "a text with \x00 and \N{RIGHT-TO-LEFT OVERRIDE}",
        **given,
    }
    return Abstraction(id_, **members)


def publish(store: Store, tenant: str = "acme", version: int = 1, **lessons: Abstraction) -> None:
    """Save a State with these lessons, and the snapshot of them."""
    held = store.load(tenant)
    state = replace(held.state, abstractions=dict(lessons), sequence=held.state.sequence + 1)
    snapshot = Snapshot(tenant, version, "7b", tuple(lessons.values()), {}, f"digest-{version}")
    store.save(held, Refreshed(version, 0, "7b"), state, snapshot)


def test_an_unknown_tenant_has_nothing_and_leaves_nothing(store: Store) -> None:
    held = store.load("nobody")
    assert (held.state, held.pending, held.version) == (State("nobody"), (), 0)
    assert store.snapshot("nobody") is None
    assert store.verify("nobody") == ()
    assert list(store.log("nobody")) == []
    assert store.tenants() == set()


def test_reports_are_taken_in_order_and_wait_to_be_folded(store: Store, kept: Any) -> None:
    reports = [kept.reported(f"dec-{n}", at=n) for n in range(5)]
    assert store.receive(reports, 50) == ["taken"] * 5
    assert [row.event for row in store.log("acme")] == reports
    assert [row.sequence for row in store.log("acme")] == [1, 2, 3, 4, 5]
    assert store.load("acme").pending == tuple(reports)


def test_one_report_a_reporter_and_decision(store: Store, kept: Any) -> None:
    again = kept.reported(label="allow", at=9)
    assert store.receive([kept.reported(), again, kept.reported(by="bob")], 50) == [
        "taken",
        "duplicate-report",
        "taken",
    ]
    assert store.receive([again], 50) == ["duplicate-report"]
    assert len(list(store.log("acme"))) == 2


def test_an_idempotency_key_makes_sending_again_harmless(store: Store, kept: Any) -> None:
    first = kept.reported(key="k1", because="it went out")
    assert store.receive([first], 50) == ["taken"]
    assert store.receive([replace(first, at=7), replace(first, label="allow")], 50) == ["again", "duplicate-report"]
    other = kept.reported("dec-2", key="k1")
    assert store.receive([other], 50) == ["duplicate-report"]
    assert store.receive([kept.reported("dec-2", "bob", key="k1")], 50) == ["taken"], "a key is its reporter's own"
    batch = [kept.reported("dec-3", key="k3"), kept.reported("dec-3", key="k3")]
    assert store.receive(batch, 50) == ["taken", "again"]


def test_the_daily_quota_counts_a_reporters_taken_reports(store: Store, kept: Any) -> None:
    day = kept.DAY
    batch = [kept.reported(f"dec-{n}", at=n, key=f"k{n}") for n in range(3)]
    assert store.receive(batch, 2) == ["taken", "taken", "daily-quota"]
    assert store.receive(batch, 2) == ["again", "again", "daily-quota"]
    assert store.receive([kept.reported("dec-9", "bob", at=5)], 2) == ["taken"]
    assert store.receive([kept.reported("dec-9", at=day - 1), kept.reported("dec-9", at=day)], 2) == [
        "daily-quota",
        "taken",
    ]
    assert store.receive([kept.reported("dec-8", "eve", kind="audit", audited=0.5)], 0) == ["taken"]


def test_a_batch_holds_several_tenants(store: Store, kept: Any) -> None:
    batch = [kept.reported(tenant="b"), kept.reported(tenant="a"), kept.reported(tenant="b")]
    assert store.receive(batch, 50) == ["taken", "taken", "duplicate-report"]
    assert [len(list(store.log(tenant))) for tenant in ("a", "b")] == [1, 1]
    assert store.verify("a") == store.verify("b") == ()
    assert store.tenants() == {"a", "b"}


def test_a_save_is_what_the_next_load_finds(store: Store, kept: Any) -> None:
    store.receive([kept.reported()], 50)
    lessons = {"L-1": lesson(reading=READING), "L-2": lesson("L-2", parent="L-1", exceptions=("L-3",))}
    publish(store, **lessons)
    held = store.load("acme")
    assert held.state.abstractions == lessons
    assert held.pending == ()
    assert (held.version, held.folded, held.control) == (1, 1, 2)
    assert store.version("acme") == 1
    found = store.snapshot("acme")
    assert found is not None
    assert found.abstractions == tuple(lessons.values())
    assert store.abstractions("acme") == tuple(lessons.values())
    assert store.verify("acme") == ()


def test_every_version_and_every_reading_is_kept(store: Store) -> None:
    closed = replace(READING, open=False, why="closing", log_e=float("-inf"))
    publish(store, version=1, **{"L-1": lesson(reading=READING)})
    publish(store, version=2, **{"L-1": lesson(reading=READING, phase="active", approved=1, approved_by="eve")})
    publish(store, version=3, **{"L-1": lesson(version=2, reading=closed)})
    publish(store, version=4)
    versions = store.versions("acme", "L-1")
    assert [(v.abstraction.version, v.abstraction.phase, v.since, v.until) for v in versions] == [
        (1, "active", 1, 3),
        (2, "shadow", 3, 4),
    ]
    assert [(r.sequence, r.version, r.reading.why) for r in store.readings("acme", "L-1")] == [
        (1, 1, "open"),
        (3, 2, "closing"),
    ]
    assert store.readings("acme", "L-1")[1].reading == closed
    assert store.load("acme").state.abstractions == {}
    publish(store, version=5, **{"L-1": lesson(reading=READING)})
    assert [v.until for v in store.versions("acme", "L-1")] == [3, 4, None]
    assert [version for version, _, _ in store.published("acme")] == [1, 2, 3, 4, 5]
    third = store.snapshot("acme", 3)
    assert third is not None
    assert third.abstractions[0].version == 2


def test_who_saves_second_is_overtaken_and_writes_nothing(store: Store, kept: Any) -> None:
    store.receive([kept.reported()], 50)
    held = store.load("acme")
    publish(store, version=1)
    with pytest.raises(Overtaken):
        store.save(held, Approved(3, "eve", "L-1", 1), held.state, Snapshot("acme", 2, "", (), {}, ""))
    assert [type(row.event).__name__ for row in store.log("acme")] == ["Reported", "Refreshed"]
    assert store.version("acme") == 1
    assert store.verify("acme") == ()


def test_a_report_that_arrives_during_a_refresh_is_folded_after_it(store: Store, kept: Any) -> None:
    first, late, last = (kept.reported(f"dec-{n}") for n in range(3))
    store.receive([first], 50)
    held = store.load("acme")
    store.receive([late], 50)
    refreshed = Refreshed(5, 0)
    store.save(held, refreshed, held.state, None)
    store.receive([last], 50)
    assert store.load("acme").pending == (late, last)
    assert [row.event for row in store.log("acme")] == [first, late, refreshed, last]
    assert list(store.history(store.load("acme"), "acme")) == [first, refreshed, late, last]


def test_a_retracted_reporter_is_out_of_history_and_may_not_come_back(store: Store, kept: Any) -> None:
    ann, bob, waiting = kept.reported(), kept.reported(by="bob"), kept.reported("dec-2", "bob")
    store.receive([ann, bob], 50)
    held = store.load("acme")
    refreshed = Refreshed(5, 0)
    store.save(held, refreshed, held.state, None)
    store.receive([waiting], 50)
    held = store.load("acme")
    assert list(store.history(held, "acme", frozenset({"bob"}))) == [ann, refreshed]
    store.save(held, Retracted(6, "eve", "bob"), held.state, None)
    assert store.receive([kept.reported("dec-3", "bob"), kept.reported("dec-3")], 50) == ["no-right", "taken"]
    assert [type(row.event).__name__ for row in store.log("acme")][-2:] == ["Retracted", "Reported"]
    assert list(store.history(store.load("acme"), "acme")) == [ann, refreshed, kept.reported("dec-3")]
    assert store.heard("acme", "bob")
    assert not store.heard("acme", "carol")


def test_audits_wait_until_an_auditor_speaks(store: Store, kept: Any) -> None:
    drawn = [kept.observed(f"dec-{n}", at=9 - n, audited=0.05) for n in range(3)]
    store.draw([*drawn, kept.observed("dec-0", "other", audited=0.05)])
    store.draw([replace(drawn[0], audited=0.9)])
    assert store.audits("acme", 10) == (drawn[2], drawn[1], drawn[0])
    assert store.audits("acme", 1) == (drawn[2],)
    assert store.drawn("acme", "dec-1") == drawn[1]
    assert store.drawn("acme", "dec-7") is None
    store.receive([kept.reported("dec-2", by="eve", kind="audit", audited=0.05), kept.reported("dec-1")], 50)
    assert store.audits("acme", 10) == (drawn[1], drawn[0])
    assert (store.waiting("acme"), store.waiting("other")) == (2, 1)


def test_writers_of_many_threads_keep_one_chain(store: Store, kept: Any) -> None:
    def write(name: str) -> None:
        for n in range(8):
            assert store.receive([kept.reported(f"dec-{n}", name)], 50) == ["taken"]

    threads = [threading.Thread(target=write, args=(f"r{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.sequence for row in store.log("acme")] == list(range(1, 33))
    assert store.verify("acme") == ()


def test_two_stores_on_one_database_see_each_other(store: Store, store_url: str, kept: Any) -> None:
    other = Store(store_url)
    store.receive([kept.reported()], 50)
    assert other.receive([kept.reported(key="late"), kept.reported("dec-2")], 50) == ["duplicate-report", "taken"]
    publish(other, version=1)
    assert store.version("acme") == 1
    other.close()
