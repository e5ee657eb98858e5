"""Finds calls written as text while the text arrives: releases what cannot be part of one, holds the rest.

One scanner reads one text member of one choice. `push` gives back what may leave at once. From the first place that is
becoming a call on, everything is held; `close` cuts the held text into plain text and calls. A whole answer is one push
and one close, so it is read exactly as a stream is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from .errors import MalformedAnswer
from .json_probe import JsonProbe, Verdict
from .text_calls import Written
from .text_grammars import LOOKAHEAD, MARKERS, Marker, read_bare

MAX_HELD_TEXT: Final = 256 << 10
"""Characters held in one text; the same bound as for the arguments of a call."""

Scan = tuple[str, ...]
"""Names of the grammars looked for (text_grammars.GRAMMARS); empty: calls written as text are not looked for."""

Piece = str | Written


_NOT_BLANK: Final = re.compile(r"\S")


class _Table(NamedTuple):
    literals: tuple[str, ...]
    firsts: tuple[str, ...]
    """The characters that literals begin with: a text without any of them neither holds nor begins one."""
    literal: re.Pattern[str] | None
    """Any marker's literal."""
    begun: re.Pattern[str] | None
    """A text's end that could become a literal."""
    longest: int
    bare: bool


@lru_cache(maxsize=32)
def _table(scan: Scan) -> _Table:
    literals = [marker.literal for marker in MARKERS.values() if marker.grammar in scan]
    if not literals:
        return _Table((), (), None, None, 0, bare=False)
    starts = sorted({literal[:size] for literal in literals for size in range(1, len(literal))}, key=len, reverse=True)
    return _Table(
        tuple(literals),
        tuple(sorted({literal[0] for literal in literals})),
        re.compile("|".join(map(re.escape, literals))),
        re.compile(f"(?:{'|'.join(map(re.escape, starts))})\\Z"),
        max(map(len, literals)),
        bare="llama" in scan,
    )


class _Candidate:
    """A place where a call may begin. `marker` is None for a bare bracket at the beginning of the message."""

    def __init__(self, marker: Marker | None) -> None:
        self.marker = marker
        self._probe = None if marker else JsonProbe()
        self._json_at = 0
        self._probed = 0

    def judge(self, text: str, at: int) -> Verdict:
        """The verdict on the text so far, in which the candidate begins at `at`."""
        if self._probe is None and self.marker is not None:
            opening = self.marker.opens(text, at + len(self.marker.literal))
            if opening.json_at is None:
                undecided = opening.verdict is Verdict.MAYBE and len(text) - at > LOOKAHEAD
                return Verdict.YES if undecided else opening.verdict
            self._probe = JsonProbe()
            self._json_at = opening.json_at - at
        begin = at + self._json_at + self._probed
        self._probed = len(text) - at - self._json_at
        return self._probe.more(text[begin:]) if self._probe else Verdict.NO


class TextScanner:
    """Reads one text member, push by push. Raises MalformedAnswer where more than MAX_HELD_TEXT would be held."""

    __slots__ = ("_blank", "_candidate", "_caught", "_hold", "_size", "_table")

    def __init__(self, scan: Scan) -> None:
        self._table = _table(scan)
        self._hold: list[str] = []
        self._size = 0
        self._candidate: _Candidate | None = None
        self._caught = False
        self._blank = self._table.bare

    def push(self, text: str) -> str:
        """What may leave at once of all that was pushed and not yet given back."""
        if self._table.literal is None:
            return text
        if self._caught:
            self._keep(text)
            return ""
        if self._hold:
            text = "".join((*self._hold, text))
            self._hold.clear()
            self._size = 0
        elif not self._blank and not any(map(text.__contains__, self._table.firsts)):
            return text
        at = self._plain(text)
        if at == len(text):
            return text
        self._keep(text[at:])
        return text[:at]

    @property
    def holds(self) -> bool:
        return bool(self._hold)

    def close(self) -> list[Piece]:
        """The held text, cut into plain text and calls, in order."""
        text = "".join(self._hold)
        if not text:
            return []
        return _cut(text, self._table, bare=self._candidate is not None and self._candidate.marker is None)

    def _keep(self, text: str) -> None:
        self._hold.append(text)
        self._size += len(text)
        if self._size > MAX_HELD_TEXT:
            raise MalformedAnswer("too much text would be held", code="answer-too-large")

    def _plain(self, text: str) -> int:
        """How much of the text, from its beginning, is plain for certain."""
        at = 0
        # Nearly no text holds one: eight searches for a fixed text take half the time of the pattern (4 us in 500 B).
        # Once a push: a text made of beginnings of calls would cost the square of its length.
        marked = any(map(text.__contains__, self._table.literals))
        while True:
            if self._candidate is None:
                at = self._next(text, at, marked)
                if self._candidate is None:
                    return at
            verdict = self._candidate.judge(text, at)
            if verdict is not Verdict.NO:
                self._caught = verdict is Verdict.YES
                return at
            at += 1 if self._candidate.marker else 0
            self._candidate = None

    def _next(self, text: str, at: int, marked: bool) -> int:
        """Where the next candidate begins, or the text that may become a literal, or the end. `marked`: whether the
        text holds a literal at all."""
        _, _, literal, begun, longest, _ = self._table
        assert literal is not None
        assert begun is not None
        if self._blank:
            first = _NOT_BLANK.search(text, at)
            self._blank = first is None
            if first and first.group() in "{[":
                self._candidate = _Candidate(None)
                return first.start()
        if marked and (found := literal.search(text, at)):
            self._candidate = _Candidate(MARKERS[found.group()])
            return found.start()
        end = begun.search(text, max(at, len(text) - longest))
        return end.start() if end else len(text)


def _cut(text: str, table: _Table, *, bare: bool) -> list[Piece]:
    pieces: list[Piece] = []
    plain_from = at = looked = 0
    assert table.literal is not None
    while True:
        if bare:
            begin, (end, written) = 0, read_bare(text, 0)
            bare, after = False, 0
        elif found := table.literal.search(text, at):
            begin = found.start()
            end, written = MARKERS[found.group()].read(text, begin)
            after = begin + 1
        else:
            break
        if written is None:
            # Text made to look like a call again and again must not cost the square of its length.
            looked += end - begin
            if looked > 4 * MAX_HELD_TEXT:
                raise MalformedAnswer("too much text looks like a call", code="answer-too-large")
            at = after
            continue
        if begin > plain_from:
            pieces.append(text[plain_from:begin])
        pieces.append(written)
        plain_from = at = end
    if plain_from < len(text):
        pieces.append(text[plain_from:])
    return pieces


def mentions_call(text: str, scan: Scan) -> bool:
    """Whether a call is written in the text."""
    scanner = TextScanner(scan)
    scanner.push(text)
    return any(isinstance(piece, Written) for piece in scanner.close())
