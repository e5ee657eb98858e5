"""A State as bytes that are equal where the states are, and the Snapshot that is published of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from ..model import Abstraction, Context, Snapshot, State


def canonical(state: State) -> bytes:
    """Sorted JSON of all that a tenant's memory knows. Left out are the counters of the log and of what was published
    (`sequence`, `snapshot`), which grow without anything being learned, and the index."""
    return _bytes(
        {
            "tenant": state.tenant,
            "policy_hash": state.policy_hash,
            "reports": [asdict(one) for one in state.reports],
            "cases": {key: asdict(one) for key, one in state.cases.items()},
            "abstractions": {key: asdict(one) for key, one in state.abstractions.items()},
            "evidence": {
                key: {decision: asdict(one) for decision, one in rows.items()}
                for key, rows in state.evidence.items()
                if rows
            },
            "lineage": [asdict(one) for one in state.lineage],
            "made": state.made,
            "trust": {key: one for key, one in state.trust.items() if one != (0.0, 0.0)},
            "audited": state.audited,
        }
    )


def snapshot_of(state: State, version: int | None = None) -> Snapshot:
    """What may fire of this State: what lives or is contested, and the exceptions that bound it, of whatever phase.

    Without `version` it is the one that the State was last published under. The digest is of what is said, not of the
    version: two snapshots with one digest decide alike.
    """
    shown = {one.id for one in state.abstractions.values() if one.phase not in ("retired", "dormant")}
    pending = list(shown)
    while pending:
        for one in state.abstractions[pending.pop()].exceptions:
            if one not in shown and one in state.abstractions:
                shown.add(one)
                pending.append(one)
    abstractions = tuple(state.abstractions[one] for one in sorted(shown))
    supports = {one: state.cases[one].context for one in sorted({case for one in abstractions for case in one.support})}
    return Snapshot(
        tenant=state.tenant,
        version=state.snapshot if version is None else version,
        policy_hash=state.policy_hash,
        abstractions=abstractions,
        supports=supports,
        digest=_digest(state, abstractions, supports),
    )


def _digest(state: State, abstractions: tuple[Abstraction, ...], supports: dict[str, Context]) -> str:
    """Of the JSON list of tenant, policy, abstractions, contexts and their ids, piece by piece: with five thousand
    supports the whole text and its tree are 30 MB."""
    digest = hashlib.sha256(b"[" + _bytes(state.tenant) + b"," + _bytes(state.policy_hash))
    for values in (map(asdict, abstractions), map(asdict, supports.values()), supports):
        before = b",["
        for value in values:
            digest.update(before + _bytes(value))
            before = b","
        digest.update(b"]" if before == b"," else b",[]")
    digest.update(b"]")
    return digest.hexdigest()


def _bytes(tree: Any) -> bytes:
    return json.dumps(tree, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()
