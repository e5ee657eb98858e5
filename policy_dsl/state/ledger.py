"""A Ledger: what one tracker keeps for one owner, by the values of the tracker's keys.

Here windows, resets, doubts and bounds become one answer:

- a calendar window empties the whole ledger when an event comes in a later period; an answer in a later period is that
  of an empty ledger
- a reset forgets what came before it, for all keys or for its own
- a doubt is an event that perhaps counts. It answers in place of what it makes unsure: `last` only where nothing sure
  says yes, the measures always, as long as it is inside the window
- a reset in doubt makes unsure what stands before it
- past KEYS_KEPT keys a new one is not kept, and every unknown key answers `forgotten` as long as that event counts
"""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal
from typing import Any, Final

from ..facts import HistoryFault
from ..values.clock import Clock
from ..values.number import InexactError
from .cells import EVER, Cell, Last, Peak, Sliding, Total, Variety
from .kept import frozen

KEYS_KEPT: Final = 1_024
"""Values of its keys that one ledger tells apart, but for those whose window has gone by."""

_MINUTE: Final = 60_000_000

Keys = tuple[Hashable, ...]
Answer = bool | int | Decimal | HistoryFault


class Ledger:
    """`duration` is that of a sliding window in microseconds, `calendar` the unit and clock of a calendar window.

    Events come in order of time: one that seems older than the latest counts as being as late as that.
    """

    __slots__ = (
        "_at",
        "_calendar",
        "_cells",
        "_doubt",
        "_duration",
        "_lost",
        "_measure",
        "_minute",
        "_order",
        "_period",
        "_shaken",
    )

    def __init__(self, measure: str, duration: int | None, calendar: tuple[str, Clock] | None) -> None:
        self._measure = measure
        self._duration = duration
        self._calendar = calendar
        self._cells: dict[Keys, Cell] = {}
        self._clear()
        self._at = EVER
        self._order = 0
        self._period: int | None = None
        self._minute = (EVER, EVER)

    def _clear(self) -> None:
        self._cells.clear()
        self._doubt: tuple[int, HistoryFault] | None = None
        self._shaken: tuple[int, int, HistoryFault] | None = None
        self._lost = EVER

    # --- events -----------------------------------------------------------------------------------------------------

    def post(self, keys: Keys, value: Any, now: int) -> tuple[Cell, int] | None:
        """Count an event; where it went and at which time, so that it can be given back, None where it cannot be."""
        at = self._enter(now)
        cutoff = EVER if self._duration is None else at - self._duration
        cell = self._cell(keys, at, cutoff)
        if cell is None:
            return None
        try:
            cell.post(value, at, cutoff)
        except InexactError:
            cell.doubt = at, "forgotten"
            return None
        finally:
            cell.latest, cell.order = at, self._order
        return cell, at

    def doubt(self, keys: Keys | None, code: HistoryFault, now: int) -> None:
        """Something happened that perhaps counts; `keys` None where it is not known for which."""
        at = self._enter(now)
        if keys is None:
            self._doubt = at, code
            return
        cutoff = EVER if self._duration is None else at - self._duration
        cell = self._cell(keys, at, cutoff)
        if cell is not None:
            cell.doubt = at, code

    def reset(self, keys: Keys | None, now: int) -> None:
        """Forget everything before, for these keys; for all where `keys` is None."""
        self._enter(now)
        if keys is None:
            self._clear()
        else:
            self._cells.pop(keys, None)

    def shake(self, keys: Keys | None, code: HistoryFault, now: int) -> None:
        """It is not known whether everything before is to be forgotten."""
        shaken = self._enter(now), self._order, code
        if keys is None:
            self._shaken = shaken
        elif keys in self._cells:
            self._cells[keys].shaken = shaken

    def _enter(self, now: int) -> int:
        """The time and place of an event, after the end of a period if one has ended."""
        self._at = at = max(now, self._at)
        self._order += 1
        if self._calendar is not None:
            period = self._period_of(at)
            if self._period is None or period > self._period:
                self._clear()
                self._period = period
        return at

    def _period_of(self, at: int) -> int:
        """The number of the period that a moment is in. No zone's clock is set within a minute."""
        minute, known = self._minute
        if at // _MINUTE != minute:
            assert self._calendar is not None
            unit, clock = self._calendar
            period = clock.period(unit, at)
            known = EVER if period is None else period
            self._minute = at // _MINUTE, known
        return known

    def _cell(self, keys: Keys, at: int, cutoff: int) -> Cell | None:
        """The cell of some keys, made if there is room. With a window, cells stand in the order of their last use."""
        cells = self._cells
        cell = cells.pop(keys, None) if self._duration is not None else cells.get(keys)
        if cell is None:
            if len(cells) >= KEYS_KEPT and not self._drop_expired(cutoff):
                self._lost = at
                return None
            cell = self._new()
        cells[keys] = cell
        return cell

    def _drop_expired(self, cutoff: int) -> bool:
        before = len(self._cells)
        while self._cells:
            keys = next(iter(self._cells))
            cell = self._cells[keys]
            if max(cell.latest, cell.doubt[0] if cell.doubt else EVER) >= cutoff:
                break
            del self._cells[keys]
        return len(self._cells) < before

    def _new(self) -> Cell:
        match self._measure:
            case "last":
                return Last()
            case "max":
                return Peak()
            case "distinct":
                return Variety()
        return Total() if self._duration is None else Sliding()

    # --- answers ----------------------------------------------------------------------------------------------------

    def answer(self, keys: Keys, now: int) -> Answer:
        """Where it stands at `now`. Changes nothing."""
        seen = self._measure == "last"
        nothing: Answer = False if seen else 0
        cutoff = EVER
        if self._duration is not None:
            cutoff = now - self._duration
        elif self._calendar is not None and (self._period is None or self._period_of(now) > self._period):
            return nothing
        cell = self._cells.get(keys)
        if cell is None:
            if self._lost != EVER and self._lost >= cutoff:
                return "forgotten"
            return _in_doubt(self._doubt, cutoff) or nothing
        answer: Answer = cell.answer(cutoff)
        if seen and answer:
            return self._shaken_code(cell, cell.latest) or True
        unsure = _in_doubt(self._doubt, cutoff) or _in_doubt(cell.doubt, cutoff)
        if unsure is not None or not answer:
            return unsure or nothing
        if self._shaken is not None or cell.shaken is not None:
            return self._shaken_code(cell, cell.earliest(cutoff)) or answer
        return answer

    def _shaken_code(self, cell: Cell, first: int | None) -> HistoryFault | None:
        """Why it is not known whether the event at `first` is to be forgotten. Events of one moment are told apart by
        their order where it is the cell's latest; else they are taken to stand before."""
        for shaken in (self._shaken, cell.shaken):
            if shaken is None or first is None:
                continue
            at, order, code = shaken
            if first < at or (first == at and (self._measure != "last" or cell.order < order)):
                return code
        return None

    # --- what survives a restart ------------------------------------------------------------------------------------

    def is_spent(self, now: int) -> bool:
        """Whether it answers at `now`, and from then on, as an empty one would."""
        if self._calendar is not None:
            return self._period is None or self._period_of(now) > self._period
        if self._duration is None:
            return not self._cells and self._doubt is None and self._lost == EVER
        return self._at < now - self._duration

    def holds(self, keys: Keys, cell: Cell) -> bool:
        """Whether `cell` is still the one in use: a reset or a new period puts another in its place."""
        return self._cells.get(keys) is cell

    def cell(self, keys: Keys) -> Cell | None:
        return self._cells.get(keys)

    def export(self) -> dict[str, Any]:
        return {
            "at": self._at,
            "order": self._order,
            "period": self._period,
            "doubt": self._doubt,
            "shaken": self._shaken,
            "lost": self._lost,
            "cells": [
                [list(keys), cell.latest, cell.order, cell.doubt, cell.shaken, cell.export()]
                for keys, cell in self._cells.items()
            ],
        }

    def restore(self, kept: dict[str, Any]) -> None:
        self._at, self._order, self._period = kept["at"], kept["order"], kept["period"]
        self._doubt, self._shaken, self._lost = kept["doubt"], kept["shaken"], kept["lost"]
        for keys, latest, order, doubt, shaken, inside in kept["cells"]:
            cell = self._cells[frozen(keys)] = self._new()
            cell.latest, cell.order, cell.doubt, cell.shaken = latest, order, doubt, shaken
            cell.restore(inside)


def _in_doubt(doubt: tuple[int, HistoryFault] | None, cutoff: int) -> HistoryFault | None:
    return None if doubt is None or doubt[0] < cutoff else doubt[1]
