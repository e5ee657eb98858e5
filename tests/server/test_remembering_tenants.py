"""server/remembering/tenants.py: a gate follows what is published, and goes on with the last good snapshot."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from memory import Snapshot
from server.metrics import Metrics
from server.remembering.tenants import MemoryTrouble, Tenants
from server.store import StoreError, StoreUnavailable


class Published:
    """What a database of memory answers, or fails to."""

    def __init__(self, **versions: int) -> None:
        self.versions = versions
        self.error: Exception | None = None
        self.made: list[int] = []

    def read(self, tenant: str) -> Snapshot:
        if self.error is not None:
            raise self.error
        version = self.versions.get(tenant, 0)
        return Snapshot(tenant, version, "", (), {}, f"{tenant}{version}")

    def tenants(self, metrics: Metrics | None = None) -> Tenants:
        return Tenants(self.read, self._speaking, lambda: list(self.versions), metrics or Metrics())

    def _speaking(self, snapshot: Snapshot) -> Any:
        self.made.append(snapshot.version)
        return (snapshot.tenant, snapshot.version)


def of(tenants: Tenants, tenant: str) -> Any:
    return asyncio.run(tenants.of(tenant))


def test_what_is_published_is_followed_and_made_once() -> None:
    published = Published(acme=3)
    tenants = published.tenants()
    tenants.load()
    assert of(tenants, "acme") == ("acme", 3)
    tenants.look()
    tenants.follow("acme")
    assert published.made == [3]
    published.versions["acme"] = 4
    assert of(tenants, "acme") == ("acme", 3)
    tenants.look()
    assert of(tenants, "acme") == ("acme", 4)
    assert of(tenants, "new") == ("new", 0)


def test_a_memory_that_cannot_be_read_lets_no_gate_start() -> None:
    published = Published(acme=3)
    published.error = StoreError("the disk is gone")
    with pytest.raises(MemoryTrouble, match="the disk is gone"):
        published.tenants().load()


def test_the_last_good_snapshot_stays() -> None:
    published, metrics = Published(acme=3), Metrics()
    tenants = published.tenants(metrics)
    tenants.load()
    assert b"leastward_memory_stale 0.0" in metrics.text()
    published.versions["acme"], published.error = 4, OSError("a secret path")
    tenants.look()
    assert tenants.trouble == "OSError"
    assert b"leastward_memory_stale 1.0" in metrics.text()
    assert of(tenants, "acme") == ("acme", 3)
    published.error = None
    tenants.look()
    assert of(tenants, "acme") == ("acme", 4)
    assert b"leastward_memory_stale 0.0" in metrics.text()
    assert b"leastward_memory_snapshot_version 4.0" in metrics.text()


def test_a_tenant_whose_memory_was_never_read_is_not_decided_for() -> None:
    published = Published(acme=3)
    tenants = published.tenants()
    tenants.load()
    published.error = StoreError("no")
    with pytest.raises(StoreUnavailable):
        of(tenants, "other")
    assert of(tenants, "acme") == ("acme", 3)
