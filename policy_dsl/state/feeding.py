"""What an event of a tool changes: for each tracker that it moves, the Deltas of its resets and of what it counts.

Pure: a State carries the Deltas out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..ast import EventKind
from ..facts import Facts, HistoryFault
from ..values.number import is_number
from . import kept
from .journal import Delta
from .ledger import Keys
from .plan import FeedPlan, Move, TrackerPlan
from .shared import Owning


class Occurrence(NamedTuple):
    """An event of a call by who `facts` says. `arguments` None: nobody knows them. `unsure` is why it is not known to
    have happened, `number` the waiting call that what is counted is reserved for."""

    kind: EventKind
    arguments: Mapping[str, Any] | None
    result: Any
    facts: Facts
    now: int
    unsure: HistoryFault | None = None
    number: int = 0


def changes(event: Occurrence, move: Move, owner: Owning) -> Iterator[Delta]:
    """The changes of one tracker, resets first."""
    tracker = move.tracker
    for step in move.resets:
        met = _met(step, event)
        if met is not False:
            keys = _keys(step, event) if step.keys else None
            # What is reset for nobody knows which keys is in doubt for all: it must not clear them.
            is_known = met and not (step.keys and keys is None)
            code = event.unsure if is_known else event.unsure or "wrong-type"
            yield "reset" if code is None else "shake", owner, tracker.id, keys, code, event.now
    if any(step.kind is event.kind for step in tracker.feeds):  # what only resets is no other event of their kinds
        yield from _counted(event, move, owner)


def _counted(event: Occurrence, move: Move, owner: Owning) -> Iterator[Delta]:
    """An event counts once: by the first feed that takes it, else by the first that perhaps does."""
    tracker, unsure, now = move.tracker, event.unsure, event.now
    perhaps: FeedPlan | None = None
    for step in move.feeds:
        met = _met(step, event)
        if met:
            break
        perhaps = step if met is None and perhaps is None else perhaps
    else:
        if perhaps is None:
            if tracker.measure == "previous":
                yield "other", owner, tracker.id, None, unsure, now
            return
        step, unsure = perhaps, unsure or "wrong-type"
    keys, value = _keys(step, event), _value(tracker, step, event)
    if unsure or keys is None or value is None:
        yield "doubt", owner, tracker.id, keys, unsure or "wrong-type", now
    else:
        yield "post", owner, tracker.id, keys, value, now, event.number


def _met(step: FeedPlan, event: Occurrence) -> bool | None:
    if step.condition is None:
        return True
    return None if event.arguments is None else step.condition(event.arguments, event.facts, event.result)


def _keys(step: FeedPlan, event: Occurrence) -> Keys | None:
    if not step.keys:
        return ()
    if event.arguments is None:
        return None
    return kept.keys(key(event.arguments, event.facts, event.result) for key in step.keys)


def _value(tracker: TrackerPlan, step: FeedPlan, event: Occurrence) -> Any:
    """What is added; None where that is no number (for `distinct`, no scalar). No sum falls by a negative one."""
    if step.value is None:
        return 1
    if event.arguments is None:
        return None
    value = step.value(event.arguments, event.facts, event.result)
    if tracker.measure == "distinct":
        return kept.key(value)
    if not is_number(value):
        return None
    return max(value, 0) if tracker.measure == "sum" else value
