"""One MCP server as one run reaches it: the version agreed on, requests and their answers.

The gate claims towards a server what a client can be asked and the settings pass on (inquiries), and nothing more; a
server that asks anyway is told that there is no such method, and a result that asks for input is an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mcp.shared.inbound import MCP_METHOD_HEADER, MCP_NAME_HEADER, NAME_BEARING_METHODS, encode_header_value
from mcp.shared.subscriptions import LISTEN_STREAM_METHODS, SUBSCRIPTION_ID_META_KEY

from .eras import GATE, HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, MODERN, envelope, is_modern
from .line import NO_HEADERS, Ask, Asked, Heard, Line, PeerError
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

INPUT_REQUIRED: Final = "input_required"
"""The type of a result with which a server asks (2026-07-28, multi-round-trip requests)."""

_VERSION: Final = "mcp-protocol-version"
_PROGRESS: Final = "notifications/progress"
_LOGGED: Final = "notifications/message"
UNASKED: Final = LISTEN_STREAM_METHODS
"""What a server says that belongs to no request: that a list or a resource changed."""

LISTEN: Final = "subscriptions/listen"
_ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"
LOOK_SECONDS: Final = 1.0
"""How often it is looked whether a server is still there that says nothing."""

LISTEN_SECONDS: Final = 3600.0
ACKNOWLEDGED_SECONDS: Final = 15.0

_CLAIMABLE: Final = frozenset({"elicitation", "roots", "sampling"})
_CHANGED: Final = "notifications/tools/list_changed"

Progressed = Callable[[dict[str, Any]], None]
Protocol = Literal["auto", "2026-07-28", "2025-11-25"]


@dataclass(frozen=True, slots=True)
class Listening:
    """What one client is there for while its request is under way: `claims` are the capabilities that it can be asked
    by, `asked` asks it over its session, `logged` tells it what the server logs, from `level` on."""

    claims: Mapping[str, Any] = field(default_factory=dict)
    progressed: Progressed | None = None
    asked: Asked | None = None
    logged: Progressed | None = None
    level: str | None = None


DEAF: Final = Listening()


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
        self._overhearing: dict[Any, Heard] = {}
        self._overheard_last: Notification | None = None
        self._subscribed: Counter[str] = Counter()
        self._subscribing = asyncio.Lock()

    def listen(self, key: Any, heard: Heard) -> None:
        """Tell `heard` what a server with a session says of itself, whenever it says it; one of each key."""
        self._overhearing[key] = heard
        self._line.listen(self._listener(0, DEAF), {_VERSION: self.version})

    async def hear(
        self, wanted: Mapping[str, Any], seconds: float, heard: Heard, acknowledged: Callable[[Any], None]
    ) -> None:
        """Tell `heard` what changes of `wanted`, a filter of `subscriptions/listen`, until the server ends it;
        `acknowledged` first what of it will be told. Raises ServerError, PeerError. Cancelling tells the server."""
        if is_modern(self.version):
            await self._subscribed_to(wanted, heard, acknowledged)
            return
        key, uris = object(), list(wanted.get("resourceSubscriptions", ()))
        taken: list[str] = []
        try:
            for uri in uris:
                taken.append(uri)
                self._subscribed[uri] += 1
                if self._subscribed[uri] == 1:
                    async with self._subscribing:
                        await self.ask("resources/subscribe", {"uri": uri}, seconds)
            self.listen(key, heard)
            await self._line.listens(ACKNOWLEDGED_SECONDS)
            acknowledged(dict(wanted))
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                if not self._line.is_open:
                    break
            raise PeerError("server-broke-off", "the server's session is over")
        finally:
            self._overhearing.pop(key, None)
            self._let_go(taken, seconds)

    async def _subscribed_to(
        self, wanted: Mapping[str, Any], heard: Heard, acknowledged: Callable[[Any], None]
    ) -> None:
        name = next(self._numbers)

        def told(message: Notification) -> None:
            if message.method == _CHANGED:
                self.stale = True
            meta = message.params.get("_meta")
            whose = meta.get(SUBSCRIPTION_ID_META_KEY) if isinstance(meta, dict) else None
            if type(whose) is not int or whose != name:
                return
            if message.method == _ACKNOWLEDGED:
                acknowledged(message.params.get("notifications"))
            elif message.method in UNASKED:
                heard(message)

        params = {"notifications": dict(wanted), "_meta": envelope(self.version, {})}
        message = request_bytes(name, LISTEN, params)
        try:
            _result(await self._line.ask(Ask(name, message, LISTEN_SECONDS, told, self._headers(LISTEN, params))))
        except asyncio.CancelledError:
            self._cancelled(name)
            raise

    def _let_go(self, uris: list[str], seconds: float) -> None:
        """The last who hears of a resource ends the subscription; nobody waits for that."""

        async def unsubscribe(uri: str) -> None:
            async with self._subscribing:
                if self._subscribed[uri] == 0 and self._line.is_open:  # else somebody subscribed meanwhile
                    await self.ask("resources/unsubscribe", {"uri": uri}, seconds)

        for uri in uris:
            self._subscribed[uri] -= 1
            if self._subscribed[uri] == 0:
                del self._subscribed[uri]
                self._behind(unsubscribe(uri))

    @staticmethod
    def _behind(doing: Coroutine[Any, Any, Any]) -> None:
        async def done() -> None:
            with contextlib.suppress(PeerError, ServerError):
                await doing

        task = asyncio.ensure_future(done())
        _TELLING.add(task)
        task.add_done_callback(_TELLING.discard)

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
        listening: Listening = DEAF,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> dict[str, Any]:
        """The server's result, which asks for input only where that was claimed. Raises ServerError, PeerError.
        Cancelling tells the server."""
        name = next(self._numbers)
        sent = dict(params)
        meta = envelope(self.version, listening.claims, listening.level) if is_modern(self.version) else {}
        if listening.progressed is not None:
            meta["progressToken"] = name
        if meta:
            sent["_meta"] = meta
        message, heard = request_bytes(name, method, sent), self._listener(name, listening)
        ask = Ask(name, message, seconds, heard, {**self._headers(method, params), **headers}, listening.asked)
        try:
            return _result(await self._line.ask(ask), asks=bool(listening.claims))
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

    def _listener(self, name: int, listening: Listening) -> Heard:
        def heard(message: Notification) -> None:
            if message.method == _CHANGED:
                self.stale = True
            if message.method in UNASKED:
                self._overheard(message)
            elif message.method == _PROGRESS and listening.progressed is not None:
                token = message.params.get("progressToken")
                if type(token) is int and token == name:
                    listening.progressed(message.params)
            elif message.method == _LOGGED and listening.logged is not None:
                listening.logged(message.params)

        return heard

    def _overheard(self, message: Notification) -> None:
        """On a pipe every request that is under way is told of the same message."""
        if message is self._overheard_last:
            return
        self._overheard_last = message
        for heard in list(self._overhearing.values()):
            heard(message)

    def _cancelled(self, name: int) -> None:
        """On 2026-07-28 over HTTP the closed connection says it; everywhere else a notification does."""
        message = notification_bytes("notifications/cancelled", {"requestId": name})
        self._behind(self._line.tell(message, {_VERSION: self.version}))


_TELLING: Final[set[asyncio.Task[None]]] = set()
"""Keeps tasks alive that nobody waits for (asyncio holds only weak references)."""


async def greeted(
    line: Line, seconds: float, protocol: Protocol = "auto", claims: Mapping[str, Any] | None = None
) -> Peer:
    """Agree on a version with a server: 2026-07-28 if it knows it, else the handshake. With `claims`, which a handshake
    is what makes them, the other way round: a server asks a client with a session while a call is under way, and some
    do it in no other way. Raises PeerError."""
    numbers = itertools.count(1)
    if protocol == "auto" and claims is not None:
        with contextlib.suppress(ServerError, PeerError):
            return await _initialized(line, numbers, seconds, claims)
        if not line.is_open:
            raise PeerError("server-unavailable", "the server ended at the handshake")
    if protocol != "2025-11-25":
        found = await _discovered(line, numbers, min(seconds, PROBE_SECONDS) if protocol == "auto" else seconds)
        if found is not None:
            return found
        if protocol == MODERN:
            raise PeerError("server-unreadable", f"the server does not speak {MODERN}")
    try:
        return await _initialized(line, numbers, seconds, claims or {})
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


async def _initialized(line: Line, numbers: itertools.count[int], seconds: float, claims: Mapping[str, Any]) -> Peer:
    offer = {"protocolVersion": LATEST_HANDSHAKE_VERSION, "capabilities": dict(claims), "clientInfo": dict(GATE)}
    name = next(numbers)
    ask = Ask(name, request_bytes(name, "initialize", offer), seconds, lambda _: None)
    result = _result(await line.ask(ask))
    version, capabilities = result.get("protocolVersion"), result.get("capabilities")
    if version not in HANDSHAKE_PROTOCOL_VERSIONS or not isinstance(capabilities, dict):
        raise PeerError("server-unreadable", "the server answered the handshake with a version nobody knows")
    await line.tell(notification_bytes("notifications/initialized", {}), {_VERSION: version})
    return Peer(line, version, capabilities, numbers)


def _result(reply: Reply, *, asks: bool = False) -> dict[str, Any]:
    if reply.error is not None:
        message = reply.error.get("message")
        raise ServerError(reply.error["code"], message if isinstance(message, str) else "", _lacking(reply.error))
    kind = reply.result.get("resultType", "complete")
    if kind == INPUT_REQUIRED and not asks:
        raise PeerError("server-asks", "the server asks for input, and nobody can be asked for it")
    if kind not in ("complete", INPUT_REQUIRED):
        raise PeerError("server-unreadable", "a result of a type that the gate does not know")
    return reply.result


def _lacking(error: Mapping[str, Any]) -> frozenset[str]:
    """The capabilities that a server says its client has to have (2026-07-28, -32021)."""
    data = error.get("data")
    named = data.get("requiredCapabilities") if isinstance(data, dict) else None
    if error["code"] != MISSING_REQUIRED_CLIENT_CAPABILITY or not isinstance(named, dict):
        return frozenset()
    return _CLAIMABLE & named.keys()
