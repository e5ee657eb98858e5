"""The cases of one tool as columns of bits: which of them a condition covers is a few ANDs of whole numbers.

Python's integers are the bitsets: 10,000 cases are 1,250 bytes, and an AND of two takes less than a microsecond.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..model import Case

Tests = tuple[tuple[str, tuple[str, ...]], ...]
"""As in Condition: sorted by attribute, each with its values sorted."""


class Columns:
    """Cases in a fixed order; bit n of a mask is the n-th case. `columns` is attribute -> value -> mask."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = tuple(cases)
        self.values = [dict(case.context.attributes) for case in cases]
        rows: dict[str, dict[str, list[int]]] = {}
        for at, values in enumerate(self.values):
            for attribute, value in values.items():
                rows.setdefault(attribute, {}).setdefault(value, []).append(at)
        self.columns = {
            attribute: {value: mask_of(places, len(cases)) for value, places in sorted(by_value.items())}
            for attribute, by_value in sorted(rows.items())
        }
        self.present = {
            attribute: union(by_value.values()) for attribute, by_value in self.columns.items()
        }  # an attribute that a case lacks fails every test of it
        self.all = (1 << len(cases)) - 1

    def cover(self, tests: Tests) -> int:
        """The cases that pass all tests."""
        mask = self.all
        for attribute, values in tests:
            column = self.columns.get(attribute, {})
            mask &= union(column.get(value, 0) for value in values)
        return mask

    def closed(self, support: int, within: Tests = ()) -> Tests:
        """The narrowest tests that the support passes: every attribute with one value in it, and the tests of `within`
        that name several values, without the values that nothing in the support has.

        So nothing is generalised over an attribute that was never seen to vary (the coverage map of memory.md 3).
        """
        first = self.values[(support & -support).bit_length() - 1]
        tests: dict[str, tuple[str, ...]] = {
            attribute: (value,) for attribute, value in first.items() if not support & ~self.columns[attribute][value]
        }
        for attribute, values in within:
            kept = tuple(value for value in values if support & self.columns[attribute].get(value, 0))
            if attribute not in tests and len(kept) < len(self.columns[attribute]):
                tests[attribute] = kept
        return tuple(sorted(tests.items()))

    def seen(self, attribute: str, support: int) -> tuple[str, ...]:
        """The attribute's values in the support."""
        return tuple(value for value, mask in self.columns[attribute].items() if mask & support)

    def bits(self, tests: Tests, covered: int) -> float:
        """How many bits the tests save in describing one case that they cover, against a case from the rest.

        The rest is all that is not covered, smoothed by one case of each value and one of a value never seen: an
        attribute that is the same in nearly all cases saves nothing, and one that sets the covered ones apart saves
        most.
        """
        rest = self.all & ~covered
        saved = 0.0
        for attribute, values in tests:
            column = self.columns[attribute]
            kinds = len(column)
            there = (rest & self.present[attribute]).bit_count()
            inside = sum((rest & column[value]).bit_count() for value in values)
            saved -= math.log2((inside + len(values)) / (there + kinds + 1))
        return saved

    def cost(self, tests: Tests) -> float:
        """How many bits it takes to say the tests: which attribute, and which of its values. A test that every case
        here passes says nothing and costs nothing."""
        total = 0.0
        for attribute, values in tests:
            kinds = len(self.columns[attribute])
            if kinds > len(values):
                total += math.log2(len(self.columns)) + math.log2(math.comb(kinds, len(values)))
        return total


def union(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def mask_of(places: Iterable[int], length: int) -> int:
    bits = bytearray((length + 7) // 8)
    for place in places:
        bits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")


def places_of(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def common(one: Mapping[str, str], other: Mapping[str, str]) -> Tests:
    """The anti-unification of two cases: the attributes in which they agree."""
    return tuple(sorted((attribute, (value,)) for attribute, value in one.items() if other.get(attribute) == value))
