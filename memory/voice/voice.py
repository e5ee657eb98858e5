"""The Voice: one Snapshot, asked about one Context at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ..encoders import Encoder, Kept, Rows
from ..model import Abstraction, Advice, Context, Effect, Snapshot, Terms
from ..support import Reach
from .index import Index
from .precedence import heard

FORBID_REACH: Final = 1.5
"""How much farther than its radius a rule that narrows may speak: asking once too often costs less than letting pass
(memory.md 3). A rule that widens never speaks beyond its radius."""

_STRICTNESS: Final[Mapping[Effect, int]] = {"allow": 0, "ask": 1, "forbid": 2}

_UNSAID: Final = "\x00"
"""Words that no call has: their distance to any support takes its row."""


class _Rows:
    """An encoder for one snapshot. Several abstractions rest on one case: its row is made once. Those of calls are kept
    apart, a few of them, and go."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self._of_calls = encoder, Kept(encoder)
        self._of_supports: dict[str, Rows] = {}

    @property
    def id(self) -> str:
        return self._encoder.id

    @property
    def dim(self) -> int:
        return self._encoder.dim

    def encode(self, texts: Sequence[str]) -> Rows:
        if len(texts) == 1:  # a call's; supports are at least two
            return self._of_calls.encode(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in self._of_supports]
        if missing:
            self._of_supports.update(zip(missing, self._encoder.encode(missing), strict=True))
        rows = np.empty((len(texts), self.dim), dtype=np.float32)
        for at, text in enumerate(texts):
            rows[at] = self._of_supports[text]
        return rows


class Voice:
    """What one Snapshot says. Immutable but for rows that encoders keep, so that threads may share it.

    Only active abstractions with an open gate change a decision. One that widens must also have been approved in the
    version that it has (unless `terms` waive that) and is held to its radius; all others are only among the `fired`.

    Where another encoder measured the radius of any that would speak, none of them does (`is_foreign`): distances of
    two encoders do not compare, and of rules and exceptions that bound each other some alone say something else than
    all. The base decides until a refresh has measured anew.
    """

    def __init__(self, snapshot: Snapshot, encoder: Encoder, terms: Terms) -> None:
        self.snapshot = snapshot
        self._terms = terms
        self._index = Index(snapshot)
        kept = _Rows(encoder)
        ready = [one for one in snapshot.abstractions if self._may_speak(one)]
        self.is_foreign = any(one.encoder != encoder.id for one in ready)
        self._reaches = {} if self.is_foreign else {one.id: _reach(one, snapshot, kept, terms) for one in ready}

    @property
    def version(self) -> int:
        return self.snapshot.version

    def warm(self) -> None:
        """Encode the words of all supports now, where it would otherwise be done by the first call that needs them."""
        for one in self.snapshot.abstractions:
            if one.id in self._reaches:
                self._reaches[one.id].distance(Context(one.condition.tool, (), _UNSAID))

    def fired(self, context: Context) -> tuple[str, ...]:
        """Ids of all abstractions that hold for the Context, speaking or not, in order."""
        return tuple(entry.abstraction.id for entry in self._index.firing(context))

    def grounds(self, context: Context) -> tuple[Abstraction, ...]:
        """What a judge is shown: the abstractions with an open gate that hold for the Context, approved or not, and the
        exceptions that bound them, in the order of the snapshot."""
        firing = [entry.abstraction for entry in self._index.firing(context)]
        opened = [one for one in firing if one.reading is not None and one.reading.open]
        shown = {one.id for one in opened} | {name for one in opened for name in one.exceptions}
        return tuple(one for one in self.snapshot.abstractions if one.id in shown)

    def hear(self, context: Context, base: Effect, ceiling: Effect | None) -> Advice | None:
        """What memory makes of a call that the policy alone decides as `base`; None where it leaves it as it is.

        `ceiling` is what the policy's learnables would grant, None where memory may not widen.
        """
        if base == "forbid" and ceiling not in ("allow", "ask"):
            return None
        firing = [entry.abstraction for entry in self._index.firing(context)]
        wanted = "allow" if base == "forbid" else "forbid"
        ready = [one for one in firing if one.id in self._reaches]
        if not any(one.label == wanted for one in ready):
            return None
        found = heard([one for one in ready if self._reaches[one.id].holds(context)])
        if found is None or found[0] != wanted:
            return None
        effects = {one.id: self._effect(one, base, ceiling) for one in found[1]}
        best = max(found[1], key=lambda one: (_STRICTNESS[effects[one.id]], _bound(one), one.id))
        if best.reading is None or effects[best.id] == base:
            return None
        fired = tuple(one.id for one in firing)
        return Advice(effects[best.id], best.id, best.version, base, best.reading, fired)

    def _effect(self, one: Abstraction, base: Effect, ceiling: Effect | None) -> Effect:
        """What this abstraction makes of the call: never less strict than the policy grants, or would grant."""
        if one.label == "allow":
            return ceiling or base
        by_person = one.narrows_to == "forbid" and one.approved == one.version
        narrowed: Effect = "forbid" if by_person or self._terms.narrows_to == "forbid" else "ask"
        return narrowed if _STRICTNESS[narrowed] > _STRICTNESS[base] else base

    def _may_speak(self, one: Abstraction) -> bool:
        if one.phase != "active" or one.reading is None or not one.reading.open:
            return False
        return one.label == "forbid" or one.approved == one.version or not self._terms.approval_for_allow


def _bound(one: Abstraction) -> float:
    return 0.0 if one.reading is None else one.reading.bound


def _reach(one: Abstraction, snapshot: Snapshot, encoder: Encoder, terms: Terms) -> Reach:
    supports = [snapshot.supports[case] for case in one.support if case in snapshot.supports]
    radius = one.radius * FORBID_REACH if one.label == "forbid" else one.radius
    return Reach(supports, encoder, min(1.0, max(0.0, radius)), terms.least_support, _split_by(one, snapshot))


def _split_by(one: Abstraction, snapshot: Snapshot) -> set[str]:
    """The attributes by which exceptions were carved out of it: where these matter, unseen combinations are guesses."""
    own = set(one.condition.tests)
    carved = (other for other in snapshot.abstractions if other.id in one.exceptions)
    return {test[0] for other in carved for test in other.condition.tests if test not in own}
