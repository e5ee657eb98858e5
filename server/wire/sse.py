"""Server-sent events, both ways (WHATWG HTML, 9.2 Server-sent events).

Bytes -> SseReader -> the data of each event -> (chat_stream.py) -> sse_event -> bytes. Chunk borders may fall anywhere,
inside a character too: the reader works on bytes and leaves UTF-8 to the strict JSON parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .errors import MalformedAnswer

MAX_EVENT: Final = 1 << 20
"""Bytes of one event. A chunk with 20 log probabilities per token is about 4 KiB; nginx's largest buffer is 64 KiB."""

DONE: Final = b"[DONE]"
DONE_EVENT: Final = b"data: [DONE]\n\n"

_LINE_END: Final = re.compile(rb"[\r\n]")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def sse_event(data: bytes) -> bytes:
    """One event. `data` must hold no line end: canonical JSON does not."""
    return b"data: " + data + b"\n\n"


class SseReader:
    """Gives the data of every complete event. Comments and the fields event, id and retry are skipped. `most` is the
    greatest size of one event, in bytes."""

    def __init__(self, most: int = MAX_EVENT) -> None:
        self._most = most
        self._buffer = bytearray()
        self._searched = 0
        self._data: list[bytes] = []
        self._size = 0
        self._at_start = True
        self._skip_line_feed = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """To be read to its end. Raises MalformedAnswer for an event that is too large, after those before it."""
        only = self.only_event(chunk)
        if only is not None:
            yield only
            return
        buffer = self._buffer
        buffer += chunk
        if self._at_start and not self._past_byte_order_mark():
            return
        begin = 0
        while True:
            if self._skip_line_feed and begin < len(buffer):
                begin += buffer[begin] == 0x0A
                self._skip_line_feed = False
            end = _LINE_END.search(buffer, max(begin, self._searched))
            if end is None:
                break
            at = end.start()
            # A CR ends the line by itself; an LF right after it, maybe in the next chunk, belongs to it.
            self._skip_line_feed = buffer[at] == 0x0D
            if at > begin:
                self._line(bytes(buffer[begin:at]))
            elif self._data:
                yield self._event()
            begin = at + 1
            self._searched = 0
        del buffer[:begin]
        self._searched = len(buffer)
        self._bound(buffer)

    def end(self) -> list[bytes]:
        """The stream is over. An unfinished event is dropped as the standard says, but a bare last `[DONE]` counts."""
        if self._buffer:
            self._line(bytes(self._buffer))
            self._buffer.clear()
        return [self._event()] if self._data == [DONE] else []

    @property
    def unfinished(self) -> bool:
        """Whether data came that no blank line has closed."""
        return bool(self._data or self._buffer)

    def _past_byte_order_mark(self) -> bool:
        if len(self._buffer) < 3 and _BYTE_ORDER_MARK.startswith(self._buffer):
            return False
        if self._buffer.startswith(_BYTE_ORDER_MARK):
            del self._buffer[:3]
        self._at_start = False
        return True

    def only_event(self, chunk: bytes) -> bytes | None:
        """The data of a chunk that is one plain event by itself, named or not, which is how nearly all of them come;
        None for every other chunk, which is then for `feed`."""
        if self._data or self._buffer or self._skip_line_feed or self._at_start or not chunk.endswith(b"\n\n"):
            return None
        begin = chunk.find(b"\n") + 1 if chunk.startswith(b"event: ") else 0
        plain = (
            chunk.startswith(b"data: ", begin)
            and chunk.find(b"\n", begin) == len(chunk) - 2
            and len(chunk) <= self._most
            and chunk.find(b"\r") < 0
        )
        return chunk[begin + 6 : -2] if plain else None

    def _event(self) -> bytes:
        data = b"\n".join(self._data)
        self._data.clear()
        self._size = 0
        return data

    def _bound(self, line: bytes | bytearray) -> None:
        if self._size + len(line) > self._most:
            raise MalformedAnswer("an event of the stream is too large", code="answer-too-large")

    def _line(self, line: bytes) -> None:
        self._bound(line)
        if not line.startswith(b"data"):
            return
        if line[4:5] == b":":
            value = line[6:] if line[5:6] == b" " else line[5:]
        elif len(line) == 4:
            value = b""
        else:
            return
        self._data.append(value)
        self._size += len(line) + 1
