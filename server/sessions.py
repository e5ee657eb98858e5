"""The gate's Sessions, by run: what the user said, and which calls were refused. Kept in memory, bounded, idle-expired.

A Session only grows while it lives. Losing one (restart, expiry, the bound) loses grants that rest on the user's words
and the re-telling of refusals, never a refusal or a Record: forgetting errs on the safe side. Rules that count or
remember will need Sessions in the database; this language version has none.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from guardrail import Principal, Session

from .wire import PastRefusal

IDLE_SECONDS: Final = 24 * 3600
"""Design: without a minted run there is one session per principal, with an idle expiry of 24 hours."""

MOST_SESSIONS: Final = 100_000
REFUSALS_RETOLD: Final = 64
"""Refused calls per run that are put back into later requests; older ones stay in the client's history as text."""


@dataclass(slots=True)
class RunState:
    """One run as the gate knows it. `refused` counts every refusal, also those no longer kept for re-telling."""

    session: Session
    used: float
    refused: int = 0
    past: deque[PastRefusal] = field(default_factory=lambda: deque(maxlen=REFUSALS_RETOLD))


class SessionBook:
    """All runs, least recently used first. One event loop only."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._runs: OrderedDict[str, RunState] = OrderedDict()

    def __len__(self) -> int:
        return len(self._runs)

    def of(self, run_id: str, principal: Principal) -> RunState:
        """The state of this run, begun now if it is new or was idle too long."""
        now = self._now()
        state = self._runs.get(run_id)
        if state is None or now - state.used > IDLE_SECONDS or state.session.principal.key != principal.key:
            state = self._runs[run_id] = RunState(Session(principal, run_id), now)
            self._forget(now)
        state.used = now
        self._runs.move_to_end(run_id)
        return state

    def _forget(self, now: float) -> None:
        while self._runs:
            oldest, state = next(iter(self._runs.items()))
            if len(self._runs) <= MOST_SESSIONS and now - state.used <= IDLE_SECONDS:
                return
            del self._runs[oldest]
