"""Approximate search over a navigable graph (Malkov and Yashunin 2018, arXiv 1603.09320), by usearch.

For more rows than exact search can take at each decision. It may miss a neighbour, and what it finds depends on the
order of additions; rows are added by one thread, so that the same order gives the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..encoders import EncoderMissing, Rows
from .port import COSINE_DIGITS, Found, asked, checked


class UsearchIndex:
    """Rows as float16. A search with `keep` looks at twice as many rows until it has k, at all of them if need be."""

    def __init__(self, dim: int) -> None:
        try:
            from usearch.index import Index
        except ImportError as error:
            raise EncoderMissing(
                "the library `usearch` is not installed",
                "install what it needs: pip install 'leastward[memory-encoders]'",
            ) from error
        self._dim = dim
        self._graph: Any = Index(ndim=dim, metric="ip", dtype="f16")
        self._ids: dict[int, str] = {}
        self._keys: dict[str, int] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, ids: Sequence[str], rows: Rows) -> None:
        rows = checked(ids, rows, self._dim)
        self.remove(ids)
        keys = range(self._next, self._next + len(ids))
        self._next += len(ids)
        self._keys.update(zip(ids, keys, strict=True))
        self._ids.update(zip(keys, ids, strict=True))
        if len(ids):
            self._graph.add(np.array(keys, dtype=np.uint64), rows, threads=1)

    def remove(self, ids: Sequence[str]) -> None:
        for id in ids:
            if (key := self._keys.pop(id, None)) is not None:
                del self._ids[key]
                self._graph.remove(key)

    def search(self, row: Rows, k: int, keep: Callable[[str], bool] | None = None) -> Found:
        row, count = asked(row, k, self._dim), k
        while True:
            found = self._nearest(row, min(count, len(self)))
            if keep is not None:
                found = [one for one in found if keep(one[0])]
            if len(found) >= k or count >= len(self):
                return found[:k]
            count *= 2

    def _nearest(self, row: Rows, count: int) -> Found:
        if count == 0:
            return []
        matches = self._graph.search(row, count, threads=1)
        near = [
            (self._ids[int(key)], round(1.0 - float(distance), COSINE_DIGITS))
            for key, distance in zip(matches.keys, matches.distances, strict=True)
        ]
        return sorted(near, key=lambda one: (-one[1], one[0]))
