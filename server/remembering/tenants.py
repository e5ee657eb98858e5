"""The snapshots in force, one for each tenant, and how a gate follows what is published by whomever.

A tenant's first snapshot is read before its first decision, and a gate that cannot read one does not start, or does not
decide for that tenant: without what it learned it would decide otherwise than yesterday, and nobody would know. After
that the last good snapshot stays in force whatever happens to the database, and `trouble` says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from memory import Snapshot
from server.logs import fields
from server.metrics import Metrics
from server.recorded import Listening
from server.store import StoreError, StoreUnavailable

LOG = logging.getLogger("leastward.memory")

Read = Callable[[str], Snapshot]
"""A tenant's snapshot as it is published now. Raises an error where that cannot be read."""


class MemoryTrouble(StoreError):
    """Memory cannot be opened or read, before anything was decided with it. What the gate says of its other database
    holds here too: nothing is released on it."""


class Tenants:
    """See the module's text. `speaking` makes of a snapshot what decides with it."""

    def __init__(
        self,
        read: Read,
        speaking: Callable[[Snapshot], Listening],
        known: Callable[[], Collection[str]],
        metrics: Metrics,
    ) -> None:
        self.trouble: str | None = None
        self._read = read
        self._speaking = speaking
        self._known = known
        self._metrics = metrics
        self._in_force: dict[str, tuple[Snapshot, Listening]] = {}

    def load(self) -> None:
        """Read every tenant's snapshot for the first time. Raises MemoryTrouble."""
        try:
            for tenant in self._known():
                self._take(tenant)
        except Exception as error:
            raise MemoryTrouble(f"what was learned cannot be read: {_said(error)}") from error
        self._count()

    async def of(self, tenant: str) -> Listening:
        """What decides for this tenant. Raises StoreUnavailable where its snapshot was never read and cannot be."""
        known = self._in_force.get(tenant)
        if known is not None:
            return known[1]
        try:
            await asyncio.to_thread(self._take, tenant)
        except Exception as error:
            LOG.error("memory-unread", extra=fields(tenant=tenant, problem=_said(error)))
            raise StoreUnavailable("what the tenant's memory holds cannot be read") from error
        return self._in_force[tenant][1]

    async def watch(self, seconds: float) -> None:
        """Look for other snapshots every `seconds`, for ever, beside the event loop."""
        while True:
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.look)

    def follow(self, tenant: str) -> None:
        """A tenant's snapshot may be another one now: look, if anything was decided with the one before."""
        if tenant in self._in_force:
            self.look()

    def look(self) -> None:
        """One look at every tenant's snapshot. Never raises: what cannot be read leaves the last one in force."""
        trouble = None
        for tenant in list(self._in_force):
            try:
                self._take(tenant)
            except Exception as error:
                trouble = _said(error)
        if trouble != self.trouble:
            if trouble is None:
                LOG.info("memory-reached")
            else:
                LOG.error("memory-stale", extra=fields(problem=trouble))
        self.trouble = trouble
        self._count()

    def _take(self, tenant: str) -> None:
        snapshot = self._read(tenant)
        known = self._in_force.get(tenant)
        if known is None or (known[0].version, known[0].digest) != (snapshot.version, snapshot.digest):
            # One assignment: a decision sees the old snapshot or the new one, never parts of both.
            self._in_force[tenant] = (snapshot, self._speaking(snapshot))
            LOG.info("memory-in-force", extra=fields(tenant=tenant, snapshot=snapshot.version))

    def _count(self) -> None:
        phases: dict[str, int] = {}
        newest = 0
        for snapshot, _ in list(self._in_force.values()):
            newest = max(newest, snapshot.version)
            for one in snapshot.abstractions:
                phases[one.phase] = phases.get(one.phase, 0) + 1
        self._metrics.memory(phases, newest, stale=self.trouble is not None)


def _said(error: Exception) -> str:
    """Errors of our own databases say what failed without values; of others only the kind is logged."""
    return str(getattr(error, "message", "") or type(error).__name__)
