"""Progent's own policies (arXiv 2504.11703), imported and replayed: the comparison that needs no model.

AgentDojo's authors give for each user task, and for most injection tasks, the calls that do it (evals/agentdojo,
truths). Progent's engine with the policies that it ships allows 91 of the 97 user tasks in full and refuses 25 of the
26 injections; the same policies, imported into this language and decided by this engine, must come to the same, task by
task. A data folder that keeps some injection tasks aside gives that many fewer.

Flow: policies of the data folder -> policy_dsl.importers -> guardrail.Guard -> truths -> counts.
"""

from __future__ import annotations

from .replay import Counts, imported, replay

__all__ = ["Counts", "imported", "replay"]
