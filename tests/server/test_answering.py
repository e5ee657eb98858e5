"""server/answering.py: what its Writer writes is what uvicorn writes for the same Answer sent by plain ASGI."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from server.answering import Writer, send_answer
from server.exchange import Answer, Streamed, Whole

LOG = logging.getLogger("test")


class Transport:
    """Memory in place of a socket."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True


class Line:
    """One request that waits for its answer, and what becomes of it."""

    def __init__(self, keep_alive: bool = True, more_body: bool = False) -> None:
        self.transport = Transport()
        self.ended = 0
        self.flow = FlowControl(self.transport)  # type: ignore[arg-type]  # the part of a transport that is used
        self.cycle = RequestResponseCycle(
            {"method": "POST"}, self.transport, self.flow, LOG, LOG, False,  # type: ignore[typeddict-item,arg-type]
            [(b"date", b"Sun, 22 Nov 2026 14:00:00 GMT")], asyncio.Event(), False, keep_alive, self._end,
        )  # fmt: skip
        self.cycle.more_body = more_body

    def _end(self) -> None:
        self.ended += 1

    async def answer(self, answer: Answer, ours: bool) -> bytes:
        await send_answer(answer, self.cycle.send, Writer(self.cycle) if ours else None)  # type: ignore[arg-type]
        return b"".join(self.transport.sent)


async def _next(source: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(source)


async def parts(*given: bytes, error: Exception | None = None) -> AsyncGenerator[bytes, None]:
    for part in given:
        yield part
    if error is not None:
        raise error


ANSWERS: dict[str, Callable[[], Answer]] = {
    "whole": lambda: Whole(200, b'{"a":1}', {"x-leastward-run": "run-1"}),
    "empty": lambda: Whole(404, b""),
    "text": lambda: Whole(200, b"a 1\n", content_type="text/plain; version=0.0.4; charset=utf-8"),
    "streamed": lambda: Streamed(200, parts(b"data: 1\n\n", b"x" * 70_000, b"data: 2\n\n"), {"x-a": "b"}),
    "a stream of nothing": lambda: Streamed(200, parts()),
}


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("made", ANSWERS.values(), ids=ANSWERS)
def test_the_writer_says_what_uvicorn_says(made: Callable[[], Answer], keep_alive: bool) -> None:
    async def both() -> None:
        said = []
        for ours in (True, False):
            line = Line(keep_alive)
            head, _, body = (await line.answer(made(), ours)).partition(b"\r\n\r\n")
            first, *lines = head.split(b"\r\n")
            said.append((first, sorted(lines), body))
            assert line.cycle.response_complete
            assert line.ended == 1
            assert line.transport.closed is not keep_alive
        assert said[0] == said[1]

    asyncio.run(both())


def test_a_whole_answer_is_one_write() -> None:
    line = Line()
    asyncio.run(line.answer(Whole(200, b"{}"), True))
    assert len(line.transport.sent) == 1


def test_an_empty_part_does_not_end_the_stream() -> None:
    said = asyncio.run(Line().answer(Streamed(200, parts(b"a", b"", b"b")), True))
    assert said.endswith(b"\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n")


def test_an_answer_before_the_end_of_the_request_closes_the_connection() -> None:
    line = Line(more_body=True)
    assert b"\r\nconnection: close\r\n" in asyncio.run(line.answer(Whole(413, b"{}"), True))
    assert line.transport.closed


@pytest.mark.parametrize(
    ("name", "value"), [("x-a", "1\r\nx-b: 2"), ("x-a", "1\n"), ("x-a\r\nx-b", "1"), ("x a", "1"), ("", "1")]
)
def test_no_header_makes_another(name: str, value: str) -> None:
    line = Line()
    with pytest.raises(ValueError):
        asyncio.run(line.answer(Whole(200, b"{}", {name: value}), True))
    assert line.transport.sent == []


@pytest.mark.parametrize("ours", [True, False])
def test_a_stream_that_breaks_is_left_unfinished_and_closed(ours: bool) -> None:
    line = Line()
    source = parts(b"a", error=RuntimeError("broken"))
    with pytest.raises(RuntimeError):
        asyncio.run(line.answer(Streamed(200, source), ours))
    assert not line.cycle.response_complete
    with pytest.raises(StopAsyncIteration):
        asyncio.run(_next(source))
    assert not b"".join(line.transport.sent).endswith(b"0\r\n\r\n")


def test_nothing_is_written_for_a_client_that_has_left() -> None:
    line = Line()
    line.cycle.disconnected = True
    assert asyncio.run(line.answer(Whole(200, b"{}"), True)) == b""
    assert asyncio.run(line.answer(Streamed(200, parts(b"a")), True)) == b""


def test_a_full_transport_is_waited_for() -> None:
    async def slowly() -> None:
        line = Line()
        task: Any = asyncio.create_task(line.answer(Streamed(200, parts(b"a", b"b")), True))
        line.flow.pause_writing()
        await asyncio.sleep(0.01)
        assert not b"".join(line.transport.sent).endswith(b"a\r\n")
        assert not task.done()
        line.flow.resume_writing()
        assert (await task).endswith(b"1\r\nb\r\n0\r\n\r\n")

    asyncio.run(slowly())


def test_the_body_is_there_once_all_of_it_came_and_somebody_waits_for_the_answer() -> None:
    line = Line(more_body=True)
    line.cycle.body += b"{"
    assert Writer(line.cycle).asked() is None
    line.cycle.body += b"}"
    line.cycle.more_body = False
    line.cycle.message_event.set()
    assert Writer(line.cycle).asked() == b"{}"
    assert (line.cycle.body, line.cycle.message_event.is_set()) == (b"", False)
    line.cycle.disconnected = True
    assert Writer(line.cycle).asked() is None
