"""One request as it comes in: the headers that matter, and the body, bounded in size, time and expansion."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

from .answering import EXTENSION, Writer
from .edge import EdgeError
from .settings import Limits

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
AsgiScope = MutableMapping[str, Any]


def _nobody() -> bool:
    return False


_NOTHING: Mapping[str, Any] = MappingProxyType({})

_WANTED = frozenset(
    {
        b"accept",
        b"anthropic-beta",
        b"anthropic-version",
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"last-event-id",
        b"mcp-method",
        b"mcp-name",
        b"mcp-protocol-version",
        b"mcp-session-id",
        b"origin",
        b"session-id",
        b"x-api-key",
        b"x-conversation-id",
        b"x-leastward-run",
        b"x-session-id",
    }
)
_MIRRORED = b"mcp-param-"
"""Arguments that MCP clients repeat as headers (2026-07-28): the door holds them to the body."""

# Hints of other gateways. None of them means anything here (a run is minted, never chosen); a malformed one is a sign
# of an attack on something behind or in front of us, so it is refused.
_HINTS = (b"mcp-session-id", b"session-id", b"x-conversation-id", b"x-session-id")
_PLAIN_ID = re.compile(rb"(?!.*\.\.)[A-Za-z0-9._:-]{1,128}")
_RUN_ID = re.compile(rb"run-[0-9a-z]{26}")
_JSON = re.compile(rb'application/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*(?:utf-8|"utf-8")[ \t]*)?;?', re.IGNORECASE)


class ClientLeft(Exception):
    """The client closed its connection before the request was complete: there is nobody to answer."""


class Incoming:
    """A request on its way to a handler; `path_values` are what the braces of its route matched."""

    __slots__ = ("_limits", "_receive", "_scope", "admitted", "headers", "path_values")

    def __init__(
        self, scope: AsgiScope, receive: Receive, limits: Limits, path_values: Mapping[str, str] | None = None
    ) -> None:
        self.headers: dict[bytes, bytes] = {
            name: value for name, value in scope["headers"] if name in _WANTED or name.startswith(_MIRRORED)
        }
        self.admitted: Callable[[], bool] = _nobody
        """Whether the caller would be let in at the moment; for what goes on for long."""
        self._scope = scope
        self._receive = receive
        self._limits = limits
        self.path_values: Mapping[str, str] = path_values or {}

    @property
    def method(self) -> str:
        return str(self._scope["method"])

    @property
    def target(self) -> tuple[str, str]:
        """Path and query as they were sent, still encoded."""
        return self._scope["raw_path"].decode("ascii"), self._scope["query_string"].decode("ascii")

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """Every header, names in lower case, in the order sent: for a route whose settings say which of them count."""
        return [(name.decode("ascii"), value.decode("latin-1")) for name, value in self._scope["headers"]]

    def run_id(self) -> str | None:
        """The run that the client names, None where it names none. Raises EdgeError for an id that cannot be ours."""
        for hint in _HINTS:
            if hint in self.headers and not _PLAIN_ID.fullmatch(self.headers[hint]):
                raise EdgeError(400, "malformed-header", f"`{hint.decode()}` is not a plain id")
        run = self.headers.get(b"x-leastward-run")
        if run is None:
            return None
        if not _RUN_ID.fullmatch(run):
            raise EdgeError(400, "malformed-header", "`x-leastward-run` is not a run id of this gate")
        return run.decode("ascii")

    async def json_body(self) -> bytes:
        """The body, decoded. Raises EdgeError 408, 413 or 415, ClientLeft."""
        kind = self.headers.get(b"content-type", b"")
        if kind != b"application/json" and not _JSON.fullmatch(kind):
            raise EdgeError(415, "unsupported-media-type", "the body must be `application/json` in UTF-8")
        return await self.any_body()

    async def any_body(self) -> bytes:
        """The body, decoded, whatever its type. Raises EdgeError 408, 413 or 415, ClientLeft."""
        coding = self.headers.get(b"content-encoding", b"identity").strip().lower()
        if coding not in (b"identity", b"gzip"):
            raise EdgeError(415, "unsupported-encoding", "the body may be plain or gzip")
        if int(self.headers.get(b"content-length", b"0")) > self._limits.body_bytes:
            raise self._too_large()
        writer: Writer | None = self._scope.get("extensions", _NOTHING).get(EXTENSION)
        body = None if writer is None else writer.asked()
        if body is None:
            body = await self._received()
        if len(body) > self._limits.body_bytes:
            raise self._too_large()
        return body if coding == b"identity" else self._inflated(body)

    async def _received(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        body: bytes = message.get("body", b"")
        if message.get("more_body", False):
            try:
                async with asyncio.timeout(self._limits.body_seconds):
                    body = await self._rest(body)
            except TimeoutError:
                raise EdgeError(408, "body-too-slow", "the body did not arrive in time") from None
        return body

    async def _rest(self, start: bytes) -> bytes:
        parts, size, more = [start], len(start), True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limits.body_bytes:
                raise self._too_large()
            more = message.get("more_body", False)
        return b"".join(parts)

    def _inflated(self, body: bytes) -> bytes:
        most = min(self._limits.body_bytes, self._limits.gzip_ratio * len(body))
        inflater = zlib.decompressobj(wbits=31)  # a gzip wrapper, nothing else
        try:
            text = inflater.decompress(body, most + 1)
        except zlib.error:
            raise EdgeError(400, "malformed-encoding", "the body is not gzip") from None
        if len(text) > most:
            raise self._too_large()
        if not inflater.eof or inflater.unused_data:
            raise EdgeError(400, "malformed-encoding", "the body is not one whole gzip member")
        return text

    def _too_large(self) -> EdgeError:
        return EdgeError(413, "body-too-large", f"the body is larger than {self._limits.body_bytes} bytes")
