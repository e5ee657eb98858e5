"""Fourth pass: where people contradict a rule that speaks, three running and in one place, it falls silent there.

A table may turn over in one corner of a region while the rest stays what it was. The gate reads the whole region, and
the old successes of the corner stand against its new failures, so neither gate nor split sees it soon. Here a corner is
the cases that agree in one attribute or in two; contradicted is one whose last cases, all from after the rule spoke on
them, are all of the other label, from enough different people; agents are not heard. Falling silent proves nothing and
needs no level: the base decides there again. Speaking there again takes a rule of its own, with evidence of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, takewhile
from typing import Final

from ..model import Abstraction, Condition, State
from .carve import Row, carve, is_carved, rows_of
from .make import Work, condition_of

_RUNNING: Final = 3
"""Cases and people. Two would be a flip in each of two reports: one in a hundred pairs at flips of .1."""
_LEAST_WEIGHT: Final = 2.0
"""In cases: three people are not enough where auditors found them wrong before, or the terms believe new ones less."""

_Corner = tuple[tuple[str, str], ...]


def doubt(work: Work, state: State) -> None:
    for one in sorted(state.abstractions):
        while state.abstractions[one].phase == "active":
            parent = state.abstractions[one]
            rows = rows_of(work, state, parent)
            condition = _contradicted(state, parent, rows)
            if condition is None or not carve(work, state, parent, condition, rows, "contradicted"):
                break


def _contradicted(state: State, parent: Abstraction, rows: Sequence[Row]) -> Condition | None:
    """The corner with the longest run; of one attribute before two, then the one with fewer cases."""
    found: list[tuple[int, int, int, _Corner]] = []
    for corner, inside in _corners(parent, rows).items():
        run = _run(inside)
        if run and len(inside) < len(rows) and not is_carved(state, parent, _within(parent, corner)):
            found.append((-len(run), len(corner), len(inside), corner))
    return _within(parent, min(found)[-1]) if found else None


def _corners(parent: Abstraction, rows: Sequence[Row]) -> dict[_Corner, list[Row]]:
    """The rows of each, in the order of their time."""
    fixed = {attribute for attribute, values in parent.condition.tests if len(values) == 1}
    found: dict[_Corner, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.case.at, row.case.id)):
        free = [pair for pair in row.case.context.attributes if pair[0] not in fixed]
        for corner in _choices(free):
            found[corner].append(row)
    return found


def _choices(pairs: Sequence[tuple[str, str]]) -> Iterator[_Corner]:
    yield from ((pair,) for pair in pairs)
    yield from combinations(pairs, 2)


def _run(inside: Sequence[Row]) -> list[Row]:
    """The contradictions at the end, where they are enough."""
    run = list(takewhile(_contradicts, reversed([row for row in inside if row.human])))
    people = {reporter for row in run for reporter in row.reporters}
    if len(people) < _RUNNING or len(run) < _RUNNING or sum(row.weight for row in run) < _LEAST_WEIGHT:
        return []
    return run


def _contradicts(row: Row) -> bool:
    return not row.right and row.case.effect != row.case.base


def _within(parent: Abstraction, corner: _Corner) -> Condition:
    tests = dict(parent.condition.tests)
    tests.update({attribute: (value,) for attribute, value in corner})
    return condition_of(parent.condition.tool, tests.items())
