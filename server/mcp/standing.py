"""Whether a stream that was opened once may still go on: its client's key may be revoked, and the policy become
another, while nobody asks anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

LOOK_SECONDS: Final = 0.5
"""How long a stream goes on that may not: looking is one look-up in memory."""


class Standing:
    """One stream's. `admitted` is whether its client would be let in now; `policy` is the hash of the one in force."""

    def __init__(self, admitted: Callable[[], bool], policy: Callable[[], str]) -> None:
        self._admitted = admitted
        self._policy = policy
        self._under = policy()

    @property
    def is_admitted(self) -> bool:
        return self._admitted()

    @property
    def is_as_it_was(self) -> bool:
        """Whether the policy in force is the one that the stream was opened under, or was last renewed under."""
        return self._policy() == self._under

    def renew(self) -> None:
        self._under = self._policy()

    async def changed(self) -> None:
        """Wait until the client is not let in any more, or the policy is another."""
        while True:
            if not self.is_admitted or not self.is_as_it_was:
                return
            await asyncio.sleep(LOOK_SECONDS)
