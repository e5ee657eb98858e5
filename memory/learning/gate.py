"""Sixth pass: read every gate, and let what it says decide who speaks.

Label forbid speaks as soon as its gate is open: it only narrows. Label allow waits, pending, for a person's approval of
this version. Either falls silent at once when its gate closes. Contested and dormant ones are not read.

The beta gate reads its bound at `Terms.alpha`: it claims no level over its own readings, so there is none to share
out. For e-process gates alpha is spent, in the order in which abstractions come to be worth reading, not in that in
which they were made: most never fire again, and each would make every later gate harder to open. What makes one worth
reading is how much evidence it has, whatever it says, so that the order does not depend on outcomes. Before that no
gate can open anyway: at the first share of 0.05 and threshold 0.6 it takes six whole confirmations.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .. import gates
from ..model import Abstraction, GateName, GateReading, Phase, State, Terms
from .index import living
from .make import Work, supported

_WORTH_READING: Final = 4.0
"""Weight of evidence, for and against."""


def gate(work: Work, state: State) -> None:
    for abstraction in living(state):
        _read(work, state, _numbered(work.terms, state, abstraction))


def _numbered(terms: Terms, state: State, abstraction: Abstraction) -> Abstraction:
    """With its share of alpha, once it is worth reading."""
    if gate_of(terms, abstraction) == "beta":
        return replace(abstraction, alpha=terms.alpha)
    weights = [one.weight for one in state.evidence.get(abstraction.id, {}).values()]
    if abstraction.alpha > 0.0 or sum(sorted(weights)) < _WORTH_READING:
        return abstraction
    state.made += 1
    return replace(abstraction, alpha=gates.alpha_spent(terms.alpha, state.made))


def gate_of(terms: Terms, abstraction: Abstraction) -> GateName:
    return terms.allow_gate if abstraction.label == "allow" else terms.forbid_gate


def _read(work: Work, state: State, abstraction: Abstraction) -> None:
    evidence = [state.evidence.get(abstraction.id, {})[one] for one in sorted(state.evidence.get(abstraction.id, {}))]
    was_open = abstraction.reading is not None and abstraction.reading.open
    # Until alpha is spent, people are shown what the gate would say at the next share; it opens for nobody.
    alpha = abstraction.alpha or gates.alpha_spent(work.terms.alpha, state.made + 1)
    reading = gates.read_gate(evidence, abstraction.label, alpha, work.terms, work.event.at, was_open)
    if abstraction.alpha == 0.0 and reading.open:
        reading = replace(reading, open=False, why="few-cases")
    phase = phase_of(work.terms, abstraction, reading)
    if abstraction.label == "forbid" or (abstraction.phase == "shadow" and phase == "shadow"):
        # What an approved widening reaches stays what the person saw.
        confirmed = [one.decision for one in evidence if one.right]
        abstraction = supported(work, state, abstraction, (*abstraction.support, *confirmed))
    if reading.open and not was_open:
        work.changes.add("opened", abstraction.id, "needs-approval" if phase == "pending" else reading.why)
    if was_open and not reading.open:
        work.changes.add("closed", abstraction.id, reading.why)
    state.abstractions[abstraction.id] = replace(abstraction, reading=reading, phase=phase)


def phase_of(terms: Terms, abstraction: Abstraction, reading: GateReading) -> Phase:
    """Of one that lives."""
    if not reading.open:
        return "shadow"
    needs = abstraction.label == "allow" and terms.approval_for_allow
    return "pending" if needs and abstraction.approved != abstraction.version else "active"
