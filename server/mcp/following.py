"""What a client with a session hears besides its answers: log messages, and that something of a server changed.

Log messages stand on the stream of the request that they belong to (conversing). Changes belong to none: they come over
the stream that the client opened with GET, as names alone: the URI of a resource that the client asked to hear of, or
that a list is not what it was, of the server's or by another policy. A subscription is decided as
`server/resources.subscribe(uri)`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from guardrail import ToolCall

from ..tool_gate import Released, ToolAnswer, ToolGate
from .asking import Asking
from .clients import ClientSession
from .conversing import DOOR, Conversing
from .eras import complete
from .line import Heard, PeerError
from .logged import LEVELS
from .messages import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    REFUSED,
    Notification,
    RpcError,
    notification_bytes,
)
from .offering import Offering
from .peer import ServerError
from .servers import Own, Server

LOG = logging.getLogger("leastward.mcp")

SUBSCRIBE: Final = "resources.subscribe"
MOST_SUBSCRIBED: Final = 1_000

_ALL_LISTS: Final = dict.fromkeys(("promptsListChanged", "resourcesListChanged", "toolsListChanged"), True)
UPDATED: Final = "notifications/resources/updated"
LISTS_CHANGED: Final[Mapping[str, str]] = {
    name: f"notifications/{name}/list_changed" for name in ("tools", "prompts", "resources")
}
"""By capability."""


class Following:
    """Only at the address of one server, and for what its settings pass on."""

    def __init__(self, offering: Offering, gate: ToolGate, conversing: Conversing) -> None:
        self._offering = offering
        self._gate = gate
        self._conversing = conversing

    async def levels(self, asking: Asking) -> dict[str, Any]:
        """From which level on the client wants to hear log messages. Raises RpcError."""
        server, session, own = self._whose(asking)
        level = asking.params({"level": str}, {})["level"]
        if not server.passes.logging:
            raise _not_there()
        if level not in LEVELS:
            raise RpcError(INVALID_PARAMS, "there is no such level", status=400)
        if not await self._is_modern(server, asking, own):  # where each request says it for itself
            await self._told(server, asking, "logging/setLevel", {"level": level}, own)
        session.level = level
        return complete(asking.version, {})

    async def subscribes(self, asking: Asking) -> dict[str, Any]:
        """Raises RpcError, StoreError."""
        server, session, own = self._whose(asking)
        uri = asking.params({"uri": str}, {})["uri"]
        if not server.passes.subscriptions:
            raise _not_there()
        if len(session.subscribed) >= MOST_SUBSCRIBED:
            raise RpcError(INVALID_PARAMS, f"at most {MOST_SUBSCRIBED} subscriptions of one session")

        granted = uri

        async def reach(arguments: dict[str, Any]) -> ToolAnswer:
            nonlocal granted
            granted = arguments["uri"]
            if not modern:
                await self._told(server, asking, "resources/subscribe", {"uri": granted}, own)
            return ToolAnswer(None)

        modern, under = await self._is_modern(server, asking, own), self._gate.policy_hash
        asked = ToolCall(SUBSCRIBE, {"uri": uri}, "", server.name)
        outcome = await self._gate.call(asking.caller, asking.run, DOOR, asked, reach)
        asking.decisions.append(outcome.decision)
        if not isinstance(outcome, Released):
            data = {"code": outcome.refusal.code, "decision": outcome.decision}
            raise RpcError(REFUSED, outcome.refusal.message or "the gate does not allow it", data)
        session.subscribed[granted] = under
        await self._listens(server, asking, session, own)
        return complete(asking.version, {})

    async def unsubscribes(self, asking: Asking) -> dict[str, Any]:
        """Raises RpcError."""
        server, session, own = self._whose(asking)
        uri = asking.params({"uri": str}, {})["uri"]
        if not server.passes.subscriptions:
            raise _not_there()
        if uri in session.subscribed:
            del session.subscribed[uri]
            if not await self._is_modern(server, asking, own):
                await self._told(server, asking, "resources/unsubscribe", {"uri": uri}, own)
        return complete(asking.version, {})

    async def listens(self, asking: Asking) -> None:
        """A client is there to be told. Raises RpcError."""
        server, session, own = self._whose(asking)
        await self._listens(server, asking, session, own)

    async def _listens(self, server: Server, asking: Asking, session: ClientSession, own: Own) -> None:
        heard = _changes(session, lambda: self._gate.policy_hash)
        try:
            if await server.is_modern(asking.run.id, own):
                await _follow(server, asking.run.id, session, own, heard)
            else:
                await server.listen(asking.run.id, own, heard)
        except (PeerError, ServerError) as error:
            if not session.subscribed and isinstance(error, ServerError) and error.code == METHOD_NOT_FOUND:
                return  # it tells of nothing, and the policy still does
            raise RpcError(INTERNAL_ERROR, "the server cannot be asked", {"code": "server-unavailable"}) from error

    def _whose(self, asking: Asking) -> tuple[Server, ClientSession, Own]:
        if asking.server is None or asking.session is None:
            raise _not_there()
        server = self._offering.of(asking.server)[0]
        own = self._conversing.own(asking, server)
        if own is None:
            raise _not_there()
        return server, asking.session, own

    async def _is_modern(self, server: Server, asking: Asking, own: Own) -> bool:
        try:
            return await server.is_modern(asking.run.id, own)
        except (PeerError, ServerError) as error:
            raise RpcError(INTERNAL_ERROR, "the server cannot be asked", {"code": "server-unavailable"}) from error

    async def _told(self, server: Server, asking: Asking, method: str, params: dict[str, Any], own: Own) -> None:
        try:
            await server.ask(asking.run.id, method, params, own=own)
        except ServerError as error:
            code = error.code if error.code in (INVALID_PARAMS, METHOD_NOT_FOUND) else INTERNAL_ERROR
            raise RpcError(code, "the server answered with an error", {"code": "server-error"}) from error
        except PeerError as error:
            raise RpcError(INTERNAL_ERROR, error.message, {"code": error.code}) from error


async def _follow(server: Server, run: str, session: ClientSession, own: Own, heard: Heard) -> None:
    """Listen to a server of 2026-07-28 for this client, to all that it wants to hear of by now, in place of what was
    listened to before. Raises ServerError, PeerError where there is nothing to hear."""
    acknowledged = asyncio.Event()
    wanted = {**_ALL_LISTS, "resourceSubscriptions": sorted(session.subscribed)}

    async def followed() -> None:
        await server.hear(run, wanted, heard, lambda _: acknowledged.set(), own)

    before, session.following = session.following, asyncio.ensure_future(followed())
    session.following.add_done_callback(_ended)
    if before is not None:
        before.cancel()
    waiting = asyncio.ensure_future(acknowledged.wait())
    try:
        await asyncio.wait((waiting, session.following), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if not acknowledged.is_set():
        await session.following


def _ended(following: asyncio.Task[None]) -> None:
    """A client with a session is not told that its server fell silent; there is no message for it."""
    if not following.cancelled() and (error := following.exception()) is not None:
        LOG.warning("a server is not listened to any more: %s", error)


def _changes(session: ClientSession, policy: Callable[[], str]) -> Heard:
    """Names of what changed, for one client, and none of the server's words. A resource that was granted under another
    policy is not told of: the client has to ask again."""

    def heard(message: Notification) -> None:
        params: dict[str, Any] = {}
        if message.method == UPDATED:
            uri = message.params.get("uri")
            if not isinstance(uri, str) or session.subscribed.get(uri) != policy():
                return
            params = {"uri": uri}
        if session.hears is not None:
            session.hears(notification_bytes(message.method, params))

    return heard


def _not_there() -> RpcError:
    return RpcError(METHOD_NOT_FOUND, "there is no such method", status=404)
