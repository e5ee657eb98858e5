"""The choke point: every model answer passes here, and no call leaves before its Decision is durable.

One exchange: read the request strictly -> keep the tools that may be offered -> ask the model server -> read its answer
strictly -> decide and record every call -> release, refuse, or tell the model why and ask again. Text passes at once on
a stream; calls are held. The Answer that leaves is always encoded from what was judged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple, Protocol

from msgspec.structs import replace

from guardrail import Decision, Guard, ToolCall
from policy_dsl import PolicySet, StrictJsonError, parse_json

from .exchange import Answer, Caller, Streamed, Whole
from .offers import OfferFilter
from .recorded import RecordedDecisions
from .recording import Exchange
from .session_policies import SessionPolicies
from .sessions import RunState, SessionBook
from .store import Run, StoreError
from .upstream import Upstream, UpstreamError, UpstreamReply
from .wire import (
    MAX_CALLS,
    PROVIDER,
    Dialect,
    HeldCall,
    Instructions,
    ModelRequest,
    Observed,
    Refusal,
    Scan,
    SentRequest,
    WireError,
)

LOG = logging.getLogger("leastward.gate")
DECISION_HEADER: Final = "x-leastward-decision"
RUN_HEADER: Final = "x-leastward-run"
ERROR_LIMIT: Final = 64 * 1024
"""Bytes read of an upstream's error: its sentence is passed on, a page of HTML is not."""

_FORMS: Final[Mapping[str, str]] = {"function": "tool", "custom": "custom"}
_TOO_SLOW: Final = ("read-timeout", "deadline", "connect-timeout", "pool-timeout")


class Guards(Protocol):
    """Where the Guard of the moment comes from; it changes when the policy files do."""

    @property
    def current(self) -> Guard: ...


class Router(Protocol):
    """Which model server serves a model. Clients name models, never servers."""

    def upstream_for(self, model: str) -> Upstream | None: ...


Instructing = Callable[[str, str, PolicySet], Awaitable[Instructions | None]]
"""For an upstream, a model and the policy in force: what stands in front of the client's instructions, None for
nothing."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How refusals are told; `seconds` is how long an exchange with each upstream may take, all rounds together.

    `learns` is whether memory may open tools that only a `learnable` statement names, so that they stay offered."""

    style: Literal["continue", "message", "error"] = "continue"
    rounds: int = 2
    seconds: Mapping[str, float] = field(default_factory=dict)
    scan: Scan = ()
    answer_limit: int = 8 << 20
    observes: bool = False
    learns: bool = False


class _Parts:
    """The parts of a stream. Closing them closes the reply they come from, even if none was ever asked for: the
    `finally` of a generator that was never started does not run."""

    def __init__(self, parts: AsyncGenerator[bytes, None], reply: UpstreamReply) -> None:
        self._parts = parts
        self._reply = reply

    def __aiter__(self) -> _Parts:
        return self

    def __anext__(self) -> Awaitable[bytes]:
        return self._parts.__anext__()

    async def aclose(self) -> None:
        await self._parts.aclose()
        self._reply.abort()


class _Prepared(NamedTuple):
    """A request as the model server gets it. `kept` are the tools in it that run at the provider, by their names in the
    policy, each with the Decision that keeps it."""

    request: ModelRequest
    kept: Mapping[str, Decision]


class _Outgoing(NamedTuple):
    """What is sent to which upstream. The tree of the request ends with the frame that made this."""

    sent: SentRequest
    stream: bool
    kept: Mapping[str, Decision]
    upstream: Upstream


class _Asked(NamedTuple):
    """One exchange with an upstream under way: the first reply of what may become several rounds."""

    exchange: Exchange
    dialect: Dialect
    outgoing: _Outgoing
    reply: UpstreamReply
    deadline: float


