"""Third pass: a mixed region in which one attribute tells the labels apart becomes a rule and a local exception.

For each attribute and value, and for pairs of the most telling, the cases of the region fall into a table of two by
two; the log Bayes factor that the two halves differ, less the log of the number of tables looked at, must exceed log 10
(memory.md 3). That is asked of every region, as it is the stronger test of the two: an exception that is small enough
may stand out long before the whole region is mixed beyond flips. The half where the other label rules is carved out
(carve.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .. import gates
from ..model import Abstraction, Condition, State
from .carve import Row, carve, rows_of
from .cover import places_of
from .index import LIVING
from .make import Work, condition_of

_LEAST_WRONG: Final = 2
"""As for a mixture: one case of the other label is nothing to look for a reason for."""
_MOST_PAIRED: Final = 8
"""Tests that are also tried together with a second one."""
_MOST_SPLITS: Final = 3
"""Of one abstraction in one refresh."""
_MOST_VALUES: Final = 64


def split(work: Work, state: State) -> None:
    for one in sorted(state.abstractions):
        for _ in range(_MOST_SPLITS):
            parent = state.abstractions[one]
            if parent.phase not in LIVING and parent.phase != "contested":
                break
            asked = (one, parent.version, len(state.evidence.get(one, ())))
            if asked in work.tried:
                break
            if not _split(work, state, parent):
                work.tried.add(asked)
                break


def _split(work: Work, state: State, parent: Abstraction) -> bool:
    """Carve the best exception out; whether there was one."""
    rows = rows_of(work, state, parent)
    condition = _best(work, parent, rows)
    return condition is not None and carve(work, state, parent, condition, rows, "local")


def _best(work: Work, parent: Abstraction, rows: Sequence[Row]) -> Condition | None:
    """The condition of the exception that tells the labels apart best, if it does so well enough."""
    if sum(not row.right for row in rows) < _LEAST_WRONG:
        return None
    masks = {test: mask for test, mask in _masks(rows).items() if 0 < mask < (1 << len(rows)) - 1}
    tables: dict[tuple[tuple[str, str], ...], int] = {(test,): mask for test, mask in masks.items()}
    firsts = sorted(tables, key=lambda tests: (-_lead(rows, tables[tests]), tests))[:_MOST_PAIRED]
    for first in (tests[0] for tests in firsts):
        for second, mask in masks.items():
            if second[0] != first[0] and (both := mask & masks[first]) not in (0, masks[first]):
                tables[first, second] = both
    best = min(
        ((-factor, tests) for tests, mask in tables.items() if (factor := _factor(work, rows, mask)) is not None),
        default=None,
    )
    if best is None or not gates.separates(-best[0], len(tables)):
        return None
    return _narrowed(parent, rows, best[1], tables[best[1]])


def _masks(rows: Sequence[Row]) -> dict[tuple[str, str], int]:
    """For each attribute and value the rows that have it, as a bitset."""
    found: dict[str, dict[str, int]] = {}
    for at, row in enumerate(rows):
        for attribute, value in row.case.context.attributes:
            column = found.setdefault(attribute, {})
            column[value] = column.get(value, 0) | 1 << at
    return {
        (attribute, value): mask
        for attribute, column in sorted(found.items())
        if len(column) <= _MOST_VALUES
        for value, mask in sorted(column.items())
    }


def _lead(rows: Sequence[Row], mask: int) -> float:
    """How many more wrong than right there are inside."""
    right, wrong = _counts(rows, mask)
    return wrong - right


def _narrowed(
    parent: Abstraction, rows: Sequence[Row], tests: tuple[tuple[str, str], ...], mask: int
) -> Condition | None:
    """The parent's condition with the tests; where the other label rules outside one test, with the values there."""
    narrowed = dict(parent.condition.tests)
    if _lead(rows, mask) > 0.0:
        narrowed.update({attribute: (value,) for attribute, value in tests})
        return condition_of(parent.condition.tool, narrowed.items())
    if len(tests) > 1:
        return None
    ((attribute, value),) = tests
    others = {row.case.context.value(attribute) for at, row in enumerate(rows) if not mask >> at & 1}
    kept = tuple(one for one in others if one is not None and one != value)
    return condition_of(parent.condition.tool, {**narrowed, attribute: kept}.items()) if kept else None


def _counts(rows: Sequence[Row], mask: int) -> tuple[float, float]:
    """Right and wrong inside; on either side no reporter weighs more than all others and the auditors together."""
    found: dict[bool, dict[str, float]] = {True: {}, False: {}}
    for at in places_of(mask):
        row = rows[at]
        whose = "" if row.audit or len(row.reporters) > 1 else row.reporters[0]
        found[row.right][whose] = found[row.right].get(whose, 0.0) + row.weight
    return _capped(found[True]), _capped(found[False])


def _capped(by_reporter: dict[str, float]) -> float:
    total = sum(by_reporter.values())
    most = max((weight for name, weight in by_reporter.items() if name), default=0.0)
    return total - max(0.0, most - (total - most))


def _factor(work: Work, rows: Sequence[Row], mask: int) -> float | None:
    """The log Bayes factor that the halves differ; None where either is too thin, or both say the same."""
    halves = (mask, ((1 << len(rows)) - 1) & ~mask)
    for half in halves:
        if len({reporter for at in places_of(half) for reporter in rows[at].reporters}) < work.terms.least_reporters:
            return None
    inside, outside = (_counts(rows, half) for half in halves)
    if (inside[0] > inside[1]) == (outside[0] > outside[1]):
        return None
    return gates.split_factor(*inside, *outside)
