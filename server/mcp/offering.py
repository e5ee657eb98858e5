"""The tools of the servers as one caller may see them, and the names under which they are told apart.

At `/mcp/{server}` a tool has its own name. At `/mcp`, where all servers stand behind one address, it is
`server__tool`; the name of a server holds no `__`, so there is one way to read it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from policy_dsl import Tool

from ..exchange import Caller
from ..reporting import REPORT_DECISION
from ..store import Run
from .asking import Asking
from .conversing import Conversing
from .line import PeerError
from .messages import INVALID_PARAMS, RpcError
from .peer import ServerError
from .servers import Listed, Server

LOG = logging.getLogger("leastward.mcp")

BETWEEN: Final = "__"


class Offers(Protocol):
    """The choke point, as far as a list needs it (server/tool_gate.py)."""

    async def offered(self, caller: Caller, run: Run, server: str | None, tools: Sequence[Tool]) -> list[Tool]: ...


class Offering:
    """`reports` is whether agents may send reports through a tool of the gate's own."""

    def __init__(self, servers: Mapping[str, Server], gate: Offers, conversing: Conversing, *, reports: bool) -> None:
        self._servers = servers
        self._gate = gate
        self._conversing = conversing
        self._reports = reports

    def of(self, server: str | None) -> list[Server]:
        """The servers behind one address. Raises RpcError for one that there is not."""
        if server is None:
            return [self._servers[name] for name in sorted(self._servers)]
        if server not in self._servers:
            raise RpcError(INVALID_PARAMS, "there is no such server", {"code": "unknown-server"}, status=404)
        return [self._servers[server]]

    def resolved(self, server: str | None, name: str) -> tuple[Server, str] | None:
        """The server and its own name for a tool that a client names; None where there can be none."""
        if server is None:
            prefix, between, name = name.partition(BETWEEN)
            if not between or not name or prefix not in self._servers:
                return None
            return self._servers[prefix], name
        return self.of(server)[0], name

    def shown_name(self, server: str | None, of: Server, name: str) -> str:
        return name if server is not None else f"{of.name}{BETWEEN}{name}"

    async def tools(self, asking: Asking) -> list[dict[str, Any]]:
        """The declarations, in order of name. Raises PeerError where the one server of the address cannot be asked; of
        several, those that cannot are left out."""
        server = asking.server
        servers = self.of(server)
        lists = await asyncio.gather(*(self._offered(asking, one) for one in servers), return_exceptions=server is None)
        shown: list[dict[str, Any]] = []
        for one, found in zip(servers, lists, strict=True):
            if isinstance(found, PeerError | ServerError):
                LOG.warning("server `%s` is left out of a list: %s", one.name, found.message)
            elif isinstance(found, BaseException):
                raise found
            else:
                shown.extend(found)
        if self._reports:
            shown.append(dict(REPORT_DECISION))
        return sorted(shown, key=lambda declared: str(declared["name"]))

    async def _offered(self, asking: Asking, one: Server) -> list[dict[str, Any]]:
        listing = await one.listing(asking.run.id, self._conversing.own(asking, one), fresh=True)
        free = [listed.tool for listed in listing.values() if listed.problem is None and listed.tool is not None]
        offered = await self._gate.offered(asking.caller, asking.run, one.name, free)
        return [
            {**listing[tool.name].declared, "name": self.shown_name(asking.server, one, tool.name)} for tool in offered
        ]


def known(listing: Mapping[str, Listed], name: str) -> tuple[Listed | None, str | None]:
    """What the server lists under this name, and why a call of it is refused before any rule is asked."""
    listed = listing.get(name)
    return listed, "unknown-tool" if listed is None else listed.problem
