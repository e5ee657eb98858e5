"""What an index is to the rest of memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from ..encoders import Rows

COSINE_DIGITS = 6
"""Cosines are rounded, so that rows which are equal are equally near wherever they lie: ties go by id."""

Found = list[tuple[str, float]]


class Index(Protocol):
    """Which rows are nearest. A cache: it can be made anew from the cases at any time, and is never the truth."""

    def __len__(self) -> int: ...

    def add(self, ids: Sequence[str], rows: Rows) -> None:
        """Rows of length one, or of zeros, of shape (len(ids), dim). The row of an id that is there is replaced."""
        ...

    def remove(self, ids: Sequence[str]) -> None:
        """An id that is not there is no error: what must be gone is gone."""
        ...

    def search(self, row: Rows, k: int, keep: Callable[[str], bool] | None = None) -> Found:
        """The `k` nearest ids that `keep` holds for, with their cosines: nearest first, ties by id, fewer than k only
        where there are fewer."""
        ...


def checked(ids: Sequence[str], rows: Rows, dim: int) -> Rows:
    """The rows as float32, refused where they do not fit: one NaN would be nearest to nothing, or to everything."""
    if rows.shape != (len(ids), dim):
        raise ValueError(f"{len(ids)} rows of {dim} numbers are needed, not of shape {rows.shape}")
    if len(set(ids)) != len(ids):
        raise ValueError("an id stands twice")
    if not np.isfinite(rows).all():
        raise ValueError("a row holds a number that is not finite")
    return rows.astype(np.float32, copy=False)


def asked(row: Rows, k: int, dim: int) -> Rows:
    """The row that is searched for, checked like those that are added."""
    if k < 1:
        raise ValueError(f"k must be at least 1, not `{k}`")
    return checked([""], row[np.newaxis], dim).reshape(dim)
