"""`subscriptions/listen` (2026-07-28): one request whose answer is the stream of what changes at a server, or behind
the address of all.

The client says what it wants to hear of. Each resource is decided as `server/resources.subscribe(uri)`; what is refused
is left out of the acknowledgement, which comes first and says what the client will hear. From then on come names alone:
that a list is not what it was, or the URI of a resource that was granted, and never a word of the server's. The stream
ends when the one server ends it (hearing.py), after LISTEN_SECONDS, once its key is revoked, and once the policy is
another than the resources were granted under: then all lists are told of first, since a policy decides what is in them,
and a client that listens again is decided anew.

A change says "look again" and no more, so one that waits to be told takes up all of its kind that come meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any, Final

from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY

from guardrail import ToolCall

from ..exchange import Caller
from ..tool_gate import Reach, Released, ToolAnswer, ToolGate
from .asking import Asking
from .conversing import DOOR
from .documents import Documents
from .eras import complete
from .following import SUBSCRIBE
from .hearing import heard_of_all, heard_of_one
from .line import PeerError
from .messages import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, RpcError
from .offering import Offering
from .peer import ServerError
from .standing import Standing
from .told import KINDS, RESOURCES, Told, Wanted

LISTEN: Final = "subscriptions/listen"

LISTEN_SECONDS: Final = 900.0
"""How long one stream lives: what is forgotten open takes up room for no longer."""

MOST_RESOURCES: Final = 100
"""Resources of one stream; each is a Decision with a Record."""

MOST_OF_PRINCIPAL: Final = 16
MOST_OF_GATE: Final = 1_024
"""Streams at a time: each holds a request to the server open."""


def read_wanted(tree: Mapping[str, Any]) -> Wanted:
    """Kinds that the gate does not know are left out, as the protocol has it. Raises RpcError -32602."""
    for name in KINDS:
        if not isinstance(tree.get(name, False), bool):
            raise RpcError(INVALID_PARAMS, f"`{name}` is true or false", status=400)
    uris = tree.get(RESOURCES, [])
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise RpcError(INVALID_PARAMS, f"`{RESOURCES}` is a list of texts", status=400)
    if len(uris) > MOST_RESOURCES:
        raise RpcError(INVALID_PARAMS, f"at most {MOST_RESOURCES} resources of one stream", status=400)
    return Wanted(frozenset(name for name in KINDS if tree.get(name) is True), tuple(dict.fromkeys(uris)))


class Subscribing:
    """Where the settings of a server pass changes on. Behind the address of all there is nothing but tools, and so
    nothing else to hear of. One event loop."""

    def __init__(
        self, offering: Offering, gate: ToolGate, documents: Documents, *, seconds: float = LISTEN_SECONDS
    ) -> None:
        self._offering = offering
        self._gate = gate
        self._documents = documents
        self._seconds = seconds
        self._open: Counter[str] = Counter()

    async def listens(self, asking: Asking) -> dict[str, Any]:
        """The result, when the stream is over. Raises RpcError, also where the server broke off; StoreError."""
        servers = [server for server in self._offering.of(asking.server) if server.passes.subscriptions]
        if not servers or asking.talk is None:
            raise _not_there()
        wanted = read_wanted(asking.params({"notifications": dict}, {})["notifications"])
        meta = {SUBSCRIPTION_ID_META_KEY: asking.request.id}
        with self._room(asking.caller):
            standing = Standing(asking.admitted, lambda: self._gate.policy_hash)
            wanted, refused = await self._granted(asking, wanted)
            stream = Told(asking, meta, wanted, refused)
            heard = heard_of_all(stream, servers) if asking.server is None else heard_of_one(stream, servers[0])
            await self._told(stream, heard, standing)
        return complete(asking.version, {"_meta": meta})

    async def _told(self, stream: Told, heard: Coroutine[Any, Any, None], standing: Standing) -> None:
        hearing = asyncio.ensure_future(heard)
        changing = asyncio.ensure_future(standing.changed())
        try:
            async with asyncio.timeout(self._seconds):
                while await stream.is_next(hearing, changing) and standing.is_admitted and standing.is_as_it_was:
                    stream.tell()
                    await stream.has_room()
                if not standing.is_admitted:
                    return
                if standing.is_as_it_was:
                    await hearing
                else:
                    stream.tell_lists()
        except TimeoutError:
            return
        except ServerError as error:
            raise RpcError(INTERNAL_ERROR, "the server answered with an error", {"code": "server-error"}) from error
        except PeerError as error:
            raise RpcError(INTERNAL_ERROR, error.message, {"code": error.code}) from error
        finally:
            hearing.cancel()
            changing.cancel()
            await asyncio.gather(hearing, changing, return_exceptions=True)

    async def _granted(self, asking: Asking, wanted: Wanted) -> tuple[Wanted, list[dict[str, Any]]]:
        """What of `wanted` this caller may hear, and each resource that it may not, with the code."""
        has = {"tools"} | (await self._documents.capabilities(asking)).keys()
        lists = frozenset(name for name in wanted.lists if KINDS[name] in has)
        refused: list[dict[str, Any]] = []
        granted: list[str] = []
        for uri in wanted.resources if asking.server is not None else ():
            asked = ToolCall(SUBSCRIBE, {"uri": uri}, "", asking.server)
            outcome = await self._gate.call(asking.caller, asking.run, DOOR, asked, _taken(granted))
            asking.decisions.append(outcome.decision)
            if not isinstance(outcome, Released):
                why = {"uri": uri, "code": outcome.refusal.code, "decision": outcome.decision}
                refused.append(why if outcome.approval is None else {**why, "approval": outcome.approval})
        return Wanted(lists, tuple(dict.fromkeys(granted))), refused

    @contextlib.contextmanager
    def _room(self, caller: Caller) -> Iterator[None]:
        key = caller.principal.key
        if self._open[key] >= MOST_OF_PRINCIPAL or self._open.total() >= MOST_OF_GATE:
            raise RpcError(INTERNAL_ERROR, "too many streams are open", {"code": "too-many-streams"})
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]


def _taken(granted: list[str]) -> Reach:
    """Takes the URI down as it was released, which a rewrite may have changed."""

    async def reach(arguments: dict[str, Any]) -> ToolAnswer:
        granted.append(arguments["uri"])
        return ToolAnswer(None)

    return reach


def _not_there() -> RpcError:
    return RpcError(METHOD_NOT_FOUND, "there is no such method", status=404)
