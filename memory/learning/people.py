"""What people do to abstractions: approve, reject, narrow, roll back. Each works at once, between two refreshes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..encoders import Encoder
from ..model import Abstraction, Approved, Edited, Rejected, State, Terms
from .changes import Changes
from .evidence import gather
from .gate import phase_of
from .index import LIVING, put
from .make import keep, made, name_of, traced


def approve(terms: Terms, state: State, event: Approved) -> Changes:
    """A dormant one lives again, and speaks if its gate was open when it was last read."""
    changes, abstraction = Changes(), state.abstractions.get(event.abstraction)
    if abstraction is None or abstraction.phase in ("retired", "contested"):
        changes.add("ignored", event.abstraction, "unknown")
        return changes
    if abstraction.version != event.version:
        changes.add("ignored", event.abstraction, "stale")
        return changes
    approved = replace(
        abstraction,
        approved=event.version,
        approved_by=event.by,
        narrows_to=event.narrows_to if abstraction.label == "forbid" else abstraction.narrows_to,
        phase=abstraction.phase if abstraction.phase in LIVING else "shadow",
    )
    if approved.reading is not None:
        approved = replace(approved, phase=phase_of(terms, approved, approved.reading))
    put(state, approved)
    changes.add("approved", event.abstraction, "person")
    return changes


def reject(state: State, event: Rejected) -> Changes:
    """For good: the same condition is not induced again. As an exception it keeps bounding its parent."""
    changes, abstraction = Changes(), state.abstractions.get(event.abstraction)
    if abstraction is None:
        changes.add("ignored", event.abstraction, "unknown")
        return changes
    put(state, replace(abstraction, phase="retired"))
    changes.add("retired", event.abstraction, "person")
    return changes


def narrow(terms: Terms, state: State, event: Edited, encoder: Encoder) -> Changes:
    """The narrower one has a name of its own, begins in the shadow without evidence, and the old one is retired."""
    changes, old = Changes(), state.abstractions.get(event.abstraction)
    if old is None or old.phase == "retired":
        changes.add("ignored", event.abstraction, "unknown")
        return changes
    if not event.condition.implies(old.condition) or event.condition == old.condition:
        changes.add("ignored", event.abstraction, "broader")
        return changes
    if name_of(old.label, event.condition) in state.abstractions:
        changes.add("ignored", event.abstraction, "exists")
        return changes
    support = [one for one in old.support if event.condition.holds(state.cases[one].context)]
    new = made(terms, encoder, state, event.at, old.label, event.condition, support)
    new = replace(new, exceptions=old.exceptions, parent=old.parent, rationale=event.rationale or old.rationale)
    keep(state, new)
    put(state, replace(old, phase="retired"))
    traced(state, new.id, (old.id,), "narrow", event.at, support)
    changes.add("narrowed", new.id, "person")
    return changes


def restore(terms: Terms, state: State, then: Sequence[Abstraction]) -> Changes:
    """`then` speaks again as it was; all else that lives sleeps. What a person rejected since stays away."""
    changes = Changes()
    merged = {parent for row in state.lineage if row.act in ("merge", "narrow") for parent in row.parents}
    kept = {one.id: one for one in then}
    for abstraction in list(state.abstractions.values()):
        rejected = abstraction.phase == "retired" and abstraction.id not in merged
        if abstraction.id in kept and not rejected:
            put(state, kept[abstraction.id])
            gather(terms, state, kept[abstraction.id])
            if kept[abstraction.id] != abstraction:
                changes.add("restored", abstraction.id, "person")
        elif abstraction.phase not in ("retired", "dormant"):
            put(state, replace(abstraction, phase="dormant", made=state.sequence, approved=None, approved_by=None))
            changes.add("dormant", abstraction.id, "rolled-back")
    return changes
