"""A place in a text: the word that stands there, the words of its statement, and the nodes of the tree around it.

The words come from the text as it is, the nodes from the last tree that could be read: a statement that is being
written has words and no nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise
from typing import Any, Final

from policy_dsl import PolicyFile, Span, Word, following

from .recovery import statement_at

HEADER: Final = "language 1\n"
"""What the words of one statement are read behind."""


@dataclass(frozen=True, slots=True)
class Place:
    """`index` is the place of the word in `words`, -1 where the offset is at none. `nodes` are outermost first."""

    offset: int
    words: tuple[Word, ...]
    index: int
    nodes: tuple[Any, ...]

    @property
    def word(self) -> Word | None:
        return self.words[self.index] if self.index >= 0 else None

    def beside(self, steps: int) -> str:
        """The text of the word so many after this one, or before; empty where there is none."""
        at = self.index + steps
        return self.words[at].text if self.index >= 0 and 0 <= at < len(self.words) else ""

    def innermost(self, *kinds: type) -> Any:
        """The closest node around of one of these kinds, or None."""
        return next((node for node in reversed(self.nodes) if isinstance(node, kinds)), None)


def place_at(text: str, file: PolicyFile | None, offset: int) -> Place:
    words = statement_words(text, offset)
    at = [index for index, word in enumerate(words) if word.start <= offset <= word.end]
    # Between two words that touch, as in `pay(`, the one that has letters is meant.
    index = min(at, key=lambda index: words[index].text[:1] in "()[]{},.:=?", default=-1)
    nodes = () if file is None else tuple(_around(file.statements, offset))
    return Place(offset, words, index, nodes)


def statement_words(text: str, offset: int, end: int | None = None) -> tuple[Word, ...]:
    """The words of the statement around `offset`, up to `end`, as far as they are a beginning of one."""
    start, last = statement_at(text, offset)
    read = following(HEADER + text[start : last if end is None else end])
    shift = start - len(HEADER)
    words = read.words[2:] if not text.startswith("language", start) else ()
    return tuple(Word(word.kind, word.text, word.start + shift, word.end + shift) for word in words)


def name_span(source: str, within: Span, name: str, after: str = "") -> Span:
    """Where a statement has `name` as a word of its own, behind the word `after` if one is given; else all of it."""
    words = statement_words(source, within.start, within.end)
    inside = [word for word in words if within.start <= word.start and word.end <= within.end]
    for before, word in pairwise([None, *inside]):
        if word is not None and word.text == name and (not after or (before is not None and before.text == after)):
            line = source.count("\n", 0, word.start) + 1
            return Span(word.start, word.end, line, word.start - source.rfind("\n", 0, word.start))
    return within


def _around(node: Any, offset: int) -> Iterator[Any]:
    if isinstance(node, tuple):
        for item in node:
            yield from _around(item, offset)
    elif is_dataclass(node) and not isinstance(node, Span | type):
        span = getattr(node, "span", None)
        if isinstance(span, Span):
            if not span.start <= offset <= span.end:
                return
            yield node
        for field in fields(node):
            yield from _around(getattr(node, field.name), offset)
