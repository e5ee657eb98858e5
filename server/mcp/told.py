"""What one stream of changes is to tell of, and what waits to be told on it (subscribing.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from .asking import Asking
from .following import LISTS_CHANGED, UPDATED
from .messages import Notification

ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"

MOST_UNREAD: Final = 16
LOOK_SECONDS: Final = 0.1

REFUSED_KEY: Final = "leastward/refused"
"""In `_meta` of the acknowledgement: the resources that are left out, and why."""

KINDS: Final[Mapping[str, str]] = {
    "toolsListChanged": "tools",
    "promptsListChanged": "prompts",
    "resourcesListChanged": "resources",
}
"""What a client asks for, and whose capability it is of."""

RESOURCES: Final = "resourceSubscriptions"


class Wanted(NamedTuple):
    """What a client wants to hear of: lists by the names in `KINDS`, and URIs."""

    lists: frozenset[str]
    resources: tuple[str, ...]

    @property
    def tree(self) -> dict[str, Any]:
        """As the protocol writes it; what is not wanted is left out."""
        tree: dict[str, Any] = dict.fromkeys(sorted(self.lists), True)
        return {**tree, RESOURCES: list(self.resources)} if self.resources else tree

    def within(self, acknowledged: Any) -> Wanted:
        """What of this is told of, where a server acknowledged so much: lists always, as a policy changes them too."""
        uris = acknowledged.get(RESOURCES) if isinstance(acknowledged, dict) else None
        known = uris if isinstance(uris, list) else []
        return Wanted(self.lists, tuple(uri for uri in self.resources if uri in known))


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
        elif message.method not in {LISTS_CHANGED[KINDS[name]] for name in self.wanted.lists}:
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
        self._waiting = dict.fromkeys((LISTS_CHANGED[KINDS[name]], None) for name in sorted(self.wanted.lists))
        self.tell()

    def tell(self) -> None:
        assert self.asking.talk is not None
        waiting, self._waiting = self._waiting, {}
        self._wakes.clear()
        for method, uri in waiting:
            self.asking.talk.tell(method, {**({} if uri is None else {"uri": uri}), "_meta": self._meta})
