"""What memory knows, as JSON trees for routes and verbs. Ids, counts and conditions; what reporters wrote is data."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from guardrail import instant
from memory import Abstraction, Evidence, GateReading, Lineage, Observed, Report, Snapshot
from memory.learning import Changes


def snapshot_tree(snapshot: Snapshot) -> dict[str, Any]:
    return {"version": snapshot.version, "digest": snapshot.digest, "policy_hash": snapshot.policy_hash}


def abstraction_tree(one: Abstraction) -> dict[str, Any]:
    """One learned rule in a list of them."""
    return {
        "id": one.id,
        "version": one.version,
        "label": one.label,
        "phase": one.phase,
        "tool": one.condition.tool,
        "condition": {attribute: list(values) for attribute, values in one.condition.tests},
        "narrows_to": one.narrows_to if one.label == "forbid" else None,
        "approved": one.approved,
        "approved_by": one.approved_by,
        "made_at": moment(one.made_at),
        "fired_at": moment(one.fired_at),
        "parent": one.parent,
        "exceptions": list(one.exceptions),
        "rationale": one.rationale,
        "support": len(one.support),
        "radius": one.radius,
        "encoder": one.encoder,
        "gate": None if one.reading is None else gate_tree(one.reading),
    }


def gate_tree(reading: GateReading) -> dict[str, Any]:
    return {
        "gate": reading.gate,
        "open": reading.open,
        "why": reading.why,
        "confirming": reading.confirming,
        "against": reading.against,
        "reporters": reading.reporters,
        "audits": reading.audits,
        "bound": reading.bound,
        "log_e": reading.log_e,
        "threshold": reading.threshold,
        "alpha": reading.alpha,
    }


def evidence_trees(evidence: Iterable[Evidence]) -> list[dict[str, Any]]:
    return [
        {
            "decision": one.decision,
            "at": moment(one.at),
            "right": one.right,
            "weight": one.weight,
            "reporters": list(one.reporters),
            "audit": one.audit,
        }
        for one in sorted(evidence, key=lambda one: one.sequence)
    ]


def lineage_trees(lineage: Iterable[Lineage]) -> list[dict[str, Any]]:
    return [{"child": one.child, "act": one.act, "parents": list(one.parents), "at": moment(one.at)} for one in lineage]


def report_tree(one: Report) -> dict[str, Any]:
    return {
        "at": moment(one.at),
        "reporter": one.reporter,
        "kind": one.kind,
        "should": one.label,
        "weight": one.weight,
        "standing": one.standing,
        "because": one.because,
    }


def report_trees(reports: Iterable[Report]) -> list[dict[str, Any]]:
    return [report_tree(one) for one in reports]


def observed_tree(observed: Observed) -> dict[str, Any]:
    """A decision that waits for a person: what they need to see of it."""
    context = observed.context
    return {
        "decision": observed.id,
        "at": moment(observed.at),
        "tool": context.tool,
        "context": dict(context.attributes),
        "words": context.words,
        "base": observed.base,
        "effect": observed.effect,
        "probability": observed.audited,
    }


def moment(at: int) -> str | None:
    """Microseconds since 1970 as RFC 3339; None for never."""
    return instant(datetime.fromtimestamp(at / 1_000_000, UTC)) if at else None


def changes_tree(tenant: str, snapshot: Snapshot, changes: Changes) -> dict[str, Any]:
    """What was changed by act, `[{"abstraction", "why"}]` each, and the same as lines for people."""
    acts = {act: [{"abstraction": name, "why": why} for name, why in done] for act, done in changes.acts.items()}
    return {
        "tenant": tenant,
        "snapshot": snapshot_tree(snapshot),
        "changes": acts,
        "summary": list(changes.lines()),
    }
