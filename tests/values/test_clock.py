"""policy_dsl/values/clock.py: what the clock of a zone shows, compared with the standard library at any moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.values.clock import UNITS, Clock, Wall, clock

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Africa/Monrovia", "Pacific/Apia"]
)
MOMENTS = st.lists(st.integers(-2_000_000_000, 4_000_000_000), min_size=1, max_size=8)
SECOND = 1_000_000


def at(written: str) -> int:
    return int(datetime.fromisoformat(written).timestamp()) * SECOND


@given(ZONES, MOMENTS, st.booleans())
def test_any_moment_reads_as_the_standard_library_reads_it(zone: str, moments: list[int], near: bool) -> None:
    """`near`: moments of one hour and the next, so that what is remembered of an hour is asked again."""
    if near:
        moments = [moments[0] + moment % 7_200 for moment in moments]
    asked = Clock(zone)
    for moment in moments:
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=moment)).astimezone(ZoneInfo(zone))
        day = (local.date() - datetime(1970, 1, 1).date()).days
        assert asked.wall(moment * SECOND) == Wall(local.weekday(), local.hour * 60 + local.minute, day)
        assert asked.period("year", moment * SECOND) == local.year
        assert asked.period("month", moment * SECOND) == local.year * 12 + local.month


@given(ZONES, st.sampled_from(UNITS), st.integers(0, 4_000_000_000), st.integers(90_000, 40_000_000))
def test_periods_grow_with_time(zone: str, unit: str, moment: int, later: int) -> None:
    first, second = (clock(zone).period(unit, when * SECOND) for when in (moment, moment + later))
    assert first is not None
    assert second is not None
    assert first <= second


@pytest.mark.parametrize(
    ("moment", "minute"),
    [
        ("2026-03-29T00:59:59Z", 119),
        ("2026-03-29T01:00:00Z", 180),  # 02:00 to 03:00 never comes
        ("2026-10-25T00:30:00Z", 150),
        ("2026-10-25T01:30:00Z", 150),  # 02:30 comes twice
        ("2026-10-25T02:00:00Z", 180),
    ],
)
def test_an_hour_that_is_skipped_or_repeated(moment: str, minute: int) -> None:
    wall = clock("Europe/Berlin").wall(at(moment))
    assert wall is not None
    assert wall.minute == minute


def test_a_repeated_hour_is_one_period() -> None:
    berlin = clock("Europe/Berlin")
    once, twice = (berlin.period("hour", at(f"2026-10-25T0{hour}:30:00Z")) for hour in (0, 1))
    assert once == twice
    monday, sunday = (berlin.period("week", at(f"2026-11-{day}T12:00:00Z")) for day in (16, 22))
    assert monday == sunday
    assert berlin.period("week", at("2026-11-15T12:00:00Z")) == monday - 1  # type: ignore[operator]  # it is known


@pytest.mark.parametrize("moment", [10**18, -(10**18), 10**30])
def test_a_moment_without_a_date_has_no_reading(moment: int) -> None:
    assert clock("UTC").wall(moment) is None
    assert clock("Europe/Berlin").period("day", moment) is None


def test_there_is_no_clock_of_no_zone() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        clock("Europe/Nowhere")
    with pytest.raises(ValueError):
        clock("../etc/passwd")
