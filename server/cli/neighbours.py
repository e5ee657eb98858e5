"""What `leastward doctor` asks of those beside the gate: does a model server answer, is an MCP server's program there,
does a tool server's name lead to an address that is open, can an issuer's keys be read. No tool is called, and no
process started. The gate starts without them, so none is worse than a warning, but for settings that stop the start.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from .diagnosis import Diagnosis

if TYPE_CHECKING:
    from ..identity.watch import Read
    from ..settings import Settings, UpstreamSettings
    from ..settings_mcp import McpServerSettings
    from ..tools import HttpServer

SECONDS: Final = 5.0
MOST_BYTES: Final = 16 << 20
Look = Coroutine[Any, Any, Diagnosis]


def neighbours(settings: Settings, folder: Path) -> list[Diagnosis]:
    """All are asked at once, for at most SECONDS each. The servers of MCP and of HTTP tools stand under their names."""

    async def ask() -> list[Diagnosis]:
        return await asyncio.gather(*_looks(settings, folder))

    return asyncio.run(ask())


def _looks(settings: Settings, folder: Path) -> Iterator[Look]:
    for name, upstream in settings.upstreams.items():
        yield _upstream(name, upstream)
    for name, server in settings.mcp.servers.items():
        yield _program(name, server, folder) if server.url is None else _address(name, server.url)
    yield from _tool_servers(settings, folder)
    yield from _issuers(settings, folder)


async def _upstream(name: str, settings: UpstreamSettings) -> Diagnosis:
    from policy_dsl import StrictJsonError, parse_json

    from ..upstream import UpstreamError

    about = f"upstreams.{name}"
    upstream = settings.open(name)
    try:
        reply = await upstream.get("/models", deadline=time.monotonic() + SECONDS)
        body = await reply.read(MOST_BYTES)
    except UpstreamError as error:
        return Diagnosis(about, "warning", f"`{settings.url}` cannot be asked: {error.message}")
    finally:
        upstream.close()
    if reply.status in (401, 403):
        return Diagnosis(about, "warning", f"refuses what the gate sends as its key (status {reply.status})")
    if reply.status != 200:
        path = urlsplit(settings.url).path.rstrip("/")
        hint = "" if path else "; most addresses end with `/v1`"
        return Diagnosis(about, "warning", f"answers `{path}/models` with status {reply.status}{hint}")
    try:
        tree = parse_json(body, numbers="kept")
    except StrictJsonError:
        return Diagnosis(about, "warning", "answers with something that is not strict JSON")
    listed = tree.get("data") if isinstance(tree, dict) else None
    count = f", models: {len(listed)}" if isinstance(listed, list) else ""
    return Diagnosis(about, "ok", f"answers{count}")


async def _program(name: str, server: McpServerSettings, folder: Path) -> Diagnosis:
    about, command = f"mcp.servers.{name}", server.command or ""
    own = server.env["PATH"].get_secret_value() if "PATH" in server.env else None
    where = folder / (server.cwd or "")
    if not where.is_dir():
        return Diagnosis(about, "warning", f"`{server.cwd}` is no folder")
    found = shutil.which(str(where / command) if "/" in command else command, path=own)
    if found is None:
        return Diagnosis(about, "warning", f"there is no program `{command}`")
    return Diagnosis(about, "ok", f"starts {found}")


async def _address(name: str, url: str) -> Diagnosis:
    about, parts = f"mcp.servers.{name}", urlsplit(url)
    try:
        async with asyncio.timeout(SECONDS):
            port = parts.port or (443 if parts.scheme == "https" else 80)
            _, writer = await asyncio.open_connection(parts.hostname, port)
            writer.close()
    except (OSError, ValueError) as error:  # a TimeoutError is an OSError
        return Diagnosis(about, "warning", f"`{url}` cannot be reached: {_why(error)}")
    return Diagnosis(about, "ok", f"something listens at `{url}`")


def _tool_servers(settings: Settings, folder: Path) -> Iterator[Look]:
    from ..tools import ToolsError, open_servers

    for name, chosen in settings.http_tools.items():
        try:
            server = open_servers({name: chosen}, folder)[name]
        except ToolsError as error:
            yield _known(Diagnosis(f"http_tools.{name}", "bad", str(error)))
        else:
            yield _tool_server(name, server, chosen.url)


async def _tool_server(name: str, server: HttpServer, url: str | None) -> Diagnosis:
    from ..tools import ToolFault

    about, tools = f"http_tools.{name}", f"tools: {len(server.tools)}"
    try:
        if url is not None:
            await server.client.reach(server.base)
    except ToolFault as error:
        return Diagnosis(about, "warning", f"{tools}; their server cannot be reached: {error}")
    finally:
        server.client.close()
    return Diagnosis(about, "ok", tools)


def _issuers(settings: Settings, folder: Path) -> Iterator[Look]:
    for name, issuer in settings.identity.issuers.items():
        about = f"identity.issuers.{name}"
        try:
            from ..identity import source

            yield _issuer(about, source(name, issuer, folder))
        except ModuleNotFoundError as error:
            yield _known(Diagnosis(about, "bad", f"there is no `{error.name}`: install the extra `jwt`"))
        except ValueError as error:
            yield _known(Diagnosis(about, "bad", str(error)))


async def _issuer(about: str, read: Read) -> Diagnosis:
    from ..identity import BadKeySet, KeySet
    from ..upstream import UpstreamError

    try:
        async with asyncio.timeout(SECONDS):
            keys = len(KeySet.read(await read()))
    except (BadKeySet, UpstreamError, OSError) as error:
        return Diagnosis(about, "warning", f"its keys cannot be read: {_why(error)}")
    return Diagnosis(about, "ok" if keys else "warning", f"keys that signatures can be verified with: {keys}")


def _why(error: Exception) -> str:
    """asyncio puts the address into the text of some of these."""
    if isinstance(error, TimeoutError):
        return "no answer"
    number = getattr(error, "errno", None) or 0
    return os.strerror(number) if number > 0 else str(error)  # numbers below are the name service's


async def _known(diagnosis: Diagnosis) -> Diagnosis:
    return diagnosis
