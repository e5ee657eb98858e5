"""The shelf of policy versions (server/store/shelf.py, versions.py) on both databases: one suite."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from guardrail import Record
from server.store import Activated, Activation, Countersigned, PolicyMoved, PolicyVersion, Published, Store

AT = "2026-11-23T02:00:00.000000Z"


def version(number: int, **changes: Any) -> PolicyVersion:
    members: dict[str, Any] = {
        "number": number,
        "digest": f"sha256:{number:064x}",
        "serial": number * 10,
        "policy_hash": f"sha256:{number:064x}",
        "signed_by": ("sha256:aa",),
        "author": "ada",
        "published_at": AT,
        "because": "é",
    }
    return PolicyVersion(**{**members, **changes})


def activation(ordinal: int, number: int, **changes: Any) -> Activation:
    members: dict[str, Any] = {
        "ordinal": ordinal,
        "version": number,
        "instead_of": 0,
        "manner": "activate",
        "author": "ada",
        "made_at": AT,
        "because": "now",
        "record": "dec-1.1",
    }
    return Activation(**{**members, **changes})


def commit(store: Store, change: Any, *records: Record) -> None:
    asyncio.run(store.policies.commit(records, change))


def test_a_version_is_kept_as_it_came(store: Store) -> None:
    assert (store.policies.newest(9), store.policies.in_force(), store.policies.one(1)) == ([], None, None)
    assert store.policies.bundle(1) is None
    commit(store, Published(version(1), b"\x00 one"))
    commit(store, Published(version(2), b"two"))
    assert store.policies.newest(9) == [version(2), version(1)]
    assert store.policies.newest(1) == [version(2)]
    assert store.policies.of_digest(version(1).digest) == version(1)
    assert store.policies.of_digest("sha256:0") is None
    assert (store.policies.bundle(1), store.policies.bundle(2)) == (b"\x00 one", b"two")


def test_a_number_and_a_content_are_published_once(store: Store) -> None:
    commit(store, Published(version(1), b"one"))
    for again in (version(1, digest="sha256:other"), version(2, digest=version(1).digest)):
        with pytest.raises(PolicyMoved):
            commit(store, Published(again, b"other"))
    assert store.policies.newest(9) == [version(1)]
    assert store.policies.bundle(1) == b"one"


def test_signatures_are_added_to_the_content_that_they_are_of(store: Store) -> None:
    commit(store, Published(version(1), b"one"))
    with pytest.raises(PolicyMoved):
        commit(store, Countersigned(1, "sha256:other", ("sha256:bb",), b"changed"))
    commit(store, Countersigned(1, version(1).digest, ("sha256:aa", "sha256:bb"), b"both"))
    assert store.policies.one(1) == version(1, signed_by=("sha256:aa", "sha256:bb"))
    assert store.policies.bundle(1) == b"both"


def test_only_who_saw_the_last_activation_makes_the_next(store: Store, make_record: Callable[..., Record]) -> None:
    for number in (1, 2):
        commit(store, Published(version(number), b""))
    commit(store, Activated(activation(1, 1)), make_record(kind="act"))
    lost = make_record(kind="act")
    for late in (activation(1, 2), activation(3, 2)):
        with pytest.raises(PolicyMoved):
            commit(store, Activated(late), lost)
    with pytest.raises(PolicyMoved):
        commit(store, Activated(activation(2, 3)), lost)  # a version that nobody published
    assert store.decision(lost.id, "acme") is None
    assert store.policies.in_force() == activation(1, 1)
    won = make_record(kind="act")
    commit(store, Activated(activation(2, 2, instead_of=1)), won)
    assert store.decision(won.id, "acme") is not None
    assert store.policies.activations(9) == [activation(2, 2, instead_of=1), activation(1, 1)]
    assert store.verify().problems == ()


def test_of_many_at_once_one_is_put_in_force(place: str, store: Store, make_record: Callable[..., Record]) -> None:
    """At two replicas where the database has two, else at one."""
    for number in range(1, 21):
        commit(store, Published(version(number), b""))
    other = Store.open(place) if store.shared else None
    if other is not None:
        other.start()

    async def all_at_once() -> list[BaseException | None]:
        stores = [store, other or store]
        commits = [
            stores[number % 2].policies.commit([make_record(kind="act")], Activated(activation(1, number)))
            for number in range(1, 21)
        ]
        return await asyncio.gather(*commits, return_exceptions=True)

    outcomes = asyncio.run(all_at_once())
    if other is not None:
        other.close()
    assert sum(outcome is None for outcome in outcomes) == 1
    assert all(outcome is None or isinstance(outcome, PolicyMoved) for outcome in outcomes)
    assert store.policies.activations(99) == [activation(1, outcomes.index(None) + 1)]
    assert store.verify().problems == ()
