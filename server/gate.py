"""The choke point: every model answer passes here, and no call leaves before its Decision is durable.

One exchange: read the request strictly -> keep the tools that may be offered -> ask the model server -> read its answer
strictly -> decide and record every call -> release, refuse, or tell the model why and ask again. Text passes at once on
a stream; calls are held. The Answer that leaves is always encoded from what was judged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from guardrail import Guard
from policy_dsl import StrictJsonError, parse_json

from .exchange import Answer, Caller, Streamed, Whole
from .offers import OfferFilter
from .recorded import Exchange, RecordedDecisions
from .session_policies import SessionPolicies
from .sessions import SessionBook
from .store import Run, StoreError
from .upstream import Upstream, UpstreamError, UpstreamReply
from .wire import (
    ChatRequest,
    ChatStream,
    HeldCall,
    Refusal,
    Scan,
    SoFar,
    WireError,
    openai_error,
    parse_chat_answer,
    parse_chat_request,
    parse_upstream_error,
)

LOG = logging.getLogger("leastward.gate")
CHAT: Final = "/chat/completions"
DECISION_HEADER: Final = "x-leastward-decision"
RUN_HEADER: Final = "x-leastward-run"
ERROR_LIMIT: Final = 64 * 1024
"""Bytes read of an upstream's error: its sentence is passed on, a page of HTML is not."""


class Guards(Protocol):
    """Where the Guard of the moment comes from; it changes when the policy files do."""

    @property
    def current(self) -> Guard: ...


class Router(Protocol):
    """Which model server serves a model. Clients name models, never servers."""

    def upstream_for(self, model: str) -> Upstream | None: ...


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


