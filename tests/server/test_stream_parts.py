"""A client that leaves before the first part of its stream frees the connection to the model server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from server.gate import _Parts


class Reply:
    """The one thing that _Parts asks of an UpstreamReply."""

    aborted = 0

    def abort(self) -> None:
        self.aborted += 1


async def some_parts(reply: Reply) -> AsyncGenerator[bytes, None]:
    try:
        yield b"a"
        yield b"b"
    finally:
        reply.abort()


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_closing_the_parts_closes_the_reply(taken: int) -> None:
    async def close_after(reply: Reply) -> None:
        parts = _Parts(some_parts(reply), reply)  # type: ignore[arg-type]  # a stand-in for the connection alone
        for _ in range(taken):
            await parts.__anext__()
        await parts.aclose()
        with pytest.raises(StopAsyncIteration):
            await parts.__anext__()

    reply = Reply()
    asyncio.run(close_after(reply))
    assert reply.aborted >= 1
