"""Local exceptions: what is known of where an abstraction is right, and carving a part out of it.

The carved part becomes an abstraction of the other label that is the parent's exception. Its own evidence begins at
zero, because the same cases chose it; the parent's evidence in the part leaves the parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..model import Abstraction, Case, Condition, Label, State
from .conflict import judged
from .index import fires, index_of, put
from .make import Work, changed, keep, made, name_of, traced


@dataclass(frozen=True, slots=True)
class Row:
    """One case of a region. `right` is whether its word is the region's label; `weight` is in cases, at most 1."""

    case: Case
    right: bool
    weight: float
    reporters: tuple[str, ...]
    audit: bool
    human: bool


def rows_of(work: Work, state: State, parent: Abstraction) -> list[Row]:
    """The region's evidence, and the cases that the parent was induced from: what is known of where it is right."""
    found: list[Row] = []
    for decision in sorted({*state.evidence.get(parent.id, ()), *parent.support}):
        case, word = state.cases[decision], index_of(state).word(decision)
        if word is not None and fires(state, parent, case.context):
            weight = min(1.0, word.weight / work.terms.report_weight)
            found.append(Row(case, word.label == parent.label, weight, word.reporters, word.audit, word.human))
    return found


def is_carved(state: State, parent: Abstraction, condition: Condition) -> bool:
    """Whether there is an abstraction of this condition that would have to be the exception."""
    return name_of(_other(parent.label), condition) in state.abstractions


def carve(
    work: Work,
    state: State,
    parent: Abstraction,
    condition: Condition,
    rows: Sequence[Row],
    why: Literal["local", "contradicted"],
) -> bool:
    """Make `condition`, which implies the parent's, its exception; False where there is such an abstraction already."""
    if is_carved(state, parent, condition):
        return False
    inside = [row for row in rows if condition.holds(row.case.context)]
    support = [row.case.id for row in inside if not row.right]
    label = _other(parent.label)
    child = replace(made(work.terms, work.encoder, state, work.event.at, label, condition, support), parent=parent.id)
    keep(state, child)
    traced(state, child.id, (parent.id,), "split", work.event.at, (row.case.id for row in inside))
    left = replace(changed(work.terms, parent), exceptions=tuple(sorted((*parent.exceptions, child.id))))
    evidence = state.evidence[parent.id]
    for decision in [one for one in evidence if condition.holds(state.cases[one].context)]:
        del evidence[decision]
    if judged(work.terms, state, left) in ("clear", "doubtful") and left.phase == "contested":
        left = replace(left, phase="shadow")
    put(state, left)
    work.changes.add("split", child.id, why)
    return True


def _other(label: Label) -> Label:
    return "allow" if label == "forbid" else "forbid"
