"""What failure reports taught: evidence, abstraction, gate.

Context      what a decision was made in: typed attributes, each spelled as a condition of the language, and free text
Observed     one Decision as memory is told of it
Report       a user's account of a failure; its weight is fixed before its label is read
Case         a decision that was reported on
Abstraction  a generalised rule that owns Evidence; local ones are carved out of broad ones as their exceptions
Gate         what must be open before an Abstraction speaks: a posterior's lower bound, or an e-process
Snapshot     all that may speak, immutable; Voice makes it an Experience of the Guard

Flow: Observed + Report -> event (service/, store/) -> State (learning/: fold, then induce, conflict, split, merge,
gate, expire) -> Snapshot -> Voice (voice/) -> Advice -> Decision. A State is a pure function of its events, so that a
reporter can be taken out of history and every refresh can be replayed.

After arXiv 2605.14454 (LiSA), of which only the abstract was to be read; the mathematics is docs/memory-mathematics.md.
"""

from __future__ import annotations

from .model import (
    Abstraction,
    Advice,
    Approved,
    Case,
    Condition,
    Context,
    Edited,
    Effect,
    Event,
    Evidence,
    GateName,
    GateReading,
    Label,
    Lineage,
    Observed,
    Phase,
    Proposal,
    Refreshed,
    Rejected,
    Released,
    Report,
    Reported,
    Reporter,
    ReporterKind,
    Retracted,
    RolledBack,
    Snapshot,
    Standing,
    State,
    Terms,
)

__all__ = [
    "Abstraction",
    "Advice",
    "Approved",
    "Case",
    "Condition",
    "Context",
    "Edited",
    "Effect",
    "Event",
    "Evidence",
    "GateName",
    "GateReading",
    "Label",
    "Lineage",
    "Observed",
    "Phase",
    "Proposal",
    "Refreshed",
    "Rejected",
    "Released",
    "Report",
    "Reported",
    "Reporter",
    "ReporterKind",
    "Retracted",
    "RolledBack",
    "Snapshot",
    "Standing",
    "State",
    "Terms",
]
