"""Offsets in a text to the protocol's lines and columns, and back.

The protocol counts columns in UTF-16 units unless client and server agree on another encoding (LSP 3.17, Position), and
ends a line at LF, CR LF or CR alone. A place outside the text is moved to the nearest inside: editors send such places
while a change is on its way.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

Position = tuple[int, int]
"""A line and a column, both from 0."""

_BREAK: Final = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Range:
    start: Position
    end: Position


class Lines:
    """One text, measured. `unit` is the bytes that one unit of the agreed encoding takes: 1, 2 or 4."""

    __slots__ = ("_starts", "_unit", "text")

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self.text = text
        self._unit = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
        self._starts = [0, *(found.end() for found in _BREAK.finditer(text))]

    def position(self, offset: int) -> Position:
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._starts, offset) - 1
        return line, self._units(self.text[self._starts[line] : offset])

    def range(self, start: int, end: int) -> Range:
        return Range(self.position(start), self.position(end))

    def offset(self, position: Position) -> int:
        line, column = position
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(self.text)
        start = self._starts[line]
        end = self._starts[line + 1] if line + 1 < len(self._starts) else len(self.text)
        words = self.text[start:end].rstrip("\r\n")
        if words.isascii():
            return start + min(max(column, 0), len(words))
        for at, character in enumerate(words):
            if column <= 0:
                return start + at
            column -= self._units(character)
        return start + len(words)

    @property
    def end(self) -> Position:
        return self.position(len(self.text))

    def _units(self, text: str) -> int:
        if text.isascii() or self._unit == 4:
            return len(text)
        # A lone surrogate has no bytes, but an editor can hold one: it counts as the one unit it is.
        return len(text.encode({1: "utf-8", 2: "utf-16-le"}[self._unit], "surrogatepass")) // self._unit
