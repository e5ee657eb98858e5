"""server/upstream/reply.py: bodies whole and in parts, slow readers, limits, cancellation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.upstream import Timeouts, UpstreamError
from server.upstream.reply import HIGH_WATER

CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def test_parts_come_as_they_are_sent(run: Any, serving: Any, soon: Any) -> None:
    arrived = asyncio.Event()

    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(CHUNKED + b"3\r\none\r\n")
        await arrived.wait()  # the first part was handed over before the second was sent
        await wire.send(b"3\r\ntwo\r\n0\r\n\r\n")
        await wire.request()

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            reply = await upstream.post("/x", b"", deadline=soon())
            assert not reply.complete
            parts = []
            async for part in reply.parts():
                parts.append(part)
                arrived.set()
            assert parts == [b"one", b"two"]
            assert reply.complete
            assert [part async for part in reply.parts()] == []
            assert upstream.connections == 1
            reply.abort()  # complete: the connection stays
            assert upstream.connections == 1
            upstream.close()
        arrived.clear()

    run(main())


def test_a_broken_stream_hands_over_what_came_and_then_fails(run: Any, serving: Any, soon: Any, collect: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(CHUNKED + b"3\r\none\r\n9\r\ntw")

    async def main() -> None:
        async with serving(play) as server:
            reply = await server.upstream().post("/x", b"", deadline=soon())
            parts: list[bytes] = []
            with pytest.raises(UpstreamError) as caught:
                await collect(reply.parts(), parts)
            assert b"".join(parts) == b"onetw"
            assert caught.value.code == "closed-early"
            assert not reply.complete

    run(main())


def test_a_slow_reader_slows_the_server_down(run: Any, serving: Any, soon: Any) -> None:
    """A reader that stops makes the server stop: only the kernel's buffers and ours fill. It is not silence either."""
    sent = 0
    total = 64 * 1024 * 1024

    async def play(wire: Any) -> None:
        nonlocal sent
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        while sent < total:
            await wire.send(b"x" * 65536)
            sent += 65536

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream(timeouts=Timeouts(connect=5, read=0.2, idle=5))
            reply = await upstream.post("/x", b"", deadline=soon(20))
            stream = reply.parts()
            first = await anext(stream)
            held = -1
            while held != sent:
                held = sent
                await asyncio.sleep(0.3)  # longer than the read timeout
            assert sent < total - 16 * 1024 * 1024
            assert reply._size <= 3 * HIGH_WATER
            size = len(first)
            async for part in stream:
                size += len(part)
            assert size == total
            upstream.close()

    run(main())
    sent = 0


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_whole_answer_over_its_limit(framing: str, run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        if framing == "length":
            await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n" + b"x" * 1001)
        else:
            await wire.send(CHUNKED + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n")
        assert await wire.at_eof()

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            reply = await upstream.post("/x", b"", deadline=soon())
            with pytest.raises(UpstreamError) as caught:
                await reply.read(1000)
            assert caught.value.code == "too-large"

    run(main())


def test_an_answer_of_exactly_its_limit(run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n")
        await wire.request()

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            reply = await upstream.post("/x", b"", deadline=soon())
            assert len(await reply.read(1000)) == 1000
            upstream.close()

    run(main())


def test_a_large_answer_is_read_whole_past_the_high_water_mark(run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (4 * HIGH_WATER) + b"x" * 4 * HIGH_WATER)
        await wire.request()

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            reply = await upstream.post("/x", b"", deadline=soon())
            await asyncio.sleep(0.2)  # it piles up and pauses before anyone reads
            assert len(await reply.read()) == 4 * HIGH_WATER
            upstream.close()

    run(main())


@pytest.mark.parametrize("where", ["head", "read", "parts"])
def test_cancelling_closes_the_connection(where: str, run: Any, serving: Any, soon: Any) -> None:
    noticed = []

    async def play(wire: Any) -> None:
        await wire.request()
        if where != "head":
            await wire.send(CHUNKED + b"3\r\none\r\n")
        noticed.append(await wire.at_eof())

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()

            async def ask() -> None:
                reply = await upstream.post("/x", b"", deadline=soon())
                if where == "read":
                    await reply.read()
                async for _ in reply.parts():
                    pass

            task = asyncio.create_task(ask())
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            await asyncio.sleep(0.1)
            assert noticed == [True]
            assert upstream.connections == 0
        noticed.clear()

    run(main())


def test_abort_between_parts(run: Any, serving: Any, soon: Any) -> None:
    noticed = []

    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(CHUNKED + b"3\r\none\r\n")
        noticed.append(await wire.at_eof())

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            reply = await upstream.post("/x", b"", deadline=soon())
            assert await anext(reply.parts()) == b"one"
            reply.abort()
            reply.abort()
            with pytest.raises(UpstreamError):
                await anext(reply.parts())
            await asyncio.sleep(0.1)
            assert noticed == [True]
        noticed.clear()

    run(main())


def test_a_reply_nobody_reads_ends_at_its_deadline(run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(CHUNKED + b"3\r\none\r\n")
        assert await wire.at_eof()

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            await upstream.post("/x", b"", deadline=soon(0.1))
            await asyncio.sleep(0.6)
            assert upstream.connections == 0

    run(main())
