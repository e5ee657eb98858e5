"""Events in, State out: a pure function of the terms, the events and the encoder.

A refresh runs its passes, in order, until none changes anything, so that a second refresh at the same moment is no
change at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from ..encoders import Encoder, HashingEncoder, Kept
from ..model import (
    Abstraction,
    Approved,
    Edited,
    Event,
    Refreshed,
    Rejected,
    Released,
    Reported,
    Retracted,
    RolledBack,
    Snapshot,
    State,
    Terms,
)
from .changes import Changes
from .conflict import conflict
from .doubt import doubt
from .expire import expire, follow_encoder, follow_policy
from .gate import gate
from .index import index_of
from .induce import induce
from .intake import receive, release
from .make import Work
from .merge import merge
from .people import approve, narrow, reject, restore
from .split import split
from .text import snapshot_of

PASSES: Final[tuple[Callable[[Work, State], None], ...]] = (induce, conflict, split, doubt, merge, gate, expire)
_MOST_ROUNDS: Final = 8
"""Of the passes in one refresh: a round changes less than the one before, and this ends it whatever happens."""


def fold(terms: Terms, events: Iterable[Event], tenant: str, encoder: Encoder | None = None) -> State:
    """The State after all events, as if nobody who is retracted had ever been heard.

    Nothing else is done at a Retracted, and it takes no number: the rest of the history is folded as it would be
    without. Snapshots that a RolledBack names are those of this history.
    """
    history = list(events)
    retracted = {event.reporter for event in history if isinstance(event, Retracted)}
    wanted = {event.snapshot for event in history if isinstance(event, RolledBack)}
    state, rows = State(tenant), encoder or Kept(HashingEncoder())
    past: dict[int, Snapshot] = {0: snapshot_of(state)} if 0 in wanted else {}
    for event in history:
        said = event.report if isinstance(event, Released) else event
        if isinstance(event, Retracted) or (isinstance(said, Reported) and said.reporter.id in retracted):
            continue
        step(terms, state, event, rows, past.get(event.snapshot) if isinstance(event, RolledBack) else None)
        if state.snapshot in wanted and state.snapshot not in past:
            past[state.snapshot] = snapshot_of(state)
    return state


def step(
    terms: Terms,
    state: State,
    event: Event,
    encoder: Encoder | None = None,
    past: Snapshot | None = None,
    told: Callable[[str, int, int], None] | None = None,
) -> Changes:
    """Fold one event in. Every event but a report publishes the next snapshot.

    `past` is the snapshot that a RolledBack names: version 0 where it is missing, nothing speaks. `told` is called
    after each pass of a refresh, with its name, its number in the round, and how many a round has. Raises ValueError
    for a Retracted: it has no step, the history is folded again without its reporter.
    """
    if isinstance(event, Retracted):
        raise ValueError("a retraction is folded from the whole history")
    index = index_of(state)
    state.sequence += 1
    index.sequence = state.sequence
    if isinstance(event, Reported):
        receive(terms, state, event)
        return Changes()
    changes = _acted(terms, state, event, encoder or Kept(HashingEncoder()), past, told)
    state.snapshot += 1
    return changes


def _acted(
    terms: Terms,
    state: State,
    event: Refreshed | Approved | Rejected | Edited | RolledBack | Released,
    encoder: Encoder,
    past: Snapshot | None,
    told: Callable[[str, int, int], None] | None,
) -> Changes:
    match event:
        case Refreshed():
            return _refresh(Work(terms, encoder, event, Changes()), state, told)
        case Approved():
            return approve(terms, state, event)
        case Rejected():
            return reject(state, event)
        case Edited():
            return narrow(terms, state, event, encoder)
        case Released():
            return release(terms, state, event)
        case RolledBack():
            return restore(terms, state, _then(past))


def _refresh(work: Work, state: State, told: Callable[[str, int, int], None] | None) -> Changes:
    follow_policy(work, state)
    follow_encoder(work, state)
    for _ in range(_MOST_ROUNDS):
        round_ = replace(work, changes=Changes())
        for number, one in enumerate(PASSES, 1):
            one(round_, state)
            if told is not None:
                told(one.__name__, number, len(PASSES))
        work.changes.extend(round_.changes)
        if not round_.changes:
            break
    return work.changes


def _then(past: Snapshot | None) -> Sequence[Abstraction]:
    return () if past is None else past.abstractions
