"""Deciding with a Record: the one place where HeldCalls become Refusals, and only after the Records are durable.

An Exchange is one request of a client and the answer to it, over all rounds. Its id is minted first; its Decisions are
numbered inside it (docs/adr/0005-decision-ids.md).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, Protocol

from guardrail import (
    Act,
    Clock,
    Decision,
    Guard,
    IntentDigest,
    Record,
    RecordSink,
    Remembered,
    Session,
    Shadowed,
    ToolCall,
    instant,
    new_id,
)
from policy_dsl import intent_hash, intent_of

from .exchange import Caller
from .sessions import RunState
from .store import Sealed, sealed
from .wire import HeldCall, Refusal, WireError

LOG = logging.getLogger("leastward.gate")

Kind = Literal["decision", "malformed-answer", "malformed-request", "act"]

NEEDS_APPROVAL: Final = "needs-approval"
BARE: Final = "refused"
"""All that a run is told once it was refused `most_explained` times: no rule and no message, so no oracle."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """How this gate was told to behave; it stands in every Record. `text_calls` is how the setting is written there."""

    mode: Literal["enforce", "observe"] = "enforce"
    text_calls: str = ""
    most_explained: int = 100


@dataclass(slots=True)
class Exchange:
    """One request and its answer. `decisions` are the ids of the Decisions taken so far, in order. `observable` is
    whether the gate itself will see what the tools answer."""

    id: str
    caller: Caller
    run_id: str
    state: RunState
    guard: Guard
    door: str
    observable: bool = False
    upstream: str = ""
    model: str = ""
    decisions: list[str] = field(default_factory=list)

    def next_id(self) -> str:
        name = f"{self.id}.{len(self.decisions) + 1}"
        self.decisions.append(name)
        return name


class Decided(NamedTuple):
    """A Decision, and what is kept beside its Record so that memory can be told of it: what it was made in, and the
    probability with which it was drawn for audit, None where it was not."""

    decision: Decision
    context: bytes | None = None
    audit: float | None = None


class Listening(Protocol):
    """Decides with what memory knows of one tenant. Never raises."""

    def decide(self, guard: Guard, call: ToolCall, session: Session, decision_id: str) -> Decided: ...


class Listens(Protocol):
    """Memory, as far as a Decision needs it; server/remembering keeps this promise."""

    async def of(self, tenant: str) -> Listening:
        """Raises StoreError where what the tenant's memory holds was never read: then nothing is decided."""
        ...


class Ruling(NamedTuple):
    """What came of the calls of one answer: those that stay, with the reason, what others leave with, and which
    approvals the refused ones wait for."""

    refusals: dict[HeldCall, Refusal]
    rewritten: dict[HeldCall, dict[str, Any]]
    waiting: dict[HeldCall, str]


NOTHING_RULED: Final = Ruling({}, {}, {})


