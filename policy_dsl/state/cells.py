"""What a tracker keeps for one value of its keys: a Total, a Sliding total, a Peak, a Variety, or the Last moment.

All answer for the events at or after a `cutoff` and are told events in order of time. None forgets anything that an
answer could still need, but for the bounds below, past which neighbours are merged into the later of their times: then
too much is counted for a while, and never too little.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator
from decimal import Decimal
from typing import Any, Final

from ..facts import HistoryFault
from ..values.number import add, sub
from .kept import frozen

Number = int | Decimal

ENTRIES_KEPT: Final = 1_024
"""Events that one cell with a sliding window knows one by one. 24 hours at one event every 84 seconds."""

VALUES_KEPT: Final = 1_024
"""Different values that one `distinct` tells apart; past them the answer is `forgotten`."""

REPEATS_KEPT: Final = 16
"""Events of one value that one `distinct` knows one by one."""

EVER: Final = -(1 << 63)
"""The cutoff of what has no window."""


class Cell:
    """`doubt` is when something last happened that perhaps counts, and why that is not known; `shaken` is when it last
    was in doubt whether all before is to be forgotten. `order` is the place of the latest event in its ledger."""

    __slots__ = ("doubt", "latest", "order", "shaken")

    def __init__(self) -> None:
        self.doubt: tuple[int, HistoryFault] | None = None
        self.shaken: tuple[int, int, HistoryFault] | None = None
        self.latest = EVER
        self.order = 0

    def post(self, value: Any, at: int, cutoff: int) -> None:
        """Count an event. InexactError where 1,000 digits do not hold the sum; then nothing has changed."""
        raise NotImplementedError

    def give_back(self, value: Any, at: int) -> None:
        """Take back an event that was posted, where it is still known as one."""

    def answer(self, cutoff: int) -> Any:
        raise NotImplementedError

    def earliest(self, cutoff: int) -> int | None:
        """The time of the first event that the answer rests on."""
        raise NotImplementedError

    def export(self) -> Any:
        raise NotImplementedError

    def restore(self, kept: Any) -> None:
        raise NotImplementedError


class Last(Cell):
    """When it last happened. An observed failure takes nothing back: the call was released all the same."""

    __slots__ = ()

    def post(self, value: Any, at: int, cutoff: int) -> None:
        return

    def answer(self, cutoff: int) -> bool:
        return self.latest != EVER and self.latest >= cutoff

    def earliest(self, cutoff: int) -> int | None:
        return self.latest if self.answer(cutoff) else None

    def export(self) -> Any:
        return None

    def restore(self, kept: Any) -> None:
        return


class Total(Cell):
    """A count or a sum that only a reset, a failure or the end of the calendar period lowers."""

    __slots__ = ("_first", "amount")

    def __init__(self) -> None:
        super().__init__()
        self.amount: Number = 0
        self._first: int | None = None

    def post(self, value: Number, at: int, cutoff: int) -> None:
        self.amount = add(self.amount, value)
        if self._first is None:
            self._first = at

    def give_back(self, value: Number, at: int) -> None:
        self.amount = sub(self.amount, value)

    def answer(self, cutoff: int) -> Number:
        return self.amount

    def earliest(self, cutoff: int) -> int | None:
        return self._first if self.amount else None

    def export(self) -> Any:
        return [self.amount, self._first]

    def restore(self, kept: Any) -> None:
        self.amount, self._first = kept


class Sliding(Cell):
    """A count or a sum over a sliding window: the running total after each event, so that an answer is a difference."""

    __slots__ = ("_before", "_known_from", "_sums", "_times")

    def __init__(self) -> None:
        super().__init__()
        self._before: Number = 0
        self._known_from = EVER
        self._times: list[int] = []
        self._sums: list[Number] = []

    def post(self, value: Number, at: int, cutoff: int) -> None:
        total = add(self._sums[-1] if self._sums else self._before, value)
        if self._times and self._times[-1] == at:
            self._sums[-1] = total
            return
        self._times.append(at)
        self._sums.append(total)
        if (gone := bisect_left(self._times, cutoff)) * 2 > len(self._times):
            self._before = self._sums[gone - 1]
            del self._times[:gone], self._sums[:gone]
            self._known_from = cutoff
            self._rebase()
        elif len(self._times) > ENTRIES_KEPT:
            del self._times[0], self._sums[0]  # what it held is in the running total of the next one

    def _rebase(self) -> None:
        """Keep running totals small: the digits of a sum are bounded, the time a window goes on sliding is not."""
        before, self._before = self._before, 0
        self._sums = [sub(total, before) for total in self._sums]

    def give_back(self, value: Number, at: int) -> None:
        if at < self._known_from:
            return  # it is out of every window that can still be asked about
        for place in range(bisect_left(self._times, at), len(self._times)):
            self._sums[place] = sub(self._sums[place], value)

    def answer(self, cutoff: int) -> Number:
        place = bisect_left(self._times, cutoff)
        if place == len(self._times):
            return 0
        return sub(self._sums[-1], self._sums[place - 1] if place else self._before)

    def earliest(self, cutoff: int) -> int | None:
        if not self.answer(cutoff):
            return None
        return self._times[bisect_left(self._times, cutoff)]

    def export(self) -> Any:
        return [self._before, self._known_from, self._times, self._sums]

    def restore(self, kept: Any) -> None:
        self._before, self._known_from, self._times, self._sums = kept


class Peak(Cell):
    """A maximum. `_tops` are the events that no later one reaches, so that the first of a window is its maximum."""

    __slots__ = ("_merged_until", "_times", "_top_times", "_tops", "_values")

    def __init__(self) -> None:
        super().__init__()
        self._merged_until = EVER
        self._times: list[int] = []
        self._values: list[Number] = []
        self._top_times: list[int] = []
        self._tops: list[Number] = []

    def post(self, value: Number, at: int, cutoff: int) -> None:
        self._times.append(at)
        self._values.append(value)
        if len(self._times) > ENTRIES_KEPT:
            self._halve()
        else:
            self._top(value, at)

    def _top(self, value: Number, at: int) -> None:
        while self._tops and self._tops[-1] <= value:
            del self._tops[-1], self._top_times[-1]
        self._tops.append(value)
        self._top_times.append(at)

    def _halve(self) -> None:
        """Merge the older half in pairs; done once in a quarter of ENTRIES_KEPT events."""
        half = ENTRIES_KEPT // 2
        values = [max(pair) for pair in zip(self._values[:half:2], self._values[1:half:2], strict=True)]
        self._values[:half], self._times[:half] = values, self._times[1:half:2]
        self._merged_until = self._times[len(values) - 1]
        self._rebuild()

    def _rebuild(self) -> None:
        self._tops, self._top_times = [], []
        for value, at in zip(self._values, self._times, strict=True):
            self._top(value, at)

    def give_back(self, value: Number, at: int) -> None:
        place = bisect_left(self._times, at)
        while at > self._merged_until and place < len(self._times) and self._times[place] == at:
            if self._values[place] == value:
                del self._times[place], self._values[place]
                self._rebuild()
                return
            place += 1

    def answer(self, cutoff: int) -> Number:
        place = bisect_left(self._top_times, cutoff)
        return self._tops[place] if place < len(self._tops) else 0

    def earliest(self, cutoff: int) -> int | None:
        place = bisect_left(self._times, cutoff)
        return self._times[place] if place < len(self._times) else None

    def export(self) -> Any:
        return [self._merged_until, self._times, self._values]

    def restore(self, kept: Any) -> None:
        self._merged_until, self._times, self._values = kept
        self._rebuild()


class Variety(Cell):
    """How many different values: each with its events, in the order of their latest ones."""

    __slots__ = ("_known_from", "_lost", "_values")

    def __init__(self) -> None:
        super().__init__()
        self._known_from = EVER
        self._values: dict[Hashable, list[list[int]]] = {}
        self._lost = EVER

    def post(self, value: Hashable, at: int, cutoff: int) -> None:
        events = self._values.pop(value, None)
        if events is None:
            if len(self._values) >= VALUES_KEPT and not self._drop_expired(cutoff):
                self._lost = at
                return
            events = []
        if events and events[-1][0] == at:
            events[-1][1] += 1
        else:
            events.append([at, 1])
            if len(events) > REPEATS_KEPT:
                events[1][1] += events.pop(0)[1]
        self._values[value] = events

    def _drop_expired(self, cutoff: int) -> bool:
        expired = list(self._expired(cutoff))
        for value in expired:
            del self._values[value]
        if expired:
            self._known_from = cutoff
        return bool(expired)

    def _expired(self, cutoff: int) -> Iterator[Hashable]:
        for value, events in self._values.items():
            if events[-1][0] >= cutoff:
                return
            yield value

    def give_back(self, value: Hashable, at: int) -> None:
        events = self._values.get(value, [])
        place = bisect_left(events, [at])
        if place == len(events) or at < self._known_from:
            return
        events[place][1] -= 1
        if events[place][1] == 0:
            del events[place]
            if not events:
                del self._values[value]
            elif place == len(events):
                self._values = dict(sorted(self._values.items(), key=lambda item: item[1][-1][0]))

    def answer(self, cutoff: int) -> int | HistoryFault:
        if self._lost != EVER and self._lost >= cutoff:
            return "forgotten"
        return len(self._values) - (0 if cutoff == EVER else sum(1 for _ in self._expired(cutoff)))

    def earliest(self, cutoff: int) -> int | None:
        times = (at for events in self._values.values() for at, _ in events if at >= cutoff)
        return min(times, default=None)

    def export(self) -> Any:
        return [[[value, events] for value, events in self._values.items()], self._lost, self._known_from]

    def restore(self, kept: Any) -> None:
        values, self._lost, self._known_from = kept
        self._values = {frozen(value): events for value, events in values}
