"""Session policies drafted from what the user asked for: a file of `layer run` that can only tighten the operator's.

- ceiling: the operator's PolicySet; nothing a draft says lets a call through that the ceiling stops
- proposer: turns the user's own words and the catalogue's tools into restrictions; by entities (no model), or a model
- restriction: one thing a draft takes away: a tool, the values of an argument, the number of calls
- provenance: the user's words that caused a restriction; they stand in its `because`
- Draft: the file, its text, what is wrong with it, and whether it loads
- update: a draft in place of an earlier one; where it gives something back, a person decides

Only trusted text takes part: the user's words and the tools' schemas. No tool result is ever shown to a proposer. A
draft goes through the parser, the names and types of `check`, and the narrowing test, whoever wrote it. That test is
structural: a draft holds forbids, limits and requests for approval and nothing that grants, so it tightens by
construction (Progent v3 asks a solver the same question and reads a timeout as yes; here there is nothing to time out).

Flow: words -> entities.py, request.py -> entities_proposer.py | model.py (answer.py reads what the model said) ->
restrictions.py -> writing.py (a PolicyFile) -> drafting.py (Draft).
"""

from __future__ import annotations

from .drafting import Draft, DraftStatus, Proposer, draft, is_narrower
from .entities_proposer import propose_entities
from .model import ModelProposer
from .restrictions import Proposal, Restriction, Unproposable

__all__ = [
    "Draft",
    "DraftStatus",
    "ModelProposer",
    "Proposal",
    "Proposer",
    "Restriction",
    "Unproposable",
    "draft",
    "is_narrower",
    "propose_entities",
]
