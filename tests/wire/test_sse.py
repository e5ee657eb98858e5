from __future__ import annotations

import pytest

from server.wire import MalformedAnswer, sse_event
from server.wire.sse import MAX_EVENT, SseReader


def read(*chunks: bytes) -> list[bytes]:
    reader = SseReader()
    return [data for chunk in chunks for data in reader.feed(chunk)]


@pytest.mark.parametrize(
    ("raw", "events"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data\n\n", [b""]),
        (b"data: a\r\n\r\n", [b"a"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\n\r\ndata: b\r\n\n", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b": comment\nevent: x\nid: 1\nretry: 5\ndata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"datax: a\ndata : b\n\n", []),
        (b"\n\n\n\ndata: a\n\n", [b"a"]),
        (b"data: a\n", []),
    ],
)
def test_events(raw: bytes, events: list[bytes]) -> None:
    assert read(raw) == events
    assert read(*(raw[at : at + 1] for at in range(len(raw)))) == events
    assert read(b"data: first\n\n", *raw.split(b"\xef\xbb\xbf")) == [b"first", *events]


def test_a_line_feed_behind_a_carriage_return_in_the_next_chunk() -> None:
    assert read(b"data: a\r", b"\n\r", b"\ndata: b\n\n") == [b"a", b"b"]


def test_the_end() -> None:
    reader = SseReader()
    assert list(reader.feed(b"data: a\n\ndata: [DONE]")) == [b"a"]
    assert reader.unfinished
    assert reader.end() == [b"[DONE]"]
    assert not reader.unfinished


@pytest.mark.parametrize(
    "chunks",
    [
        (b"data: " + b"x" * MAX_EVENT + b"\n\n",),
        (b"data: ", b"x" * MAX_EVENT),
        (b"data: x\n" * (MAX_EVENT // 6),),
    ],
)
def test_a_large_event_is_refused_after_those_before_it(chunks: tuple[bytes, ...]) -> None:
    reader = SseReader()
    events = (event for chunk in (b"data: a\n\n", *chunks) for event in reader.feed(chunk))
    assert next(events) == b"a"
    with pytest.raises(MalformedAnswer) as caught:
        next(events)
    assert caught.value.code == "answer-too-large"


def test_an_event_is_written_as_it_is_read() -> None:
    assert read(sse_event(b"{}")) == [b"{}"]
