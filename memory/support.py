"""How far a rule reaches: no farther than what it was learned from.

After PRDC (Ran et al. 2023, arXiv 2306.06569, "Policy Regularization with Dataset Constraint for Offline Reinforcement
Learning"), which holds a policy near the nearest state-action of its data under a metric that weighs states and actions
apart: an abstraction speaks of a context only within `radius` of at least `least` of its supporting cases. The
constants are ours.

The distance is that of metric.py, infinite between two tools. Radii are rounded to DIGITS and compared with a slack of
one unit there, so that a radius which one machine computed means the same on another, whose floating-point sums may
differ in the last bits.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from .encoders import Encoder
from .metric import DIGITS, Attributes, Numbers, Words, joined
from .model import Context

FARTHEST = 0.5
"""No radius is larger. Half of all attributes differ under unrelated words, or almost three in five under the same
words: whatever the supports look like, what differs more is not a call like these."""

MOST_POINTS = 256
"""Contexts that a radius is computed from, evenly spaced: the quantile of any subset of exchangeable points is as
valid, and the time stays below 0.1 s."""

_SLACK = 10.0**-DIGITS


def radius_of(contexts: Sequence[Context], encoder: Encoder, quantile: float, least: int = 2) -> float:
    """How far from its supports a rule may speak, so that about `quantile` of contexts like them are inside.

    The split-conformal quantile (Vovk et al. 2005; Lei et al. 2018): the ceil((n + 1) * quantile)-th smallest of the n
    distances from each context to its `least`-th nearest other one, the largest where n is too small, and FARTHEST at
    most. Leaving one out makes these distances exchangeable only nearly, so that the share is a guide and no guarantee.
    0 for fewer than two contexts: they say nothing about how such contexts vary.
    """
    if not 0.0 < quantile < 1.0:
        raise ValueError(f"quantile must lie between 0 and 1, not `{quantile}`")
    if least < 1:
        raise ValueError(f"least must be at least 1, not `{least}`")
    spaced = _spaced(contexts)
    supports = _Supports(spaced, encoder)
    found: list[float] = []
    for at, context in enumerate(spaced):
        others = np.delete(supports.distances(context), at)
        others = others[np.isfinite(others)]
        if len(others):
            found.append(_nearest(others, min(least, len(others))))
    if not found:
        return 0.0
    found.sort()
    return min(FARTHEST, found[min(math.ceil((len(found) + 1) * quantile), len(found)) - 1])


Pair = tuple[str, str]


class Reach:
    """What one abstraction may speak of: contexts within `radius` of at least `least` of its supports.

    Made once per snapshot. The rows of the supports are computed at the first context that needs them; a context that
    equals its supports, or whose attributes alone are too far, needs none.

    `split_by` are attributes on which it was found to depend which label is right: of those a value counts as seen only
    beside the other values that the context has.
    """

    def __init__(
        self,
        supports: Sequence[Context],
        encoder: Encoder,
        radius: float,
        least: int,
        split_by: Collection[str] = (),
    ) -> None:
        if least < 1:
            raise ValueError(f"least must be at least 1, not `{least}`")
        if not 0.0 <= radius <= 1.0:
            raise ValueError(f"radius must lie between 0 and 1, not `{radius}`")
        self._limit, self._least = np.float32(radius + _SLACK), least
        self._equal = Counter(supports)
        self._seen = _seen(supports)
        self._split_by = frozenset(split_by)
        self._together = _together(supports, self._split_by)
        self._supports = _Supports(supports, encoder)

    def holds(self, context: Context) -> bool:
        if self._equal[context] >= self._least:
            return True
        supports = self._supports.of(context.tool, self._least)
        if supports is None or not self._knows(context):
            return False
        shares = supports.attributes.shares(context)
        if np.count_nonzero(joined(shares, 0.0) <= self._limit) < self._least:
            return False
        distances = joined(shares, supports.words.distances(context.words))
        return int(np.count_nonzero(distances <= self._limit)) >= self._least

    def _knows(self, context: Context) -> bool:
        """Whether every attribute of few values has one that was seen: a value never met is not like the others."""
        known = all(value in self._seen[name] for name, value in context.attributes if name in self._seen)
        return known and all(
            pair in self._together[first]
            for first in context.attributes
            if first[0] in self._split_by
            for pair in context.attributes
            if pair[0] in self._seen
        )

    def distance(self, context: Context) -> float:
        """To the `least`-th nearest support; infinite where there are fewer."""
        if self._equal[context] >= self._least:
            return 0.0
        if self._supports.of(context.tool, self._least) is None:
            return math.inf
        return _nearest(self._supports.distances(context), self._least)


def _seen(supports: Sequence[Context]) -> dict[str, frozenset[str]]:
    """The values of each attribute of which the supports have few: each of them twice, on average."""
    values: dict[str, list[str]] = defaultdict(list)
    for context in supports:
        for name, value in context.attributes:
            values[name].append(value)
    return {name: frozenset(found) for name, found in values.items() if 2 * len(set(found)) <= len(found)}


def _together(supports: Sequence[Context], split_by: frozenset[str]) -> dict[Pair, set[Pair]]:
    """Beside which other attributes each value of these attributes was seen."""
    found: dict[Pair, set[Pair]] = defaultdict(set)
    for context in supports:
        for first in context.attributes:
            if first[0] in split_by:
                found[first].update(context.attributes)
    return found


def distance(one: Context, other: Context, encoder: Encoder) -> float:
    """Between two contexts: symmetric, 0 for equal ones, at most 1, infinite between two tools."""
    return round(float(_Supports([one], encoder).distances(other)[0]), DIGITS)


def _nearest(distances: Numbers, rank: int) -> float:
    """The `rank`-th smallest."""
    return round(float(np.partition(distances, rank - 1)[rank - 1]), DIGITS)


class _Supports:
    """Contexts by tool, so that one context is compared with all of its tool at once."""

    def __init__(self, contexts: Sequence[Context], encoder: Encoder) -> None:
        self._all = len(contexts)
        by_tool: dict[str, list[int]] = defaultdict(list)
        for at, context in enumerate(contexts):
            by_tool[context.tool].append(at)
        self._tools = {
            tool: _OfTool([contexts[at] for at in places], places, encoder) for tool, places in by_tool.items()
        }

    def of(self, tool: str, least: int) -> _OfTool | None:
        """The contexts of a tool, where there are at least `least` of them."""
        found = self._tools.get(tool)
        return found if found is not None and len(found.places) >= least else None

    def distances(self, context: Context) -> Numbers:
        """To each context, in their order; infinite to those of another tool."""
        distances = np.full(self._all, math.inf, dtype=np.float32)
        if (found := self._tools.get(context.tool)) is not None:
            distances[found.places] = joined(found.attributes.shares(context), found.words.distances(context.words))
        return distances


class _OfTool:
    def __init__(self, contexts: Sequence[Context], places: Sequence[int], encoder: Encoder) -> None:
        self.places = places
        self.attributes = Attributes(contexts)
        self.words = Words(contexts, encoder)


def _spaced(contexts: Sequence[Context]) -> Sequence[Context]:
    if len(contexts) <= MOST_POINTS:
        return contexts
    return [contexts[at * len(contexts) // MOST_POINTS] for at in range(MOST_POINTS)]
