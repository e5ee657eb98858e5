"""Second pass: whose cases hold both labels beyond what flips explain says nothing until they are told apart.

An abstraction against which its own evidence speaks without mixture is refuted and falls asleep; its failures from now
on may have it induced again. A contested one that has become clear goes back to the shadow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Literal

from .. import gates
from ..model import Abstraction, Evidence, State, Terms
from .index import LIVING
from .make import Work, changed, slept

_LEAST: Final = 5
"""Cases before anything is said of a region (memory.md 3)."""


def conflict(work: Work, state: State) -> None:
    for one in sorted(state.abstractions):
        abstraction = state.abstractions[one]
        if abstraction.phase not in LIVING and abstraction.phase != "contested":
            continue
        region = judged(work.terms, state, abstraction)
        if region == "mixed" and abstraction.phase != "contested":
            state.abstractions[one] = replace(changed(work.terms, abstraction), phase="contested")
            work.changes.add("contested", one, "mixed")
        elif region == "refuted":
            state.abstractions[one] = slept(work.terms, state, abstraction, anew=True)
            work.changes.add("dormant", one, "refuted")
        elif region == "clear" and abstraction.phase == "contested":
            state.abstractions[one] = replace(abstraction, phase="shadow")
            work.changes.add("revived", one, "unmixed")


Region = Literal["clear", "doubtful", "mixed", "refuted"]


def judged(terms: Terms, state: State, abstraction: Abstraction) -> Region:
    """`doubtful` is no longer significantly mixed, but still more mixed than flips make a region on average.

    What one reporter alone makes mixed or refutes is neither: leaving anyone but an auditor out, it must stay so.
    """
    pieces = sorted(state.evidence.get(abstraction.id, {}).values(), key=lambda one: one.decision)
    right, wrong = counts(terms, pieces)
    region = _region(terms, right, wrong)
    if region in ("clear", "doubtful"):
        return region
    alone: dict[str, list[Evidence]] = {}
    for one in pieces:
        if not one.audit and len(one.reporters) == 1:
            alone.setdefault(one.reporters[0], []).append(one)
    for own in alone.values():
        without_right, without_wrong = counts(terms, own)
        if _region(terms, right - without_right, wrong - without_wrong) in ("clear", "doubtful"):
            return "doubtful"
    return region


def _region(terms: Terms, right: float, wrong: float) -> Region:
    if gates.mixed(max(right, wrong), min(right, wrong), terms.flips):
        return "mixed"
    if wrong > right and right + wrong >= _LEAST:
        return "refuted"
    return "doubtful" if wrong > terms.flips * (right + wrong) else "clear"


def counts(terms: Terms, pieces: Iterable[Evidence]) -> tuple[float, float]:
    """Evidence for and against, in cases: one from an auditor or a user of full trust is a whole case, one from a user
    whom no auditor knows yet is less, so that new names contest no rule cheaply."""
    found = {True: 0.0, False: 0.0}
    for one in sorted(pieces, key=lambda one: one.decision):
        found[one.right] += min(1.0, one.weight / terms.report_weight)
    return found[True], found[False]
