"""The port that every method implements, and what two or more of them share."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from memory import Context, Effect, Reported
from memory.encoders import Encoder

from ..item import Item


class Said(NamedTuple):
    """What a method decides. `spoke` is whether its memory had a say, also where it agrees with the base."""

    effect: Effect
    spoke: bool


class Method(Protocol):
    """One way to learn from reports. `decide` may not change anything: the harness asks about held-out items too."""

    name: str

    def decide(self, item: Item) -> Said: ...

    def report(self, reported: Reported) -> None: ...

    def refresh(self, at: int) -> None:
        """The time for offline work has come, at that moment in microseconds since 1970."""


class Base:
    """No memory: the row that all others are compared with."""

    name = "base"

    def decide(self, item: Item) -> Said:
        return Said(item.base, False)

    def report(self, reported: Reported) -> None:
        del reported

    def refresh(self, at: int) -> None:
        del at


ATTRIBUTES = 0.7
"""Weight of the attributes against the words, as in memory/support: the simpler methods see as much as ours."""

PLACES = 256
"""Places for attribute values in a row; a stream has 40 to 120 of them."""


class Rows:
    """Contexts as rows of length one, whose product is ATTRIBUTES x the share of equal attributes (the tool is one)
    + the rest x the cosine of the words. Each context is encoded once: streams and reports meet the same ones again."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._rows: dict[Context, NDArray[np.float32]] = {}
        self._places: dict[tuple[str, str], int] = {}

    def row(self, context: Context) -> NDArray[np.float32]:
        row = self._rows.get(context)
        if row is None:
            (words,) = self._encoder.encode([context.words])
            values = [("", context.tool), *context.attributes]
            places = [self._places.setdefault(value, len(self._places)) % PLACES for value in values]
            row = np.zeros(PLACES + len(words), np.float32)
            row[places] = np.sqrt(ATTRIBUTES / len(values))
            row[PLACES:] = np.sqrt(1 - ATTRIBUTES) * words
            self._rows[context] = row
        return row
