"""What the edge needs from the floors behind it, as small ports; wiring.py puts the real ones in."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Protocol

from guardrail import Guard, Principal

from .exchange import Answer, Caller, Whole
from .metrics import Metrics
from .settings import Settings
from .store import Run


class Chat(Protocol):
    def __call__(self, caller: Caller, run: Run, body: bytes, /) -> Awaitable[Answer]: ...


class ListModels(Protocol):
    def __call__(self, caller: Caller, /) -> Awaitable[Whole]: ...


class Decide(Protocol):
    def __call__(self, caller: Caller, body: bytes, /) -> Awaitable[Whole]: ...


class Act(Protocol):
    def __call__(self, caller: Caller, run_id: str, body: bytes, /) -> Awaitable[Whole]: ...


class Keeper(Protocol):
    """Keys, runs and Records; server/store keeps this promise. Every method may raise StoreError."""

    @property
    def healthy(self) -> str | None: ...
    def caller_for(self, secret: str) -> Caller | None: ...
    def run_for(self, run_id: str, principal: Principal) -> Run | None: ...
    def default_run(self, principal: Principal) -> Run: ...
    async def mint_run(self, principal: Principal) -> Run: ...
    def decision(self, record_id: str, tenant: str) -> dict[str, Any] | None: ...
    def decisions(self, exchange_id: str, tenant: str) -> list[dict[str, Any]]: ...


class Policy(Protocol):
    """The policy in force; server/policies.py keeps this promise."""

    @property
    def current(self) -> Guard: ...
    @property
    def is_loaded(self) -> bool: ...
    @property
    def error(self) -> str | None: ...
    @property
    def loaded_at(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the edge. Bodies come in unread, of at most `settings.limits.body_bytes`."""

    settings: Settings
    chat: Chat
    models: ListModels
    decide: Decide
    acts: Act
    store: Keeper
    policies: Policy
    metrics: Metrics
