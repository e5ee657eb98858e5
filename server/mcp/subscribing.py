"""`subscriptions/listen` (2026-07-28): one request whose answer is the stream of what changes at a server.

The client says what it wants to hear of. Each resource is decided as `server/resources.subscribe(uri)`; what is refused
is left out of the acknowledgement, which comes first and says what the client will hear. From then on come names alone:
that a list is not what it was, or the URI of a resource that was granted, and never a word of the server's. The stream
ends when the server ends it, after LISTEN_SECONDS, once its key is revoked, and once the policy is another than the
resources were granted under: then all lists are told of first, since a policy decides what is in them, and a client
that listens again is decided anew.

A change says "look again" and no more, so one that waits to be told takes up all of its kind that come meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY

from guardrail import ToolCall

from ..exchange import Caller
from ..tool_gate import Reach, Released, ToolAnswer, ToolGate
from .asking import Asking
from .conversing import DOOR
from .documents import Documents
from .eras import complete
from .following import LISTS_CHANGED, SUBSCRIBE, UPDATED
from .line import PeerError
from .messages import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, Notification, RpcError
from .offering import Offering
from .peer import ServerError
from .servers import Server
from .standing import Standing

LISTEN: Final = "subscriptions/listen"
ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"

LISTEN_SECONDS: Final = 900.0
"""How long one stream lives: what is forgotten open takes up room for no longer."""

MOST_RESOURCES: Final = 100
"""Resources of one stream; each is a Decision with a Record."""

MOST_OF_PRINCIPAL: Final = 16
MOST_OF_GATE: Final = 1_024
"""Streams at a time: each holds a request to the server open."""

MOST_UNREAD: Final = 16
LOOK_SECONDS: Final = 0.1

REFUSED_KEY: Final = "leastward/refused"
"""In `_meta` of the acknowledgement: the resources that are left out, and why."""

_LISTS: Final[Mapping[str, str]] = {
    "toolsListChanged": "tools",
    "promptsListChanged": "prompts",
    "resourcesListChanged": "resources",
}
"""What a client asks for, and whose capability it is of."""

_RESOURCES: Final = "resourceSubscriptions"


class Wanted(NamedTuple):
    """What a client wants to hear of: lists by the names in `_LISTS`, and URIs."""

    lists: frozenset[str]
    resources: tuple[str, ...]

    @property
    def tree(self) -> dict[str, Any]:
        """As the protocol writes it; what is not wanted is left out."""
        tree: dict[str, Any] = dict.fromkeys(sorted(self.lists), True)
        return {**tree, _RESOURCES: list(self.resources)} if self.resources else tree

    def within(self, acknowledged: Any) -> Wanted:
        """What of this is told of, where a server acknowledged so much: lists always, as a policy changes them too."""
        uris = acknowledged.get(_RESOURCES) if isinstance(acknowledged, dict) else None
        known = uris if isinstance(uris, list) else []
        return Wanted(self.lists, tuple(uri for uri in self.resources if uri in known))


def read_wanted(tree: Mapping[str, Any]) -> Wanted:
    """Kinds that the gate does not know are left out, as the protocol has it. Raises RpcError -32602."""
    for name in _LISTS:
        if not isinstance(tree.get(name, False), bool):
            raise RpcError(INVALID_PARAMS, f"`{name}` is true or false", status=400)
    uris = tree.get(_RESOURCES, [])
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise RpcError(INVALID_PARAMS, f"`{_RESOURCES}` is a list of texts", status=400)
    if len(uris) > MOST_RESOURCES:
        raise RpcError(INVALID_PARAMS, f"at most {MOST_RESOURCES} resources of one stream", status=400)
    return Wanted(frozenset(name for name in _LISTS if tree.get(name) is True), tuple(dict.fromkeys(uris)))


class Subscribing:
    """Only at the address of one server, and where its settings pass changes on. One event loop."""

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
        if asking.server is None or asking.talk is None:
            raise _not_there()
        server = self._offering.of(asking.server)[0]
        if not server.passes.subscriptions:
            raise _not_there()
        wanted = read_wanted(asking.params({"notifications": dict}, {})["notifications"])
        meta = {SUBSCRIPTION_ID_META_KEY: asking.request.id}
        with self._room(asking.caller):
            standing = Standing(asking.admitted, lambda: self._gate.policy_hash)
            wanted, refused = await self._granted(asking, server, wanted)
            stream = Told(asking, meta, wanted, refused)
            await self._told(stream, server, standing)
        return complete(asking.version, {"_meta": meta})

    async def _told(self, stream: Told, server: Server, standing: Standing) -> None:
        hearing = asyncio.ensure_future(_heard(stream, server))
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

    async def _granted(self, asking: Asking, server: Server, wanted: Wanted) -> tuple[Wanted, list[dict[str, Any]]]:
        """What of `wanted` this caller may hear, and each resource that it may not, with the code."""
        has = {"tools"} | (await self._documents.capabilities(asking)).keys()
        lists = frozenset(name for name in wanted.lists if _LISTS[name] in has)
        refused: list[dict[str, Any]] = []
        granted: list[str] = []
        for uri in wanted.resources:
            asked = ToolCall(SUBSCRIBE, {"uri": uri}, "", server.name)
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


async def _heard(stream: Told, server: Server) -> None:
    """Take what the server says. One that knows no such method tells of nothing, and the policy still does."""
    try:
        await server.hear(stream.asking.run.id, stream.wanted.tree, stream.heard, stream.acknowledged)
    except ServerError as error:
        if error.code != METHOD_NOT_FOUND:
            raise
        stream.acknowledged(None)
        await asyncio.Event().wait()


def _taken(granted: list[str]) -> Reach:
    """Takes the URI down as it was released, which a rewrite may have changed."""

    async def reach(arguments: dict[str, Any]) -> ToolAnswer:
        granted.append(arguments["uri"])
        return ToolAnswer(None)

    return reach


class Told:
    """One client's stream. `heard` and `acknowledged` take what the server says."""

    def __init__(self, asking: Asking, meta: Mapping[str, Any], wanted: Wanted, refused: list[dict[str, Any]]) -> None:
        self.asking = asking
        self.wanted = wanted
        self._meta = meta
        self._refused = refused
        self._acknowledged = False
        self._waiting: dict[tuple[str, str | None], None] = {}
        self._wakes = asyncio.Event()

    def acknowledged(self, said: Any) -> None:
        """The first message of the stream (2026-07-28); what the server says before it is not passed on."""
        assert self.asking.talk is not None
        if self._acknowledged:
            return
        self._acknowledged = True
        self.wanted = self.wanted.within(said)
        meta = {**self._meta, REFUSED_KEY: self._refused} if self._refused else self._meta
        self.asking.talk.tell(ACKNOWLEDGED, {"notifications": self.wanted.tree, "_meta": meta})

    def heard(self, message: Notification) -> None:
        if not self._acknowledged:
            return
        uri: Any = None
        if message.method == UPDATED:
            uri = message.params.get("uri")
            if not isinstance(uri, str) or uri not in self.wanted.resources:
                return
        elif message.method not in {LISTS_CHANGED[_LISTS[name]] for name in self.wanted.lists}:
            return
        self._waiting[message.method, uri] = None
        self._wakes.set()

    async def is_next(self, *ends: asyncio.Task[None]) -> bool:
        """Wait until something is to be told; False where one of `ends` came before."""
        waking = asyncio.ensure_future(self._wakes.wait())
        try:
            await asyncio.wait((waking, *ends), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()
        return bool(self._waiting)

    async def has_room(self) -> None:
        """Wait until the client has read what it was told: what waits takes no more room, however much a server says to
        a client that does not read."""
        assert self.asking.talk is not None
        while True:
            if self.asking.talk.unread() < MOST_UNREAD:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def tell_lists(self) -> None:
        """All lists that the client wanted may be others now; what waits was granted before and is dropped."""
        self.acknowledged(None)
        self._waiting = dict.fromkeys((LISTS_CHANGED[_LISTS[name]], None) for name in sorted(self.wanted.lists))
        self.tell()

    def tell(self) -> None:
        assert self.asking.talk is not None
        waiting, self._waiting = self._waiting, {}
        self._wakes.clear()
        for method, uri in waiting:
            self.asking.talk.tell(method, {**({} if uri is None else {"uri": uri}), "_meta": self._meta})


def _not_there() -> RpcError:
    return RpcError(METHOD_NOT_FOUND, "there is no such method", status=404)
