"""The MCP servers that the settings name, and how a run reaches one.

A server that keeps a session or is a process is reached by each run on its own: what one principal's agent left in it
is not there for another's. Where the server keeps nothing (2026-07-28 over HTTP, or `shared`) all runs use one peer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mcp.shared.inbound import x_mcp_header_map

from policy_dsl import Catalogue, CatalogueError, Tool

from .eras import is_modern
from .line import NO_HEADERS, Heard, Line, PeerError
from .peer import DEAF, Listening, Peer, Protocol, greeted
from .pins import PinBook, PinError, declaration

LOG = logging.getLogger("leastward.mcp")

MOST_PEERS: Final = 256
"""Runs that one server is reached by at a time; the one that was idle longest is closed."""

MOST_TOOLS: Final = 2_000
MOST_PAGES: Final = 50
UNREADABLE: Final = "tool-unreadable"
RESERVED: Final = "tool-reserved"

ALL: Final = ""
"""The run of a peer that all runs share."""

RESERVED_NAMES: Final = frozenset(
    {
        "completion.complete",
        "elicitation.create",
        "logging.message",
        "prompts.get",
        "prompts.list",
        "report_decision",
        "resources.list",
        "resources.read",
        "resources.subscribe",
        "resources.templates.list",
        "roots.list",
        "sampling.create",
    }
)
"""Names under which the gate decides what is not a tool, and its own tool. A server's tool cannot have one."""


class Listed(NamedTuple):
    """A tool as its server shows it. `problem` is why it is withheld; `tool` is None where it cannot be read.
    `mirrored` are the arguments that its schema wants in headers too: worked out once a listing, not once a call."""

    declared: dict[str, Any]
    tool: Tool | None
    problem: str | None
    mirrored: Mapping[tuple[str, ...], str] = MappingProxyType({})


class Passes(NamedTuple):
    """What of a server reaches clients besides lists and results; nothing, unless its settings say so."""

    questions: frozenset[str] = frozenset()
    logging: bool = False
    subscriptions: bool = False


class Own(NamedTuple):
    """One client's session, which has a session or a process of the server's for itself. `claims` are the capabilities
    that it can be asked by."""

    key: str
    claims: Mapping[str, Any]


NOTHING_PASSED: Final = Passes()


@dataclass(slots=True)
class _Reached:
    peer: Peer
    used: float
    listing: dict[str, Listed] = field(default_factory=dict)
    listed_at: float = 0.0
    edition: int = 0


