"""The desk of `leastward decide`: lines in, decisions out, a Session per name and principal, perhaps a draft per name.

Whoever feeds the pipe says what happened, so an allowed call counts as released, and a result as observed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from time import time_ns
from typing import TYPE_CHECKING, Protocol

from guardrail import ANYONE, Decision, Guard, Judgement, Principal, Question, Session, ToolCall
from policy_dsl import PolicySet, compile_policy, encode_json
from policy_dsl.state import Shared, StatePlan

from ..judgements import question_of
from ..lines import BadLine, CallLine, ResultLine, UserLine, answer, read_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..propose import Proposer
    from ..recorded import Listening

BAD_LINE = '{"effect":"forbid","reason":"bad-line"}'


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a session's name is decided by."""

    guard: Guard
    plan: StatePlan

    @classmethod
    def of(cls, policy: PolicySet) -> _Rules:
        return cls(Guard(compile_policy(policy)), StatePlan(policy))


class Judging(Protocol):
    """The judge of a configuration, as far as a desk needs it: it answers before the next line is read."""

    def judge(self, question: Question) -> Judgement: ...

    def label_of(self, answer: object) -> str | None:
        """The label for a session that was told this, None for none."""
        ...


class Desk:
    """Takes lines one by one.

    A user's words belong to the session's name, whoever the calls of that session are made by. With a `proposer`, the
    words of a name also draft its session policy, anew with each line of the user's, because only they may widen it;
    where the draft is refused the operator's policy stands alone, and stderr says so. `listening` gives what decides
    with the memory of a tenant. `judging` is asked about each call that a rule grants subject to a judge, and
    looks into results.
    """

    def __init__(
        self,
        policy: PolicySet,
        proposer: Proposer | None = None,
        listening: Callable[[str], Listening] | None = None,
        judging: Judging | None = None,
    ) -> None:
        self.bad_lines = 0
        self._policy = policy
        self._proposer = proposer
        self._listening = listening
        self._judging = judging
        self._operators = _Rules.of(policy)
        self._rules: dict[str | None, _Rules] = {}
        self._words: dict[str | None, list[str]] = {}
        self._sessions: dict[tuple[str | None, str], Session] = {}
        self._last_caller: dict[str | None, Principal] = {}
        self._shared = Shared()

    def take(self, line: bytes | None) -> str | None:
        """The output line for an input line (None: it was too long), None for a line that gives none."""
        try:
            if line is None:
                raise BadLine("too long")
            read = read_line(line)
        except BadLine as error:
            self.bad_lines += 1
            print(f"leastward decide: bad line: {error}", file=sys.stderr)
            return BAD_LINE
        match read:
            case CallLine():
                return encode_json(answer(self._decide(read))).decode()
            case UserLine():
                self._listen(read)
            case ResultLine():
                self._learn(read)
        return None

    def _decide(self, line: CallLine) -> Decision:
        rules = self._rules_of(line.session)
        if line.arguments is None:
            # As the gate refuses such a call: without asking the Guard.
            reason = line.problem or "bad-json-arguments"
            return Decision("forbid", None, reason, None, (), rules.guard.policy_hash)
        principal = line.principal or ANYONE
        self._last_caller[line.session] = principal
        session = self._session(line.session, principal, line.at)
        call = ToolCall(line.tool, line.arguments, line.call_id, line.server)
        listening = None if self._listening is None else self._listening(principal.tenant or "")
        decision = _decided(rules.guard, call, session, listening)
        if decision.needs == "judge" and self._judging is not None:
            question = question_of(rules.guard, call, session, decision, listening)
            decision = _decided(rules.guard, call, session, listening, self._judging.judge(question))
        session.decided(call, decision)
        return decision

    def _listen(self, line: UserLine) -> None:
        words = self._words.setdefault(line.session, [])
        words.append(line.words)
        if self._proposer is not None:
            self._draft(line.session, "\n".join(words), self._proposer)
        for (name, _), session in self._sessions.items():
            if name == line.session:
                session.user_said((line.words,))
                session.adopt(self._rules_of(name).plan)

    def _draft(self, name: str | None, words: str, proposer: Proposer) -> None:
        from ..propose import draft

        drafted = draft(words, self._policy, self._policy.catalogue, proposer)
        for problem in drafted.problems:
            print(f"leastward decide: no session policy: {problem}", file=sys.stderr)
        self._rules[name] = _Rules.of(drafted.over(self._policy))

    def _learn(self, line: ResultLine) -> None:
        principal = line.principal or self._last_caller.get(line.session, ANYONE)
        session = self._session(line.session, principal, line.at)
        session.answered(
            line.call_id, line.result, observed=True, status=line.status, tool=line.tool, server=line.server
        )
        label = None if self._judging is None else self._judging.label_of(line.result)
        if label is not None:
            session.labelled(label)

    def _session(self, name: str | None, principal: Principal, at: int | None) -> Session:
        session = self._sessions.get((name, principal.key))
        if session is None:
            session = Session(principal, name or "", self._rules_of(name).plan, self._shared)
            session.user_said(self._words.get(name, ()))
            self._sessions[name, principal.key] = session
        session.held_by(principal)
        if at is not None:
            session.tick(at)
        elif session.facts.now == 0:
            # A line without a time is of now; after a line that has one, time stands still until the next.
            session.tick(time_ns() // 1_000)
        return session

    def _rules_of(self, name: str | None) -> _Rules:
        return self._rules.get(name, self._operators)


def _decided(
    guard: Guard, call: ToolCall, session: Session, listening: Listening | None, judged: Judgement | None = None
) -> Decision:
    if listening is None:
        return guard.decide(call, session, judged=judged)
    return listening.decide(guard, call, session, "", judged).decision
