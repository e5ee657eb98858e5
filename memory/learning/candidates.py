"""Candidate conditions for one group of failures, and how much each is worth.

Candidates are anti-unifications: what two cases of the induction half have in common, then what is reached from the
best of these by dropping one attribute or admitting one more value. Each is closed over its support (Columns.closed).
As in RLAD several generalities compete on cases held aside. Worth is a description length: the bits that the tests save
on each failure covered, less a multiple of the same bits for each right decision of the base covered, less the bits
that it takes to say the tests. So few failures buy a narrow condition only, and more of them a broader one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .cover import Columns, Tests, common, places_of

OPPOSITE: Final = 2.0
"""What a right decision of the base that a candidate would break costs, in failures that it would repair. Only audits
show right decisions, so each stands for many (memory.md 2.4)."""

BREADTH: Final = 2
"""Bits by which each failure covered must be set apart before it counts: two narrow conditions are better than one
broad one that covers both regions and what lies between."""

_PIVOTS: Final = 64
"""Failures of the induction half that are paired: 2,016 pairs at most, whatever the number of reports."""
_CLIMBED: Final = 6
"""Candidates that are generalised step by step."""
_STEPS: Final = 8
_MOST_VALUES: Final = 32
"""Of an attribute that is generalised value by value; one with more (an argument's text) is kept or dropped."""
_EARLY: Final = 0.2
"""Share of the support, the earliest, that does not open the window in which right decisions count: they may be flips
from before the policy table changed."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """`support` are the failures covered, `against` the right decisions of the base covered since these began."""

    tests: Tests
    support: int
    against: int
    worth: float

    @property
    def order(self) -> tuple[float, int, Tests]:
        """Best first: worth, then the shorter, then by text."""
        return (-round(self.worth, 6), len(self.tests), self.tests)


@dataclass(frozen=True, slots=True)
class Field:
    """What a search sees: the columns, and which cases are open failures, right decisions, held aside."""

    columns: Columns
    failures: int
    right: int
    aside: int
    tool: float

    def weighed(self, tests: Tests) -> Candidate | None:
        """None where nothing is covered, or no failure that was held aside is."""
        columns = self.columns
        covered = columns.cover(tests)
        support = covered & self.failures
        if not support & self.aside:
            return None
        against = covered & self.right & ~_before(support)
        bits = self.tool + columns.bits(tests, covered) - BREADTH
        counted = support.bit_count() - OPPOSITE * against.bit_count()
        return Candidate(tests, support, against, bits * counted - columns.cost(tests))

    def closed(self, tests: Tests) -> Candidate | None:
        """The same, narrowed to what its support shows."""
        support = self.columns.cover(tests) & self.failures
        return self.weighed(self.columns.closed(support, tests)) if support.bit_count() > 1 else None


def _before(support: int) -> int:
    """The cases before the support began, its earliest share left out; cases are in the order of their decisions."""
    places = list(places_of(support))
    return (1 << places[int(len(places) * _EARLY)]) - 1


def search(field: Field, starts: Iterable[Tests]) -> list[Candidate]:
    """The candidates that `starts` lead to, best first."""
    found: dict[Tests, Candidate] = {}

    def note(candidate: Candidate | None) -> None:
        if candidate is not None:
            found.setdefault(candidate.tests, candidate)

    for tests in starts:
        note(field.closed(tests))
    for start in sorted(found.values(), key=lambda one: one.order)[:_CLIMBED]:
        best = start
        for _ in range(_STEPS):
            steps = [step for tests in _steps(field, best) if (step := field.closed(tests)) is not None]
            better = min(steps, key=lambda one: one.order, default=None)
            if better is None or better.order >= best.order:
                break
            best = better
            note(best)
        note(_restricted(field, best))
    return sorted(found.values(), key=lambda one: one.order)


def pairs(field: Field) -> list[Tests]:
    """What any two failures of the induction half have in common."""
    rows = [field.columns.values[at] for at in places_of(field.failures & ~field.aside)]
    pivots = _spread(rows)
    found = {common(one, other) for at, one in enumerate(pivots) for other in pivots[:at]}
    return sorted(tests for tests in found if tests)


def _spread(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """At most _PIVOTS of them, evenly from the whole length."""
    step = max(1.0, len(rows) / _PIVOTS)
    return [rows[int(at * step)] for at in range(min(len(rows), _PIVOTS))]


def _steps(field: Field, candidate: Candidate) -> list[Tests]:
    """One test dropped, or one value more admitted, where a failure asks for it."""
    steps: list[Tests] = []
    for at, (attribute, values) in enumerate(candidate.tests):
        without = candidate.tests[:at] + candidate.tests[at + 1 :]
        if not without:
            continue
        wider = field.columns.cover(without) & field.failures
        if wider == candidate.support:
            continue
        steps.append(without)
        if len(field.columns.columns[attribute]) <= _MOST_VALUES:
            steps += [
                tuple(sorted((*without, (attribute, tuple(sorted((*values, other)))))))
                for other in field.columns.seen(attribute, wider)
                if other not in values
            ]
    return steps


def _restricted(field: Field, candidate: Candidate) -> Candidate | None:
    """With a test of several values for each attribute that takes only some of them in the support, where saying so
    is shorter than not saying it."""
    columns, support = field.columns, candidate.support
    count, tests = support.bit_count(), dict(candidate.tests)
    for attribute, column in columns.columns.items():
        if attribute in tests or len(column) > _MOST_VALUES or support & ~columns.present[attribute]:
            continue
        values = columns.seen(attribute, support)
        saved = count * -math.log2(len(values) / len(column))
        if saved > columns.cost(((attribute, values),)):
            tests[attribute] = values
    restricted = tuple(sorted(tests.items()))
    return field.weighed(restricted) if restricted != candidate.tests else None
