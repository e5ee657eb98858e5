"""What another snapshot would have made of decisions that were taken: for a person who is about to approve one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .model import Context, Effect
from .voice import Voice


class Row(NamedTuple):
    """A recorded decision: `base` is its effect without memory, `ceiling` what the policy's learnables would have
    granted it, None where memory may not widen it."""

    id: str
    context: Context
    base: Effect
    ceiling: Effect | None = None


class Changed(NamedTuple):
    """A decision that comes out otherwise, and the abstraction that makes it so; None where the old one's no longer
    speaks."""

    id: str
    before: Effect
    after: Effect
    abstraction: str | None


def changed(old: Voice, new: Voice, rows: Iterable[Row]) -> list[Changed]:
    """The rows on which the two differ in effect, in their order."""
    found = []
    for row in rows:
        before, after = old.hear(row.context, row.base, row.ceiling), new.hear(row.context, row.base, row.ceiling)
        was = row.base if before is None else before.effect
        becomes = row.base if after is None else after.effect
        if was != becomes:
            found.append(Changed(row.id, was, becomes, None if after is None else after.abstraction))
    return found
