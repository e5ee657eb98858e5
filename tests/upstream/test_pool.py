"""server/upstream/pool.py: bounded, last used first, no request sent twice, nothing left behind."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest

from server.upstream import Timeouts, Upstream, UpstreamError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def answering(wire: Any) -> None:
    while await wire.request():
        await wire.send(OK)


def test_connections_are_kept_and_the_last_used_comes_first(run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        while await wire.request():
            await asyncio.sleep(0.05)
            await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % wire.number)

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()

            async def ask() -> bytes:
                return await (await upstream.post("/x", b"", deadline=soon())).read()  # type: ignore[no-any-return]

            assert sorted(await asyncio.gather(ask(), ask(), ask())) == [b"1", b"2", b"3"]
            assert upstream.connections == 3
            alone = [await ask() for _ in range(3)]
            assert len(set(alone)) == 1
            assert server.wires == 3
            upstream.close()

    run(main())


def test_the_bound_holds_and_waiters_are_served_in_order(run: Any, serving: Any, soon: Any) -> None:
    async def main() -> None:
        async with serving(answering) as server:
            upstream = server.upstream(max_connections=2)
            order: list[int] = []

            async def ask(number: int) -> None:
                await (await upstream.post("/x", b"", deadline=soon())).read()
                order.append(number)
                assert upstream.connections <= 2

            await asyncio.gather(*(ask(number) for number in range(40)))
            assert server.wires == 2
            assert all(abs(place - number) <= 2 for place, number in enumerate(order))
            upstream.close()

    run(main())


def test_a_full_pool_ends_at_the_deadline(run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        assert await wire.at_eof()

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream(max_connections=1)
            holding = asyncio.create_task(upstream.post("/x", b"", deadline=soon()))
            await asyncio.sleep(0.02)
            with pytest.raises(UpstreamError) as caught:
                await upstream.post("/x", b"", deadline=soon(0.05))
            assert caught.value.code == "pool-timeout"
            holding.cancel()
            await asyncio.wait([holding])
            await asyncio.sleep(0.01)
            assert upstream.connections == 0

    run(main())


def test_a_woken_waiter_that_was_cancelled_passes_its_turn_on(run: Any, serving: Any, soon: Any) -> None:
    async def main() -> None:
        async with serving(answering) as server:
            upstream = server.upstream(max_connections=1)

            async def ask() -> bytes:
                return await (await upstream.post("/x", b"", deadline=soon(5))).read()  # type: ignore[no-any-return]

            for round_number in range(20):
                first = asyncio.create_task(ask())
                waiting = [asyncio.create_task(ask()) for _ in range(4)]
                for _ in range(round_number):
                    await asyncio.sleep(0)
                waiting[0].cancel()
                waiting[2].cancel()
                assert await first == b"ok"
                assert await waiting[1] == b"ok"
                assert await waiting[3] == b"ok"
            upstream.close()

    run(main())


def test_idle_connections_expire(run: Any, serving: Any, soon: Any) -> None:
    async def main() -> None:
        async with serving(answering) as server:
            upstream = server.upstream(timeouts=Timeouts(connect=5, read=5, idle=0.1))
            await (await upstream.post("/x", b"", deadline=soon())).read()
            assert upstream.connections == 1
            await asyncio.sleep(0.3)
            assert upstream.connections == 0
            await (await upstream.post("/x", b"", deadline=soon())).read()
            assert server.wires == 2
            upstream.close()

    run(main())


def test_a_connection_that_died_unnoticed_is_not_used(run: Any, serving: Any, soon: Any) -> None:
    """The keep-alive race: the peer closed, the loop was busy and has not seen it, a request is due now."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept_and_answer() -> socket.socket:
        peer, _ = listener.accept()
        peer.settimeout(5)
        while b"\r\n\r\n" not in peer.recv(65536):
            pass
        peer.sendall(OK)
        return peer

    async def main() -> None:
        upstream = Upstream("raw", f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
        first = asyncio.create_task(upstream.post("/x", b"", deadline=soon()))
        peer = await asyncio.to_thread(accept_and_answer)
        assert await (await first).read() == b"ok"
        assert upstream.connections == 1
        peer.close()
        time.sleep(0.05)  # noqa: ASYNC251 - the loop must not run while the peer's FIN arrives
        second = asyncio.create_task(upstream.post("/x", b"", deadline=soon()))
        peer = await asyncio.to_thread(accept_and_answer)
        assert await (await second).read() == b"ok"
        upstream.close()
        peer.close()

    run(main())
    listener.close()


def test_a_request_that_was_written_is_never_sent_again(run: Any, serving: Any, soon: Any) -> None:
    """The server read the second request and closed without a byte: it may have acted on it (RFC 9110, 9.2.2)."""

    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(OK)
        await wire.request()

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            assert await (await upstream.post("/x", b"1", deadline=soon())).read() == b"ok"
            with pytest.raises(UpstreamError) as caught:
                await upstream.post("/x", b"2", deadline=soon())
            assert caught.value.code == "closed-early"
            assert len(server.requests) == 2
            assert server.wires == 1

    run(main())


def test_nothing_listens(run: Any, soon: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    async def main() -> None:
        upstream = Upstream("nowhere", f"http://127.0.0.1:{port}/v1", max_connections=1)
        for _ in range(3):  # a failed connection gives its place back
            with pytest.raises(UpstreamError) as caught:
                await upstream.post("/x", b"", deadline=soon())
            assert caught.value.code == "connect-failed"
        assert upstream.connections == 0

    run(main())


def test_a_name_that_does_not_exist(run: Any, soon: Any) -> None:
    async def main() -> None:
        with pytest.raises(UpstreamError) as caught:
            await Upstream("nowhere", "http://does-not-exist.invalid/v1").post("/x", b"", deadline=soon())
        assert caught.value.code in ("connect-failed", "connect-timeout")

    run(main())


def test_a_listener_that_never_accepts(run: Any, soon: Any) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fill = [socket.socket() for _ in range(3)]
        for filler in fill:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())

        async def main() -> None:
            upstream = Upstream(
                "full", f"http://127.0.0.1:{listener.getsockname()[1]}/v1", timeouts=Timeouts(connect=0.1)
            )
            with pytest.raises(UpstreamError) as caught:
                await upstream.post("/x", b"", deadline=soon())
            assert caught.value.code == "connect-timeout"
            assert upstream.connections == 0

        run(main())
        for filler in fill:
            filler.close()


def test_close_fails_what_is_under_way(run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        assert await wire.at_eof()

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream(max_connections=1)
            tasks = [asyncio.create_task(upstream.post("/x", b"", deadline=soon())) for _ in range(2)]
            await asyncio.sleep(0.05)
            upstream.close()
            for task in tasks:
                with pytest.raises(UpstreamError) as caught:
                    await task
                assert caught.value.code == "shutting-down"
            with pytest.raises(UpstreamError):
                await upstream.post("/x", b"", deadline=soon())

    run(main())


@pytest.mark.parametrize("turns", range(8))
def test_cancelling_while_connecting_leaves_nothing(turns: int, run: Any, serving: Any, soon: Any) -> None:
    async def main() -> None:
        async with serving(answering) as server:
            upstream = server.upstream(max_connections=1)
            task = asyncio.create_task(upstream.post("/x", b"", deadline=soon()))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert await (await upstream.post("/x", b"", deadline=soon())).read() == b"ok"
            upstream.close()
            await asyncio.sleep(0.05)
            assert upstream.connections == 0
            assert server.open_wires == 0  # the server has seen every connection end

    run(main())
