"""How the queue stands, for whoever watches it: counted now and then, as nobody writes down that a wait is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol

from guardrail import Clock

from ..store import ApprovalState, StoreError

LOG: Final = logging.getLogger("leastward.approvals")
LOOK_SECONDS: Final = 5.0


class Standing(Protocol):
    def approvals_standing(self) -> tuple[Mapping[ApprovalState, int], str | None]: ...


async def counting(store: Standing, clock: Clock, tell: Callable[[Mapping[str, int], float], None]) -> None:
    """Tell again and again how many approvals stand how, and for how many seconds the oldest has waited. Never ends."""
    while True:
        try:
            states, oldest = await asyncio.to_thread(store.approvals_standing)
        except StoreError as error:
            LOG.warning("the approvals cannot be counted: %s", error)
        else:
            age = 0.0 if oldest is None else (clock() - datetime.fromisoformat(oldest)).total_seconds()
            tell({str(state): count for state, count in states.items()}, max(age, 0.0))
        await asyncio.sleep(LOOK_SECONDS)
