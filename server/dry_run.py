"""`/v1/decide`: what would be decided. It counts, labels, records and approves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from guardrail import Clock, Decision, Guard, Judge, Judgement, Principal, Session, ToolCall
from policy_dsl import encode_json

from .exchange import Caller, Whole
from .judgements import question_of
from .lines import BadLine, CallLine, answer, read_line
from .policies import Policy
from .recorded import Listening, Listens, microseconds
from .sessions import SessionBook
from .wire import openai_error

_NO_ID: Final = ""
"""A decision that is not recorded has none."""


class DryRun:
    """Decides one call line (docs/http.md) for the caller or another principal of its tenant: as the first call of a
    new run, with the counters of agents, users and tenants as they stand, and with what memory knows of the tenant.

    A judge that the gate has is asked where the policy wants him; nothing of his answer is kept.

    What memory would have kept beside a Record is dropped, and whether it would have been drawn for audit: neither can
    be reported on."""

    def __init__(
        self,
        policies: Policy,
        sessions: SessionBook,
        clock: Clock,
        memory: Listens | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._memory = memory
        self._judge = judge
        self._policies = policies
        self._sessions = sessions
        self._clock = clock

    async def __call__(self, caller: Caller, body: bytes) -> Whole:
        try:
            line = read_line(body)
        except BadLine as error:
            return Whole(400, openai_error(400, str(error), code="bad-line"))
        if not isinstance(line, CallLine):
            return Whole(400, openai_error(400, "the body is not a call: `tool` and `args`", code="bad-line"))
        listening = None if self._memory is None else await self._memory.of(caller.tenant)
        return Whole(200, encode_json(answer(await self._decided(line, self._principal(caller, line), listening))))

    @staticmethod
    def _principal(caller: Caller, line: CallLine) -> Principal:
        """The principal that was named, always in the caller's own tenant; the caller where none was."""
        if line.principal is None:
            return caller.principal
        return replace(line.principal, tenant=caller.principal.tenant)

    async def _decided(self, line: CallLine, principal: Principal, listening: Listening | None) -> Decision:
        guard = self._policies.current
        if line.arguments is None:
            return Decision("forbid", None, line.problem or "bad-json-arguments", None, (), guard.policy_hash)
        session = self._sessions.aside(principal, guard.plan)
        session.tick(microseconds(self._clock()) if line.at is None else line.at)
        call = ToolCall(line.tool, line.arguments, line.call_id, line.server)
        decision = _decision(guard, call, session, listening, None)
        if decision.needs != "judge" or self._judge is None:
            return decision
        question = question_of(guard, call, session, decision, listening)
        return _decision(guard, call, session, listening, await self._judge.judge(question))


def _decision(
    guard: Guard, call: ToolCall, session: Session, listening: Listening | None, judged: Judgement | None
) -> Decision:
    if listening is None:
        return guard.decide(call, session, judged=judged)
    return listening.decide(guard, call, session, _NO_ID, judged).decision
