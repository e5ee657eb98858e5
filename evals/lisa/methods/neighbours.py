"""Methods that look up reported cases by similarity: no counts of evidence, or counts without uncertainty.

All work on rows of attributes and words (port.Rows), so that they see what our memory sees. Raw cases in a prompt
(kNN-prompt, Synapse without its abstraction) come to this where nothing but the labels of the cases decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from memory import Context, Label, Reported

from ..item import Item
from .port import Rows, Said

NEAR = 0.65
"""Product of rows from which two contexts are one region: all attributes but one are equal, or all and any words."""


class Cases:
    """Reported cases as a growing matrix of rows and the label last said of each."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._matrix: NDArray[np.float32] | None = None
        self.labels: list[Label] = []

    def add(self, context: Context, label: Label) -> None:
        row = self._rows.row(context)
        if self._matrix is None:
            self._matrix = np.empty((64, len(row)), np.float32)
        elif len(self.labels) == len(self._matrix):
            self._matrix = np.concatenate([self._matrix, np.empty_like(self._matrix)])
        self._matrix[len(self.labels)] = row
        self.labels.append(label)

    def near(self, context: Context, most: int) -> Sequence[tuple[float, int]]:
        """The `most` nearest cases as (product, number), best first; of equal ones the later report first."""
        if self._matrix is None:
            return ()
        products = self._matrix[: len(self.labels)] @ self._rows.row(context)
        if most < len(products):
            # Sorting a few out of thousands: everything from the last of them on, ties included.
            within = np.flatnonzero(products >= np.partition(products, -most)[-most])
        else:
            within = np.arange(len(products))
        order = within[np.lexsort((-within, -products[within]))][:most]
        return [(float(products[at]), int(at)) for at in order]


class Neighbours:
    """The majority of the `most` nearest reported cases decides, from one case on; a tie is the base's.

    `most` 1 is the nearest-case method. `least` and `share` make it the empirical-rate gate: it speaks only where at
    least `least` cases lie within NEAR and at least `share` of them agree. That is a gate without uncertainty: under
    optional stopping it opens wrongly 93% of the time (docs/memory-mathematics.md).
    """

    def __init__(self, name: str, rows: Rows, most: int, least: int = 1, share: float = 0.5, near: float = -1.0):
        self.name, self._most, self._least, self._share, self._near = name, most, least, share, near
        self._cases = Cases(rows)

    def decide(self, item: Item) -> Said:
        near = [at for product, at in self._cases.near(item.context, self._most) if product >= self._near]
        if len(near) < self._least:
            return Said(item.base, False)
        allowing = sum(self._cases.labels[at] == "allow" for at in near)
        most = max(allowing, len(near) - allowing)
        if 2 * most == len(near) or most < self._share * len(near):
            return Said(item.base, False)
        return Said("allow" if allowing == most else "forbid", True)

    def report(self, reported: Reported) -> None:
        self._cases.add(reported.observed.context, reported.label)

    def refresh(self, at: int) -> None:
        del at


class Clusters:
    """Cases in clusters: each joins the cluster whose first case is nearest within NEAR, or begins one. What a cluster
    says is kept by `keep` (majority, upvotes, last_writer) from what it said before and the next report's label."""

    def __init__(self, name: str, rows: Rows, keep: Keep) -> None:
        self.name, self._keep = name, keep
        self._leaders = Cases(rows)
        self._standing: list[int] = []

    def decide(self, item: Item) -> Said:
        found = self._of(item.context)
        standing = 0 if found is None else self._standing[found]
        return Said(item.base, False) if standing == 0 else Said("allow" if standing > 0 else "forbid", True)

    def report(self, reported: Reported) -> None:
        context = reported.observed.context
        found = self._of(context)
        if found is None:
            found = len(self._standing)
            self._leaders.add(context, reported.label)
            self._standing.append(0)
        self._standing[found] = self._keep(self._standing[found], 1 if reported.label == "allow" else -1)

    def refresh(self, at: int) -> None:
        del at

    def _of(self, context: Context) -> int | None:
        near = self._leaders.near(context, 1)
        return near[0][1] if near and near[0][0] >= NEAR else None


Keep = Callable[[int, int], int]
"""From a cluster's standing (its sign is its label: above 0 allow, below 0 forbid, 0 nothing) and a report's sign."""


def majority(standing: int, sign: int) -> int:
    """All labels are counted and the larger number decides."""
    return standing + sign


def last_writer(standing: int, sign: int) -> int:
    """The last report overwrites (Mem0's UPDATE, A-Mem's evolution): one flipped report overwrites the truth."""
    del standing
    return sign


def upvotes(standing: int, sign: int) -> int:
    """An importance counter after ExpeL (arXiv 2308.10144): an insight begins at 2, a report that agrees adds one, one
    that disagrees takes one away, and at 0 the insight goes. What ExpeL has a model write is here the cluster."""
    return 2 * sign if standing == 0 else standing + sign
