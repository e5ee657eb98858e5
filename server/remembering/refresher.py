"""The gate's own refreshes: one at a time, beside the event loop, and only where there is something to learn from.

A refresh is an event of the tenant's log and is replayed with it, so one that had nothing to read would only make
every later replay longer. One a day is made all the same, because rules expire by the calendar; and none for a tenant
that nobody ever reported to, whose decisions stay those of a gate without memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from memory import Reported
from memory.store import Logged
from server.edge import EdgeError
from server.logs import fields
from server.metrics import Metrics
from server.policies import Policy

LOG = logging.getLogger("leastward.memory")
DAY_SECONDS: Final = 86_400.0


class Refreshes(Protocol):
    """The desk, as far as a refresher needs it."""

    def tenants(self) -> list[str]: ...
    def refresh(self, tenant: str) -> dict[str, Any]: ...


class Refresher:
    """`log` gives what stands in a tenant's log above a sequence; `now` is in seconds, from any zero."""

    def __init__(
        self,
        desk: Refreshes,
        log: Callable[[str, int], Iterable[Logged]],
        policy: Policy,
        metrics: Metrics,
        now: Callable[[], float],
    ) -> None:
        self._desk = desk
        self._log = log
        self._policy = policy
        self._metrics = metrics
        self._now = now
        self._read: dict[str, int] = {}
        self._heard: set[str] = set()
        self._waiting: set[str] = set()
        self._last: dict[str, tuple[str, float]] = {}

    async def run(self, seconds: float, look_seconds: float) -> None:
        """Refresh every `seconds`, for ever, and within `look_seconds` of another policy: until then what was learned
        under the old one is silent."""
        due, policy_hash = self._now(), ""
        while True:
            await asyncio.sleep(min(seconds, look_seconds))
            current = self._policy.current.policy_hash
            if self._now() >= due or current != policy_hash:
                due, policy_hash = self._now() + seconds, current
                await asyncio.to_thread(self.once)

    def once(self) -> None:
        """Refresh every tenant that has something new. Never raises: the old snapshot stays in force."""
        try:
            tenants = self._desk.tenants()
        except Exception:
            LOG.exception("memory-refresh-failed")
            self._metrics.refresh("failed")
            return
        for tenant in tenants:
            self._one(tenant)

    def _one(self, tenant: str) -> None:
        try:
            if not self._is_due(tenant):
                return
            told = self._desk.refresh(tenant)
            self._waiting.discard(tenant)
            self._last[tenant] = (self._policy.current.policy_hash, self._now())
        except EdgeError as error:
            LOG.error("memory-refresh-failed", extra=fields(tenant=tenant, code=error.code, problem=error.message))
            self._metrics.refresh("failed")
        except Exception:
            LOG.exception("memory-refresh-failed", extra=fields(tenant=tenant))
            self._metrics.refresh("failed")
        else:
            self._metrics.refresh("done")
            changes = {act: len(done) for act, done in told["changes"].items()}
            LOG.info("memory-refreshed", extra=fields(tenant=tenant, changes=changes, **told["snapshot"]))

    def _is_due(self, tenant: str) -> bool:
        for logged in self._log(tenant, self._read.get(tenant, 0)):
            self._read[tenant] = logged.sequence
            if isinstance(logged.event, Reported):
                self._waiting.add(tenant)
                self._heard.add(tenant)
        last = self._last.get(tenant)
        is_old = last is None or last[0] != self._policy.current.policy_hash or self._now() - last[1] >= DAY_SECONDS
        return tenant in self._waiting or (is_old and tenant in self._heard)
