"""What passes between the HTTP edge and the gate behind it: who calls, in which run, and the answer that leaves.

The edge (app.py) turns an HTTP request into a Caller, a Run and a body; gate.py turns these into an Answer. Neither
knows the other's insides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from guardrail import Principal


class Scope(StrEnum):
    """What an API key may do (design: Authority). An agent needs `call`; the others are for people and tools."""

    CALL = "call"
    RUNS = "runs"
    REPORT = "report"
    APPROVE = "approve"
    DECIDE = "decide"
    POLICY = "policy"
    AUDIT = "audit"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified key's owner. `speaks_for_user` lets the user messages it sends count as the user's own words."""

    principal: Principal
    scopes: frozenset[Scope]
    key_id: str
    speaks_for_user: bool = False

    @property
    def tenant(self) -> str:
        return self.principal.tenant or ""


class Whole(msgspec.Struct, frozen=True):
    """A complete answer. `headers` have lower-case names; content-length is the edge's business."""

    status: int
    body: bytes
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer in parts. The edge sends each part at once and closes the iterator when the client leaves."""

    status: int
    parts: AsyncIterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream"


Answer = Whole | Streamed
