"""The Guard (policy decision point): one call, one session, one Decision. Pure: no clock, no I/O, no global state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from policy_dsl import Outcome, Program, Reason
from policy_dsl.state import StatePlan

from .advised import LEARNED, SAID, Overreach, admitted
from .decision import Decision
from .model import ToolCall
from .ports import Experience
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

    def decide(
        self, call: ToolCall, session: Session, decision_id: str = "", experience: Experience | None = None
    ) -> Decision:
        """Decide `call` in `session`. Any error while deciding is a refusal with its own reason, never a pass.

        `decision_id` is what the Record will be known by, for messages that name it. `experience` is what memory knows
        at this moment; it is asked last, and only where it may speak.
        """
        version = 0
        try:
            if experience is not None and (type(version := experience.version) is not int or version < 0):
                version = 0
                raise Overreach("a snapshot without a version")
            if session.ended:
                return Decision("forbid", None, "session-ended", None, (), self.policy_hash, version)
            return self._decide(call, session, decision_id, experience, version)
        except Exception:
            # Floor of the house: whatever breaks in here must come out as a refusal. The gate logs the traceback.
            return Decision("forbid", None, "guard-error", None, (), self.policy_hash, version)

    def _decide(
        self, call: ToolCall, session: Session, decision_id: str, experience: Experience | None, version: int
    ) -> Decision:
        program, facts, arguments = self.program, session.facts, call.arguments
        rewritten: dict[str, Any] | None = None
        if self._rewrites and (rewriting := program.rewrite(call.tool, arguments, facts, call.server)) is not None:
            if rewriting.refusal is not None:
                return self._told(rewriting.refusal, call, session, arguments, decision_id, version)
            rewritten = rewriting.arguments or {}
            arguments = rewritten
        outcome = program.decide(call.tool, arguments, facts, call.server)
        decision = (
            _plain(outcome, self.policy_hash, version)
            if self._sayings.is_plain(outcome)
            else self._told(outcome, call, session, arguments, decision_id, version)
        )
        if rewritten is None and not self._shadows and experience is None:
            return decision
        shadow = program.shadow and program.shadow(call.tool, arguments, facts, call.server)
        if shadow is not None and (shadow.effect, shadow.rule) != (outcome.effect, outcome.rule):
            decision = msgspec.structs.replace(decision, shadow=(shadow.effect, shadow.rule))
        if rewritten is not None:
            decision = msgspec.structs.replace(decision, rewritten=True, arguments=rewritten)
        if experience is None:
            return decision
        return self._heard(experience, decision, outcome, call, session, arguments, decision_id)

    def _heard(
        self,
        experience: Experience,
        decision: Decision,
        outcome: Outcome,
        call: ToolCall,
        session: Session,
        arguments: Mapping[str, Any],
        decision_id: str,
    ) -> Decision:
        """The decision as memory leaves it: narrowed where the policy grants, opened up to the ceiling where nothing
        granted, and untouched everywhere else."""
        ceiling: Outcome | None = None
        if outcome.effect == "forbid":
            reached = self.program.ceiling if outcome.reason is Reason.NO_RULE else None
            if reached is None:
                return decision
            ceiling = reached(call.tool, arguments, session.facts, call.server)
            if ceiling.effect == "forbid":
                return decision
        answer = experience.advise(call, arguments, session.facts, outcome.effect, ceiling)
        if answer is None:
            return decision
        advised = admitted(answer, outcome.effect, None if ceiling is None else ceiling.effect)
        terms = None
        if ceiling is not None and ceiling.effect == "ask":  # who asks here is a written `require approval`
            terms = self._sayings.of(ceiling, call, arguments, session, decision_id).terms
        replace = msgspec.structs.replace
        return replace(
            decision,
            effect=advised.effect,
            rule=advised.abstraction,
            reason=LEARNED,
            message=SAID[advised.effect],
            ends_session=False,
            terms=terms,
            remaining=None,
            memory=replace(advised, base=outcome.effect, base_rule=outcome.rule, base_reason=outcome.reason.value),
        )

    def _told(
        self,
        outcome: Outcome,
        call: ToolCall,
        session: Session,
        arguments: Mapping[str, Any],
        decision_id: str,
        version: int,
    ) -> Decision:
        said = self._sayings.of(outcome, call, arguments, session, decision_id)
        return Decision(
            outcome.effect,
            outcome.rule,
            outcome.reason.value,
            said.message,
            outcome.errors,
            self.policy_hash,
            version,
            ends_session=said.ends_session,
            terms=said.terms,
            remaining=said.remaining,
        )


def _plain(outcome: Outcome, policy_hash: str, version: int) -> Decision:
    return Decision(
        outcome.effect, outcome.rule, outcome.reason.value, outcome.message, outcome.errors, policy_hash, version
    )
