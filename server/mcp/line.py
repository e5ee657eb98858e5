"""What carries messages to one MCP server: one HTTP address, or one process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

from .messages import METHOD_NOT_FOUND, Notification, Reply, Request, RpcError, error_bytes, result_bytes

Heard = Callable[[Notification], None]
Asked = Callable[[Request], Awaitable[bytes]]
"""Answers what the server asks of the client; the result is the whole JSON-RPC response."""

Code = Literal[
    "server-asks",
    "server-broke-off",
    "server-refuses-gate",
    "server-too-slow",
    "server-unavailable",
    "server-unreadable",
    "session-over",
]

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class PeerError(Exception):
    """A server could not be asked, or what it said cannot be used. `code` is stable; `message` repeats none of it."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message


class Ask(NamedTuple):
    """A request on its way. `message` is its JSON-RPC text; `headers` matter on HTTP alone; `heard` is told what the
    server says before it answers; `asked` answers what it asks, None where nobody does."""

    id: int
    message: bytes
    seconds: float
    heard: Heard
    headers: Mapping[str, str] = NO_HEADERS
    asked: Asked | None = None


class Line(Protocol):
    """One event loop; any number of requests at a time. Errors are PeerErrors. `keeps_nothing` is whether two requests
    on it have no more to do with each other than on two lines: HTTP without a session."""

    keeps_nothing: bool

    async def ask(self, ask: Ask) -> Reply: ...

    async def tell(self, message: bytes, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """Send a notification, which nobody answers."""
        ...

    def listen(self, heard: Heard, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """Tell `heard` from now on what the server says while it is asked nothing."""
        ...

    async def listens(self, seconds: float) -> None:
        """Wait until what `listen` began is there to hear, for `seconds` at most."""
        ...

    @property
    def is_open(self) -> bool: ...

    def close(self) -> None: ...

    async def closed(self) -> None:
        """Close, and wait until it is."""
        ...


async def answered(request: Request, asked: Asked | None) -> bytes:
    """The answer to what a server asks of the client: that it is there, and what `asked` says to everything else."""
    if request.method == "ping":
        return result_bytes(request.id, {})
    if asked is not None:
        return await asked(request)
    return error_bytes(request.id, RpcError(METHOD_NOT_FOUND, "the gate does nothing for a server"))
