"""HTTP tools from the settings: documents are read, and whatever is wrong with them is said before anything listens."""

from __future__ import annotations

import fnmatch
import ipaddress
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .client import Client
from .documents import DocumentError, read_document
from .egress import Egress, Resolve, system_resolve
from .faults import ToolFault
from .openapi import read_openapi
from .operations import Fetch, HttpTool, Operation, Posted
from .servers import Credentials, HttpServer, check_credentials
from .urls import Url, read_url

if TYPE_CHECKING:
    from ..settings_tools import ToolServerSettings

LOG = logging.getLogger("leastward.tools")

_NOWHERE: Final = Url("https", "fetch.invalid", 443, "")
"""The base of a server that has none: RFC 6761 keeps `.invalid` from ever being a name."""


class ToolsError(Exception):
    """The settings or a document of HTTP tools are not in order; raised before anything listens."""


def open_servers(
    settings: Mapping[str, ToolServerSettings], folder: Path, resolve: Resolve = system_resolve
) -> dict[str, HttpServer]:
    """The servers by name; relative paths are relative to `folder`. Raises ToolsError."""
    servers = {}
    for name, chosen in settings.items():
        try:
            servers[name] = _opened(name, chosen, folder, resolve)
        except (DocumentError, ToolFault, ValueError) as error:
            help = "; `networks` opens some" if getattr(error, "code", "") == "address-refused" else ""
            raise ToolsError(f"`http_tools.{name}`: {error}{help}") from error
    return servers


def _opened(name: str, chosen: ToolServerSettings, folder: Path, resolve: Resolve) -> HttpServer:
    base = _NOWHERE if chosen.url is None else read_url(chosen.url)
    if base.query is not None:
        raise ValueError("`url` has a query; `query` is for what the gate sends along")
    headers = tuple((header, value.get_secret_value()) for header, value in chosen.headers.items())
    check_credentials(headers)
    credentials = Credentials(headers, tuple((key, value.get_secret_value()) for key, value in chosen.query.items()))
    egress = Egress(
        tuple(map(ipaddress.ip_network, chosen.networks)),
        frozenset(chosen.ports),
        chosen.plain_http,
        None if chosen.url is None else base.origin,
    )
    if chosen.url is not None:
        egress.check(base)
    client = Client(
        egress,
        connect_seconds=chosen.connect_timeout,
        seconds=chosen.timeout,
        answer_bytes=chosen.answer_bytes,
        ca_file=None if chosen.ca_file is None else str(folder / chosen.ca_file),
        resolve=resolve,
    )
    server = HttpServer(name, base, _tools(name, chosen, folder, credentials), client, credentials, chosen.redirects)
    server.catalogue  # noqa: B018 - a schema that cannot be read is an error now, not at the first call
    return server


def _tools(name: str, chosen: ToolServerSettings, folder: Path, credentials: Credentials) -> dict[str, HttpTool]:
    tools: dict[str, HttpTool] = {tool: Posted(tool, path) for tool, path in chosen.posts.items()}
    if chosen.fetch:
        tools["fetch"] = Fetch()
    for operation in _operations(name, chosen, folder, credentials):
        if operation.tool in tools:
            raise ValueError(f"`{operation.tool}` stands in `posts` and in the document")
        tools[operation.tool] = operation
    return tools


def _operations(name: str, chosen: ToolServerSettings, folder: Path, credentials: Credentials) -> list[Operation]:
    if chosen.openapi is None:
        return []
    others = [path.rstrip("/") for path in chosen.posts.values()]
    offered = read_openapi(read_document(folder / chosen.openapi), credentials.owned, others)
    for operation, reason in offered.left_out.items():
        LOG.warning("operation-left-out", extra={"server": name, "operation": operation, "reason": reason})
    return [
        operation
        for operation in offered.operations
        if any(fnmatch.fnmatchcase(operation.tool, pattern) for pattern in chosen.operations)
    ]
