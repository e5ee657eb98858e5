"""Which method does what. What is not in the table is not there: nothing is passed on that nobody reads.

    tools         listed as the policy lets the caller see them, called through the choke point
    documents     resources, prompts, completion: decided as tools that stand for them
    lifecycle     initialize, ping, server/discover: answered here; no server's instructions are passed on, because a
                  server could write them anew with every session
    following     what a client with a session wants to hear meanwhile: log messages, changes of resources
    subscribing   the same changes for a client of 2026-07-28, as one request that is answered with a stream
Not there: tasks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

from ..exchange import Caller
from ..store import Run
from ..tool_gate import ToolGate
from ..wire import MalformedRequest
from .asking import Asking
from .calling import Calling, TakesReport
from .clients import ClientSession
from .conversing import DOOR, Conversing
from .documents import LISTS, READS, Documents
from .eras import GATE, HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, MODERN, complete, is_modern, listed
from .following import LISTS_CHANGED, Following
from .held import Held
from .line import PeerError
from .messages import HEADER_MISMATCH, INTERNAL_ERROR, METHOD_NOT_FOUND, RpcError, notification_bytes
from .offering import Offering
from .peer import ServerError
from .returning import Returning
from .rounds import Rounds
from .servers import NOTHING_PASSED, Server
from .standing import Standing
from .subscribing import LISTEN, Subscribing

LOG = logging.getLogger("leastward.mcp")

INITIALIZE: Final = "initialize"

_CODES: Final[Mapping[int, str]] = {HEADER_MISMATCH: "header-mismatch"}
"""The codes under which what cannot be read is recorded, by JSON-RPC's."""


class _Entry(NamedTuple):
    method: Callable[[Asking], Awaitable[dict[str, Any]]]
    handshake: bool = True
    modern: bool = True


class Door:
    """All methods, for any front. `reports` takes reports of agents (Reporting.from_tool), None where memory is off;
    `rounds` seals what servers ask of clients without a session, None where they can ask those nothing."""

    def __init__(
        self,
        servers: Mapping[str, Server],
        gate: ToolGate,
        *,
        held: Held | None = None,
        reports: TakesReport | None = None,
        rounds: Rounds | None = None,
    ) -> None:
        self._servers = servers
        self._gate = gate
        conversing, returning = Conversing(gate, seals=rounds is not None), Returning(held, rounds)
        self._offering = Offering(servers, gate, conversing, reports=reports is not None)
        self._documents = Documents(self._offering, gate, conversing, returning)
        self._following = Following(self._offering, gate, conversing)
        self._subscribing = Subscribing(self._offering, gate, self._documents)
        calling = Calling(self._offering, gate, conversing, returning, reports)
        self._methods: dict[str, _Entry] = {
            "initialize": _Entry(self._initialize, modern=False),
            "ping": _Entry(self._ping, modern=False),
            "server/discover": _Entry(self._discover, handshake=False),
            "tools/list": _Entry(self._tools),
            "tools/call": _Entry(calling.call),
            "logging/setLevel": _Entry(self._following.levels, modern=False),
            "resources/subscribe": _Entry(self._following.subscribes, modern=False),
            "resources/unsubscribe": _Entry(self._following.unsubscribes, modern=False),
            LISTEN: _Entry(self._subscribing.listens, handshake=False),
            **{method: _Entry(self._documents.lists) for method in LISTS},
            **{method: _Entry(self._documents.reads) for method in READS},
        }

    @property
    def methods(self) -> frozenset[str]:
        """All that there are."""
        return frozenset(self._methods)

    def has(self, server: str | None) -> bool:
        return server is None or server in self._servers

    async def answer(self, asking: Asking) -> dict[str, Any]:
        """The result of one request. Raises RpcError; StoreError where no Decision can be recorded."""
        entry = self._methods.get(asking.request.method)
        if entry is None or not (entry.modern if is_modern(asking.version) else entry.handshake):
            raise RpcError(METHOD_NOT_FOUND, "there is no such method", status=404)
        return await entry.method(asking)

    async def malformed(self, caller: Caller, run: Run, error: RpcError) -> None:
        """A message that could not be read, or that HTTP and its body disagree on, is recorded like any refusal: it may
        be somebody who tries how the gate reads. Raises StoreError."""
        code = error.data.get("code") if error.data is not None else None
        fault = MalformedRequest(
            error.message, code=_CODES.get(error.code, "malformed-request") if code is None else code
        )
        await self._gate.malformed(caller, run, DOOR, fault)

    def follows(self, server: str | None) -> bool:
        """Whether a client with a session at this address may be told something unasked."""
        return server is not None and server in self._servers and self._servers[server].passes.subscriptions

    def speaks(self, asking: Asking) -> bool:
        """Whether this client may be asked or told something before its result."""
        servers = self._servers.values() if asking.server is None else [self._servers[asking.server]]
        if any(server.passes.logging for server in servers):
            return True
        if asking.session is None:
            return asking.request.method == LISTEN
        return "elicitation" in asking.capabilities or any(server.passes != NOTHING_PASSED for server in servers)

    async def listens(self, asking: Asking) -> Standing:
        """A client with a session opened its stream for what it did not ask for. Raises RpcError."""
        await self._following.listens(asking)
        return Standing(asking.admitted, lambda: self._gate.policy_hash)

    async def lists_changed(self, asking: Asking) -> list[bytes]:
        """What a client with a session is told when the policy is another: it decides what is in each list."""
        has = await self._capabilities(asking)
        return [notification_bytes(method, {}) for name, method in LISTS_CHANGED.items() if name in has]

    def left(self, session: ClientSession) -> None:
        """A client's session is over."""
        for server in self._servers.values():
            server.leave(session.id)

    async def close(self) -> None:
        await asyncio.gather(*(server.close() for server in self._servers.values()))

    # --- lifecycle ---

    async def _initialize(self, asking: Asking) -> dict[str, Any]:
        params = asking.params({"protocolVersion": str, "capabilities": dict, "clientInfo": dict}, {})
        wanted = params["protocolVersion"]
        version = wanted if wanted in HANDSHAKE_PROTOCOL_VERSIONS else LATEST_HANDSHAKE_VERSION
        return {
            "protocolVersion": version,
            "capabilities": await self._capabilities(asking),
            "serverInfo": dict(GATE),
        }

    async def _discover(self, asking: Asking) -> dict[str, Any]:
        asking.params({}, {})
        found = {"supportedVersions": [MODERN], "capabilities": await self._capabilities(asking)}
        return listed(asking.version, {**found, "_meta": {"io.modelcontextprotocol/serverInfo": dict(GATE)}})

    async def _capabilities(self, asking: Asking) -> dict[str, Any]:
        self._offering.of(asking.server)
        return {"tools": {}, **await self._documents.capabilities(asking)}

    async def _ping(self, asking: Asking) -> dict[str, Any]:
        return complete(asking.version, {})

    # --- tools ---

    async def _tools(self, asking: Asking) -> dict[str, Any]:
        asking.params({}, {"cursor": str})
        try:
            tools = await self._offering.tools(asking)
        except (PeerError, ServerError) as error:
            LOG.warning("server `%s` cannot be asked for its tools: %s", asking.server, error.message)
            raise RpcError(
                INTERNAL_ERROR, "the server cannot be asked for its tools", {"code": "server-unavailable"}
            ) from error
        return listed(asking.version, {"tools": tools})
