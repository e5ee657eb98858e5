"""The Guard (policy decision point): one call, one session, one Decision. Pure: no clock, no I/O, no global state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from policy_dsl import Outcome, Program
from policy_dsl.state import StatePlan

from .decision import Decision
from .model import ToolCall
from .redaction import Redactions
from .sayings import Sayings
from .session import Session


class Guard:
    """Decides by one compiled PolicySet, for as long as it lives. A new policy is a new Guard.

    `plan` is what its Sessions have to remember (`Session.adopt`), `redactions` what of results nobody is to read.
    """

    __slots__ = ("_rewrites", "_sayings", "_shadows", "plan", "policy_hash", "program", "redactions")

    def __init__(self, program: Program) -> None:
        self.program = program
        self.policy_hash = program.policy_hash
        policy = program.policy
        self.plan = StatePlan(policy)
        self.redactions = Redactions(policy)
        self._sayings = Sayings(policy)
        self._rewrites = any(not rewrite.shadow for rewrite in policy.rewrites.values())
        self._shadows = program.shadow is not None

    def decide(self, call: ToolCall, session: Session, decision_id: str = "") -> Decision:
        """Decide `call` in `session`. Any error while deciding is a refusal with its own reason, never a pass.

        `decision_id` is what the Record will be known by, for messages that name it.
        """
        if session.ended:
            return Decision("forbid", None, "session-ended", None, (), self.policy_hash)
        try:
            return self._decide(call, session, decision_id)
        except Exception:
            # Floor of the house: whatever breaks in here must come out as a refusal. The gate logs the traceback.
            return Decision("forbid", None, "guard-error", None, (), self.policy_hash)

    def _decide(self, call: ToolCall, session: Session, decision_id: str) -> Decision:
        program, facts, arguments = self.program, session.facts, call.arguments
        rewritten: dict[str, Any] | None = None
        if self._rewrites and (rewriting := program.rewrite(call.tool, arguments, facts, call.server)) is not None:
            if rewriting.refusal is not None:
                return self._told(rewriting.refusal, call, session, arguments, decision_id)
            rewritten = rewriting.arguments or {}
            arguments = rewritten
        outcome = program.decide(call.tool, arguments, facts, call.server)
        if rewritten is None and not self._shadows and self._sayings.is_plain(outcome):
            return _plain(outcome, self.policy_hash)
        decision = self._told(outcome, call, session, arguments, decision_id)
        shadow = program.shadow and program.shadow(call.tool, arguments, facts, call.server)
        if shadow is not None and (shadow.effect, shadow.rule) != (outcome.effect, outcome.rule):
            decision = msgspec.structs.replace(decision, shadow=(shadow.effect, shadow.rule))
        if rewritten is not None:
            decision = msgspec.structs.replace(decision, rewritten=True, arguments=rewritten)
        return decision

    def _told(
        self, outcome: Outcome, call: ToolCall, session: Session, arguments: Mapping[str, Any], decision_id: str
    ) -> Decision:
        said = self._sayings.of(outcome, call, arguments, session, decision_id)
        return Decision(
            outcome.effect,
            outcome.rule,
            outcome.reason.value,
            said.message,
            outcome.errors,
            self.policy_hash,
            ends_session=said.ends_session,
            terms=said.terms,
            remaining=said.remaining,
        )


def _plain(outcome: Outcome, policy_hash: str) -> Decision:
    return Decision(outcome.effect, outcome.rule, outcome.reason.value, outcome.message, outcome.errors, policy_hash)
