"""Fifth pass: abstractions that say the same of the same calls become one, and a report still counts once.

Two of one label merge where one condition implies the other, or where they differ in the values of one attribute only,
so that the merged condition covers exactly what the two covered; and where the Bayes factor favours one rate for both.
The merged one owns the union of the evidence, by decision. What a person approved is never widened: it may only take in
what it implies already, without its support.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Final

from .. import gates
from ..model import Abstraction, Condition, State
from .conflict import counts
from .index import fires, living
from .make import Work, condition_of, keep, made, name_of, supported, traced

_OUTSIDE: Final = 2.0
"""Confirmations that a broad one needs outside a narrow one before it takes its place."""


def merge(work: Work, state: State) -> None:
    while any(_merged(work, state, one, other) for one, other in _pairs(state)):
        continue


def _pairs(state: State) -> list[tuple[Abstraction, Abstraction]]:
    groups: dict[tuple[str, str, str], list[Abstraction]] = {}
    for one in living(state):
        groups.setdefault((one.condition.tool, one.label, one.parent or ""), []).append(one)
    return [pair for key in sorted(groups) for pair in combinations(groups[key], 2)]


def _merged(work: Work, state: State, one: Abstraction, other: Abstraction) -> bool:
    if one.condition.implies(other.condition):
        return _absorb(work, state, one, other)
    if other.condition.implies(one.condition):
        return _absorb(work, state, other, one)
    return _join(work, state, one, other)


def _alike(work: Work, state: State, one: Abstraction, other: Abstraction) -> bool:
    """Whether one rate explains both: the Bayes factor for two rates is not above one."""
    mine = counts(work.terms, state.evidence.get(one.id, {}).values())
    theirs = counts(work.terms, state.evidence.get(other.id, {}).values())
    return gates.split_factor(*mine, *theirs) <= 0.0


def _vouched(work: Work, state: State, narrow: Abstraction, broad: Abstraction) -> bool:
    """Whether what the broad one knows outside the narrow one is as good as what the narrow one knows.

    Evidence inside is evidence of both, and says nothing of the rest. Where there is none outside, only a narrow one
    without evidence has nothing to lose.
    """
    inside = state.evidence.get(narrow.id, {})
    outside = [
        found
        for decision, found in state.evidence.get(broad.id, {}).items()
        if not fires(state, narrow, state.cases[decision].context)
    ]
    if not inside:
        return narrow.phase == "shadow"
    right, wrong = counts(work.terms, outside)
    mine = counts(work.terms, inside.values())
    silent = narrow.phase == "shadow" or broad.phase == narrow.phase
    return silent and right >= _OUTSIDE and gates.split_factor(*mine, right, wrong) <= 0.0


def _absorb(work: Work, state: State, narrow: Abstraction, broad: Abstraction) -> bool:
    if narrow.approved == narrow.version or not _vouched(work, state, narrow, broad):
        return False
    if not set(broad.exceptions) >= set(narrow.exceptions) and narrow.exceptions:
        return False
    if broad.approved != broad.version:
        broad = supported(work, state, broad, (*narrow.support, *broad.support))
    state.abstractions[broad.id] = replace(broad, made=max(broad.made, narrow.made))
    _unite(work, state, (narrow,), broad.id)
    work.changes.add("merged", narrow.id, "implied")
    return True


def _join(work: Work, state: State, one: Abstraction, other: Abstraction) -> bool:
    condition = joined(one.condition, other.condition)
    if condition is None or one.exceptions or other.exceptions or one.parent or other.parent:
        return False
    if (
        one.approved == one.version
        or other.approved == other.version
        or name_of(one.label, condition) in state.abstractions
    ):
        return False
    if not _alike(work, state, one, other):
        return False
    new = made(work.terms, work.encoder, state, work.event.at, one.label, condition, (*one.support, *other.support))
    keep(state, replace(new, made=max(one.made, other.made)))
    _unite(work, state, (one, other), new.id)
    work.changes.add("merged", new.id, "joined")
    return True


def joined(one: Condition, other: Condition) -> Condition | None:
    """The condition that covers exactly what the two cover, where they differ in the values of one attribute."""
    mine, theirs = dict(one.tests), dict(other.tests)
    if one.tool != other.tool or mine.keys() != theirs.keys():
        return None
    differ = [attribute for attribute in mine if mine[attribute] != theirs[attribute]]
    if len(differ) != 1:
        return None
    return condition_of(one.tool, {**mine, differ[0]: (*mine[differ[0]], *theirs[differ[0]])}.items())


def _unite(work: Work, state: State, gone: tuple[Abstraction, ...], into: str) -> None:
    evidence = state.evidence.setdefault(into, {})
    for one in gone:
        for decision, found in state.evidence.pop(one.id, {}).items():
            evidence.setdefault(decision, replace(found, abstraction=into))
        state.abstractions[one.id] = replace(one, phase="retired", reading=None)
    for decision in [key for key in evidence if _excepted(state, into, key)]:
        del evidence[decision]
    parents = (*(one.id for one in gone), into) if len(gone) == 1 else tuple(one.id for one in gone)
    traced(state, into, parents, "merge", work.event.at, evidence)


def _excepted(state: State, into: str, decision: str) -> bool:
    context = state.cases[decision].context
    return any(state.abstractions[one].condition.holds(context) for one in state.abstractions[into].exceptions)
