"""Which method does what. What is not in the table is not there: nothing is passed on that nobody reads.

    tools         listed as the policy lets the caller see them, called through the choke point
    documents     resources, prompts, completion: decided as tools that stand for them
    lifecycle     initialize, ping, server/discover: answered here; no server's instructions are passed on, because a
                  server could write them anew with every session
Not there: logging, subscriptions, tasks, and everything that a server asks of a client.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

from ..tool_gate import ToolGate
from .asking import Asking
from .calling import Calling, TakesReport
from .documents import LISTS, READS, Documents
from .eras import GATE, HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, MODERN, complete, is_modern, listed
from .held import Held
from .line import PeerError
from .messages import INTERNAL_ERROR, METHOD_NOT_FOUND, RpcError
from .offering import Offering
from .peer import ServerError
from .servers import Server

LOG = logging.getLogger("leastward.mcp")

INITIALIZE: Final = "initialize"


class _Entry(NamedTuple):
    method: Callable[[Asking], Awaitable[dict[str, Any]]]
    handshake: bool = True
    modern: bool = True


class Door:
    """All methods, for any front. `reports` takes reports of agents (Reporting.from_tool), None where memory is off."""

    def __init__(
        self,
        servers: Mapping[str, Server],
        gate: ToolGate,
        *,
        held: Held | None = None,
        reports: TakesReport | None = None,
    ) -> None:
        self._servers = servers
        self._offering = Offering(servers, gate, reports=reports is not None)
        self._documents = Documents(self._offering, gate)
        calling = Calling(self._offering, gate, held, reports)
        self._methods: dict[str, _Entry] = {
            "initialize": _Entry(self._initialize, modern=False),
            "ping": _Entry(self._ping, modern=False),
            "server/discover": _Entry(self._discover, handshake=False),
            "tools/list": _Entry(self._tools),
            "tools/call": _Entry(calling.call),
            **{method: _Entry(self._documents.lists) for method in LISTS},
            **{method: _Entry(self._documents.reads) for method in READS},
        }

    def has(self, server: str | None) -> bool:
        return server is None or server in self._servers

    async def answer(self, asking: Asking) -> dict[str, Any]:
        """The result of one request. Raises RpcError; StoreError where no Decision can be recorded."""
        entry = self._methods.get(asking.request.method)
        if entry is None or not (entry.modern if is_modern(asking.version) else entry.handshake):
            raise RpcError(METHOD_NOT_FOUND, "there is no such method", status=404)
        return await entry.method(asking)

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
            tools = await self._offering.tools(asking.caller, asking.run, asking.server)
        except (PeerError, ServerError) as error:
            LOG.warning("server `%s` cannot be asked for its tools: %s", asking.server, error.message)
            raise RpcError(
                INTERNAL_ERROR, "the server cannot be asked for its tools", {"code": "server-unavailable"}
            ) from error
        return listed(asking.version, {"tools": tools})
