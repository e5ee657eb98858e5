"""The only place that composes: settings in, a running gate out. All else takes its collaborators as arguments."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn

from guardrail import Clock, Decision, Record, Remembered

from .acts import Acts
from .app import Gate
from .dry_run import DryRun
from .gate import Manner, ModelGate
from .internalized import Standings
from .listening import listening
from .logs import start_logging
from .metrics import Metrics
from .models import ModelList
from .opening import (
    open_approvals,
    open_http_tools,
    open_identity,
    open_judge,
    open_mcp,
    open_memory,
    open_policies,
    open_policy_files,
)
from .policies import Serving
from .propose import ModelProposer, propose_entities
from .recorded import RecordedDecisions, Sink
from .recording import Conduct
from .reporting import Reporting
from .services import Mcp, Services
from .session_policies import SessionPolicies
from .sessions import SessionBook
from .settings import Settings, SettingsError, load_settings
from .store import ApprovalChange, Store, located
from .tool_gate import ToolGate
from .turns import Turns
from .upstream import Upstream

if TYPE_CHECKING:
    from .approvals import Approvals

SWITCH_SECONDS: Final = 0.0001
"""How soon a waiting thread gets the interpreter from a busy one. The writer of Records waits for it twice a commit: at
CPython's 5 ms one connection got 490 answers a second and 32 got 1,540, at this 830 and 2,140 (measured)."""


@dataclass(frozen=True, slots=True)
class House:
    """A gate with everything it needs, not yet running. `store` is open and not started; `running` starts and ends what
    the gate does beside its requests."""

    settings: Settings
    app: Gate
    store: Store
    policies: Serving
    metrics: Metrics
    tools: ToolGate
    mcp: Mcp | None
    approvals: Approvals
    running: Callable[[], contextlib.AbstractAsyncContextManager[None]]
    failures: list[Exception]
    """What kept `running` from starting under the HTTP server, which ends the process and says only that it failed."""

    def server(self) -> uvicorn.Server:
        """The HTTP server; `run` or `serve` it."""
        return uvicorn.Server(listening(self.app, self.settings, self.metrics))


WAITING_THREADS: Final = 16
"""Questions to the database that wait at once. Three gates stay below the 100 connections that PostgreSQL takes."""


def _now() -> datetime:
    return datetime.now(UTC)


def build(settings: Settings, folder: Path, clock: Clock = _now) -> House:
    """Compose a gate. Relative paths in `settings` are relative to `folder`. `clock` says when decisions are taken, and
    when what is said of them is heard.

    Raises PoliciesError for policies that do not load, and StoreError for a database that cannot be used, memory's
    among them.
    """
    metrics = Metrics()
    files = open_policy_files(settings, folder, metrics)
    store = Store.open(
        located(folder, settings.database),
        clock=clock,
        retention_days=settings.payload_days,
        lease_seconds=settings.lease_seconds,
    )
    policies, versions = open_policies(settings, store, files, clock, metrics)
    upstreams = {name: upstream.open(name) for name, upstream in settings.upstreams.items()}
    sessions = SessionBook(shared=store.shared)
    turns = Turns(store, sessions, lambda: policies.current.plan) if store.shared else None
    memory = open_memory(settings, folder, store, policies, metrics, clock)
    identity = open_identity(settings, folder)
    approvals = open_approvals(settings, store, clock, metrics)
    tenants = None if memory is None else memory.part.tenants
    decisions = RecordedDecisions(
        _Timed(store, metrics),
        clock,
        _conduct(settings),
        lambda decision: _count(metrics, decision),
        sessions.changes,
        tenants,
        judge := open_judge(settings),
        approvals.part,
        turns,
        settings.judge.model.at_once,
        store.still_speaks,
    )
    drafts, suspects = _session_policies(settings), settings.judge.scan()
    routes, manner = _Routes(settings, upstreams), _manner(settings)
    label_of = None if suspects is None else suspects.label_of
    named = {name: upstream.internalized for name, upstream in settings.upstreams.items()}
    by_client = {name for name, upstream in settings.upstreams.items() if upstream.named_by == "client"}
    standings = Standings.of(named, folder, metrics.internalized, by_client)
    told = None if standings is None else standings.told
    gate = ModelGate(policies, routes, sessions, decisions, manner, metrics.upstream_error, drafts, label_of, told)
    tools = ToolGate(policies, sessions, decisions, drafts, label_of, observes=manner.observes, learns=manner.learns)
    reporting = None if memory is None else Reporting(memory.part.desk, metrics.report)
    mcp = open_mcp(settings, folder, store, tools, approvals.part, reporting, clock)
    http_tools = open_http_tools(settings, folder, tools)
    services = Services(
        settings=settings,
        ask=gate.answer,
        aside=gate.aside,
        models=ModelList(upstreams),
        decide=DryRun(policies, sessions, clock, tenants, judge),
        acts=Acts(policies, sessions, decisions),
        store=store,
        policies=policies,
        metrics=metrics,
        approvals=approvals.part,
        memory=None if memory is None else memory.part.desk,
        reporting=reporting,
        mcp=None if mcp is None else mcp.part,
        tools=None if http_tools is None else http_tools.part,
        token_for=None if identity is None else identity.part,
        versions=versions,
        standings=standings,
    )

    @contextlib.asynccontextmanager
    async def running() -> AsyncIterator[None]:
        # asyncio's own pool has as many threads as there are cores, and these wait for a database.
        pool = ThreadPoolExecutor(WAITING_THREADS, thread_name_prefix="leastward")
        asyncio.get_running_loop().set_default_executor(pool)
        store.start()
        sessions.restore(store.remembered(), policies.current.plan)
        if not store.shared:  # other replicas write there too, and what they wrote must stand
            await store.commit((), sessions.everything())
        watching = [asyncio.create_task(policies.watch())]
        if standings is not None:
            await asyncio.to_thread(standings.look)
            watching.append(asyncio.create_task(standings.watch()))
        if turns is not None:
            await turns.join()
            watching.append(asyncio.create_task(turns.follow()))
        try:
            async with contextlib.AsyncExitStack() as stack:
                for opened in (memory, identity, approvals, mcp, http_tools):
                    if opened is not None:
                        await stack.enter_async_context(opened.running())
                yield
        finally:
            for watch in watching:
                watch.cancel()
            for upstream in upstreams.values():
                upstream.close()
            store.close()

    failures: list[Exception] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        try:
            async with running():
                yield
        except Exception as error:
            failures.append(error)
            raise

    return House(
        settings,
        Gate(services, lifespan),
        store,
        policies,
        metrics,
        tools,
        services.mcp,
        approvals.part,
        running,
        failures,
    )


