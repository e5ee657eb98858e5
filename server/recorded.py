"""Deciding with a Record: the one place where HeldCalls become Refusals, and only after the Records are durable.

Where a Decision waits for a judge or for a person, the answer is fetched here and the call decided again with it, so
that the Guard itself stays without I/O.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from guardrail import (
    Act,
    Clock,
    Decision,
    Guard,
    Judge,
    Judgement,
    Record,
    Remembered,
    Session,
    ToolCall,
    approved,
    instant,
    new_id,
)

from .entropy import entropy
from .exchange import Caller
from .judgements import AT_ONCE, Judgements, has_judged_rules, question_of
from .recording import Conduct, Exchange, Kind, observed_record, record_of
from .sessions import RunState
from .store import AlreadyUsed, ApprovalChange, Run, Stale, StoreError, sealed
from .wire import HeldCall, Refusal, WireError

if TYPE_CHECKING:
    from .approvals import Approval, Approvals, Holding, Ready
    from .turns import Turns

LOG = logging.getLogger("leastward.gate")

NEEDS_APPROVAL: Final = "needs-approval"
KEY_REVOKED: Final = "key-revoked"
BARE: Final = "refused"
"""All that a run is told once it was refused `most_explained` times: no rule and no message, so no oracle."""

MOST_LOOKS: Final = 4
"""How often one call is decided while a judge and a person's answer are waited for: other calls of the run may change
its Session meanwhile, and then another question may be asked. A call that is still undecided then is refused."""


MOST_TRIES: Final = 4
"""How often the calls of one answer are decided where other replicas remember or use a yes meanwhile: once, and three
times again. After that nothing of the answer is released."""


class Decided(NamedTuple):
    """A Decision, and what is kept beside its Record so that memory can be told of it: what it was made in, and the
    probability with which it was drawn for audit, None where it was not."""

    decision: Decision
    context: bytes | None = None
    audit: float | None = None


class Listening(Protocol):
    """Decides with what memory knows of one tenant. Never raises."""

    def decide(
        self, guard: Guard, call: ToolCall, session: Session, decision_id: str, judged: Judgement | None = None
    ) -> Decided: ...

    def precedents(self, call: ToolCall, session: Session) -> Mapping[str, Any] | None:
        """What a judge is shown of what was learned from cases like this call, as JSON data; None where it is nothing.
        Never raises."""
        ...


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


class Sink(Protocol):
    """A RecordSink that also writes what becomes of approvals; server/store keeps this promise."""

    async def commit(
        self,
        records: Sequence[Record],
        remembered: Sequence[Remembered] = (),
        approvals: Sequence[ApprovalChange] = (),
        *,
        since: int | None = None,
    ) -> None: ...


class _Settled(NamedTuple):
    """A call that is decided and told to the Session: what is written of it, and what it waits for or used."""

    decided: Decided
    approval: Approval | None = None
    holding: Holding | None = None


@dataclass(slots=True)
class _Used:
    """The yeses that earlier calls of the same turn take: each is good for as many releases as it says."""

    taken: dict[str, int] = field(default_factory=dict)

    def may_take(self, approval: Approval) -> bool:
        return approval.used + self.taken.get(approval.id, 0) < approval.uses

    def take(self, approval: Approval) -> None:
        self.taken[approval.id] = self.taken.get(approval.id, 0) + 1


class RecordedDecisions:
    """Decides and records. Nothing it returns is known to anybody before its Records are durable."""

    def __init__(
        self,
        sink: Sink,
        clock: Clock,
        conduct: Conduct,
        count: Callable[[Decision], None] = lambda _: None,
        changes_of: Callable[[RunState], Sequence[Remembered]] = lambda _: (),
        memory: Listens | None = None,
        judge: Judge | None = None,
        approvals: Approvals | None = None,
        turns: Turns | None = None,
        judged_at_once: int = AT_ONCE,
        still_speaks: Callable[[Caller], bool] = lambda _: True,
    ) -> None:
        self._still_speaks = still_speaks
        self._turns = turns
        self._sink = sink
        self._changes_of = changes_of
        self._clock = clock
        self._conduct = conduct
        self._count = count
        self._memory = memory
        self._judge = judge
        self._judged_at_once = judged_at_once
        self._approvals = approvals if conduct.mode == "enforce" else None

    def open(
        self, caller: Caller, run_id: str, state: RunState, guard: Guard, door: str, *, observable: bool = False
    ) -> Exchange:
        """Begin an exchange under the policy of this moment; it stays under it to its end."""
        moment = self._clock()
        milliseconds = int(moment.timestamp() * 1000)
        state.session.tick(microseconds(moment))
        return Exchange(new_id("dec", milliseconds, entropy(10)), caller, run_id, state, guard, door, observable)

    def silent(self, exchange: Exchange) -> bool:
        """Whether this run has been refused so often that it is told nothing more than that."""
        return exchange.state.refused >= self._conduct.most_explained

    async def ruled(self, exchange: Exchange, calls: Sequence[HeldCall]) -> Ruling:
        """Which of `calls` must not be released, why, and what the others became. Their Records are durable.

        Each call is told to the Session before the next is decided, so that the calls of one answer count one after
        the other. Where the settings say so, a person is waited for. Raises whatever the sink raises; then none of
        `calls` may be released.
        """
        if not calls:
            return NOTHING_RULED
        ruling = await self._ruled(exchange, calls)
        if ruling.waiting and self._approvals is not None and self._approvals.bounds.wait_seconds > 0:
            answered = await self._answered(exchange, ruling, self._approvals)
            if answered:
                later = await self._ruled(exchange, answered)
                for call in answered:
                    del ruling.refusals[call], ruling.waiting[call]
                ruling.refusals.update(later.refusals)
                ruling.rewritten.update(later.rewritten)
                ruling.waiting.update(later.waiting)
        exchange.state.refused += len(ruling.refusals)
        return ruling

    async def ready(self, exchange: Exchange) -> list[Ready]:
        """The approved calls of this run and door that wait to be its next answer, oldest first."""
        if self._approvals is None or not self._approvals.may_be_ready(exchange.run_id):
            return []
        return await self._approvals.ready(_run(exchange), exchange.caller.tenant, exchange.door)

    async def _answered(self, exchange: Exchange, ruling: Ruling, approvals: Approvals) -> list[HeldCall]:
        """Those of the waiting calls that a person approved in time. They are waited for together."""
        tenant, seconds = exchange.caller.tenant, approvals.bounds.wait_seconds
        looks = [approvals.waiting(name, tenant, seconds) for name in ruling.waiting.values()]
        found = await asyncio.gather(*looks)
        waiting = zip(ruling.waiting, found, strict=True)
        return [call for call, approval in waiting if approval is not None and approval.state == "approved"]

    async def _ruled(self, exchange: Exchange, calls: Sequence[HeldCall]) -> Ruling:
        """Decide and commit, again where another replica came first: what the Session was told by a try that was not
        written is taken back. Raises Stale where others came first each time."""
        judgements = None
        if self._judge is not None and has_judged_rules(exchange.guard):
            judgements = await self._judged_ahead(exchange, calls, self._judge)
        if self._turns is None:
            return await self._tries(exchange, calls, judgements, None)
        async with AsyncExitStack() as stack:  # no turn is held while a judge is waited for
            return await self._tries(exchange, calls, judgements, stack)

    async def _tries(
        self,
        exchange: Exchange,
        calls: Sequence[HeldCall],
        judgements: Judgements | None,
        stack: AsyncExitStack | None,
    ) -> Ruling:
        """`stack` ends the turn, None where no other replica is and so no turn is taken."""
        turns, state, before, grants = self._turns, exchange.state, len(exchange.decisions), True
        failed: StoreError | None = None
        since: int | None = None
        for _ in range(MOST_TRIES):
            if (
                turns is not None
                and stack is not None
                and since is None
                and (failed is not None or state.session.state is not None)
            ):
                await stack.enter_async_context(turns.turn(state))
                state.under(exchange.guard.plan)  # what was taken over meanwhile may be under another policy
                since = turns.since
            try:
                ruling = await self._tried(exchange, calls, judgements, grants=grants, since=since)
            except (AlreadyUsed, Stale) as error:
                failed = error
            else:
                if since is not None and turns is not None:
                    turns.settled()
                return ruling
            del exchange.decisions[before:]
            grants = grants and not isinstance(failed, AlreadyUsed)
            if turns is not None and since is not None:
                since = await turns.put_back(state)
                state.under(exchange.guard.plan)
        raise failed or StoreError("nothing was decided")

    async def _judged_ahead(self, exchange: Exchange, calls: Sequence[HeldCall], judge: Judge) -> Judgements:
        """What the judge says of the calls, as far as it is known by now what to ask him."""
        listening = None if self._memory is None else await self._memory.of(exchange.caller.tenant)
        judgements, guard, session = Judgements(judge, self._judged_at_once), exchange.guard, exchange.session
        questions = []
        for call in calls:
            if call.arguments is None or call.problem is not None:
                continue
            asked = ToolCall(call.tool, call.arguments, call.call_id, call.server)
            decision = guard.decide(asked, session)
            if decision.needs == "judge":
                questions.append(question_of(guard, asked, session, decision, listening))
        await judgements.ahead(questions)
        return judgements

    async def _tried(
        self,
        exchange: Exchange,
        calls: Sequence[HeldCall],
        judgements: Judgements | None,
        *,
        grants: bool,
        since: int | None,
    ) -> Ruling:
        listening = None if self._memory is None else await self._memory.of(exchange.caller.tenant)
        moment = self._clock()
        exchange.session.tick(microseconds(moment))
        ruling, used = Ruling({}, {}, {}), _Used()
        records: list[Record] = []
        changes: list[ApprovalChange] = []
        holdings: list[Holding] = []
        for call in calls:
            name = exchange.next_id()
            settled = await self._settled(exchange, call, name, listening, judgements, used if grants else None)
            decision = settled.decided.decision
            released = decision.arguments if self._changes(decision) else None
            records.append(self._written(exchange, call, name, instant(moment), settled, released))
            if settled.approval is not None and self._approvals is not None:
                changes.append(self._approvals.use(settled.approval, name))
            if settled.holding is not None:
                holdings.append(settled.holding)
                if settled.holding.change is not None:
                    changes.append(settled.holding.change)
            if not decision.releases and not self._lets_pass(call):
                ruling.refusals[call] = self._refusal(exchange, decision, name, settled.holding)
                if settled.holding is not None and settled.holding.approval is not None:
                    ruling.waiting[call] = settled.holding.approval.id
            elif released is not None:
                ruling.rewritten[call] = released
            self._count(decision)
        # AlreadyUsed: another release took that yes at this moment; without a yes the calls are decided once more.
        commit = self._sink.commit(records, self._changes_of(exchange.state), changes, since=since)
        await (commit if self._turns is None or since is None else self._turns.through(commit))
        for holding in holdings:
            if self._approvals is not None:
                self._approvals.committed(holding)
        return ruling

    async def learned(self, exchange: Exchange) -> None:
        """Make durable what the exchange's Session was told since it was last written down. Raises what the sink
        raises."""
        await self.remember(exchange.state, self._changes_of)

    async def remember(
        self, state: RunState, changes_of: Callable[[RunState], Sequence[Remembered]], records: Sequence[Record] = ()
    ) -> None:
        """Make what a Session was told durable, with `records` or by itself. Nothing was decided by it, so it is
        written after whatever others wrote. Raises what the sink raises."""
        turns = self._turns
        if turns is None:
            if (changes := changes_of(state)) or records:
                await self._sink.commit(records, changes)
            return
        async with turns.turn(state):
            for left in reversed(range(MOST_TRIES)):
                if not (changes := changes_of(state)) and not records:
                    return
                try:
                    await turns.through(self._sink.commit(records, changes, since=turns.since if changes else None))
                    turns.settled()
                    return
                except Stale:
                    await turns.put_back(state)
                    if not left:
                        raise

    async def acted(self, exchange: Exchange, act: Act) -> str:
        """Record what a person did to the exchange's run; the id of the Record. Raises whatever the sink raises."""
        decision = Decision("allow", None, act.verb, None, (), exchange.guard.policy_hash)
        name = exchange.next_id()
        record = record_of(exchange, self._conduct, "act", name, instant(self._clock()), decision, None, None, act=act)
        await self.remember(exchange.state, self._changes_of, [record])
        return name

    async def observed(self, exchange: Exchange, calls: Sequence[tuple[HeldCall, Decision]]) -> None:
        """Record calls that ran before anybody could hold them, each with the Decision that let its tool be offered.
        Raises whatever the sink raises."""
        at, conduct = instant(self._clock()), self._conduct
        records = [observed_record(exchange, conduct, exchange.next_id(), at, *one) for one in calls]
        await self.remember(exchange.state, self._changes_of, records)

    async def malformed(self, exchange: Exchange, error: WireError) -> None:
        """Record a message that was refused as a whole. Raises whatever the sink raises."""
        decision = Decision("forbid", None, error.code, None, (), exchange.guard.policy_hash)
        kind: Kind = "malformed-request" if error.part == "request" else "malformed-answer"
        self._count(decision)
        at = instant(self._clock())
        await self._sink.commit(
            [record_of(exchange, self._conduct, kind, exchange.next_id(), at, decision, None, None)]
        )

    async def _settled(
        self,
        exchange: Exchange,
        call: HeldCall,
        name: str,
        listening: Listening | None,
        judgements: Judgements | None,
        used: _Used | None,
    ) -> _Settled:
        """Decide one call, with the answers of the judge and of a person where the Decision waits for them. The last
        look and what the Session is told of it are one step: nothing is awaited between them."""
        guard, state = exchange.guard, exchange.state
        if call.arguments is None or call.problem is not None:
            unread = call.problem or "unreadable"
            return _Settled(Decided(Decision("forbid", None, unread, None, (), guard.policy_hash)))
        asked = ToolCall(call.tool, call.arguments, call.call_id, call.server)
        judged: Judgement | None = None
        grant: Approval | None = None
        holding: Holding | None = None
        answered: Decision | None = None
        for _ in range(MOST_LOOKS):
            if not self._still_speaks(exchange.caller):  # a model or a person may have taken minutes
                return _Settled(Decided(Decision("forbid", None, KEY_REVOKED, None, (), guard.policy_hash)))
            session = exchange.session  # another one where others' memory was taken over while something was awaited
            if listening is None:
                decided = Decided(guard.decide(asked, session, name, judged=judged))
            else:
                decided = listening.decide(guard, asked, session, name, judged)
            decision = decided.decision
            if decision.needs == "judge" and judgements is not None:
                judged = await judgements.of(question_of(guard, asked, session, decision, listening))
                continue
            if decision.effect != "ask" or self._approvals is None or _same_ask(decision, answered):
                break
            answered, holding = decision, None
            grant = await self._approvals.granted(_run(exchange), asked, decision) if used is not None else None
            if grant is None or used is None or not used.may_take(grant):
                grant = None
                holding = await self._approvals.held(
                    exchange.caller, exchange.run_id, exchange.door, asked, decision, name
                )
        if not _same_ask(decision, answered):
            grant, holding = None, None
        if grant is not None and used is not None:
            used.take(grant)
            decision = approved(decision, grant.id)
        if decision.reason == "guard-error":
            LOG.error("the guard failed on a call of `%s`; it was refused", call.tool)
        if self._conduct.mode == "enforce":
            tell = partial(_decided, asked, decision, exchange.observable)
        else:  # whatever was decided, the call goes out as it came
            tell = partial(_released, asked, exchange.observable)
        session = exchange.session  # held by this caller again, whoever else asked meanwhile
        if self._turns is None:
            tell(session)
        else:
            state.decided(tell)
        return _Settled(decided._replace(decision=decision), grant, holding)

    def _changes(self, decision: Decision) -> bool:
        return decision.rewritten and decision.releases and self._conduct.mode == "enforce"

    def _lets_pass(self, call: HeldCall) -> bool:
        """Observe mode releases what it would refuse; what cannot be read cannot be encoded, so it stays refused."""
        return self._conduct.mode == "observe" and call.problem is None

    def _refusal(self, exchange: Exchange, decision: Decision, name: str, holding: Holding | None) -> Refusal:
        effect: Literal["ask", "forbid"] = "ask" if decision.effect == "ask" else "forbid"
        if self.silent(exchange):
            return Refusal(BARE, None, name, effect)
        if effect == "forbid":
            return Refusal(decision.reason, decision.message, name)
        if holding is None or holding.approval is None:
            return Refusal(NEEDS_APPROVAL if holding is None else holding.code, decision.message, name, effect)
        waits = f"It is approval {holding.approval.id}."
        return Refusal(holding.code, f"{decision.message} {waits}" if decision.message else waits, name, effect)

    def _written(
        self,
        exchange: Exchange,
        call: HeldCall,
        name: str,
        at: str,
        settled: _Settled,
        released: dict[str, Any] | None,
    ) -> Record:
        decided = settled.decided
        seal = None
        if call.arguments is not None:
            seal = sealed(call.arguments, released, context=decided.context, audit=decided.audit)
        approvals = () if settled.approval is None else (settled.approval.id,)
        return record_of(
            exchange, self._conduct, "decision", name, at, decided.decision, call, seal, approvals=approvals
        )


def _run(exchange: Exchange) -> Run:
    return Run(exchange.run_id, exchange.caller.principal.key)


def _decided(asked: ToolCall, decision: Decision, observable: bool, session: Session) -> None:
    session.decided(asked, decision, observable=observable)


def _released(asked: ToolCall, observable: bool, session: Session) -> None:
    session.requested(asked)
    session.released(asked, observable=observable)


def _same_ask(decision: Decision, answered: Decision | None) -> bool:
    """Whether a person was asked about what `decision` asks now."""
    return (
        answered is not None
        and decision.effect == "ask" == answered.effect
        and decision.arguments == answered.arguments
        and decision.rule == answered.rule
    )


def microseconds(moment: datetime) -> int:
    """Since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
