"""Session policies at the gate: drafted from the user's own words when a run begins, and anew when the user says more.

Only words that a key with `speaks for user` sent are drafted from. A draft stands below the operator's files and can
only tighten them (server/propose). Where it is refused, the operator's policy stands alone; where a model's new draft
would give back what its earlier one took, the earlier one stays until a person decides.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from guardrail import Guard
from policy_dsl import PolicySet, compile_policy

from .logs import fields
from .propose import Draft, Proposer, draft, propose_entities
from .sessions import RunState

LOG = logging.getLogger("leastward.gate")


@dataclass(frozen=True, slots=True)
class Drafted:
    """The Guard of one run: by which operator's policy and words it was drafted, and the draft that loaded."""

    policy_hash: str
    words: tuple[str, ...]
    guard: Guard
    draft: Draft | None


class SessionPolicies:
    """Drafts with one proposer. Drafting runs beside the event loop: a model may take its time."""

    def __init__(self, proposer: Proposer) -> None:
        self._proposer = proposer
        self._is_free = proposer is propose_entities

    async def guard(self, state: RunState, operators: Guard) -> Guard:
        """The Guard of this run under the operator's policy of this moment."""
        words = state.session.facts.user_words
        before = state.drafted
        if before is not None and (before.policy_hash, before.words) == (operators.policy_hash, words):
            return before.guard
        if not words:
            return operators
        state.drafted = await asyncio.to_thread(self._drafted, operators, words, before)
        return state.drafted.guard

    def _drafted(self, operators: Guard, words: tuple[str, ...], before: Drafted | None) -> Drafted:
        policy: PolicySet = operators.program.policy
        # Entities are the user's own words and nothing else; a model may be wrong about them, so it can only take more.
        earlier = None if self._is_free or before is None else before.draft
        drafted = draft("\n".join(words), policy, policy.catalogue, self._proposer, instead_of=earlier)
        if drafted.status == "waits":
            LOG.warning("session-policy-waits", extra=fields(problems=list(drafted.problems)))
            drafted = earlier or drafted
        elif drafted.problems:
            LOG.warning("session-policy-refused", extra=fields(problems=list(drafted.problems)))
        loads = drafted.status == "loads" and drafted.file is not None
        guard = Guard(compile_policy(drafted.over(policy))) if loads else operators
        return Drafted(operators.policy_hash, words, guard, drafted if loads else None)
