"""server/lingering.py: the last words of a closing connection arrive. More in test_strict_http.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop

from server.lingering import BYTES, Lingering


class Listener(asyncio.Protocol):
    """A server that answers the first bytes and closes at once, in the middle of what the client sends."""

    def __init__(self, unread: bool) -> None:
        self.unread = unread
        self.deaf = False
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = Lingering(transport, asyncio.get_running_loop(), lambda: self.unread, self.be_deaf)  # type: ignore[arg-type]

    def be_deaf(self) -> None:
        self.deaf = True

    def data_received(self, data: bytes) -> None:
        if self.deaf:
            self.transport.swallow(len(data))
            return
        self.transport.write(b"enough")
        self.transport.close()
        self.transport.close()
        assert self.transport.is_closing()

    def connection_lost(self, error: Exception | None) -> None:
        self.transport.lost()


@pytest.mark.parametrize("factory", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_the_last_words_arrive_though_the_client_still_sends(factory: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Listener(True), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"a" * (BYTES // 4))
        await writer.drain()
        assert await reader.read() == b"enough"
        writer.close()
        await writer.wait_closed()
        server.close()
        await asyncio.sleep(0.05)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def test_a_request_that_was_read_closes_at_once() -> None:
    made: list[Listener] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def make() -> Listener:
            made.append(Listener(False))
            return made[-1]

        server = await loop.create_server(make, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"a")
        assert await reader.read() == b"enough"
        writer.close()
        await writer.wait_closed()
        server.close()
        assert not made[0].deaf

    asyncio.run(main())
