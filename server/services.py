"""What the edge needs from the floors behind it, as small ports; wiring.py puts the real ones in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from guardrail import Principal

from .exchange import Answer, Caller, Whole
from .metrics import Metrics
from .policies import Policy
from .reporting import Label, Narrowing, Reporting, Who
from .settings import Settings
from .store import Run
from .wire import Dialect

if TYPE_CHECKING:
    from .approvals import Approvals
    from .internalized import Standings
    from .tools import HttpTools
    from .versions import PolicyDesk


class Ask(Protocol):
    """Asks a model server in the API that `dialect` is."""

    def __call__(self, dialect: Dialect, caller: Caller, run: Run, body: bytes, /) -> Awaitable[Answer]: ...


class Aside(Protocol):
    """Asks a model server something in which no model speaks; server/gate.py keeps this promise."""

    def __call__(
        self, dialect: Dialect, path: str, read: Callable[[bytes], bytes], caller: Caller, run: Run, body: bytes, /
    ) -> Awaitable[Answer]: ...


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


class Memory(Protocol):
    """What people do with memory; server/remembering keeps this promise. Every method blocks, runs in any thread, gives
    a JSON tree, and raises EdgeError with a stable code for what it refuses."""

    @property
    def trouble(self) -> str | None: ...
    def audits(self, tenant: str) -> dict[str, Any]: ...
    def adjudicate(self, tenant: str, decision: str, should: Label, who: Who, because: str = "") -> dict[str, Any]: ...
    def abstractions(self, tenant: str) -> dict[str, Any]: ...
    def abstraction(self, tenant: str, name: str) -> dict[str, Any]: ...
    def approve(
        self, tenant: str, name: str, who: Who, version: int | None = None, narrows_to: Narrowing = "ask"
    ) -> dict[str, Any]: ...
    def reject(self, tenant: str, name: str, who: Who, because: str = "") -> dict[str, Any]: ...
    def edit(self, tenant: str, name: str, who: Who, when: str, because: str = "") -> dict[str, Any]: ...
    def refresh(self, tenant: str, *, seed: int = 0, dry_run: bool = False) -> dict[str, Any]: ...
    def rollback(self, tenant: str, who: Who, snapshot: int) -> dict[str, Any]: ...
    def retract(self, tenant: str, who: Who, reporter: str) -> dict[str, Any]: ...


class Mcp(Protocol):
    """The MCP door; server/mcp keeps this promise. `admitted` is whether the caller would be let in at the moment, for
    what goes on for long."""

    def post(
        self,
        server: str | None,
        raw: Iterable[tuple[bytes, bytes]],
        body: bytes,
        caller: Caller,
        run: Run,
        admitted: Callable[[], bool],
    ) -> Awaitable[Answer]: ...
    def delete(self, server: str | None, raw: Iterable[tuple[bytes, bytes]], caller: Caller) -> Answer: ...
    def get(
        self,
        server: str | None,
        raw: Iterable[tuple[bytes, bytes]],
        caller: Caller,
        run: Run,
        admitted: Callable[[], bool],
    ) -> Awaitable[Answer]: ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the edge. Bodies come in unread, of at most `settings.limits.body_bytes`. `memory` and
    `reporting` are None where memory is not set up, `mcp` and `tools` where no such server is, `token_for` where no
    signed tokens are taken, `versions` where policies are files, `standings` where no model has an
    `internalization.json`."""

    settings: Settings
    ask: Ask
    aside: Aside
    models: ListModels
    decide: Decide
    acts: Act
    store: Keeper
    policies: Policy
    metrics: Metrics
    approvals: Approvals
    memory: Memory | None = None
    reporting: Reporting | None = None
    mcp: Mcp | None = None
    tools: HttpTools | None = None
    token_for: Callable[[str], Caller | None] | None = None
    versions: PolicyDesk | None = None
    standings: Standings | None = None
