"""Released calls that wait for their answers, and how an answer finds its call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from .cells import Cell
from .ledger import Keys

CALLS_KEPT: Final = 256
"""Calls of one session that wait. An older one keeps what it reserved, and its answer is taken for one to a call that
nobody knows."""

_Name = tuple[str, bool, str]


class Reservation(NamedTuple):
    """What a released call added to a ledger, so that an observed failure can give it back."""

    owner: tuple[str | None, ...]
    tracker: str
    keys: Keys
    value: Any
    at: int
    cell: Cell


@dataclass(slots=True, eq=False)
class Waiting:
    """A released call without an observed answer. `claimed` is whether a client claimed one."""

    call_id: str
    server: str | None
    tool: str
    arguments: Mapping[str, Any] | None
    claimed: bool = False
    reserved: list[Reservation] = field(default_factory=list)

    def names(self) -> Iterator[_Name]:
        """What an answer may go by: the call's id, its tool, and its tool where it has no id."""
        yield "tool", self.claimed, self.tool
        yield ("id", self.claimed, self.call_id) if self.call_id else ("nameless", self.claimed, self.tool)


class Calls:
    """The waiting calls of one session, by their numbers."""

    __slots__ = ("_by_name", "_calls")

    def __init__(self) -> None:
        self._calls: dict[int, Waiting] = {}
        self._by_name: dict[_Name, dict[int, None]] = {}

    def items(self) -> Iterator[tuple[int, Waiting]]:
        return iter(self._calls.items())

    def get(self, number: int) -> Waiting | None:
        return self._calls.get(number)

    def add(self, number: int, call: Waiting) -> None:
        if len(self._calls) >= CALLS_KEPT:
            self.pop(next(iter(self._calls)))
        self._calls[number] = call
        self._list(number, call)

    def pop(self, number: int) -> Waiting | None:
        call = self._calls.pop(number, None)
        if call is not None:
            self._unlist(number, call)
        return call

    def claim(self, number: int) -> None:
        """A client claims that the call was answered; only an observed answer can still be to it."""
        call = self._calls.get(number)
        if call is not None and not call.claimed:
            self._unlist(number, call)
            call.claimed = True
            self._list(number, call)

    def find(self, call_id: str, server: str | None, tool: str | None, observed: bool) -> int:
        """The number of the call that an answer is to, 0 where there is none.

        By the id, the latest with it (servers that count calls anew in each answer repeat them); else the first call
        of the tool, where either of the two has no id.
        """
        for claimed in (False, True) if observed else (False,):
            if call_id and (found := self._by_name.get(("id", claimed, call_id))):
                return next(reversed(found))
            name = ("nameless" if call_id else "tool", claimed, tool or "")
            for number in self._by_name.get(name, ()):
                if server in (None, self._calls[number].server):
                    return number
        return 0

    def _list(self, number: int, call: Waiting) -> None:
        for name in call.names():
            self._by_name.setdefault(name, {})[number] = None

    def _unlist(self, number: int, call: Waiting) -> None:
        for name in call.names():
            listed = self._by_name[name]
            del listed[number]
            if not listed:
                del self._by_name[name]
