"""The Policy Decision Record: a Record as other systems read it, in a documented and versioned form.

The form is docs/schemas/policy-decision-record-1.json (JSON Schema 2020-12). It binds what was asked (the digest of the
arguments, the hash of the intent they were read as) to what decided (rule, policy hash, memory version) and to who
agreed (approvals), and names its place in the chain, so that a reader can ask for the row and check it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .chain import Row

FORMAT: Final = "leastward/policy-decision-record/1"


def exported(row: Row, body: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the chain and the members of its body, of chain version 1 to 4. For Records, not opening rows."""
    return {
        "format": FORMAT,
        "id": body["id"],
        "kind": body["kind"],
        "at": body["at"],
        "principal": {part: body[part] for part in ("tenant", "agent", "user", "roles")},
        "run": body["run"],
        "call": None
        if body["tool"] is None
        else {
            "door": body["door"],
            "tool": body["tool"],
            "call_id": body["call_id"],
            "arguments": body["arguments"],
            "released": body.get("released"),
            "intent": body.get("intent"),
        },
        "decision": {
            "effect": body["effect"],
            "rule": body["rule"],
            "reason": body["reason"],
            "errors": body["errors"],
            "shadow": body.get("shadow"),
            "ends_session": body.get("ends_session", False),
            "approvals": body.get("approvals", []),
            "memory": body.get("memory"),
            "judge": body.get("judge"),
        },
        "decided_by": {
            "policy_hash": body["policy_hash"],
            "memory_version": body["memory_version"],
            "mode": body["mode"],
            "text_calls": body["text_calls"],
        },
        "model": {"upstream": body["upstream"], "name": body["model"]},
        "act": body.get("act"),
        "chain": {
            "incarnation": body["incarnation"],
            "sequence": body["sequence"],
            "position": row.position,
            "link": row.link.hex(),
        },
    }
