"""What the streamed answers of every API have alike: events in, bytes out, and a first fault that is the last word.

A fault ends the stream: `feed` first returns what came before it, then raises, so that the bytes that leave do not
depend on how the network cut the bytes that came. After it `feed` and `close` raise it again, whatever they are given.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from .calls import HeldCall
from .errors import WireError
from .sse import SseReader


class EventStream(ABC):
    """A stream is this and what it makes of an event, of its end, and of its calls."""

    def __init__(self, reader: SseReader) -> None:
        self._reader = reader
        self._fault: WireError | None = None

    def feed(self, data: bytes) -> bytes:
        """What leaves now for `data` from the upstream. Raises MalformedAnswer, and then always again."""
        if self._fault is not None:
            raise self._fault
        out = bytearray()
        try:
            if (only := self._reader.only_event(data)) is not None:
                return self._event(only)
            for event in self._reader.feed(data):
                out += self._event(event)
        except WireError as fault:
            self._fault = fault
            if not out:
                raise
        return bytes(out)

    def close(self) -> tuple[HeldCall, ...]:
        """The upstream has closed the connection. Raises MalformedAnswer unless the stream was properly ended."""
        if self._fault is not None:
            raise self._fault
        try:
            for event in self._reader.end():
                self._event(event)  # nothing but [DONE] is given here
            self._ended(self._reader.unfinished)
        except WireError as fault:
            self._fault = fault
            raise
        return self.calls

    @property
    @abstractmethod
    def calls(self) -> tuple[HeldCall, ...]:
        """The calls of the answer, in order. After `close`."""

    @abstractmethod
    def _event(self, data: bytes) -> bytes:
        """What leaves at once for one event. Raises MalformedAnswer."""

    @abstractmethod
    def _ended(self, unfinished: bool) -> None:
        """Nothing comes any more; `unfinished` if the last event was cut. Raises MalformedAnswer unless the answer was
        properly ended; else its calls can be read from now on."""
