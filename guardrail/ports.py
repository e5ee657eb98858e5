"""What the Guard's surroundings must offer. Upper floors implement it; only server/wiring.py brings it together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from .record import Record


class Clock(Protocol):
    """Where the time comes from, so that a replay can bring its own."""

    def __call__(self) -> datetime:
        """The present moment, in UTC and with its zone set."""
        ...


class RecordSink(Protocol):
    """Makes Records durable."""

    async def commit(self, records: Sequence[Record]) -> None:
        """Return once every one of `records` would survive a power cut.

        Raises an error where that is not known for certain; then nothing that depends on them may be released.
        """
        ...
