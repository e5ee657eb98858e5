"""Lookup tables: from a value to the tests of the rules whose key holds for it. Each answers None where there are none."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from os.path import commonprefix
from typing import Any, TypeVar

from .keys import Begins, Between, Equals

Number = int | Decimal
Test = TypeVar("Test")
Found = tuple[Test, ...] | None

FEW = 8
"""So many beginnings are searched without first asking for the text that all of them begin with."""


def equal_table(entries: Iterable[tuple[Equals, Test]]) -> Callable[[Any], Found[Test]]:
    """By value. Asked only with values of the keys' own type, so that `true` never finds 1 (1 and 1.0 are one number)."""
    table: dict[Any, list[Test]] = {}
    for key, test in entries:
        for value in key.values:
            table.setdefault(value, []).append(test)
    return {value: tuple(tests) for value, tests in table.items()}.get


def beginning_table(entries: Iterable[tuple[Begins, Test]]) -> Callable[[str], Found[Test]]:
    """By beginning: one binary search, then up through the beginnings of the beginning found."""
    table: dict[str, list[Test]] = {}
    for key, test in entries:
        for beginning in dict.fromkeys(key.beginnings):
            table.setdefault(beginning, []).append(test)
    names = sorted(table)
    own = [tuple(table[name]) for name in names]
    parents = _parents(names)
    common = commonprefix(names) if len(names) > FEW else ""

    def find(text: str) -> Found[Test]:
        # All texts that begin with `name` stand together in text order, `name` first. So the longest listed beginning
        # of `text` is the last listed name not after `text`, or one of that name's own beginnings.
        if not text.startswith(common):
            return None
        at = bisect_right(names, text) - 1
        while at >= 0 and not text.startswith(names[at]):
            at = parents[at]
        if at < 0:
            return None
        found = own[at]
        at = parents[at]
        while at >= 0:
            found += own[at]
            at = parents[at]
        return found

    return find


def _parents(names: list[str]) -> list[int]:
    """For each of the sorted names the place of the longest other name it begins with, -1 where there is none."""
    parents: list[int] = []
    for place, name in enumerate(names):
        parent = place - 1
        while parent >= 0 and not name.startswith(names[parent]):
            parent = parents[parent]
        parents.append(parent)
    return parents


def range_table(entries: Iterable[tuple[Between, Test]]) -> Callable[[Number], Found[Test]]:
    """By closed range: the bounds cut the numbers into points and the gaps before, between and after them."""
    listed = list(entries)
    bounds: list[Number] = sorted({bound for key, _ in listed for bound in (key.low, key.high)})
    place: Mapping[Number, int] = {bound: at for at, bound in enumerate(bounds)}
    points: list[list[Test]] = [[] for _ in bounds]
    gaps: list[list[Test]] = [[] for _ in range(len(bounds) + 1)]
    for key, test in listed:
        low, high = place[key.low], place[key.high]
        for at in range(low, high + 1):
            points[at].append(test)
        for at in range(low + 1, high + 1):
            gaps[at].append(test)
    at_point = [tuple(tests) or None for tests in points]
    in_gap = [tuple(tests) or None for tests in gaps]
    after_all = len(bounds)

    def find(number: Number) -> Found[Test]:
        at = bisect_left(bounds, number)
        return at_point[at] if at < after_all and bounds[at] == number else in_gap[at]

    return find