class Server:
    """`connect` opens a new line, `release` gives up what all lines share. `list_seconds` is how old a listing may be
    that a call is checked against."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], Awaitable[Line]],
        pins: PinBook,
        *,
        protocol: Protocol = "auto",
        seconds: float = 300.0,
        connect_seconds: float = 15.0,
        list_seconds: float = 30.0,
        idle_seconds: float = 900.0,
        shared: bool = False,
        passes: Passes = NOTHING_PASSED,
        release: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.seconds = seconds
        self.passes = passes
        self._connect = connect
        self._pins = pins
        self._protocol: Protocol = protocol
        self._connect_seconds = connect_seconds
        self._list_seconds = list_seconds
        self._idle_seconds = idle_seconds
        self._shared = shared
        self._release = release
        self._now = now
        self._reached: OrderedDict[str, _Reached] = OrderedDict()
        self._opening: dict[str, asyncio.Lock] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._edition = 0

    async def listing(self, run: str, own: Own | None = None, *, fresh: bool = False) -> Mapping[str, Listed]:
        """All tools that the server shows this run, withheld ones included, by name in order. Raises PeerError."""
        reached = await self._of(run, own)
        if fresh or self._is_old(reached):
            async with self._opening.setdefault(run if own is None else own.key, asyncio.Lock()):
                if fresh or self._is_old(reached):
                    reached.peer.stale = False
                    reached.edition = self._edition  # before listing: pins that change meanwhile make it old again
                    reached.listing = await self._listed(reached.peer)
                    reached.listed_at = self._now()
        return reached.listing

    async def ask(
        self,
        run: str,
        method: str,
        params: Mapping[str, Any],
        listening: Listening = DEAF,
        headers: Mapping[str, str] = NO_HEADERS,
        own: Own | None = None,
    ) -> dict[str, Any]:
        """The server's result. A request that the server did not take because it had ended its session is sent once
        more, in a new one. Raises ServerError, PeerError."""
        reached = await self._of(run, own)
        try:
            return await reached.peer.ask(method, params, self.seconds, listening, headers)
        except PeerError as error:
            if error.code != "session-over":
                raise
        reached = await self._of(run, own)
        return await reached.peer.ask(method, params, self.seconds, listening, headers)

    async def capabilities(self, run: str, own: Own | None = None) -> Mapping[str, Any]:
        """Raises PeerError."""
        return (await self._of(run, own)).peer.capabilities

    async def is_modern(self, run: str, own: Own) -> bool:
        """Whether the server's requests each stand alone for this client. Raises PeerError."""
        return is_modern((await self._of(run, own)).peer.version)

    async def listen(self, run: str, own: Own, heard: Heard) -> None:
        """Tell `heard` what the server says of itself to this client. Raises PeerError."""
        (await self._of(run, own)).peer.listen(own.key, heard)

    async def hear(
        self,
        run: str,
        wanted: Mapping[str, Any],
        heard: Heard,
        acknowledged: Callable[[Any], None],
        own: Own | None = None,
    ) -> None:
        """Tell `heard` what changes of `wanted` until the server ends it, `acknowledged` first what will be told.
        Raises ServerError, PeerError."""
        await (await self._of(run, own)).peer.hear(wanted, self.seconds, heard, acknowledged)

    def leave(self, key: str) -> None:
        """A client's session is over, and so is the server's for it."""
        reached = self._reached.pop(key, None)
        if reached is not None:
            self._leave(reached.peer)

    async def close(self) -> None:
        """Close every line, and wait for processes to be gone."""
        peers = [reached.peer for reached in self._reached.values()]
        self._reached.clear()
        await asyncio.gather(*(peer.closed() for peer in peers), *self._leaving)
        self._release()

    def told(self) -> None:
        """Pins changed: what was listed before is looked at again. From any thread, though no two at once."""
        self._edition += 1

    # --- inside ---

    def _is_old(self, reached: _Reached) -> bool:
        too_old = self._now() - reached.listed_at > self._list_seconds
        return too_old or reached.peer.stale or reached.edition != self._edition

    async def _of(self, run: str, own: Own | None = None) -> _Reached:
        """The peer of this run, or of one client of it, greeted now if it is new, was idle too long or has ended."""
        keys = (ALL, run) if own is None else (own.key,)
        for key in keys:
            reached = self._reached.get(key)
            if reached is not None and reached.peer.is_open:
                reached.used = self._now()
                self._reached.move_to_end(key)
                return reached
        key = keys[-1] if own is not None or not self._shared else ALL
        lock = self._opening.setdefault(key, asyncio.Lock())
        async with lock:
            for known in keys:
                reached = self._reached.get(known)
                if reached is not None and reached.peer.is_open:
                    return reached
            return await self._greeted(run, own)

    async def _greeted(self, run: str, own: Own | None) -> _Reached:
        self._forget()
        line = await self._connect()
        try:
            claims = None if own is None else own.claims
            peer = await greeted(line, self._connect_seconds, self._protocol, claims)
        except BaseException:
            line.close()
            raise
        keeps_nothing = is_modern(peer.version) and line.keeps_nothing
        key = own.key if own is not None else ALL if self._shared or keeps_nothing else run
        reached = self._reached[key] = _Reached(peer, self._now(), listed_at=float("-inf"))
        return reached

    def _forget(self) -> None:
        now = self._now()
        while self._reached:
            oldest, reached = next(iter(self._reached.items()))
            idle = now - reached.used > self._idle_seconds or not reached.peer.is_open
            if not idle and len(self._reached) < MOST_PEERS:
                break
            self._leave(reached.peer)
            del self._reached[oldest]
        for key in [key for key, lock in self._opening.items() if key not in self._reached and not lock.locked()]:
            del self._opening[key]

    def _leave(self, peer: Peer) -> None:
        """Close a peer without waiting for it."""
        task = asyncio.ensure_future(peer.closed())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _listed(self, peer: Peer) -> dict[str, Listed]:
        shown = await self._shown(peer)
        try:
            withheld = await asyncio.to_thread(self._pins.check, self.name, shown)
        except PinError as error:
            LOG.error("%s", error.message)
            raise PeerError("server-unavailable", "the pins of its tools cannot be read or kept") from error
        for name, why in withheld.items():
            LOG.warning("tool `%s/%s` is withheld: %s", self.name, name, why)
        return {name: self._one(name, shown[name], withheld.get(name)) for name in sorted(shown)}

    async def _shown(self, peer: Peer) -> dict[str, dict[str, Any]]:
        """Every tool of every page. A name that stands twice names neither: its declarations would hide each other."""
        shown: dict[str, dict[str, Any]] = {}
        twice: set[str] = set()
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await peer.ask("tools/list", {} if cursor is None else {"cursor": cursor}, self.seconds)
            tools, cursor = page.get("tools"), page.get("nextCursor")
            if not isinstance(tools, list) or not isinstance(cursor, str | None):
                raise PeerError("server-unreadable", "`tools` is a list and `nextCursor` a text")
            for tool in tools:
                name = tool.get("name") if isinstance(tool, dict) else None
                if not isinstance(name, str) or not name:
                    raise PeerError("server-unreadable", "a tool without a name")
                if name in shown:
                    twice.add(name)
                shown[name] = declaration(tool)
            if len(shown) > MOST_TOOLS:
                raise PeerError("server-unreadable", f"the server shows more than {MOST_TOOLS} tools")
            if cursor is None:
                break
        else:
            raise PeerError("server-unreadable", f"the server's list has more than {MOST_PAGES} pages")
        return {name: declared for name, declared in shown.items() if name not in twice}

    def _one(self, name: str, declared: dict[str, Any], problem: str | None) -> Listed:
        try:
            (tool,) = Catalogue.from_tools([declared], self.name).tools
        except CatalogueError:
            return Listed(declared, None, UNREADABLE)
        schema = declared.get("inputSchema")
        mirrored = x_mcp_header_map(schema) if isinstance(schema, dict) else {}
        return Listed(declared, tool, RESERVED if name in RESERVED_NAMES else problem, mirrored)
