"""What the Guard's surroundings must offer. Upper floors implement it; only server/wiring.py brings it together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from policy_dsl import Facts, Outcome

from .advised import Advised, Effect
from .model import ToolCall
from .record import Record


class Clock(Protocol):
    """Where the time comes from, so that a replay can bring its own."""

    def __call__(self) -> datetime:
        """The present moment, in UTC and with its zone set."""
        ...


class Remembered(NamedTuple):
    """A part of what Sessions remember, to be durable with the Records that it comes of.

    `owner` is a run id, empty for what agents, users and tenants own. `kind` says what `body` is: `deltas` and `words`
    (what the user said) add to what stands there, `session` and `shared` stand in place of all before, and `anew`
    (without a body) in place of everything of everyone. `principal` is who the run belongs to, as JSON text.
    """

    kind: Literal["deltas", "words", "session", "shared", "anew"]
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


class Experience(Protocol):
    """What earlier reports of failures taught. One object is one snapshot: it never changes its mind."""

    @property
    def version(self) -> int:
        """The snapshot's version; it stands in every Decision that was taken with it. 0 for an empty store."""
        ...

    def advise(
        self, call: ToolCall, arguments: Mapping[str, Any], facts: Facts, base: Effect, ceiling: Outcome | None
    ) -> Advised | None:
        """What memory makes of a call that the policy alone decides as `base`; None where it leaves it as it is.

        Asked only where `base` is allow or ask, which memory may narrow, or where nothing granted the call and
        `ceiling`, what the policy's `learnable` statements would grant, is allow or ask: that much it may open.
        `arguments` are those that are judged: the call's own, or what a rewrite made of them. An error raised here
        refuses the call, and so does an answer that goes further than that.
        """
        ...