class ModelGate:
    """What stands behind every route of a model API. One event loop; any number of exchanges at a time. `label_of`
    looks into what tools answered, and gives the label for a session that was told something suspicious.
    `instructions` are what a model is told besides; nothing that decides reads them."""

    def __init__(
        self,
        guards: Guards,
        router: Router,
        sessions: SessionBook,
        decisions: RecordedDecisions,
        manner: Manner,
        upstream_failed: Callable[[str, str], None] = lambda name, code: None,
        policies: SessionPolicies | None = None,
        label_of: Callable[[Any], str | None] | None = None,
        instructions: Instructing | None = None,
    ) -> None:
        self._guards = guards
        self._router = router
        self._sessions = sessions
        self._decisions = decisions
        self._manner = manner
        self._upstream_failed = upstream_failed
        self._policies = policies
        self._label_of = label_of
        self._instructions = instructions
        self._offers = OfferFilter(learns=manner.learns)

    def answer(self, dialect: Dialect, caller: Caller, run: Run, body: bytes) -> Coroutine[Any, Any, Answer]:
        """Answer one request. Errors of every kind come out as an Answer in the API's own shape, never as a release."""
        guard = self._guards.current
        state = self._sessions.of(run.id, caller.principal, guard.plan)
        exchange = self._decisions.open(caller, run.id, state, guard, dialect.name)
        return self._answered(exchange, dialect, body)

    async def _answered(self, exchange: Exchange, dialect: Dialect, body: bytes) -> Answer:
        try:
            outgoing = await self._outgoing(exchange, dialect, body)
            del body  # a model may take minutes, and what it is asked stands in `outgoing`
            return outgoing if isinstance(outgoing, Whole) else await self._asked(exchange, dialect, outgoing)
        except (WireError, StoreError, UpstreamError) as error:
            return await self._failed(exchange, dialect, error)

    async def aside(
        self, dialect: Dialect, path: str, read: Callable[[bytes], bytes], caller: Caller, run: Run, body: bytes
    ) -> Answer:
        """A request of `dialect` that an upstream answers at `path` without letting a model speak: it is read, filtered
        and written like any other, and `read` makes of an answer of status 200 what leaves. Nothing is decided."""
        guard = self._guards.current
        state = self._sessions.of(run.id, caller.principal, guard.plan)
        exchange = self._decisions.open(caller, run.id, state, guard, dialect.name)
        try:
            request, _ = await self._prepared(exchange, dialect.request(body))
            upstream = self._router.upstream_for(request.model)
            if upstream is None:
                return self._answer(exchange, 404, _unserved(dialect))
            exchange.upstream = upstream.name
            if self._instructions is not None:
                request = await self._instructed(request, upstream, guard, self._instructions)
            deadline = time.monotonic() + self._manner.seconds[upstream.name]
            reply = await upstream.post(path, request.encode(), deadline=deadline)
            answer = await reply.read(ERROR_LIMIT)
            status, left = dialect.upstream_error(reply.status, answer) if reply.status != 200 else (200, read(answer))
            return self._answer(exchange, status, left)
        except (WireError, StoreError, UpstreamError) as error:
            return await self._failed(exchange, dialect, error)

    async def _asked(self, exchange: Exchange, dialect: Dialect, outgoing: _Outgoing) -> Answer:
        upstream = outgoing.upstream
        deadline = time.monotonic() + self._manner.seconds[upstream.name]
        reply = await upstream.post(dialect.path, outgoing.sent.body, deadline=deadline)
        if reply.status != 200:
            status, error = dialect.upstream_error(reply.status, await reply.read(ERROR_LIMIT))
            return self._answer(exchange, status, error)
        asked = _Asked(exchange, dialect, outgoing, reply, deadline)
        if outgoing.stream:
            return Streamed(200, _Parts(self._streamed(asked), reply), self._headers(exchange))
        return await self._whole(asked)

    async def _outgoing(self, exchange: Exchange, dialect: Dialect, body: bytes) -> _Outgoing | Whole:
        """What an upstream is to be asked, or the answer where none is."""
        in_force = exchange.guard  # what is drafted for this run alone no model can have been taught
        request, kept = await self._prepared(exchange, dialect.request(body))
        upstream = self._router.upstream_for(request.model)
        if upstream is None:
            return self._answer(exchange, 404, _unserved(dialect))
        exchange.model, exchange.upstream = request.model, upstream.name
        if (approved := await self._approved(exchange, dialect, request)) is not None:
            return approved
        if self._instructions is not None:
            request = await self._instructed(request, upstream, in_force, self._instructions)
        return _Outgoing(request.sent(), request.stream, kept, upstream)

    async def _prepared(self, exchange: Exchange, request: ModelRequest) -> _Prepared:
        state = exchange.state
        if exchange.caller.speaks_for_user:
            state.session.user_said(request.user_words())
        if self._policies is not None:
            await self._keep_words(state)
            exchange.guard = await self._policies.guard(state, exchange.guard)
        state.under(exchange.guard.plan)
        self._learn(exchange, request)
        guard, session, may_offer = exchange.guard, exchange.session, self._offers.may_offer
        facts, provided = session.facts, self._offers.provided(request.offers, guard, session)
        kept = {offer.provided: provided[offer.place] for offer in request.offers if offer.place in provided}
        if not self._manner.observes:
            request = request.keeping(lambda offer: offer.place in provided or may_offer(offer, guard, facts))
            if guard.redactions:
                redact = guard.redactions.apply
                request = request.with_results(lambda tool, text: redact(_name(tool), text, _server(tool)))
        return _Prepared(request.with_refusals(state.past) if state.past else request, kept)

    async def _keep_words(self, state: RunState) -> None:
        """What is drafted from them has to hold after a crash and at other replicas, and at doors where nobody says
        them again."""
        words = state.session.facts.user_words
        if words != state.heard:
            await self._decisions.remember(state, self._sessions.words)
            state.heard = words

    @staticmethod
    async def _instructed(
        request: ModelRequest, upstream: Upstream, guard: Guard, instructions: Instructing
    ) -> ModelRequest:
        told = await instructions(upstream.name, request.model, guard.program.policy)
        return request if told is None else request.with_instructions(told)

    async def _approved(self, exchange: Exchange, dialect: Dialect, request: ModelRequest) -> Whole | None:
        """The calls of this run that a person approved meanwhile, as its next answer: a model that is asked again may
        call otherwise. Each is decided anew first. None where there is none that the request has a tool for."""
        ready = await self._decisions.ready(exchange)
        if not ready:
            return None
        kinds = {offer.name: offer.kind for offer in request.offers if offer.kind in ("function", "custom")}
        waiting = [one for one in ready if one.call.tool in kinds and not one.approval.used]
        calls = [
            HeldCall(0, at, _call_id(one.approval.id), one.call.tool, dict(one.call.arguments), _FORMS[kind], None)
            for at, one in enumerate(waiting[:MAX_CALLS])
            if (kind := kinds[one.call.tool])
        ]
        ruling = await self._decisions.ruled(exchange, calls)
        released = [
            replace(call, arguments=ruling.rewritten.get(call, call.arguments))
            for call in calls
            if call not in ruling.refusals
        ]
        if not released:
            return None
        number, now = exchange.id.removeprefix("dec-"), int(time.time())
        body = dialect.own(request, released, "", id=number, at=now)
        kind = "text/event-stream" if request.stream else "application/json"
        return Whole(200, body, self._headers(exchange), kind)

    def _learn(self, exchange: Exchange, request: ModelRequest) -> None:
        """Tell the Session what tools answered, as the client claims it."""
        results = request.results()
        if exchange.guard.plan.is_idle:
            results = results[:1]  # that there was one is all that a later policy can be told
        session = exchange.session
        for result in exchange.state.fresh(results):
            value = _value(result.text)
            name, server = _name(result.tool) or None, _server(result.tool)
            session.answered(result.call_id, value, observed=False, tool=name, server=server)
            if self._label_of is not None and (label := self._label_of(value)) is not None:
                session.labelled(label)

    async def _observe(self, exchange: Exchange, ran: tuple[Observed, ...], kept: Mapping[str, Decision]) -> None:
        """Tell the Session of calls that ran at the provider and what came of them, and record them."""
        session = exchange.session
        for call, answer in ran:
            told = ToolCall(call.tool, call.arguments or {}, call.call_id, call.server)
            session.requested(told)
            session.released(told, observable=True)
            if answer is not None:
                session.answered(call.call_id, answer, observed=True, tool=call.tool, server=call.server)
                if self._label_of is not None and (label := self._label_of(answer)) is not None:
                    session.labelled(label)
        await self._decisions.observed(exchange, [(call, kept[call.tool]) for call, _ in ran])

    # --- a whole answer ----------------------------------------------------------------------------------------------

    async def _whole(self, asked: _Asked) -> Answer:
        exchange, dialect, reply = asked.exchange, asked.dialect, asked.reply
        sent, _, kept, upstream = asked.outgoing
        so_far: Any = None
        for asked_again in range(self._manner.rounds + 1):
            body = await reply.read(self._manner.answer_limit)
            if reply.status != 200:
                status, error = dialect.upstream_error(reply.status, body)
                return self._answer(exchange, status, error)
            answer = dialect.answer(body, self._manner.scan, so_far, frozenset(kept))
            if answer.observed:
                await self._observe(exchange, answer.observed, kept)
            ruling = await self._decisions.ruled(exchange, answer.calls)
            refusals = ruling.refusals
            if not self._asks_again(exchange, answer.choices, answer.calls, refusals, asked_again):
                break
            sent = sent.request().continued(answer, refusals).sent()
            so_far = answer.so_far
            reply = await upstream.post(dialect.path, sent.body, deadline=asked.deadline)
        if refusals and self._manner.style == "error":
            return self._refused(exchange, dialect, refusals)
        exchange.state.past.extend(answer.past(refusals))
        answer.rewrite(ruling.rewritten)
        return self._answer(exchange, 200, answer.settled(refusals))

    def _asks_again(
        self,
        exchange: Exchange,
        choices: int,
        calls: tuple[HeldCall, ...],
        refusals: Mapping[HeldCall, Refusal],
        asked: int,
    ) -> bool:
        """Whether the model itself is told of the refusals: only where nothing of the answer could be released."""
        return (
            self._manner.style == "continue"
            and asked < self._manner.rounds
            and choices == 1
            and 0 < len(refusals) == len(calls)
            and not self._decisions.silent(exchange)
        )

    # --- a stream ----------------------------------------------------------------------------------------------------

    async def _streamed(self, asked: _Asked) -> AsyncGenerator[bytes, None]:
        """The parts of a stream. Once it has begun an error can only end it: an error event, and no proper end."""
        exchange, dialect, reply = asked.exchange, asked.dialect, asked.reply
        sent, _, kept, upstream = asked.outgoing
        try:
            so_far: Any = None
            for asked_again in range(self._manner.rounds + 1):
                if reply.status != 200:
                    _, error = dialect.upstream_error(reply.status, await reply.read(ERROR_LIMIT))
                    yield dialect.error_event(error)
                    return
                stream = dialect.stream(self._manner.scan, so_far, frozenset(kept))
                async for data in reply.parts():
                    if part := stream.feed(data):
                        yield part
                calls = stream.close()
                if stream.observed:
                    await self._observe(exchange, stream.observed, kept)
                ruling = await self._decisions.ruled(exchange, calls)
                refusals = ruling.refusals
                if not self._asks_again(exchange, stream.choices, calls, refusals, asked_again):
                    break
                if part := stream.settle(refusals, done=False):
                    yield part
                sent = sent.request().continued(stream, refusals).sent()
                so_far = stream.so_far
                reply = await upstream.post(dialect.path, sent.body, deadline=asked.deadline)
            if refusals and self._manner.style == "error":
                yield dialect.error_event(self._refused(exchange, dialect, refusals).body)
                return
            exchange.state.past.extend(stream.past(refusals))
            stream.rewrite(ruling.rewritten)
            yield stream.settle(refusals)
        except (WireError, StoreError, UpstreamError) as error:
            yield dialect.error_event((await self._failed(exchange, dialect, error)).body)
        except Exception:
            LOG.exception("an exchange failed and released nothing more")
            failed = dialect.error(500, "the gate failed; nothing was released", code="gate-error")
            yield dialect.error_event(failed)
        finally:
            reply.abort()

    # --- what is said when nothing is released -----------------------------------------------------------------------

    async def _failed(
        self, exchange: Exchange, dialect: Dialect, error: WireError | StoreError | UpstreamError
    ) -> Whole:
        try:
            if isinstance(error, WireError):
                await self._decisions.malformed(exchange, error)
        except StoreError as unrecorded:
            error = unrecorded
        status, code, text = self._said(exchange, error)
        return self._answer(exchange, status, dialect.error(status, text, code=code))

    def _said(self, exchange: Exchange, error: WireError | StoreError | UpstreamError) -> tuple[int, str, str]:
        if isinstance(error, WireError):
            return error.status_hint, error.code, error.message
        if isinstance(error, StoreError):
            LOG.error("no Decision can be recorded: %s", error.message)
            return 503, "cannot-record", "the gate cannot record its decisions, so it releases nothing"
        self._upstream_failed(exchange.upstream, error.code)
        LOG.warning("upstream `%s`: %s: %s", exchange.upstream, error.code, error.message)
        return 504 if error.code in _TOO_SLOW else 502, error.code, error.message

    def _refused(self, exchange: Exchange, dialect: Dialect, refusals: Mapping[HeldCall, Refusal]) -> Whole:
        first = next(iter(refusals.values()))
        text = first.message or "a call in the model's answer was refused"
        return self._answer(exchange, 403, dialect.error(403, text, code=first.code))

    def _answer(self, exchange: Exchange, status: int, body: bytes) -> Whole:
        return Whole(status, body, self._headers(exchange))

    @staticmethod
    def _headers(exchange: Exchange) -> dict[str, str]:
        return {DECISION_HEADER: ", ".join(exchange.decisions) or exchange.id, RUN_HEADER: exchange.run_id}


def _unserved(dialect: Dialect) -> bytes:
    return dialect.error(404, "no upstream serves this model", code="model_not_found")


def _call_id(approval_id: str) -> str:
    """Nine letters and digits, as Mistral demands. An approval is delivered once, so no id comes twice in a run."""
    return sha256(approval_id.encode()).hexdigest()[:9]


def _server(tool: str) -> str | None:
    """A result of a tool that ran at the provider says so in front of its name; no other tool has a server here."""
    return PROVIDER if tool.startswith(f"{PROVIDER}/") else None


def _name(tool: str) -> str:
    return tool.removeprefix(f"{PROVIDER}/")


def _value(text: str) -> Any:
    """A result as JSON where it is strict JSON of a list or an object, else as the text that it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return parse_json(text)
    except StrictJsonError:
        return text
