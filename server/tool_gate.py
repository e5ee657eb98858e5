"""The choke point of the doors behind which tools themselves stand: MCP servers, HTTP tools, the gate in process.

One call: decide and record -> run it, only if it was allowed and its Record is durable -> tell the Session what came
back, before anybody reads it. Here the gate sees the answer itself, so what a rule asks of it is observed, not claimed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

from guardrail import Guard, Redactions, ToolCall
from policy_dsl import Tool, strict_json

from .exchange import Caller
from .recorded import RecordedDecisions
from .recording import Exchange
from .session_policies import SessionPolicies
from .sessions import SessionBook
from .store import Run
from .wire import HeldCall, Refusal, WireError


class ToolAnswer(NamedTuple):
    """What a tool gave: a JSON value, or a text that is none."""

    content: Any
    status: Literal["ok", "error"] = "ok"


class Released(NamedTuple):
    """The call was run. `answer` is without what the policy redacts; `decision` is the id of its Record."""

    answer: ToolAnswer
    decision: str


class Cleared(NamedTuple):
    """The call may be run with these arguments. `call` is what `answered` wants to be told of it."""

    arguments: dict[str, Any]
    call: ToolCall
    decision: str


class Withheld(NamedTuple):
    """The call was not run. `approval` is the id of the approval that it waits for, None where it waits for none."""

    refusal: Refusal
    effect: Literal["ask", "forbid"]
    decision: str
    approval: str | None = None


Reach = Callable[[dict[str, Any]], Awaitable[ToolAnswer]]
"""Runs a released call with the arguments that were judged."""

_NOTE: Final = "the call was released under the decision "


def decision_of(error: BaseException) -> str | None:
    """The id of the Record under which the call was released whose `reach` raised `error`; None for another error.

    It is a note (PEP 678), so that the error stays the host's own and a traceback shows where to look. A call inside a
    call leaves one of each: the last is the outer one's.
    """
    notes: list[str] = getattr(error, "__notes__", [])
    return next((note.removeprefix(_NOTE) for note in reversed(notes) if note.startswith(_NOTE)), None)


class Guards(Protocol):
    @property
    def current(self) -> Guard: ...


class ToolGate:
    """One event loop; any number of calls at a time. `observes` is mode `observe`: nothing is refused or filtered.
    `label_of` looks into what tools answer, and gives the label for a session that was told something suspicious."""

    def __init__(
        self,
        guards: Guards,
        sessions: SessionBook,
        decisions: RecordedDecisions,
        policies: SessionPolicies | None = None,
        label_of: Callable[[Any], str | None] | None = None,
        *,
        observes: bool = False,
        learns: bool = False,
    ) -> None:
        self._guards = guards
        self._sessions = sessions
        self._decisions = decisions
        self._policies = policies
        self._label_of = label_of
        self._observes = observes
        self._learns = learns

    @property
    def policy_hash(self) -> str:
        """Of the policy that decides at this moment; what was granted for longer than one call is looked at again
        under another one."""
        return self._guards.current.policy_hash

    async def call(
        self, caller: Caller, run: Run, door: str, asked: ToolCall, reach: Reach, *, problem: str | None = None
    ) -> Released | Withheld:
        """Decide `asked`, and run it where it is allowed. `problem` is why its arguments cannot be read, one of
        wire.PROBLEMS; it is refused then and recorded like any other.

        Raises StoreError where the Decision cannot be made durable: nothing was run. What `reach` raises is raised
        again once the Session knows that the call failed; `decision_of` says under which Record it was released.
        """
        exchange = await self._exchange(caller, run, door)
        ruled = await self._ruled(exchange, asked, problem)
        if isinstance(ruled, Withheld):
            return ruled
        try:
            answer = await reach(ruled.arguments)
        except BaseException as error:
            error.add_note(f"{_NOTE}{ruled.decision}")
            await self._answered(exchange, ruled.call, ToolAnswer(None, "error"))
            raise
        return Released(await self._answered(exchange, ruled.call, answer), ruled.decision)

    async def decide(
        self, caller: Caller, run: Run, door: str, asked: ToolCall, *, problem: str | None = None
    ) -> Cleared | Withheld:
        """As `call` as far as the Decision, for hosts that run the call themselves and tell of it with `answered`."""
        return await self._ruled(await self._exchange(caller, run, door), asked, problem)

    async def answered(
        self, caller: Caller, run: Run, door: str, call: ToolCall, answer: ToolAnswer, *, observed: bool = True
    ) -> ToolAnswer:
        """What came back of a call that the host ran, without what the policy redacts: also of one that was refused
        here and that a person let the host run nevertheless. Not `observed` is what somebody else says came back: it
        can label a Session, and prove nothing."""
        exchange = await self._exchange(caller, run, door)
        return await self._answered(exchange, call, answer, observed=observed)

    async def user_said(self, caller: Caller, run: Run, words: Iterable[str]) -> None:
        """What the user is known to have said in this run; durable when this returns. Raises StoreError."""
        exchange = await self._exchange(caller, run, "words")
        exchange.session.user_said(words)
        await self._decisions.remember(exchange.state, self._sessions.whole)

    async def malformed(self, caller: Caller, run: Run, door: str, error: WireError) -> None:
        """Record a message that was refused as a whole. Raises StoreError."""
        await self._decisions.malformed(await self._exchange(caller, run, door), error)

    async def offered(self, caller: Caller, run: Run, server: str | None, tools: Sequence[Tool]) -> list[Tool]:
        """Those of a server's tools of which this caller could be granted a call, in their order."""
        exchange = await self._exchange(caller, run, "list")
        if self._observes:
            return list(tools)
        return [tool for tool in tools if self._may_see(exchange, server, tool)]

    def _may_see(self, exchange: Exchange, server: str | None, tool: Tool) -> bool:
        program, facts = exchange.guard.program, exchange.session.facts
        if program.catalogue.tools:
            known = program.catalogue.get(server, tool.name)
            if known is None or known.interface != tool.interface:
                return False
        granted = program.may_grant(tool.name, facts, server)
        granted = granted or (self._learns and program.may_learn(tool.name, facts, server))
        return granted and not program.hides(tool.name, facts, server)

    async def _exchange(self, caller: Caller, run: Run, door: str) -> Exchange:
        guard = self._guards.current
        state = self._sessions.of(run.id, caller.principal, guard.plan)
        exchange = self._decisions.open(caller, run.id, state, guard, door, observable=True)
        if self._policies is not None:
            exchange.guard = await self._policies.guard(state, guard)
        state.under(exchange.guard.plan)
        return exchange

    async def _ruled(self, exchange: Exchange, asked: ToolCall, problem: str | None) -> Cleared | Withheld:
        exchange.upstream = asked.server or ""
        arguments = None if problem is not None else dict(asked.arguments)
        call_id = asked.call_id or f"{exchange.id}.1"
        held = HeldCall(0, 0, call_id, asked.tool, arguments, "tool", problem, asked.server)
        ruling = await self._decisions.ruled(exchange, [held])
        decision = exchange.decisions[-1]
        if held in ruling.refusals:
            refusal = ruling.refusals[held]
            return Withheld(refusal, refusal.effect, decision, ruling.waiting.get(held))
        judged = ruling.rewritten.get(held, arguments or {})
        return Cleared(judged, ToolCall(asked.tool, judged, call_id, asked.server), decision)

    async def _answered(
        self, exchange: Exchange, call: ToolCall, answer: ToolAnswer, *, observed: bool = True
    ) -> ToolAnswer:
        """A label that is lost in a crash after its text was read would be lost for good: it is durable first."""
        session = exchange.session
        session.answered(
            call.call_id,
            answer.content,
            observed=observed,
            status=answer.status,
            tool=call.tool,
            server=call.server,
            arguments=call.arguments,
        )
        if self._label_of is not None and (label := self._label_of(answer.content)) is not None:
            session.labelled(label)
        await self._decisions.learned(exchange)
        redactions = exchange.guard.redactions
        if not redactions or self._observes:
            return answer
        return answer._replace(content=_redacted(redactions, call.tool, call.server, answer.content))


def _redacted(redactions: Redactions, tool: str, server: str | None, value: Any) -> Any:
    if isinstance(value, str):
        return redactions.apply(tool, value, server)
    if isinstance(value, list):
        return [_redacted(redactions, tool, server, item) for item in value]
    if isinstance(value, dict):
        return {
            redactions.apply(tool, name, server): _redacted(redactions, tool, server, item)
            for name, item in value.items()
        }
    if value is None or isinstance(value, bool):
        return value
    # A number is looked through as it is written; one that is hidden in part is a text from then on.
    written = strict_json.encode(value).decode("ascii")
    kept = redactions.apply(tool, written, server)
    return value if kept == written else kept
