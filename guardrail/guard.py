"""The Guard (policy decision point): one call, one session, one Decision. Pure: no clock, no I/O, no global state."""

from __future__ import annotations

from policy_dsl import Outcome, Program

from .decision import Decision
from .model import ToolCall
from .session import Session


class Guard:
    """Decides by one compiled PolicySet, for as long as it lives. A new policy is a new Guard."""

    __slots__ = ("policy_hash", "program")

    def __init__(self, program: Program) -> None:
        self.program = program
        self.policy_hash = program.policy_hash

    def decide(self, call: ToolCall, session: Session) -> Decision:
        """Decide `call` in `session`. Any error while deciding is a refusal with its own reason, never a pass."""
        try:
            outcome = self.program.decide(call.tool, call.arguments, session.facts, call.server)
        except Exception:
            # Floor of the house: whatever breaks in here must come out as a refusal. The gate logs the traceback.
            return Decision("forbid", None, "guard-error", None, (), self.policy_hash)
        return _decision(outcome, self.policy_hash)


def _decision(outcome: Outcome, policy_hash: str) -> Decision:
    return Decision(outcome.effect, outcome.rule, outcome.reason.value, outcome.message, outcome.errors, policy_hash)
