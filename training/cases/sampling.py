"""Cases of one path, and where they may go: on both sides of every threshold, split by region of the fields."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from .trees import Grown, Leaf, Part, whole
from .world import EVENT, Choice, Field, Number

HELD_OUT: Final = 5
"""One region of this many is for the test alone."""

Values = dict[Field, Any]


class Route:
    """A leaf made ready to be drawn from: what is left of each field, and where its thresholds stand."""

    __slots__ = ("arguments", "bounds", "cells", "claims", "has_event", "leaf", "numbers", "words")

    def __init__(self, grown: Grown, leaf: Leaf) -> None:
        box = leaf.box()
        left = [(field, box.get(field) or whole(field)) for field in grown.fields(leaf.tool)]
        self.leaf = leaf
        self.words = [(field, part) for field, part in left if isinstance(field.domain, Choice)]
        self.numbers = [(field, int(low), int(high) - int(low) + 1) for field, (low, high) in _ranges(left)]
        self.bounds = thresholds(leaf)
        drawn = [*(one[0] for one in self.numbers), *(one[0] for one in self.words)]
        self.cells = [(one, one.name, of.low, of.cell) for one in drawn if isinstance(of := one.domain, Number)]
        self.arguments = grown.arguments[leaf.tool]
        self.claims = [field for field in drawn if field.where == "claim"]
        self.has_event = EVENT in drawn

    def draw(self, rng: random.Random, *, boundary: bool) -> Values:
        """Values of all fields that lead to this leaf; with `boundary`, one of them stands at a threshold of the
        path."""
        chance = rng.random
        values: Values = {field: low + int(chance() * width) for field, low, width in self.numbers}
        for field, words in self.words:
            values[field] = words[int(chance() * len(words))]
        if boundary and self.bounds:
            field, value = self.bounds[int(chance() * len(self.bounds))]
            values[field] = value
        return values

    def region(self, values: Values) -> tuple[Any, ...]:
        """The cell of the space of fields that a case lies in: words as they are, numbers by cells of equal width.
        Cases of one tool tell of their fields in one order."""
        cells = [(name, (values[field] - low) // cell) for field, name, low, cell in self.cells]
        return (self.leaf.tool, *cells, *[values[field] for field, _ in self.words])

    def at_boundary(self, values: Mapping[Field, Any]) -> bool:
        """Whether a number of the case is within one unit of the last value on this side of a threshold."""
        return any(abs(values[field] - value) <= 1 for field, value in self.bounds)


def thresholds(leaf: Leaf) -> list[tuple[Field, int]]:
    """The last values on this leaf's side of each threshold of its path."""
    found = []
    for edge in leaf.edges:
        if isinstance(edge.field.domain, Number):
            (low, high), (least, most) = edge.part, edge.whole
            found += [(edge.field, int(value)) for value, end in ((low, least), (high, most)) if value != end]
    return found


def _ranges(left: Sequence[tuple[Field, Part]]) -> Iterator[tuple[Field, Part]]:
    return ((field, part) for field, part in left if isinstance(field.domain, Number))


def is_held_out(region: tuple[Any, ...], seed: int) -> bool:
    """Whether a region is for the test alone: by its hash, so that it does not hang on what was drawn before."""
    return zlib.crc32(repr((seed, region)).encode()) % HELD_OUT == 0
