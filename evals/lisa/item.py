"""One thing to decide, and a stream of them: what every method is shown and what is held against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from memory import Context, Effect, Label


@dataclass(frozen=True, slots=True)
class Item:
    """A call to decide: what it is decided in, what it should come to, and what the fixed base says.

    `block` is the class for the split: blocks of the uncovered set never occur in the traffic. `group` is what must not
    straddle the split (a seed with its twins, a behaviour, a tuple). `cell` is the cell of the broad table that the
    base decides by. `kind` is the cell of the policy table that the truth was read from, empty where the data set
    itself has the label. `twin` is the id of the item that this one differs from in one attribute, if any.
    """

    id: str
    context: Context
    truth: Label
    base: Effect
    block: str
    group: str
    cell: str
    kind: str = ""
    twin: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """Traffic in order, and the two sets that memory is measured on afterwards.

    `later` maps the id of an item to its truth after the policy table was drawn anew at the midpoint; only items whose
    truth changes stand in it. Empty for streams whose labels are the data set's: those cannot drift.
    """

    name: str
    seed: int
    traffic: tuple[Item, ...]
    held_out: tuple[Item, ...]
    uncovered: tuple[Item, ...]
    later: Mapping[str, Label] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of everything in it: two streams of one digest are the same stream."""
        parts = (self.name, self.seed, self.traffic, self.held_out, self.uncovered, sorted(self.later.items()))
        return sha256(msgspec.json.encode(parts)).hexdigest()

    @property
    def base_right(self) -> float:
        """Share of the traffic that the base decides rightly."""
        return sum(is_right(item.base, item.truth) for item in self.traffic) / len(self.traffic)


def is_right(effect: Effect, truth: Label) -> bool:
    """Whether an effect is what should have been. `ask` is right where `forbid` is: nothing happens until a person
    looked; where `allow` is right it is a false block, because somebody was stopped."""
    return (effect == "allow") == (truth == "allow")