def serve(config: Path | None) -> None:
    """Run a gate in the foreground until a signal ends it. Raises what `build` and the settings raise."""
    settings = load_settings(config)
    start_logging(settings.log.level)
    sys.setswitchinterval(SWITCH_SECONDS)
    house = build(settings, Path() if config is None else config.parent)
    try:
        house.server().run()
    except SystemExit as ended:
        if house.failures:
            raise house.failures[0] from None
        if not isinstance(ended.__context__, OSError):
            raise
        address = f"{settings.listen.host}:{settings.listen.port}"
        problem = f"`listen`: {address} cannot be bound: {_said(ended.__context__)}"
        raise SettingsError(str(config or "leastward.yaml"), [problem]) from None


def _said(error: OSError) -> str:
    """asyncio puts the address into the text of some of these."""
    number = error.errno or 0
    return os.strerror(number) if number > 0 else str(error.strerror)  # numbers below are the name service's


def _manner(settings: Settings) -> Manner:
    return Manner(
        style=settings.refusals.style,
        rounds=settings.refusals.rounds,
        scan=() if settings.text_calls == "off" else tuple(settings.text_calls),
        seconds={name: upstream.timeout for name, upstream in settings.upstreams.items()},
        answer_limit=settings.limits.answer_bytes,
        observes=settings.mode == "observe",
        learns=settings.memory.url is not None,
    )


def _session_policies(settings: Settings) -> SessionPolicies | None:
    drafts = settings.drafts
    if drafts.by == "off":
        return None
    if drafts.by == "entities":
        return SessionPolicies(propose_entities)
    return SessionPolicies(ModelProposer(drafts.model or "", drafts.base_url))


def _conduct(settings: Settings) -> Conduct:
    said = settings.text_calls if isinstance(settings.text_calls, str) else ",".join(settings.text_calls)
    return Conduct(settings.mode, said, settings.refusals.per_run_limit)


def _count(metrics: Metrics, decision: Decision) -> None:
    metrics.decision(decision.effect, decision.reason)
    if not decision.releases:
        metrics.refusal(decision.reason)


class _Routes:
    """Model names to upstreams, as the settings route them."""

    def __init__(self, settings: Settings, upstreams: Mapping[str, Upstream]) -> None:
        self._settings = settings
        self._upstreams = upstreams

    def upstream_for(self, model: str) -> Upstream | None:
        name = self._settings.upstream_for(model)
        return None if name is None else self._upstreams[name]


class _Timed:
    """The sink, with a clock on it."""

    def __init__(self, sink: Sink, metrics: Metrics) -> None:
        self._sink = sink
        self._metrics = metrics

    async def commit(
        self,
        records: Sequence[Record],
        remembered: Sequence[Remembered] = (),
        approvals: Sequence[ApprovalChange] = (),
        *,
        since: int | None = None,
    ) -> None:
        begun = time.perf_counter()
        await self._sink.commit(records, remembered, approvals, since=since)
        self._metrics.committed(time.perf_counter() - begun)
