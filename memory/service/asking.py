"""Why memory says what it says: of one decision, of one abstraction, and what folding history anew changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..learning import Changes
from ..model import Abstraction, Case, Evidence, Lineage, Report
from ..store import Read, Store, Version


@dataclass(frozen=True, slots=True)
class Shown:
    """One abstraction: every version it had, every reading of its gate, all evidence, and where it comes from."""

    versions: tuple[Version, ...]
    readings: tuple[Read, ...]
    evidence: tuple[Evidence, ...]
    lineage: tuple[Lineage, ...]

    @property
    def abstraction(self) -> Abstraction:
        """The version in force, or the last one that was."""
        return self.versions[-1].abstraction

    @property
    def is_in_force(self) -> bool:
        return self.versions[-1].until is None


@dataclass(frozen=True, slots=True)
class Explained:
    """What was said of one decision and what came of it, as of the last change of the State.

    `case` holds what the decision was made in and what the base said; None where every report on it was retracted or
    is not folded yet. `grounds` are the abstractions that it is evidence for or that were induced from it.
    """

    decision: str
    case: Case | None
    reports: tuple[Report, ...]
    evidence: tuple[Evidence, ...]
    grounds: tuple[Shown, ...]


def show(store: Store, tenant: str, abstraction: str) -> Shown | None:
    versions = store.versions(tenant, abstraction)
    if not versions:
        return None
    readings, evidence = store.readings(tenant, abstraction), store.evidence(tenant, abstraction)
    return Shown(versions, readings, evidence, store.lineage(tenant, abstraction))


def explain(store: Store, tenant: str, decision: str) -> Explained | None:
    case, reports, evidence = store.said(tenant, decision)
    if not reports:
        return None
    induced = [one.id for one in store.abstractions(tenant) if decision in one.support]
    names = dict.fromkeys([*(one.abstraction for one in evidence), *induced])
    grounds = [shown for name in names if (shown := show(store, tenant, name)) is not None]
    return Explained(decision, case, reports, evidence, tuple(grounds))


def differences(before: Mapping[str, Abstraction], after: Mapping[str, Abstraction], why: str) -> Changes:
    """What folding history anew changed: what is gone, what is new, what began or ceased to speak."""
    changes = Changes()
    for id_ in sorted(before.keys() | after.keys()):
        old, new = before.get(id_), after.get(id_)
        if old is None:
            changes.add("induced", id_, why)
        elif new is None:
            changes.add("retired", id_, why)
        elif (old.phase == "active") != (new.phase == "active"):
            changes.add("opened" if new.phase == "active" else "closed", id_, why)
    return changes
