"""Which cases are nearest by their words.

Index          the port: add, remove, search with a filter
ExactIndex     compares with every row; no library but numpy, and the same answer in every history
UsearchIndex   a graph of neighbours, behind the extra `memory-encoders`: for far more rows
rebuilt        an index of cases: it is a cache, whatever is in it can be made again

Flow: Case -> Encoder -> row -> Index -> precedents. Nothing that decides reads an index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from ..encoders import Encoder
from ..model import Case
from .exact import ExactIndex
from .graph import UsearchIndex
from .port import Found, Index

_AT_ONCE = 1_024


def rebuilt(cases: Iterable[Case], encoder: Encoder, make: Callable[[int], Index] = ExactIndex) -> Index:
    """An index of the words of all cases, by case id."""
    index = make(encoder.dim)
    rest = iter(cases)
    while some := list(islice(rest, _AT_ONCE)):
        index.add([case.id for case in some], encoder.encode([case.context.words for case in some]))
    return index


__all__ = ["ExactIndex", "Found", "Index", "UsearchIndex", "rebuilt"]
