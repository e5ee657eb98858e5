"""The only place that composes: settings in, a running gate out. All else takes its collaborators as arguments."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn
from fastapi import FastAPI

from guardrail import Clock, Decision, Record, RecordSink, Remembered

from .acts import Acts
from .app import Gate
from .dry_run import DryRun
from .gate import Manner, ModelGate
from .listening import listening
from .logs import start_logging
from .metrics import Metrics
from .models import ModelList
from .policies import Policies
from .propose import ModelProposer, propose_entities
from .recorded import Conduct, RecordedDecisions
from .services import Services
from .session_policies import SessionPolicies
from .sessions import SessionBook
from .settings import Settings, load_settings
from .store import Store, StoreError
from .upstream import Upstream

if TYPE_CHECKING:
    from .identity import KeyWatch, Tokens
    from .remembering import Recollection

SWITCH_SECONDS: Final = 0.0001
"""How soon a waiting thread gets the interpreter from a busy one. The writer of Records waits for it twice a commit: at
CPython's 5 ms one connection got 490 answers a second and 32 got 1,540, at this 830 and 2,140 (measured)."""


@dataclass(frozen=True, slots=True)
class House:
    """A gate with everything it needs, not yet running. `store` is open and not started."""

    settings: Settings
    app: Gate
    store: Store
    policies: Policies
    metrics: Metrics

    def server(self) -> uvicorn.Server:
        """The HTTP server; `run` or `serve` it."""
        return uvicorn.Server(listening(self.app, self.settings, self.metrics))


def _now() -> datetime:
    return datetime.now(UTC)


def build(settings: Settings, folder: Path, clock: Clock = _now) -> House:
    """Compose a gate. Relative paths in `settings` are relative to `folder`. `clock` says when decisions are taken, and
    when what is said of them is heard.

    Raises PoliciesError for policies that do not load, and StoreError for a database that cannot be used, memory's
    among them.
    """
    metrics = Metrics()
    policies = Policies(settings.policies, settings.tools, folder, reloaded=metrics.policy_reload)
    policies.load()
    store = Store.open(folder / settings.database, clock=clock)
    upstreams = {name: upstream.open(name) for name, upstream in settings.upstreams.items()}
    sessions = SessionBook()
    memory = _memory(settings, folder, store, policies, metrics, clock)
    identity = _identity(settings, folder)
    decisions = RecordedDecisions(
        _Timed(store, metrics),
        clock,
        _conduct(settings),
        lambda decision: _count(metrics, decision),
        sessions.changes,
        None if memory is None else memory.tenants,
    )
    gate = ModelGate(
        policies,
        _Routes(settings, upstreams),
        sessions,
        decisions,
        _manner(settings),
        metrics.upstream_error,
        _session_policies(settings),
    )
    services = Services(
        settings=settings,
        ask=gate.answer,
        models=ModelList(upstreams),
        decide=DryRun(policies, sessions, clock),
        acts=Acts(policies, sessions, decisions),
        store=store,
        policies=policies,
        metrics=metrics,
        memory=None if memory is None else memory.desk,
        token_for=None if identity is None else identity[0].caller_for,
    )

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        store.start()
        sessions.restore(store.remembered(), policies.current.plan)
        await store.commit((), sessions.everything())
        watching = [asyncio.create_task(policies.watch())]
        if identity is not None:
            await identity[1].look()
            watching.append(asyncio.create_task(identity[1].watch()))
        try:
            async with contextlib.nullcontext() if memory is None else memory.running():
                yield
        finally:
            for task in watching:
                task.cancel()
            for upstream in upstreams.values():
                upstream.close()
            store.close()

    return House(settings, Gate(services, life), store, policies, metrics)


def serve(config: Path | None) -> None:
    """Run a gate in the foreground until a signal ends it. Raises what `build` and the settings raise."""
    settings = load_settings(config)
    start_logging(settings.log.level)
    sys.setswitchinterval(SWITCH_SECONDS)
    build(settings, Path() if config is None else config.parent).server().run()


def _memory(
    settings: Settings, folder: Path, store: Store, policies: Policies, metrics: Metrics, clock: Clock
) -> Recollection | None:
    """Memory where it is set up. What it is made of is imported only then: SQLAlchemy and numpy are no small matter."""
    if settings.memory.url is None:
        return None
    try:
        from .remembering import Recollection
    except ModuleNotFoundError as error:
        raise StoreError(f"`memory.url` is set, but there is no `{error.name}`: install the extra `memory`") from error

    return Recollection(settings, folder, store, policies, metrics, clock)


def _identity(settings: Settings, folder: Path) -> tuple[Tokens, KeyWatch] | None:
    """What verifies signed tokens, where some are taken; its library is imported only then."""
    if not settings.identity.issuers:
        return None
    try:
        from .identity import open_tokens
    except ModuleNotFoundError as error:
        raise StoreError(f"`identity` is set, but there is no `{error.name}`: install the extra `jwt`") from error
    return open_tokens(settings.identity, folder)


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

    def __init__(self, sink: RecordSink, metrics: Metrics) -> None:
        self._sink = sink
        self._metrics = metrics

    async def commit(self, records: Sequence[Record], remembered: Sequence[Remembered] = ()) -> None:
        begun = time.perf_counter()
        await self._sink.commit(records, remembered)
        self._metrics.committed(time.perf_counter() - begun)
