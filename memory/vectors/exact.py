"""Exact search: the row is compared with all others, block by block.

Up to some 50,000 rows this is as fast as it need be, and it is the only search whose answers do not depend on the order
in which rows came. Blocks instead of one array that doubles: nothing is copied when it grows, no more than one block is
ever empty, and float16 rows are widened one block at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..encoders import Rows
from .port import COSINE_DIGITS, Found, asked, checked

_BLOCK = 1_024
_FIRST_LOOK = 64
"""How many rows are sorted at first; twice as many each time that `keep` leaves fewer than k of them."""


class ExactIndex:
    """`half` keeps rows as float16: half the memory, cosines off by less than 0.001, about a fifth of the speed."""

    def __init__(self, dim: int, *, half: bool = False) -> None:
        self._dim = dim
        self._type: type[np.float16 | np.float32] = np.float16 if half else np.float32
        self._blocks: list[NDArray[np.float16 | np.float32]] = []
        self._ids: list[str] = []
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Sequence[str], rows: Rows) -> None:
        for id, row in zip(ids, checked(ids, rows, self._dim), strict=True):
            place = self._places.setdefault(id, len(self._ids))
            if place == len(self._ids):
                self._ids.append(id)
                if place == len(self._blocks) * _BLOCK:
                    self._blocks.append(np.zeros((_BLOCK, self._dim), dtype=self._type))
            self._blocks[place // _BLOCK][place % _BLOCK] = row

    def remove(self, ids: Sequence[str]) -> None:
        """The last row takes the place of each that goes."""
        for id in ids:
            if (place := self._places.pop(id, None)) is None:
                continue
            last, moved = len(self._ids) - 1, self._ids.pop()
            if moved != id:
                self._blocks[place // _BLOCK][place % _BLOCK] = self._blocks[last // _BLOCK][last % _BLOCK]
                self._ids[place], self._places[moved] = moved, place
            if last % _BLOCK == 0:
                self._blocks.pop()

    def search(self, row: Rows, k: int, keep: Callable[[str], bool] | None = None) -> Found:
        found: Found = []
        for near in self._in_order(self._cosines(asked(row, k, self._dim))):
            found += near if keep is None else [one for one in near if keep(one[0])]
            if len(found) >= k:
                break
        return found[:k]

    def _cosines(self, row: Rows) -> Rows:
        found = np.empty(len(self._blocks) * _BLOCK, dtype=np.float32)
        for at, block in enumerate(self._blocks):
            np.matmul(block.astype(np.float32, copy=False), row, out=found[at * _BLOCK : (at + 1) * _BLOCK])
        return np.round(found[: len(self._ids)], COSINE_DIGITS)

    def _in_order(self, cosines: Rows) -> Iterator[Found]:
        """All ids, nearest first, in growing portions; rows that are equally near stand in one portion."""
        rest, count = np.arange(len(cosines)), _FIRST_LOOK
        while len(rest):
            if count < len(rest):
                least = np.partition(cosines[rest], len(rest) - count)[len(rest) - count]
                is_near = cosines[rest] >= least
                near, rest = rest[is_near], rest[~is_near]
            else:
                near, rest = rest, rest[:0]
            yield sorted(
                ((self._ids[at], round(float(cosines[at]), COSINE_DIGITS)) for at in near),
                key=lambda one: (-one[1], one[0]),
            )
            count *= 2
