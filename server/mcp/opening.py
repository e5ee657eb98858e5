"""From the settings of one MCP server to a Server that can be asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from ..settings_mcp import McpServerSettings, McpSettings
from ..upstream import Timeouts, Upstream
from .http_line import HttpLine
from .line import Line
from .pin_file import opened_pins
from .pins import Kept, PinBook
from .process_line import ProcessLine
from .servers import Passes, Server

IDLE_SECONDS: Final = 4.0
"""How long an unused connection is kept: less than uvicorn's 5, on which the SDK's servers run."""


LIST_SECONDS: Final = 30.0
"""How old a listing may be that a call is checked against: how long a changed tool can stay unnoticed in a session."""


def open_servers(
    settings: McpSettings, folder: Path, kept: Kept, answer_limit: int, *, list_seconds: float = LIST_SECONDS
) -> dict[str, Server]:
    """The servers by name; nothing is connected yet. Relative paths are relative to `folder`. Raises PinError for pins
    that cannot be read, ValueError for an address or a header that cannot be used."""
    pins = opened_pins(kept, folder / settings.pins, first_look=settings.accepts == "first-look")
    return {
        name: _server(name, one, pins, folder, answer_limit, list_seconds) for name, one in settings.servers.items()
    }


def _server(name: str, one: McpServerSettings, pins: PinBook, folder: Path, limit: int, list_seconds: float) -> Server:
    ways = _http(name, one, limit) if one.url is not None else _process(one, folder, limit)
    return Server(
        name,
        ways.connect,
        pins,
        protocol=one.protocol,
        seconds=one.timeout,
        connect_seconds=one.connect_timeout,
        list_seconds=list_seconds,
        shared=one.shared,
        passes=Passes(frozenset(one.questions), one.logging, one.subscriptions),
        release=ways.release,
    )


class _Ways(NamedTuple):
    connect: Callable[[], Awaitable[Line]]
    release: Callable[[], None]


def _http(name: str, one: McpServerSettings, limit: int) -> _Ways:
    """All lines to one address share its connections, and nothing else."""
    parts = urlsplit(one.url or "")
    if not parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"`mcp.servers.{name}.url` has a path, such as `/mcp`, and no query")
    headers = _opened(one.headers)
    if any(header.lower().startswith("mcp-") for header in headers):
        raise ValueError(f"`mcp.servers.{name}.headers`: MCP's own headers are the gate's to write")
    key = None if one.api_key is None else one.api_key.get_secret_value()
    upstream = Upstream(
        name,
        f"{parts.scheme}://{parts.netloc}",
        key,
        timeouts=Timeouts(one.connect_timeout, one.timeout, IDLE_SECONDS),
        ca_file=one.ca_file,
    )

    async def connect() -> Line:
        return HttpLine(upstream, parts.path.rstrip("/"), headers, limit)

    return _Ways(connect, upstream.close)


def _process(one: McpServerSettings, folder: Path, limit: int) -> _Ways:
    where = str(folder / one.cwd) if one.cwd is not None else None

    async def connect() -> Line:
        return await ProcessLine.started(one.command or "", one.args, _opened(one.env), where, limit)

    return _Ways(connect, lambda: None)


def _opened(secrets: Mapping[str, SecretStr]) -> dict[str, str]:
    return {name: secret.get_secret_value() for name, secret in secrets.items()}
