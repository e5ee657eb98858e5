"""A decision tree over named fields: CART with Gini impurity (Breiman, Friedman, Olshen and Stone 1984, chapter 4).

Numbers are split at thresholds halfway between neighbours, words by equality. It grows until a leaf is pure, `depth` is
reached or fewer than `least` rows are left; no pruning, since its size is bounded and the data has no noise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

Value = int | float | str
Row = Mapping[str, Value]

_CANDIDATES: Final = 64
"""Thresholds tried for one field at one node; evenly over the values where there are more."""


@dataclass(frozen=True, slots=True)
class Node:
    """A leaf has only `label`. Else rows where `field` is at most, or is, `value` go to `yes`; a row without the field,
    or with one of another kind, goes to `no`."""

    label: str
    field: str = ""
    value: Value = 0
    yes: Node | None = None
    no: Node | None = None


def grow(rows: Sequence[Row], labels: Sequence[str], depth: int = 12, least: int = 2) -> Node:
    """The tree of at least one row. Ties go to the field that sorts first, and of its splits to the first."""
    commonest = min(Counter(labels).items(), key=lambda item: (-item[1], item[0]))[0]
    if depth == 0 or len(rows) < least or len(set(labels)) == 1:
        return Node(commonest)
    codes = {label: code for code, label in enumerate(sorted(set(labels)))}
    coded = np.array([codes[label] for label in labels])
    best: tuple[float, str, Value] | None = None
    for field in sorted({name for row in rows for name in row}):
        for value in _splits(rows, field):
            goes = np.array([_goes(row, field, value) for row in rows])
            impurity = _impurity(coded[goes], len(codes)) + _impurity(coded[~goes], len(codes))
            if goes.any() and not goes.all() and (best is None or impurity < best[0] - 1e-12):
                best = impurity, field, value
    if best is None:
        return Node(commonest)
    _, field, value = best
    yes = [place for place, row in enumerate(rows) if _goes(row, field, value)]
    no = [place for place, row in enumerate(rows) if not _goes(row, field, value)]
    parts = [
        grow([rows[place] for place in side], [labels[place] for place in side], depth - 1, least) for side in (yes, no)
    ]
    return Node(commonest, field, value, *parts)


def told(node: Node, row: Row) -> str:
    """The label of a row."""
    while node.yes is not None and node.no is not None:
        node = node.yes if _goes(row, node.field, node.value) else node.no
    return node.label


def _goes(row: Row, field: str, value: Value) -> bool:
    found = row.get(field)
    if isinstance(value, str) or isinstance(found, str) or found is None:
        return found == value
    return found <= value


def _splits(rows: Sequence[Row], field: str) -> list[Value]:
    values = {row[field] for row in rows if field in row}
    words = sorted(value for value in values if isinstance(value, str))
    numbers = sorted(value for value in values if not isinstance(value, str))
    between = [(low + high) / 2 for low, high in pairwise(numbers)]
    step = max(1, len(between) // _CANDIDATES)
    return [*words, *between[::step]]


def _impurity(codes: np.ndarray[tuple[int], np.dtype[np.int64]], kinds: int) -> float:
    """Gini impurity times the number of rows."""
    shares = np.bincount(codes, minlength=kinds)
    return float(len(codes) - (shares**2).sum() / len(codes)) if len(codes) else 0.0
