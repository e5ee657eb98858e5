"""How far two contexts of one tool are apart.

After PRDC (Ran et al. 2023, arXiv 2306.06569), whose distance weighs states and actions apart; this metric and all
constants are ours.

    d = sqrt(STATE * attributes^2 + (1 - STATE) * words^2), between 0 and 1

attributes: the share of attributes, among those that either context has, whose values differ or are lacking on one
side. The text of an argument (`arg PATH`) whose class agrees (`domain PATH`, `folder PATH` ...) counts half.
words: (1 - cosine) / 2 of the encoder's rows; 0 for equal words, 1/2 where one side says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .encoders import Encoder, Rows
from .model import Context

STATE = 0.7
"""Weight of the attributes against the words: attributes are what conditions are made of, words are residual."""

DIGITS = 6
"""Distances that are shown or kept are rounded to so many: on another machine floating-point sums may differ after."""

_CLASSES = frozenset({"domain", "host", "folder", "range"})
_LACKING, _UNASKED = -1, -2

Numbers = NDArray[np.float32]
Truths = NDArray[np.bool_]


class Attributes:
    """Contexts of one tool, one column each: what each attribute is, as a number."""

    def __init__(self, contexts: Sequence[Context]) -> None:
        self._lines = {name: line for line, name in enumerate(sorted({n for c in contexts for n, _ in c.attributes}))}
        self._numbers: dict[tuple[str, str], int] = {}
        self._values = np.full((len(self._lines), len(contexts)), _LACKING, dtype=np.int32)
        for at, context in enumerate(contexts):
            for pair in context.attributes:
                self._values[self._lines[pair[0]], at] = self._numbers.setdefault(pair, len(self._numbers))
        self._sizes = np.array([len(context.attributes) for context in contexts], dtype=np.float32)
        self._uniform = bool((self._values != _LACKING).all())

    def shares(self, context: Context) -> Numbers:
        """The share of attributes that differ or are lacking, for each context of the table."""
        asked = np.full(len(self._lines), _UNASKED, dtype=np.int32)
        names = []
        for pair in context.attributes:
            if (line := self._lines.get(pair[0])) is not None:
                names.append(line)
                asked[line] = self._numbers.get(pair, _UNASKED)
        same = self._values == asked[:, np.newaxis]
        common = len(names) if self._uniform else (self._values[names] != _LACKING).sum(axis=0)
        union = self._sizes + (len(context.attributes) - common)
        agreeing = same.sum(axis=0, dtype=np.float32)
        for path, lines in self._classes(context).items():
            agreeing += 0.5 * self._half(context, path, same, lines)
        shares: Numbers = (union - agreeing) / np.maximum(union, 1.0)
        return shares

    def _classes(self, context: Context) -> dict[str, list[int]]:
        """By argument path, where the classes of it stand that this context and some of the table have."""
        found: dict[str, list[int]] = {}
        for pair in context.attributes:
            if (path := _classified(pair)) is not None and pair in self._numbers:
                found.setdefault(path, []).append(self._lines[pair[0]])
        return found

    def _half(self, context: Context, path: str, same: Truths, lines: list[int]) -> Truths:
        """Where a class of the argument agrees, its text does not, and one side has a text."""
        half: Truths = np.logical_or.reduce(same[lines])
        text = self._lines.get(f"arg {path}")
        if text is not None:
            half = np.logical_and(half, ~same[text])
        if context.value(f"arg {path}") is not None:
            return half
        has = self._values[text] != _LACKING if text is not None else np.zeros_like(half)
        return np.logical_and(half, has)


class Words:
    """What contexts say, one row each; rows are computed when they are needed first."""

    def __init__(self, contexts: Sequence[Context], encoder: Encoder) -> None:
        self._encoder = encoder
        self._words = [context.words for context in contexts]
        self._saying: dict[str, list[int]] = defaultdict(list)
        for at, words in enumerate(self._words):
            self._saying[words].append(at)
        self._rows: Rows | None = None

    def distances(self, words: str) -> Numbers:
        equal = self._saying.get(words, [])
        if len(equal) == len(self._words):
            return np.zeros(len(self._words), dtype=np.float32)
        if self._rows is None:
            self._rows = self._encoder.encode(self._words)
        found: Numbers = (1.0 - self._rows @ self._encoder.encode([words])[0]) * np.float32(0.5)
        found[equal] = 0.0
        return found


def joined(shares: Numbers, words: Numbers | float) -> Numbers:
    """The distance of each: of shares of attributes that differ, and of words, each between 0 and 1."""
    found: Numbers = np.sqrt(STATE * shares * shares + (1.0 - STATE) * words * words)
    return found


def _classified(pair: tuple[str, str]) -> str | None:
    """The path of the argument whose class this attribute gives: of `domain to` and `in staff to` it is `to`.

    Not to be in a set is no class: what two strangers have in common is nothing.
    """
    kind, _, rest = pair[0].partition(" ")
    if kind in _CLASSES:
        return rest
    if kind == "in" and pair[1] == "true":
        return rest.partition(" ")[2] or None
    return None
