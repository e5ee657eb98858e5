"""What the Guard's surroundings must offer. Upper floors implement it; only server/wiring.py brings it together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from .record import Record


class Clock(Protocol):
    """Where the time comes from, so that a replay can bring its own."""

    def __call__(self) -> datetime:
        """The present moment, in UTC and with its zone set."""
        ...


class Remembered(NamedTuple):
    """A part of what Sessions remember, to be durable with the Records that it comes of.

    `owner` is a run id, empty for what agents, users and tenants own. `kind` says what `body` is: `deltas` add to what
    stands there, `session` and `shared` stand in place of all before, and `anew` (without a body) in place of
    everything of everyone. `principal` is who the run belongs to, as JSON text.
    """

    kind: Literal["deltas", "session", "shared", "anew"]
    owner: str
    principal: bytes
    body: bytes


class RecordSink(Protocol):
    """Makes Records durable."""

    async def commit(self, records: Sequence[Record], remembered: Sequence[Remembered] = ()) -> None:
        """Return once every one of `records`, and what is `remembered` with them, would survive a power cut.

        Raises an error where that is not known for certain; then nothing that depends on them may be released.
        """
        ...