class RecordedDecisions:
    """Decides and records. Nothing it returns is known to anybody before its Records are durable."""

    def __init__(
        self,
        sink: RecordSink,
        clock: Clock,
        conduct: Conduct,
        count: Callable[[Decision], None] = lambda _: None,
        changes_of: Callable[[RunState], Sequence[Remembered]] = lambda _: (),
        memory: Listens | None = None,
    ) -> None:
        self._sink = sink
        self._changes_of = changes_of
        self._clock = clock
        self._conduct = conduct
        self._count = count
        self._memory = memory

    def open(
        self, caller: Caller, run_id: str, state: RunState, guard: Guard, door: str, *, observable: bool = False
    ) -> Exchange:
        """Begin an exchange under the policy of this moment; it stays under it to its end."""
        moment = self._clock()
        milliseconds = int(moment.timestamp() * 1000)
        state.session.tick(microseconds(moment))
        return Exchange(new_id("dec", milliseconds, os.urandom(10)), caller, run_id, state, guard, door, observable)

    def silent(self, exchange: Exchange) -> bool:
        """Whether this run has been refused so often that it is told nothing more than that."""
        return exchange.state.refused >= self._conduct.most_explained

    async def ruled(self, exchange: Exchange, calls: Sequence[HeldCall]) -> Ruling:
        """Which of `calls` must not be released, why, and what the others became. Their Records are durable.

        Each call is told to the Session before the next is decided, so that the calls of one answer count one after
        the other. Raises whatever the sink raises; then none of `calls` may be released.
        """
        if not calls:
            return NOTHING_RULED
        listening = None if self._memory is None else await self._memory.of(exchange.caller.tenant)
        moment = self._clock()
        at = instant(moment)
        ruling = Ruling({}, {}, {})
        records: list[Record] = []
        session = exchange.state.session
        session.tick(microseconds(moment))
        for call in calls:
            name = exchange.next_id()
            decided = self._decide(exchange, call, name, listening)
            decision = decided.decision
            released = decision.arguments if self._changes(decision) else None
            seal = None
            if call.arguments is not None:
                seal = sealed(call.arguments, released, context=decided.context, audit=decided.audit)
            records.append(self._record(exchange, "decision", name, at, decision, call, seal))
            if not decision.releases and not self._lets_pass(call):
                ruling.refusals[call] = self._refusal(exchange, decision, name)
            elif released is not None:
                ruling.rewritten[call] = released
            self._count(decision)
        await self._sink.commit(records, self._changes_of(exchange.state))
        exchange.state.refused += len(ruling.refusals)
        return ruling

    async def learned(self, exchange: Exchange) -> None:
        """Make durable what the exchange's Session was told since it was last written down. Raises what the sink
        raises."""
        changes = self._changes_of(exchange.state)
        if changes:
            await self._sink.commit((), changes)

    async def acted(self, exchange: Exchange, act: Act) -> str:
        """Record what a person did to the exchange's run; the id of the Record. Raises whatever the sink raises."""
        decision = Decision("allow", None, act.verb, None, (), exchange.guard.policy_hash)
        name = exchange.next_id()
        record = self._record(exchange, "act", name, instant(self._clock()), decision, None, None, act)
        await self._sink.commit([record], self._changes_of(exchange.state))
        return name

    async def malformed(self, exchange: Exchange, error: WireError) -> None:
        """Record a message that was refused as a whole. Raises whatever the sink raises."""
        decision = Decision("forbid", None, error.code, None, (), exchange.guard.policy_hash)
        kind: Kind = "malformed-request" if error.part == "request" else "malformed-answer"
        self._count(decision)
        at = instant(self._clock())
        await self._sink.commit([self._record(exchange, kind, exchange.next_id(), at, decision, None, None)])

    def _decide(self, exchange: Exchange, call: HeldCall, name: str, listening: Listening | None) -> Decided:
        if call.arguments is None or call.problem is not None:
            unread = call.problem or "unreadable"
            return Decided(Decision("forbid", None, unread, None, (), exchange.guard.policy_hash))
        asked = ToolCall(call.tool, call.arguments, call.call_id, call.server)
        session = exchange.state.session
        if listening is None:
            decided = Decided(exchange.guard.decide(asked, session, name))
        else:
            decided = listening.decide(exchange.guard, asked, session, name)
        decision = decided.decision
        if decision.reason == "guard-error":
            LOG.error("the guard failed on a call of `%s`; it was refused", call.tool)
        if self._conduct.mode == "enforce":
            session.decided(asked, decision, observable=exchange.observable)
        else:  # whatever was decided, the call goes out as it came
            session.requested(asked)
            session.released(asked, observable=exchange.observable)
        return decided

    def _changes(self, decision: Decision) -> bool:
        return decision.rewritten and decision.releases and self._conduct.mode == "enforce"

    def _lets_pass(self, call: HeldCall) -> bool:
        """Observe mode releases what it would refuse; what cannot be read cannot be encoded, so it stays refused."""
        return self._conduct.mode == "observe" and call.problem is None

    def _refusal(self, exchange: Exchange, decision: Decision, name: str) -> Refusal:
        if self.silent(exchange):
            return Refusal(BARE, None, name)
        code = NEEDS_APPROVAL if decision.effect == "ask" else decision.reason
        return Refusal(code, decision.message, name)

    def _record(
        self,
        exchange: Exchange,
        kind: Kind,
        name: str,
        at: str,
        decision: Decision,
        call: HeldCall | None,
        seal: Sealed | None,
        act: Act | None = None,
    ) -> Record:
        who = exchange.caller.principal
        return Record(
            kind=kind,
            id=name,
            at=at,
            tenant=who.tenant,
            agent=who.agent,
            user=who.user,
            roles=tuple(sorted(who.roles)),
            run=exchange.run_id,
            door=exchange.door,
            tool=None if call is None else _identity(call),
            call_id=None if call is None else call.call_id,
            arguments=None if seal is None else seal.arguments,
            effect=decision.effect,
            rule=decision.rule,
            reason=decision.reason,
            errors=decision.errors,
            policy_hash=decision.policy_hash,
            memory_version=decision.memory_version,
            mode=self._conduct.mode,
            text_calls=self._conduct.text_calls,
            upstream=exchange.upstream,
            model=exchange.model,
            released=None if seal is None else seal.released,
            intent=None if call is None else self._intent(exchange.guard, call, decision),
            shadow=None if decision.shadow is None else Shadowed(*decision.shadow),
            ends_session=decision.ends_session,
            act=act,
            memory=decision.memory,
            payload=None if seal is None else seal.payload,
        )

    @staticmethod
    def _intent(guard: Guard, call: HeldCall, decision: Decision) -> IntentDigest | None:
        """The transaction that the call spells as it was judged, where the policy maps its tool."""
        policy = guard.program.policy
        if not policy.intents or call.arguments is None:
            return None
        found = intent_of(policy, call.tool, call.server, decision.arguments or call.arguments)
        return None if found is None else IntentDigest(intent_hash(*found), found[0], found[1])


def _identity(call: HeldCall) -> str:
    return call.tool if call.server is None else f"{call.server}/{call.tool}"


def microseconds(moment: datetime) -> int:
    """Since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
