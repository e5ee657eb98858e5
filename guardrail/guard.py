"""The Guard (policy decision point): one call, one session, one Decision. Pure: no clock, no I/O, no global state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from policy_dsl import Outcome, Program, Reason
from policy_dsl.state import StatePlan

from .advised import LEARNED, SAID, Advised, Overreach, admitted
from .decision import AskTerms, Decision
from .judging import JUDGED, NEEDS_JUDGE, STRICTNESS, Judged, Judgement, Question, about, stricter
from .judging import SAID as SAID_OF_JUDGE
from .judging import admitted as admitted_judgement
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
        self._sayings = Sayings(program)
        self._rewrites = any(not rewrite.shadow for rewrite in policy.rewrites.values())
        self._shadows = program.shadow is not None

    def decide(
        self,
        call: ToolCall,
        session: Session,
        decision_id: str = "",
        experience: Experience | None = None,
        judged: Judgement | None = None,
    ) -> Decision:
        """Decide `call` in `session`. Any error while deciding is a refusal with its own reason, never a pass.

        `decision_id` is what the Record will be known by, for messages that name it. `experience` is what memory knows
        at this moment; it is asked last, and only where it may speak. `judged` is a judge's answer to the question that
        a Decision with `needs` asks; one about another call counts for nothing.
        """
        version = 0
        try:
            if experience is not None and (type(version := experience.version) is not int or version < 0):
                version = 0
                raise Overreach("a snapshot without a version")
            if session.ended:
                return Decision("forbid", None, "session-ended", None, (), self.policy_hash, version)
            return self._decide(call, session, decision_id, experience, version, judged)
        except Exception:
            # Floor of the house: whatever breaks in here must come out as a refusal. The gate logs the traceback.
            return Decision("forbid", None, "guard-error", None, (), self.policy_hash, version)

    def question(self, call: ToolCall, session: Session, decision: Decision) -> Question:
        """What a judge is to be asked, for a Decision on `call` that needs one."""
        arguments = call.arguments if decision.arguments is None else decision.arguments
        facts = session.facts
        return Question(
            about(call.server, call.tool, arguments),
            call.tool,
            call.server,
            arguments,
            tenant=facts.tenant,
            user_words=facts.user_words,
            labels=tuple(sorted(name for name, _ in facts.history.labels)),
        )

    def _decide(
        self,
        call: ToolCall,
        session: Session,
        decision_id: str,
        experience: Experience | None,
        version: int,
        judged: Judgement | None,
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
        if outcome.subject is not None:
            decision = _judged(decision, call, arguments, judged)
        if rewritten is None and not self._shadows and experience is None:
            return decision
        shadow = program.shadow and program.shadow(call.tool, arguments, facts, call.server)
        if shadow is not None and (shadow.effect, shadow.rule) != (outcome.effect, outcome.rule):
            decision = msgspec.structs.replace(decision, shadow=(shadow.effect, shadow.rule))
        if rewritten is not None:
            decision = msgspec.structs.replace(decision, rewritten=True, arguments=rewritten)
        if experience is None or decision.needs is not None:
            return decision
        heard, ceiling = self._heard(experience, decision, outcome, call, session, arguments, decision_id)
        if ceiling is None or ceiling.subject is None or ceiling is outcome:
            return heard
        # What memory opens where nothing granted passes the judge of a lower layer, whom nothing overturns there.
        return _judged(heard, call, arguments, judged)

    def _heard(
        self,
        experience: Experience,
        decision: Decision,
        outcome: Outcome,
        call: ToolCall,
        session: Session,
        arguments: Mapping[str, Any],
        decision_id: str,
    ) -> tuple[Decision, Outcome | None]:
        """The decision as memory leaves it: narrowed where it grants, opened up to the ceiling where nothing granted or
        where memory may overturn the judge, and untouched everywhere else. With the ceiling up to which it opened."""
        facts = session.facts
        ceiling = self._ceiling(decision, outcome, call, arguments, session)
        if ceiling is not None:
            answer = experience.advise(call, arguments, facts, "forbid", ceiling)
            if answer is not None:
                advised = admitted(answer, "forbid", ceiling.effect)
                if STRICTNESS[advised.effect] < STRICTNESS[decision.effect]:
                    opened = ceiling is not outcome
                    said = self._sayings.of(ceiling, call, arguments, session, decision_id, opened=opened)
                    return _learned(decision, advised, said.terms), ceiling
        if decision.effect == "forbid":
            return decision, None
        answer = experience.advise(call, arguments, facts, decision.effect, None)
        if answer is None:
            return decision, None
        return _learned(decision, admitted(answer, decision.effect, None), None), None

    def _ceiling(
        self, decision: Decision, outcome: Outcome, call: ToolCall, arguments: Mapping[str, Any], session: Session
    ) -> Outcome | None:
        """What memory may open at most: what the `learnable` statements would grant where nothing granted the call, and
        what the policy does grant where the judge narrowed it and memory may overturn him. None where it is nothing."""
        if decision.effect != outcome.effect:
            return outcome if outcome.subject == "judge, learnable" else None
        if outcome.effect != "forbid" or outcome.reason is not Reason.NO_RULE or self.program.ceiling is None:
            return None
        ceiling = self.program.ceiling(call.tool, arguments, session.facts, call.server)
        return None if ceiling.effect == "forbid" else ceiling

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


def _judged(decision: Decision, call: ToolCall, arguments: Mapping[str, Any], judged: Judgement | None) -> Decision:
    """What a grant that is subject to a judge comes to: a refusal until he was asked about this very call, then no more
    than he allows."""
    if decision.effect == "forbid":
        return decision
    replace = msgspec.structs.replace
    if judged is None or judged.about != about(call.server, call.tool, arguments):
        return replace(
            decision, effect="forbid", reason=NEEDS_JUDGE, message=None, terms=None, remaining=None, needs="judge"
        )
    said = admitted_judgement(judged)
    answer = Judged(
        base=decision.effect,
        effect=said.effect,
        failed=said.failed,
        judges=said.judges,
        objections=said.objections,
    )
    effect = stricter(decision.effect, said.effect)
    if effect == decision.effect:
        return replace(decision, judge=answer)
    return replace(
        decision, effect=effect, reason=JUDGED, message=SAID_OF_JUDGE[effect], terms=None, remaining=None, judge=answer
    )


def _learned(decision: Decision, advised: Advised, terms: AskTerms | None) -> Decision:
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
        memory=replace(advised, base=decision.effect, base_rule=decision.rule, base_reason=decision.reason),
    )


def _plain(outcome: Outcome, policy_hash: str, version: int) -> Decision:
    return Decision(
        outcome.effect, outcome.rule, outcome.reason.value, outcome.message, outcome.errors, policy_hash, version
    )
