"""One server of HTTP tools: which tools it has, what the gate sends along, and where a redirect leads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote

from policy_dsl import Catalogue, Tool

from .client import Client, Request, Response, is_header
from .faults import ToolFault
from .operations import Asked, Fetch, HttpTool, Operation, placed
from .urls import Url, read_url

_FOLLOWED: Final[Mapping[int, frozenset[str]]] = {
    301: frozenset({"GET"}),
    302: frozenset({"GET"}),
    303: frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"}),
    307: frozenset({"GET"}),
    308: frozenset({"GET"}),
}
"""Status to methods after which a GET follows. Clients differ on whether a POST is repeated after 301 and 302 (RFC 9110
section 15.4), and repeating one after 307 or 308 would act twice: the agent is told, and may call anew."""

_RELATIVE: Final = re.compile(r"/(?!/).*")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the gate adds to each request to the server's own origin, and nowhere else."""

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()

    @property
    def owned(self) -> frozenset[tuple[str, str]]:
        """What no agent may write."""
        headers = (("header", name.lower()) for name, _ in self.headers)
        return frozenset((*headers, *(("query", name) for name, _ in self.query)))


@dataclass(frozen=True, slots=True)
class HttpServer:
    """`base` is where its operations stand. Names of tools are unique within it; a policy names `server/tool`."""

    name: str
    base: Url
    tools: Mapping[str, HttpTool]
    client: Client
    credentials: Credentials = field(default=Credentials(), repr=False)
    redirects: int = 3

    @property
    def catalogue(self) -> Catalogue:
        """Its tools with their schemas."""
        return Catalogue.from_tools([tool.described for tool in self.tools.values()], self.name)

    def placed(self, asked: Asked) -> tuple[str, dict[str, Any]] | None:
        """The tool that a request below the server's base path is for, with its arguments. Raises ToolFault."""
        operations = [tool for tool in self.tools.values() if isinstance(tool, Operation)]
        found = placed(operations, asked)
        return None if found is None else (found[0].tool, found[1])

    async def send(self, tool: str, arguments: Mapping[str, Any]) -> tuple[Request, Response]:
        """Raises ToolFault."""
        request = self.tools[tool].request(self.base, arguments)
        return request, await self.client.send(self._signed(request))

    def next(self, request: Request, response: Response) -> tuple[str, dict[str, Any]] | None:
        """The call that a redirect asks for: a new one, to be decided. None where the answer is no redirect. Raises
        ToolFault `redirect-refused` where it leads to no tool of this server."""
        if not 300 <= response.status < 400:
            return None
        if response.location is not None and request.method in _FOLLOWED.get(response.status, frozenset()):
            url = self._resolved(request.url, response.location)
            if url is not None:
                found = self._tool_at(url)
                if found is not None:
                    return found
        raise ToolFault("redirect-refused", f"the tool's server answered `{response.status}`, to where no tool is")

    def _resolved(self, url: Url, location: str) -> Url | None:
        """An absolute URL or an absolute path; readers differ on how the other forms of RFC 3986 resolve."""
        try:
            if _RELATIVE.fullmatch(location):
                return read_url(f"{url.scheme}://{url.authority}{location}")
            return read_url(location)
        except ToolFault:
            return None

    def _tool_at(self, url: Url) -> tuple[str, dict[str, Any]] | None:
        fetch = next((tool for tool in self.tools.values() if isinstance(tool, Fetch)), None)
        if fetch is not None:
            return fetch.tool, {"url": f"{url.scheme}://{url.authority}{url.target}"}
        base = self.base.path.rstrip("/")
        if url.origin != self.base.origin or not url.path.startswith(base + "/"):
            return None
        try:
            return self.placed(Asked("GET", url.path.removeprefix(base), url.query or ""))
        except ToolFault:
            return None

    def _signed(self, request: Request) -> Request:
        own = self.credentials
        if request.url.origin != self.base.origin or (not own.headers and not own.query):
            return request
        members = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in own.query]
        query = "&".join((*([request.url.query] if request.url.query else []), *members)) or None
        return replace(request, url=replace(request.url, query=query), headers=(*request.headers, *own.headers))


def check_credentials(headers: Iterable[tuple[str, str]]) -> None:
    """Raises ValueError for a header that cannot stand in a request; it does not repeat the value."""
    for name, value in headers:
        if not is_header(name, value) or name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
            raise ValueError(f"the header `{name}` cannot be sent")


def known(tool: str, servers: Mapping[str, HttpServer]) -> list[str]:
    """The names of the servers that have a tool of that name."""
    return [name for name, server in servers.items() if tool in server.tools]


def tools_of(servers: Iterable[HttpServer]) -> list[Tool]:
    return [tool for server in servers for tool in server.catalogue]
