"""What a clock on the wall of a zone shows: the day of the week, the minute, and which day, week or month it is.

Zones are the IANA ones, from Python's zoneinfo. Local time is what that clock shows: an hour that summer time skips
never comes, one that it repeats comes twice, and both count as that hour. Every function is total: a moment for which
no zone has a date (before the year 1 or after 9999) has no reading, which they say with None.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_SECOND: Final = 1_000_000
_SLOT: Final = 3_600
_DAY: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_THURSDAY: Final = 3  # 1970-01-01

UNITS: Final = ("hour", "day", "week", "month", "year")


class Wall(NamedTuple):
    """`weekday` is 0 for Monday, `minute` that of the day, `day` the days since 1970-01-01, all in local time."""

    weekday: int
    minute: int
    day: int


class Clock:
    """One zone. Remembers the offset of the hour it was last asked about, so that most questions cost no zoneinfo."""

    __slots__ = ("_kept", "zone")

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self._kept: tuple[int | None, int] = (None, 0)  # one tuple, so that threads see a slot with its own offset

    def wall(self, now: int) -> Wall | None:
        """`now` is in microseconds since 1970 UTC."""
        seconds = now // _SECOND
        offset = self._offset(seconds)
        if offset is None:
            return None
        local = seconds + offset
        day = local // _DAY
        return Wall((day + _THURSDAY) % 7, local % _DAY // 60, day)

    def period(self, unit: str, now: int) -> int | None:
        """A number for the hour, day, ISO week, month or year that `now` is in: equal in one period, larger in later
        ones. Where a clock is set back over the beginning of a period, it is less for a moment than it was."""
        wall = self.wall(now)
        if wall is None:
            return None
        match unit:
            case "hour":
                return wall.day * 24 + wall.minute // 60
            case "day":
                return wall.day
            case "week":
                return (wall.day + _THURSDAY) // 7
        date = _EPOCH + timedelta(days=wall.day)
        return date.year if unit == "year" else date.year * 12 + date.month

    def _offset(self, seconds: int) -> int | None:
        slot, kept = self._kept
        if seconds // _SLOT == slot:
            return kept
        offset = self._exactly(seconds)
        # An hour with one offset at both its ends has it throughout: no zone changes its clocks twice in an hour.
        start = seconds - seconds % _SLOT
        if offset is not None and offset == self._exactly(start) == self._exactly(start + _SLOT - 1):
            self._kept = (seconds // _SLOT, offset)
        return offset

    def _exactly(self, seconds: int) -> int | None:
        try:
            offset = (_EPOCH + timedelta(seconds=seconds)).astimezone(self.zone).utcoffset()
        except (OverflowError, ValueError):
            return None
        return None if offset is None else int(offset.total_seconds())


@lru_cache(maxsize=1_024)
def clock(zone: str) -> Clock:
    """The clock of a zone, one for all who ask. Raises ValueError or ZoneInfoNotFoundError where there is none."""
    return Clock(zone)
