"""What is around a call: the clock, the labels of the session, and what its history answers."""

from __future__ import annotations

from ..ast import Label, TimeBetween
from ..facts import HistoryFault
from ..values.clock import clock
from .kleene import Fault, Truth
from .operands import SESSION

Labels = frozenset[tuple[str, str | None]]


def told(answer: bool | HistoryFault) -> Truth:
    """What a history said, or why it cannot say."""
    return Fault(answer, SESSION) if isinstance(answer, str) else answer


def between(hours: TimeBetween, now: int) -> Truth:
    wall = clock(hours.zone).wall(now) if now else None
    if wall is None:
        return Fault("unknown-time", "time")
    days = hours.days or range(7)
    yesterday = (wall.weekday - 1) % 7
    start, end = hours.start, hours.end
    if start is None or end is None:
        return wall.weekday in days
    if start <= end:
        return wall.weekday in days and start <= wall.minute < end
    return (wall.weekday in days and start <= wall.minute) or (yesterday in days and wall.minute < end)


def within(start: int | None, end: int | None, now: int) -> Truth:
    if now == 0:
        return Fault("unknown-time", "time")
    return (start is None or now >= start) and (end is None or now < end)


def has_label(carried: Labels, label: Label, levels: tuple[str, ...]) -> bool:
    return any(
        _is_below(label.name, name, levels) and (label.compartment is None or label.compartment == compartment)
        for name, compartment in carried
    )


def exceeds(carried: Labels, clearance: tuple[Label, ...], levels: tuple[str, ...]) -> bool:
    return not all(
        any(
            _is_below(name, cleared.name, levels) and (compartment is None or compartment == cleared.compartment)
            for cleared in clearance
        )
        for name, compartment in carried
        if (name, compartment) != ("untrusted", None)
    )


def _is_below(low: str, high: str, levels: tuple[str, ...]) -> bool:
    """Whether `low` is `high` or stands below it."""
    if low in levels and high in levels:
        return levels.index(low) <= levels.index(high)
    return low == high
