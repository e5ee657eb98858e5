"""The changes of a State since they were last written down, for who makes them durable with the Record."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from . import kept

DELTAS_KEPT: Final = 65_536
"""Changes that wait to be written. Past them the journal is cut and only a full export is of use."""

Delta = tuple[Any, ...]
"""One change: what it is, and its values. Only State knows which there are; others keep them and give them back."""


class Journal:
    """Deltas in the order in which they happened. `is_cut` says that some are missing: export the State instead."""

    __slots__ = ("_deltas", "_first", "is_cut")

    def __init__(self) -> None:
        self._deltas: list[Delta] = []
        self._first = 0
        self.is_cut = False

    def add(self, delta: Delta) -> None:
        if len(self._deltas) >= DELTAS_KEPT:
            self.is_cut = True
        else:
            self._deltas.append(delta)

    def mark(self) -> int:
        """The place after the latest delta."""
        return self._first + len(self._deltas)

    def since(self, mark: int) -> tuple[Delta, ...]:
        """The deltas from a place on. Those before it may have been forgotten."""
        return tuple(islice(self._deltas, max(0, mark - self._first), None))

    def forget(self, mark: int) -> None:
        """Everything before a place is durable now."""
        gone = min(max(0, mark - self._first), len(self._deltas))
        del self._deltas[:gone]
        self._first += gone
        self.is_cut = self.is_cut and bool(self._deltas)


def write(deltas: tuple[Delta, ...]) -> bytes:
    """Deltas as text."""
    return kept.write({"deltas": deltas})


def read(text: bytes) -> tuple[Delta, ...]:
    """What `write` was given. Raises StateError."""
    try:
        return tuple(_read(delta) for delta in kept.read(text)["deltas"])
    except kept.MALFORMED as error:
        raise kept.StateError("the deltas cannot be read") from error


def _read(delta: list[Any]) -> Delta:
    """As it was: keys and owners as tuples. The arguments of a call and the parts of an answer are JSON."""
    return tuple(part if isinstance(part, dict) else kept.frozen(part) for part in delta)
