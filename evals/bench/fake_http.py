"""Just enough HTTP/1.1 for well-behaved proxies in front of a server that costs almost nothing."""

from __future__ import annotations

import asyncio
from typing import cast


class FakeHttp(asyncio.Protocol):
    """A connection that is kept: a head, a body by its content-length, an answer."""

    def __init__(self) -> None:
        self._seen = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, which is no subclass

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._seen[:end]).lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._seen) < end + 4 + length:
                return
            body = bytes(self._seen[end + 4 : end + 4 + length])
            del self._seen[: end + 4 + length]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        """What this server says to one request, whose head is in lower case."""
        raise NotImplementedError


def serve(protocol: type[FakeHttp], port: int) -> None:
    """For ever, on loopback."""
    import uvloop

    async def main() -> None:
        # As uvicorn: of 256 connections at once, asyncio's own 100 would leave some to the kernel's retry after 1 s.
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port, backlog=2048)
        await server.serve_forever()

    uvloop.run(main())
