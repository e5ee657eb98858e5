"""Lookup tables: from a value to the tests of the rules whose key holds for it, None where there are none.

Each is a `Table`: an expression of generated code over the value and some constants, so that the common case (no rule
has such a key) costs a call into C at most, and no Python function.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from math import floor
from typing import Any, NamedTuple, TypeVar

from .keys import Begins, Between, Equals

Number = int | Decimal
Test = TypeVar("Test")
Found = list[Test] | None

FEW_LENGTHS = 8
"""So many different lengths of beginnings are looked up one by one; measured, that many cost one binary search."""

WIDE = 4
"""Cells of a grid that a range may cover on average; a table of wider ranges would be mostly repetition."""

_NONE = -1


class Table(NamedTuple):
    """`lookup` has the value as `{0}` and the constants as `{1}`, `{2}`. `lists` are all that it can find, or that what
    it finds is put together of; what stands in them may be replaced."""

    lookup: str
    constants: tuple[object, ...]
    lists: list[list[Any]]


def equal_table(entries: Iterable[tuple[Equals, Test]]) -> Table:
    """By value. Asked only with values of the keys' own type, so that `true` never finds 1 (1.0 does: one number)."""
    table: dict[Any, list[Test]] = {}
    for key, test in entries:
        for value in key.values:
            table.setdefault(value, []).append(test)
    return Table("{1}({0})", (table.get,), [*table.values()])


def beginning_table(entries: Iterable[tuple[Begins, Test]]) -> Table:
    """By beginning, after one test for what all of them begin with."""
    table: dict[str, list[Test]] = {}
    for key, test in entries:
        for beginning in dict.fromkeys(key.beginnings):
            table.setdefault(beginning, []).append(test)
    names = sorted(table)
    parents = _parents(names)
    lengths = sorted({len(name) for name in names})
    common = _common_beginning(names)
    if len(lengths) <= FEW_LENGTHS and set(parents) == {_NONE}:
        # No beginning begins another one, so at most one length finds anything.
        lookup = " or ".join(f"{{1}}({{0}}[:{length}])" for length in lengths)
        find: Callable[[str], Found[Test]] = table.get
    else:
        lookup = "{1}({0})"
        find = _by_search(names, parents, table)
    lookup = f"({lookup}) if {{0}}.startswith({{2}}) else None" if common else lookup
    return Table(lookup, (find, common), [*table.values()])


def _by_search(names: list[str], parents: list[int], found: Mapping[str, list[Test]]) -> Callable[[str], Found[Test]]:
    """One binary search, then up through the beginnings of the beginning found.

    All texts that begin with `name` stand together in text order, `name` first. So the longest listed beginning of a
    text is the last listed name not after it, or one of that name's own beginnings.
    """

    def find(text: str) -> Found[Test]:
        at = bisect_right(names, text) - 1
        while at >= 0 and not text.startswith(names[at]):
            at = parents[at]
        tests: list[Test] = []
        while at >= 0:
            tests += found[names[at]]
            at = parents[at]
        return tests

    return find


def _common_beginning(names: list[str]) -> str:
    """What all of the sorted names begin with: what the first and the last have in common."""
    first, last = names[0], names[-1]
    length = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:length]


def _parents(names: list[str]) -> list[int]:
    """For each of the sorted names the place of the longest other name it begins with, or _NONE."""
    parents: list[int] = []
    for place, name in enumerate(names):
        parent = place - 1
        while parent >= 0 and not name.startswith(names[parent]):
            parent = parents[parent]
        parents.append(parent)
    return parents


def range_table(entries: Iterable[tuple[Between, Test]]) -> Table:
    """By closed range: the bounds cut the numbers into pieces, each from one bound to just before the next.

    A piece has the tests of all ranges that hold its first number, so also of a range that ends right there: a few too
    many, which their own tests then say. A second search that told the bound from what follows it would cost more.
    """
    listed = list(entries)
    bounds: list[Number] = sorted({bound for key, _ in listed for bound in (key.low, key.high)})
    place: Mapping[Number, int] = {bound: at for at, bound in enumerate(bounds)}
    pieces: list[list[Test]] = [[] for _ in bounds]
    for key, test in listed:
        for piece in pieces[place[key.low] : place[key.high] + 1]:
            piece.append(test)
    found = [None, *(tests or None for tests in pieces)]
    grid = _grid(listed)
    if grid is None:
        return Table("{2}[bisect_right({1}, {0})]", (bounds, found), pieces)
    cells, width = grid
    lookup = "{3}({0} // {4}) if type({0}) is int else {2}[bisect_right({1}, {0})]"
    return Table(lookup, (bounds, found, cells.get, width), [*pieces, *cells.values()])


def _grid(listed: list[tuple[Between, Test]]) -> tuple[dict[int, list[Test]], int] | None:
    """For whole numbers: the tests by cells of one width, and that width; None where the ranges differ too much in it.

    One dict instead of a binary search, whose every step is a comparison through Python's objects.
    """
    spans = [(floor(key.low), floor(key.high)) for key, _ in listed]
    width = max(1, sorted(high - low for low, high in spans)[len(spans) // 2])
    if sum(high // width - low // width + 1 for low, high in spans) > WIDE * len(spans):
        return None
    cells: dict[int, list[Test]] = {}
    for (low, high), (_, test) in zip(spans, listed, strict=True):
        for cell in range(low // width, high // width + 1):
            cells.setdefault(cell, []).append(test)
    return cells, width


TABLES: dict[type, Callable[[Iterable[tuple[Any, Any]]], Table]] = {
    Equals: equal_table,
    Begins: beginning_table,
    Between: range_table,
}
"""By the kind of key."""
