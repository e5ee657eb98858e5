"""What `just after` asks: whether the latest event of a kind was one that counts."""

from __future__ import annotations

from typing import Any

from ..facts import HistoryFault
from .kept import frozen
from .ledger import Answer, Keys


class Previous:
    """The latest event of a kind: its keys where it counts, or why that is not known."""

    __slots__ = ("_at", "_doubt", "_duration", "_keys")

    def __init__(self, duration: int | None) -> None:
        self._duration = duration
        self._at = 0
        self._keys: Keys | None = None
        self._doubt: HistoryFault | None = None

    def post(self, keys: Keys, now: int) -> None:
        self._at, self._keys, self._doubt = max(now, self._at), keys, None

    def clear(self, now: int) -> None:
        """Another event of the kind came, or a reset."""
        self._at, self._keys, self._doubt = max(now, self._at), None, None

    def doubt(self, code: HistoryFault, now: int) -> None:
        self._at, self._doubt = max(now, self._at), code

    @property
    def is_settled_no(self) -> bool:
        return self._keys is None and self._doubt is None

    def answer(self, keys: Keys, now: int) -> Answer:
        if self._duration is not None and self._at < now - self._duration:
            return False
        return self._doubt or self._keys == keys

    def export(self) -> list[Any]:
        return [self._at, self._keys, self._doubt]

    def restore(self, written: list[Any]) -> None:
        self._at, keys, self._doubt = written
        self._keys = None if keys is None else frozen(keys)
