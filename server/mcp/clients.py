"""Sessions of clients from before 2026-07-28: what was agreed on in the handshake, and the requests under way.

The id is minted here and bound to the principal and the server it was opened for; anyone else's id is as good as none
(GHSA-mvgg-jvj2-4frq: a session opened on one route, used on another). It is no authority: every call is decided by the
key it came with. Sessions live in this process alone; a client that finds its own gone begins anew, as the protocol
tells it to.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from guardrail import Principal

from .messages import RpcId
from .talking import Replies

IDLE_SECONDS: Final = 3600.0
MOST: Final = 10_000
MOST_OF_ONE: Final = 1_000
"""Sessions of one principal: whoever opens more ends its own, and nobody else's."""

MOST_UNDER_WAY: Final = 256
"""Requests of one session at a time that can be cancelled by name."""


@dataclass(slots=True)
class ClientSession:
    """`under_way` holds the tasks of requests that a `notifications/cancelled` may name. `capabilities` are what the
    client declared; `level` is from which on it wants to hear log messages, None before it said so; `subscribed` are
    the resources whose changes it wants to hear of, each with the hash of the policy that granted it, and `hears` takes
    what it is told unasked. `following` is what listens for it to a server of 2026-07-28."""

    id: str
    principal_key: str
    server: str | None
    version: str
    used: float
    under_way: dict[RpcId, asyncio.Task[Any]] = field(default_factory=dict)
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    level: str | None = None
    subscribed: dict[str, str] = field(default_factory=dict)
    hears: Callable[[bytes], None] | None = None
    replies: Replies = field(default_factory=Replies)
    following: asyncio.Task[None] | None = None

    def begin(self, name: RpcId, task: asyncio.Task[Any]) -> None:
        if len(self.under_way) < MOST_UNDER_WAY and name not in self.under_way:
            self.under_way[name] = task
            task.add_done_callback(lambda _: self.under_way.pop(name, None))

    def cancel(self, name: Any) -> None:
        task = self.under_way.get(name) if isinstance(name, int | str) else None
        if task is not None:
            task.cancel()


class ClientSessions:
    """All of them, least recently used first; `over` is told of each that ends here. One event loop."""

    def __init__(
        self, over: Callable[[ClientSession], None] = lambda _: None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._over = over
        self._now = now
        self._open: OrderedDict[str, ClientSession] = OrderedDict()
        self._of: dict[str, OrderedDict[str, ClientSession]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, principal: Principal, server: str | None, version: str) -> ClientSession:
        session = ClientSession(secrets.token_hex(16), principal.key, server, version, self._now())
        own = self._of.setdefault(principal.key, OrderedDict())
        self._open[session.id] = own[session.id] = session
        if len(own) > MOST_OF_ONE:
            self.close(next(iter(own.values())))
        while len(self._open) > MOST or self._is_idle(next(iter(self._open.values()))):
            self.close(next(iter(self._open.values())))
        return session

    def find(self, name: str, principal: Principal, server: str | None) -> ClientSession | None:
        """The session with this id, if it was opened by this principal for this server and is not over."""
        session = self._open.get(name)
        if session is None or self._is_idle(session):
            return None
        if session.principal_key != principal.key or session.server != server:
            return None
        session.used = self._now()
        self._open.move_to_end(name)
        self._of[session.principal_key].move_to_end(name)
        return session

    def close(self, session: ClientSession) -> None:
        if self._open.pop(session.id, None) is None:
            return
        own = self._of[session.principal_key]
        del own[session.id]
        if not own:
            del self._of[session.principal_key]
        session.replies.close()
        if session.following is not None:
            session.following.cancel()
        for task in list(session.under_way.values()):
            task.cancel()
        self._over(session)

    def _is_idle(self, session: ClientSession) -> bool:
        return self._now() - session.used > IDLE_SECONDS
