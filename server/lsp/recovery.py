"""A text that is being written, read as far as it goes: the wrong statements are told and left out of the tree.

The parser ends at the first fault. Here the statement with the fault is blanked, space for character, and the rest is
read again, so that every place in the tree is its place in the text. A statement begins at the first column, where the
formatter puts it; a text laid out otherwise loses more than one to a fault, never another fault's place.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from policy_dsl import ParseError, PolicyFile, parse

MOST_FAULTS: Final = 8
"""Faults told at once; each costs two more readings of the text, and what follows a broken bracket is guesswork."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`file` has the statements without faults, None where the text could not be read even so."""

    file: PolicyFile | None
    faults: tuple[ParseError, ...]


def read(text: str, path: str) -> Reading:
    """What `text` says, and all that is wrong with it, in the order written."""
    faults: dict[int, ParseError] = {}
    left = text
    file, fault = _parsed(text, path)
    while fault is not None:
        faults.setdefault(fault.span.start, _of(text, fault))
        tried = [(_parsed(other, path), other) for other in _without_statement(left, fault.span.start)]
        if not tried or len(faults) > MOST_FAULTS:
            return Reading(None, tuple(faults.values())[:1])
        (file, fault), left = max(tried, key=lambda one: _reach(one[0][1], text))
    assert file is not None
    return Reading(replace(file, source=text), tuple(faults[at] for at in sorted(faults)))


def statement_at(text: str, offset: int) -> tuple[int, int]:
    """Where the statement around `offset` starts and ends; the header is none, so the first starts after it."""
    starts = [found.start() for found in _START.finditer(text)] or [0]
    at = bisect_right(starts, offset) - 1
    start = starts[max(at, 0)]
    end = starts[at + 1] if at + 1 < len(starts) else len(text)
    return start, end


def _parsed(text: str, path: str) -> tuple[PolicyFile | None, ParseError | None]:
    try:
        return parse(text, path), None
    except ParseError as error:
        return None, error


def _reach(fault: ParseError | None, text: str) -> int:
    """How far a text could be read: past its end where nothing is wrong."""
    return len(text) + 1 if fault is None else fault.span.start


def _without_statement(text: str, at: int) -> Iterator[str]:
    """The text without the statement at a fault, and without the one before: that may be what is not finished."""
    start, end = statement_at(text, at)
    before = statement_at(text, len(text[:start].rstrip()) - 1) if text[:start].strip() else None
    for place in ((start, end), before):
        if place is not None and not _HEADER.match(text, place[0]) and text[slice(*place)].strip():
            yield text[: place[0]] + _PRINTING.sub(" ", text[slice(*place)]) + text[place[1] :]


def _of(text: str, error: ParseError) -> ParseError:
    """The same fault, told of the text without blanks."""
    return ParseError(error.message, code=error.code, span=error.span, path=error.path, source=text, help=error.help)


_START: Final = re.compile(r"^[A-Za-z]", re.MULTILINE)
_HEADER: Final = re.compile(r"language\b")
_PRINTING: Final = re.compile(r"[^\r\n]")
