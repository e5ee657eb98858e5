"""Which abstractions hold for a Context, without looking at all of them.

Each stands in the index under the values of one of its tests only, the one that fewest others share, so that a Context
meets about as many as share its rarest traits. An abstraction does not hold where one of its exceptions' conditions
does, whatever their phase; where an exception is not in the snapshot nobody knows where it holds, so its parent is left
out altogether.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..model import Abstraction, Condition, Context, Snapshot

Tests = tuple[tuple[str, frozenset[str]], ...]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """An abstraction, with its tests and those of its exceptions as sets."""

    abstraction: Abstraction
    tests: Tests
    exceptions: tuple[Tests, ...]

    def holds(self, values: Mapping[str, str]) -> bool:
        return _pass(self.tests, values) and not any(_pass(tests, values) for tests in self.exceptions)


class Index:
    """The abstractions of one Snapshot, but for those that are retired."""

    def __init__(self, snapshot: Snapshot) -> None:
        known = {one.id: one for one in snapshot.abstractions}
        by_tool: dict[str, list[Entry]] = defaultdict(list)
        for one in snapshot.abstractions:
            if one.phase != "retired" and all(other in known for other in one.exceptions):
                exceptions = (known[other].condition for other in one.exceptions)
                carved = tuple(_sets(other) for other in exceptions if other.tool == one.condition.tool)
                by_tool[one.condition.tool].append(Entry(one, _sets(one.condition), carved))
        self._tools = {tool: _OfTool(entries) for tool, entries in by_tool.items()}

    def firing(self, context: Context) -> list[Entry]:
        """Those that hold for the Context, in the order of their ids."""
        found = self._tools.get(context.tool)
        return [] if found is None else found.firing(context)


class _OfTool:
    """The abstractions on one tool."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        listed = list(entries)
        shared = Counter(pair for entry in listed for pair in _pairs(entry.tests))
        self._anywhere = [entry for entry in listed if not entry.tests]
        self._by_pair: dict[Pair, list[Entry]] = defaultdict(list)
        for entry in listed:
            if entry.tests:
                rarest = min(entry.tests, key=lambda test: (sum(shared[test[0], value] for value in test[1]), test[0]))
                for pair in _pairs((rarest,)):
                    self._by_pair[pair].append(entry)

    def firing(self, context: Context) -> list[Entry]:
        values = dict(context.attributes)
        found = [entry for entry in self._anywhere if entry.holds(values)]
        by_pair = self._by_pair
        for pair in values.items():
            if pair in by_pair:
                found += [entry for entry in by_pair[pair] if entry.holds(values)]
        found.sort(key=_id)
        return found


def _id(entry: Entry) -> str:
    return entry.abstraction.id


def _pairs(tests: Tests) -> Iterable[Pair]:
    return ((attribute, value) for attribute, values in tests for value in values)


def _sets(condition: Condition) -> Tests:
    return tuple((attribute, frozenset(values)) for attribute, values in condition.tests)


def _pass(tests: Tests, values: Mapping[str, str]) -> bool:
    for attribute, allowed in tests:  # noqa: SIM110  # half the time of all() over a generator
        if values.get(attribute) not in allowed:
            return False
    return True
