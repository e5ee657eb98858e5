"""A table of patterns, read in one pass over a text however long the table is (RE2: linear in the text).

An entry is a code, a pattern, and perhaps a check of what it found, for numbers that carry a checksum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import re2

MOST_CHECKED: Final = 4_096
"""Matches of one pattern whose check is asked; the next one counts as if it held, so that padding hides nothing."""


class Entry(NamedTuple):
    code: str
    pattern: str
    holds: Callable[[str], bool] | None = None


class Patterns:
    """The table compiled. `codes` may be asked from several threads."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = tuple(entries)
        self._all: Any = re2.Set.SearchSet()
        for entry in self._entries:
            self._all.Add(entry.pattern)
        self._all.Compile()
        self._checked = {at: re2.compile(entry.pattern) for at, entry in enumerate(self._entries) if entry.holds}

    def codes(self, text: str) -> Iterator[str]:
        """The codes of the entries that the text meets, each once, in the order of the table."""
        found = sorted(self._all.Match(text) or ())
        yield from dict.fromkeys(self._entries[at].code for at in found if self._is_met(at, text))

    def _is_met(self, at: int, text: str) -> bool:
        holds = self._entries[at].holds
        if holds is None:
            return True
        for number, match in enumerate(self._checked[at].finditer(text)):
            if number == MOST_CHECKED or holds(match.group()):
                return True
        return False
