"""The parts of a gate that its settings may leave away, each imported only where it is set up.

Each function gives None, or the part and what runs beside the gate's requests while it is open. All raise StoreError
where a library is missing (its message names the extra), and for settings that cannot be used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from guardrail import Clock

from .giving_way import FilesUntilVersions, both
from .metrics import Metrics
from .policies import Policies, Serving
from .reporting import Reporting
from .services import Mcp
from .settings import Settings
from .store import Store, StoreError
from .tool_gate import ToolGate

if TYPE_CHECKING:
    from .approvals import Approvals
    from .exchange import Caller
    from .judging import Judges
    from .remembering import Recollection
    from .tools import HttpTools
    from .versions import PolicyDesk

PartT = TypeVar("PartT")


class Opened(NamedTuple, Generic[PartT]):
    """A part; `running` is open while the gate is."""

    part: PartT
    running: Callable[[], AbstractAsyncContextManager[None]]


def open_policy_files(settings: Settings, folder: Path, metrics: Metrics) -> Policies | None:
    """The policies of the files that the settings name; None where they name keys of policy versions. Raises
    PoliciesError."""
    if not isinstance(settings.policies, list):
        return None
    policies = Policies(settings.policies, settings.tools, folder, reloaded=metrics.policy_reload)
    policies.load()
    return policies


def open_policies(
    settings: Settings, store: Store, files: Policies | None, clock: Clock, metrics: Metrics
) -> tuple[Serving, PolicyDesk | None]:
    """What decides: `files`, or the version in force in the database, with the desk that changes it. Raises StoreError
    where there are both: which of two policies decides is nothing that a gate should guess."""
    if isinstance(settings.policies, list):
        assert files is not None, "open_policy_files gave them"
        in_force = store.policies.in_force()
        if in_force is not None:
            raise StoreError(both(in_force.version))
        if not store.shared:  # nobody but this gate writes there, and it publishes no versions
            return files, None
        until = FilesUntilVersions(files, store.policies.in_force, metrics.policy_reload)
        store.hearing.on("policy_activation", lambda _: until.tell())
        return until, None
    with _extra("versions", "policies.trusted_keys"):
        import cryptography  # noqa: F401  # asked for now, so that no bundle is the first to find it missing
    from .versions import PolicyDesk, TrustedKeys, VersionedPolicies

    trusted = TrustedKeys.read(settings.policies.trusted_keys)
    policies = VersionedPolicies(store.policies, trusted, reloaded=metrics.policy_reload)
    policies.look()
    store.hearing.on("policy_activation", lambda _: policies.tell())
    return policies, PolicyDesk(store.policies, trusted, policies, clock, settings.mode)


def open_memory(
    settings: Settings, folder: Path, store: Store, policies: Serving, metrics: Metrics, clock: Clock
) -> Opened[Recollection] | None:
    if settings.memory.url is None:
        return None
    with _extra("memory", "memory.url"):
        from .remembering import Recollection
    memory = Recollection(settings, folder, store, policies, metrics, clock)
    return Opened(memory, memory.running)


def open_identity(settings: Settings, folder: Path) -> Opened[Callable[[str], Caller | None]] | None:
    """What verifies signed tokens."""
    if not settings.identity.issuers:
        return None
    with _extra("jwt", "identity.issuers"):
        from .identity import open_tokens
    tokens, watch = open_tokens(settings.identity, folder)

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        await watch.look()
        async with _beside(watch.watch()):
            yield

    return Opened(tokens.caller_for, running)


def open_approvals(settings: Settings, store: Store, clock: Clock, metrics: Metrics) -> Opened[Approvals]:
    from .approvals import Approvals, Webhook, counting

    address, bounds = settings.approvals.webhook.address(), settings.approvals.bounds()
    webhook = None if address is None else Webhook(store, address, clock, metrics.announcement)
    if webhook is None:
        approvals = Approvals(store, clock, bounds)
    else:
        approvals = Approvals(store, clock, bounds, webhook.look, announces=True)
    store.hearing.on("approval", approvals.told)

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        if not store.shared:
            await approvals.load()
        async with (
            nullcontext() if webhook is None else webhook.running(),
            _beside(counting(store, clock, metrics.queue)),
        ):
            yield

    return Opened(approvals, running)


def open_judge(settings: Settings) -> Judges:
    """Raises StoreError where a model or a classifier is named that cannot be asked."""
    from .asking import NoLibrary
    from .judging import NoClassifier

    try:
        with _extra("llm", "judge"):
            return settings.judge.judges()
    except (NoLibrary, NoClassifier) as error:
        raise StoreError(f"`judge`: {error}") from error


def open_mcp(
    settings: Settings,
    folder: Path,
    store: Store,
    tools: ToolGate,
    approvals: Approvals,
    reporting: Reporting | None,
    clock: Clock,
) -> Opened[Mcp] | None:
    if not settings.mcp.servers:
        return None
    with _extra("mcp", "mcp.servers"):
        from .approvals.over_mcp import HeldOverMcp
        from .mcp import Door, McpFront, PinError, Rounds, open_servers
    try:
        servers = open_servers(settings.mcp, folder, store.pins, settings.limits.answer_bytes)
    except (PinError, ValueError) as error:
        raise StoreError(str(error)) from error

    def pins_changed(_: str) -> None:
        for server in servers.values():
            server.told()

    store.hearing.on("mcp_pin", pins_changed)
    door = Door(
        servers,
        tools,
        held=HeldOverMcp(approvals),
        reports=None if reporting is None else reporting.from_tool,
        rounds=Rounds(lambda: approvals.bounds.state_key or store.state_key, clock),
    )
    front = McpFront(door, origins=frozenset(settings.mcp.origins))

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await front.close()

    return Opened(front, running)


def open_http_tools(settings: Settings, folder: Path, tools: ToolGate) -> Opened[HttpTools] | None:
    if not settings.http_tools:
        return None
    from .tools import HttpTools, ToolsError, open_servers

    try:
        door = HttpTools(tools, open_servers(settings.http_tools, folder))
    except ToolsError as error:
        raise StoreError(str(error)) from error

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        try:
            yield
        finally:
            door.close()

    return Opened(door, running)


@contextmanager
def _extra(extra: str, setting: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise StoreError(f"`{setting}` is set, but there is no `{error.name}`: install the extra `{extra}`") from error


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs `work`, which never ends by itself, while this is open."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
