"""`/v1/decide`: what would be decided. It counts, labels, records and approves nothing."""

from __future__ import annotations

from dataclasses import replace

from guardrail import Clock, Decision, Principal, ToolCall
from policy_dsl import encode_json

from .exchange import Caller, Whole
from .lines import BadLine, CallLine, answer, read_line
from .recorded import microseconds
from .services import Policy
from .sessions import SessionBook
from .wire import openai_error


class DryRun:
    """Decides one call line (docs/http.md) for the caller or another principal of its tenant: as the first call of a
    new run, with the counters of agents, users and tenants as they stand."""

    def __init__(self, policies: Policy, sessions: SessionBook, clock: Clock) -> None:
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
        return Whole(200, encode_json(answer(self._decided(line, self._principal(caller, line)))))

    @staticmethod
    def _principal(caller: Caller, line: CallLine) -> Principal:
        """The principal that was named, always in the caller's own tenant; the caller where none was."""
        if line.principal is None:
            return caller.principal
        return replace(line.principal, tenant=caller.principal.tenant)

    def _decided(self, line: CallLine, principal: Principal) -> Decision:
        guard = self._policies.current
        if line.arguments is None:
            return Decision("forbid", None, line.problem or "bad-json-arguments", None, (), guard.policy_hash)
        session = self._sessions.aside(principal, guard.plan)
        session.tick(microseconds(self._clock()) if line.at is None else line.at)
        return guard.decide(ToolCall(line.tool, line.arguments, line.call_id, line.server), session)
