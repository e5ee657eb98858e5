"""One MCP server as one run reaches it: the version agreed on, requests and their answers.

The gate claims no capability towards a server, so sampling, elicitation and roots cannot be asked through it; a server
that asks anyway is told that there is no such method, and a result that asks for input is an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from mcp.shared.inbound import MCP_METHOD_HEADER, MCP_NAME_HEADER, NAME_BEARING_METHODS, encode_header_value

from .eras import GATE, HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, MODERN, envelope, is_modern
from .line import NO_HEADERS, Ask, Line, PeerError
from .messages import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    UNSUPPORTED_PROTOCOL_VERSION,
    Notification,
    Reply,
    notification_bytes,
    request_bytes,
)

PROBE_SECONDS: Final = 5.0
"""How long a server may take to say whether it knows 2026-07-28; older ones over pipes may say nothing at all."""

_VERSION: Final = "mcp-protocol-version"
_PROGRESS: Final = "notifications/progress"
_CLAIMABLE: Final = frozenset({"elicitation", "roots", "sampling"})
_CHANGED: Final = "notifications/tools/list_changed"

Progressed = Callable[[dict[str, Any]], None]
Protocol = Literal["auto", "2026-07-28", "2025-11-25"]


class ServerError(Exception):
    """The server answered with a JSON-RPC error. `message` is the server's own and not to be trusted; `lacking` names
    the capabilities of clients that it misses, of those that there are."""

    def __init__(self, code: int, message: str, lacking: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.lacking = lacking


class Peer:
    """`capabilities` are the server's. `stale` is whether its tools may have changed since they were last listed."""

    def __init__(
        self, line: Line, version: str, capabilities: Mapping[str, Any], numbers: itertools.count[int]
    ) -> None:
        self._line = line
        self._numbers = numbers
        self.version = version
        self.capabilities = capabilities
        self.stale = True

    @property
    def is_open(self) -> bool:
        return self._line.is_open

    def close(self) -> None:
        self._line.close()

    async def closed(self) -> None:
        """Close, and wait until nothing of the server is left here."""
        await self._line.closed()

    async def ask(
        self,
        method: str,
        params: Mapping[str, Any],
        seconds: float,
        progressed: Progressed | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> dict[str, Any]:
        """The server's result. Raises ServerError, PeerError. Cancelling tells the server."""
        name = next(self._numbers)
        sent = dict(params)
        meta = envelope(self.version) if is_modern(self.version) else {}
        if progressed is not None:
            meta["progressToken"] = name
        if meta:
            sent["_meta"] = meta
        heard = self._listener(name, progressed)
        ask = Ask(name, request_bytes(name, method, sent), seconds, heard, {**self._headers(method, params), **headers})
        try:
            return _result(await self._line.ask(ask))
        except asyncio.CancelledError:
            self._cancelled(name)
            raise

    def _headers(self, method: str, params: Mapping[str, Any]) -> dict[str, str]:
        headers = {_VERSION: self.version}
        if is_modern(self.version):
            headers[MCP_METHOD_HEADER] = method
            named = params.get(NAME_BEARING_METHODS.get(method, ""))
            if isinstance(named, str):
                headers[MCP_NAME_HEADER] = encode_header_value(named)
        return headers

    def _listener(self, name: int, progressed: Progressed | None) -> Callable[[Notification], None]:
        def heard(message: Notification) -> None:
            if message.method == _CHANGED:
                self.stale = True
            elif message.method == _PROGRESS and progressed is not None:
                token = message.params.get("progressToken")
                if type(token) is int and token == name:
                    progressed(message.params)

        return heard

    def _cancelled(self, name: int) -> None:
        """On 2026-07-28 over HTTP the closed connection says it; everywhere else a notification does."""
        message = notification_bytes("notifications/cancelled", {"requestId": name})
        headers = {_VERSION: self.version}

        async def told() -> None:
            with contextlib.suppress(PeerError):
                await self._line.tell(message, headers)

        task = asyncio.ensure_future(told())
        _TELLING.add(task)
        task.add_done_callback(_TELLING.discard)


_TELLING: Final[set[asyncio.Task[None]]] = set()
"""Keeps tasks alive that nobody waits for (asyncio holds only weak references)."""


async def greeted(line: Line, seconds: float, protocol: Protocol = "auto") -> Peer:
    """Agree on a version with a server: 2026-07-28 if it knows it, else the handshake. Raises PeerError."""
    numbers = itertools.count(1)
    if protocol != "2025-11-25":
        found = await _discovered(line, numbers, min(seconds, PROBE_SECONDS) if protocol == "auto" else seconds)
        if found is not None:
            return found
        if protocol == MODERN:
            raise PeerError("server-unreadable", f"the server does not speak {MODERN}")
    try:
        return await _initialized(line, numbers, seconds)
    except ServerError as error:
        # A slow start: it read the question after we gave up on it, and now speaks the newer version alone.
        late = None
        if protocol == "auto" and error.code == UNSUPPORTED_PROTOCOL_VERSION:
            late = await _discovered(line, numbers, seconds)
        if late is None:
            raise PeerError("server-unreadable", "the server refused the handshake") from error
        return late


async def _discovered(line: Line, numbers: itertools.count[int], seconds: float) -> Peer | None:
    peer = Peer(line, MODERN, {}, numbers)
    try:
        result = await peer.ask("server/discover", {}, seconds)
    except ServerError:
        return None
    except PeerError as error:
        if error.code in ("server-unreadable", "server-too-slow") and line.is_open:
            return None
        raise
    versions, capabilities = result.get("supportedVersions"), result.get("capabilities")
    if not isinstance(versions, list) or MODERN not in versions or not isinstance(capabilities, dict):
        return None
    peer.capabilities = capabilities
    return peer


async def _initialized(line: Line, numbers: itertools.count[int], seconds: float) -> Peer:
    offer = {"protocolVersion": LATEST_HANDSHAKE_VERSION, "capabilities": {}, "clientInfo": dict(GATE)}
    name = next(numbers)
    ask = Ask(name, request_bytes(name, "initialize", offer), seconds, lambda _: None)
    result = _result(await line.ask(ask))
    version, capabilities = result.get("protocolVersion"), result.get("capabilities")
    if version not in HANDSHAKE_PROTOCOL_VERSIONS or not isinstance(capabilities, dict):
        raise PeerError("server-unreadable", "the server answered the handshake with a version nobody knows")
    await line.tell(notification_bytes("notifications/initialized", {}), {_VERSION: version})
    return Peer(line, version, capabilities, numbers)


def _result(reply: Reply) -> dict[str, Any]:
    if reply.error is not None:
        message = reply.error.get("message")
        raise ServerError(reply.error["code"], message if isinstance(message, str) else "", _lacking(reply.error))
    kind = reply.result.get("resultType", "complete")
    if kind == "input_required":
        raise PeerError("server-asks", "the server asks for input, which the gate does not pass on")
    if kind != "complete":
        raise PeerError("server-unreadable", "a result of a type that the gate does not know")
    return reply.result


def _lacking(error: Mapping[str, Any]) -> frozenset[str]:
    """The capabilities that a server says its client has to have (2026-07-28, -32021)."""
    data = error.get("data")
    named = data.get("requiredCapabilities") if isinstance(data, dict) else None
    if error["code"] != MISSING_REQUIRED_CLIENT_CAPABILITY or not isinstance(named, dict):
        return frozenset()
    return _CLAIMABLE & named.keys()
