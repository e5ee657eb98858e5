"""How a State follows from its events: reports are taken in, refreshes learn, people approve and take away.

Word        what the reports on one decision come to: one label, one weight
Columns     the cases of a tool as bitsets
Candidate   a condition that failures have in common, with what it is worth
Work        what a pass is given besides the State
Changes     what a step changed, and why
Proposer    whoever suggests candidates from outside; never believed

Flow: fold -> step. Reported -> intake (weight before label, Case) -> evidence. Refreshed -> follow_policy and
follow_encoder, then the passes induce -> conflict -> split -> doubt -> merge -> gate -> expire, until none changes
anything.
Approved, Rejected, Edited, RolledBack -> people. Released -> intake, of a report that was held back. Retracted -> fold
without the reporter. text: canonical bytes, Snapshot.
"""

from __future__ import annotations

from .changes import Changes
from .fold import fold, step
from .propose import Proposer, proposals
from .text import canonical, snapshot_of

__all__ = ["Changes", "Proposer", "canonical", "fold", "proposals", "snapshot_of", "step"]
