"""Memory behind the gate: imported only where the settings turn it on.

Recollection  all of it behind a running gate (opening.py)
Tenants       the snapshots in force, one for each tenant
Speaking      decides with a snapshot, and keeps what the decision was made in (Listening)
draw          which decisions a person is to look at, with a known probability
ReviewDesk    where people report, audit, read and decide; behind routes and verbs alike
Refresher     the gate's own refreshes
proposal, trial   what `check`, `diff` and recorded traffic say of a learned rule before a person approves it

Flow: call -> Listening.decide (Guard + Voice) -> Record, with the context beside it -> report by its id -> observed ->
memory.service -> refresh -> snapshot -> Tenants -> the next decision.
"""

from __future__ import annotations

from .address import address_of
from .opening import Recollection, listening_at, open_memory, open_review_desk
from .review_desk import ReviewDesk
from .tenants import MemoryTrouble

__all__ = [
    "MemoryTrouble",
    "Recollection",
    "ReviewDesk",
    "address_of",
    "listening_at",
    "open_memory",
    "open_review_desk",
]