class ChatGate:
    """`/v1/chat/completions` behind the edge. One event loop; any number of exchanges at a time."""

    def __init__(
        self,
        guards: Guards,
        router: Router,
        sessions: SessionBook,
        decisions: RecordedDecisions,
        manner: Manner,
        upstream_failed: Callable[[str, str], None] = lambda name, code: None,
        policies: SessionPolicies | None = None,
    ) -> None:
        self._guards = guards
        self._router = router
        self._sessions = sessions
        self._decisions = decisions
        self._manner = manner
        self._upstream_failed = upstream_failed
        self._policies = policies
        self._offers = OfferFilter(learns=manner.learns)

    async def chat(self, caller: Caller, run: Run, body: bytes) -> Answer:
        """Answer one request. Errors of every kind come out as an Answer in the API's own shape, never as a release."""
        guard = self._guards.current
        state = self._sessions.of(run.id, caller.principal, guard.plan)
        exchange = self._decisions.open(caller, run.id, state, guard)
        try:
            return await self._chat(exchange, body)
        except WireError as error:
            return await self._unreadable(exchange, error)
        except StoreError as error:
            return self._unrecorded(exchange, error)
        except UpstreamError as error:
            return self._unreachable(exchange, error)

    async def _chat(self, exchange: Exchange, body: bytes) -> Answer:
        request = await self._prepared(exchange, parse_chat_request(body))
        upstream = self._router.upstream_for(request.model)
        if upstream is None:
            unknown = openai_error(404, "no upstream serves this model", code="model_not_found")
            return self._answer(exchange, 404, unknown)
        exchange.model, exchange.upstream = request.model, upstream.name
        deadline = asyncio.get_running_loop().time() + self._manner.seconds[upstream.name]
        reply = await upstream.post(CHAT, request.encode(), deadline=deadline)
        if reply.status != 200:
            status, error = parse_upstream_error(reply.status, await reply.read(ERROR_LIMIT))
            return self._answer(exchange, status, error)
        if request.stream:
            parts = self._streamed(exchange, request, upstream, reply, deadline)
            return Streamed(200, _Parts(parts, reply), self._headers(exchange))
        return await self._whole(exchange, request, upstream, reply, deadline)

    async def _prepared(self, exchange: Exchange, request: ChatRequest) -> ChatRequest:
        state = exchange.state
        if exchange.caller.speaks_for_user:
            state.session.user_said(request.user_words())
        if self._policies is not None:
            exchange.guard = await self._policies.guard(state, exchange.guard)
        state.under(exchange.guard.plan)
        self._learn(exchange, request)
        if not self._manner.observes:
            guard, facts, may_offer = exchange.guard, state.session.facts, self._offers.may_offer
            request = request.keeping(lambda offer: may_offer(offer, guard, facts))
            if guard.redactions:
                request = request.with_results(guard.redactions.apply)
        return request.with_refusals(state.past) if state.past else request

    @staticmethod
    def _learn(exchange: Exchange, request: ChatRequest) -> None:
        """Tell the Session what tools answered, as the client claims it."""
        results = request.results()
        if exchange.guard.plan.is_idle:
            results = results[:1]  # that there was one is all that a later policy can be told
        for result in exchange.state.fresh(results):
            exchange.state.session.answered(
                result.call_id, _value(result.text), observed=False, tool=result.tool or None
            )

    # --- a whole answer ----------------------------------------------------------------------------------------------

    async def _whole(
        self, exchange: Exchange, request: ChatRequest, upstream: Upstream, reply: UpstreamReply, deadline: float
    ) -> Answer:
        so_far: SoFar | None = None
        for asked_again in range(self._manner.rounds + 1):
            body = await reply.read(self._manner.answer_limit)
            if reply.status != 200:
                status, error = parse_upstream_error(reply.status, body)
                return self._answer(exchange, status, error)
            answer = parse_chat_answer(body, self._manner.scan, so_far=so_far)
            refusals, rewritten = await self._decisions.ruled(exchange, answer.calls)
            if not self._asks_again(exchange, answer.choices, answer.calls, refusals, asked_again):
                break
            request = request.continued(answer, refusals)
            so_far = answer.so_far
            reply = await upstream.post(CHAT, request.encode(), deadline=deadline)
        if refusals and self._manner.style == "error":
            return self._refused(exchange, refusals)
        exchange.state.past.extend(answer.past(refusals))
        answer.rewrite(rewritten)
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

    async def _streamed(
        self, exchange: Exchange, request: ChatRequest, upstream: Upstream, reply: UpstreamReply, deadline: float
    ) -> AsyncGenerator[bytes, None]:
        """The parts of a stream. Once it has begun an error can only end it: an error event, and no `[DONE]`."""
        try:
            so_far: SoFar | None = None
            for asked_again in range(self._manner.rounds + 1):
                if reply.status != 200:
                    _, error = parse_upstream_error(reply.status, await reply.read(ERROR_LIMIT))
                    yield b"data: " + error + b"\n\n"
                    return
                stream = ChatStream(self._manner.scan, continuing=so_far)
                async for data in reply.parts():
                    if part := stream.feed(data):
                        yield part
                calls = stream.close()
                refusals, rewritten = await self._decisions.ruled(exchange, calls)
                if not self._asks_again(exchange, stream.choices, calls, refusals, asked_again):
                    break
                if part := stream.settle(refusals, done=False):
                    yield part
                request = request.continued(stream, refusals)
                so_far = stream.so_far
                reply = await upstream.post(CHAT, request.encode(), deadline=deadline)
            if refusals and self._manner.style == "error":
                yield b"data: " + self._refused(exchange, refusals).body + b"\n\n"
                return
            exchange.state.past.extend(stream.past(refusals))
            stream.rewrite(rewritten)
            yield stream.settle(refusals)
        except (WireError, StoreError, UpstreamError) as error:
            yield b"data: " + (await self._failed(exchange, error)).body + b"\n\n"
        except Exception:
            LOG.exception("an exchange failed and released nothing more")
            yield b"data: " + openai_error(500, "the gate failed; nothing was released", code="gate-error") + b"\n\n"
        finally:
            reply.abort()

    # --- what is said when nothing is released -----------------------------------------------------------------------

    async def _failed(self, exchange: Exchange, error: WireError | StoreError | UpstreamError) -> Whole:
        if isinstance(error, WireError):
            return await self._unreadable(exchange, error)
        if isinstance(error, StoreError):
            return self._unrecorded(exchange, error)
        return self._unreachable(exchange, error)

    async def _unreadable(self, exchange: Exchange, error: WireError) -> Whole:
        try:
            await self._decisions.malformed(exchange, error)
        except StoreError as unrecorded:
            return self._unrecorded(exchange, unrecorded)
        status = error.status_hint
        return self._answer(exchange, status, openai_error(status, error.message, code=error.code))

    def _unrecorded(self, exchange: Exchange, error: StoreError) -> Whole:
        LOG.error("no Decision can be recorded: %s", error.message)
        text = "the gate cannot record its decisions, so it releases nothing"
        return self._answer(exchange, 503, openai_error(503, text, code="cannot-record"))

    def _unreachable(self, exchange: Exchange, error: UpstreamError) -> Whole:
        self._upstream_failed(exchange.upstream, error.code)
        LOG.warning("upstream `%s`: %s: %s", exchange.upstream, error.code, error.message)
        status = 504 if error.code in ("read-timeout", "deadline", "connect-timeout", "pool-timeout") else 502
        return self._answer(exchange, status, openai_error(status, error.message, code=error.code))

    def _refused(self, exchange: Exchange, refusals: Mapping[HeldCall, Refusal]) -> Whole:
        first = next(iter(refusals.values()))
        text = first.message or "a call in the model's answer was refused"
        return self._answer(exchange, 403, openai_error(403, text, code=first.code))

    def _answer(self, exchange: Exchange, status: int, body: bytes) -> Whole:
        return Whole(status, body, self._headers(exchange))

    @staticmethod
    def _headers(exchange: Exchange) -> dict[str, str]:
        return {DECISION_HEADER: ", ".join(exchange.decisions) or exchange.id, RUN_HEADER: exchange.run_id}


def _value(text: str) -> Any:
    """A result as JSON where it is strict JSON of a list or an object, else as the text that it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return parse_json(text)
    except StrictJsonError:
        return text
