"""server/upstream/connection.py: every way an answer may be framed, over a real socket, whole and byte by byte."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.upstream import Timeouts, Upstream, UpstreamError
from server.upstream.connection import HEADER_LIMIT

CASES = yaml.safe_load((Path(__file__).parent / "answers.yaml").read_text())


@pytest.mark.parametrize("apart", [False, True], ids=["pieces", "bytes"])
@pytest.mark.parametrize("case", CASES, ids=[case["note"] for case in CASES])
def test_answers(case: dict[str, Any], apart: bool, run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        while await wire.request():
            for piece in case["send"]:
                await wire.send(piece.encode("latin-1"), apart=apart)
            if case.get("then") == "end":
                return
            if case.get("then") == "reset":
                await asyncio.sleep(0.05)  # a reset overtakes bytes that the peer has not read
                wire.reset()
                return

    async def main() -> None:
        want = case["want"]
        async with serving(play) as server:
            upstream = server.upstream()
            if "error" in want:
                with pytest.raises(UpstreamError) as caught:
                    await exchange(upstream, soon())
                assert caught.value.code == want["error"], caught.value.message
            else:
                assert await exchange(upstream, soon()) == (want["status"], want["body"].encode())
            await asyncio.sleep(0.01)
            assert upstream.connections == (1 if want.get("kept") else 0)
            assert len(server.requests) == 1
            upstream.close()

    async def exchange(upstream: Upstream, deadline: float) -> tuple[int, bytes]:
        reply = await upstream.post("/chat/completions", b"{}", deadline=deadline)
        return reply.status, await reply.read()

    run(main())


@settings(max_examples=80, print_blob=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300),
    sizes=st.lists(st.integers(1, 40), max_size=12),
    cuts=st.lists(st.integers(0, 600), max_size=8),
    framing=st.sampled_from(["length", "chunked", "end"]),
)
def test_a_body_is_the_same_however_it_is_framed_and_split(
    body: bytes, sizes: list[int], cuts: list[int], framing: str, run: Any, serving: Any, soon: Any
) -> None:
    if framing == "chunked":
        chunks, rest = [], body
        for size in sizes:
            chunks.append(rest[:size])
            rest = rest[size:]
        chunks.append(rest)
        coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
        data = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n"
    elif framing == "length":
        data = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    else:
        data = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + body
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]

    async def play(wire: Any) -> None:
        while await wire.request():
            for start, end in pairwise(places):
                await wire.send(data[start:end])
                await asyncio.sleep(0)
            if framing == "end":
                return

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            for _ in range(2):
                reply = await upstream.post("/x", b"{}", deadline=soon())
                assert await reply.read() == body
            upstream.close()

    run(main())


def test_request_as_written(run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        while await wire.request():
            await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: 1\r\nX-A: 2\r\n\r\n{}")

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            reply = await upstream.post("/chat/completions", b'{"a":1}', {"x-trace": "t"}, deadline=soon())
            assert reply.headers == {"content-length": "2", "x-a": "1, 2"}
            assert await reply.read() == b"{}"
            assert await (await upstream.get("/models", deadline=soon())).read() == b"{}"
            assert server.wires == 1
            assert server.requests == [
                f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n"
                "authorization: Bearer sk-test\r\naccept-encoding: identity\r\ncontent-type: application/json\r\n"
                'x-trace: t\r\ncontent-length: 7\r\n\r\n{"a":1}'.encode(),
                f"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n"
                "authorization: Bearer sk-test\r\naccept-encoding: identity\r\n\r\n".encode(),
            ]
            upstream.close()

    run(main())


@pytest.mark.parametrize(
    "endless",
    [
        b"x-pad: " + b"a" * 4000 + b"\r\n",
        b"a" * 4000,
    ],
    ids=["many headers", "one header"],
)
def test_headers_without_end_are_cut_off(endless: bytes, run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nx: ")
        while True:
            await wire.send(endless)

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            with pytest.raises(UpstreamError) as caught:
                await upstream.post("/x", b"", deadline=soon())
            assert caught.value.code == "malformed-upstream"
            await asyncio.sleep(0.05)
            assert upstream.connections == 0

    run(main())


def test_headers_over_the_limit_in_one_piece(run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nx: " + b"a" * HEADER_LIMIT + b"\r\ncontent-length: 2\r\n\r\nok")

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            with pytest.raises(UpstreamError) as caught:
                await upstream.post("/x", b"", deadline=soon())
            assert caught.value.code == "malformed-upstream"

    run(main())


@pytest.mark.parametrize(
    ("opening", "endless"),
    [(b"1;", b"e" * 8000), (b"1\r\nx\r\n0\r\ntrailer: ", b"t" * 8000)],
    ids=["chunk extension", "trailer"],
)
def test_framing_without_end_is_cut_off(opening: bytes, endless: bytes, run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + opening)
        while True:
            await wire.send(endless)

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            reply = await upstream.post("/x", b"", deadline=soon())
            with pytest.raises(UpstreamError) as caught:
                await reply.read()
            assert caught.value.code == "malformed-upstream"

    run(main())


def test_one_byte_chunks_are_not_taken_for_an_attack(run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        await wire.send(b"1\r\nx\r\n" * 60_000 + b"0\r\n\r\n")

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            reply = await upstream.post("/x", b"", deadline=soon())
            assert await reply.read() == b"x" * 60_000
            upstream.close()

    run(main())


def test_silence_ends_in_read_timeout(run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal")
        assert await wire.at_eof()

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream(timeouts=Timeouts(connect=5, read=0.1, idle=5))
            reply = await upstream.post("/x", b"", deadline=soon())
            with pytest.raises(UpstreamError) as caught:
                await reply.read()
            assert caught.value.code == "read-timeout"

    run(main())


def test_a_slow_drip_ends_at_the_deadline(run: Any, serving: Any, soon: Any, collect: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            await wire.send(b"1\r\n.\r\n")
            await asyncio.sleep(0.02)

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream(timeouts=Timeouts(connect=5, read=0.2, idle=5))
            reply = await upstream.post("/x", b"", deadline=soon(0.5))
            parts: list[bytes] = []
            with pytest.raises(UpstreamError) as caught:
                await collect(reply.parts(), parts)
            assert caught.value.code == "deadline"
            assert len(b"".join(parts)) > 3  # what came before the deadline was handed over

    run(main())


def test_unasked_bytes_on_an_idle_connection_close_it(run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        while await wire.request():
            await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood")
            if wire.number == 1:
                await asyncio.sleep(0.05)
                await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            assert await (await upstream.post("/x", b"", deadline=soon())).read() == b"good"
            await asyncio.sleep(0.2)
            assert upstream.connections == 0
            assert await (await upstream.post("/x", b"", deadline=soon())).read() == b"good"
            assert server.wires == 2
            upstream.close()

    run(main())


def test_answer_before_the_request_was_sent_closes(run: Any, serving: Any, soon: Any) -> None:
    """A server that refuses a large body early: the answer counts, the connection is dropped with half a request."""

    async def play(wire: Any) -> None:
        await wire.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}")
        await asyncio.sleep(0.3)

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            reply = await upstream.post("/x", b"a" * 20_000_000, deadline=soon())
            assert (reply.status, await reply.read()) == (413, b"{}")
            await asyncio.sleep(0.05)
            assert upstream.connections == 0

    run(main())
