"""policy_dsl/compile/tables.py: every lookup finds what a walk over all keys finds (ranges: at least that)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.compile.keys import Begins, Between, Equals
from policy_dsl.compile.shapes import run
from policy_dsl.compile.tables import FEW_LENGTHS, TABLES, Table

texts = st.text("ab/", max_size=4)
numbers = st.integers(-6, 6) | st.decimals(-6, 6, places=1)


def look_up(table: Table, value: Any) -> set[int]:
    lookup = table.lookup.format("value", *(f"k{index}" for index in range(len(table.constants))))
    return set(run(f"def find(value):\n    return {lookup}\n", "find", table.constants)(value) or ())


@given(st.lists(st.tuples(texts, texts), min_size=1), texts)
def test_equal(listed: list[tuple[str, str]], value: str) -> None:
    table = TABLES[Equals]([(Equals("a", "text", pair), number) for number, pair in enumerate(listed)])
    assert look_up(table, value) == {number for number, pair in enumerate(listed) if value in pair}


@given(st.lists(texts.filter(bool), min_size=1), st.text("ab/", max_size=12), st.booleans())
def test_beginnings(listed: list[str], value: str, many_lengths: bool) -> None:
    others = ["b" * length for length in range(5, 5 + FEW_LENGTHS)] if many_lengths else []
    entries = [(Begins("a", (beginning,)), number) for number, beginning in enumerate(listed + others)]
    table = TABLES[Begins](entries)
    assert look_up(table, value) == {number for key, number in entries if value.startswith(key.beginnings)}


@given(st.lists(st.tuples(numbers, numbers).map(sorted), min_size=1), numbers)
def test_ranges(listed: list[list[Any]], value: Any) -> None:
    table = TABLES[Between]([(Between("a", low, high), number) for number, (low, high) in enumerate(listed)])
    found = look_up(table, value)
    assert found >= {number for number, (low, high) in enumerate(listed) if low <= value <= high}
    assert len(found) <= len(listed)


@given(st.lists(st.tuples(st.integers(-90, 90), st.integers(0, 9)), min_size=1), st.integers(-99, 99))
def test_ranges_of_like_width_are_a_grid(listed: list[tuple[int, int]], value: int) -> None:
    entries = [(Between("a", low, low + width), number) for number, (low, width) in enumerate(listed)]
    table = TABLES[Between](entries)
    holding = {number for key, number in entries if key.low <= value <= key.high}
    assert look_up(table, value) >= holding
    assert look_up(table, Decimal(value)) >= holding


def test_what_is_far_away_is_not_found() -> None:
    table = TABLES[Between]([(Between("a", 10 * n, 10 * n + 5), n) for n in range(100)])
    assert [look_up(table, value) for value in (-1, 5_000, 503, 508)] == [set(), set(), {50}, {50}]
    assert [look_up(table, Decimal(value)) for value in ("-1", "503.5", "10000")] == [set(), {50}, {99}]
    assert "//" in table.lookup
    assert "//" not in TABLES[Between]([(Between("a", 0, 10**n), n) for n in range(9)]).lookup


def test_a_number_has_one_place_however_it_is_written() -> None:
    table = TABLES[Equals]([(Equals("a", "number", (1, Decimal("2.50"))), 7)])
    assert look_up(table, Decimal("1.0")) == look_up(table, Decimal("2.5")) == {7}
    assert look_up(table, 2) == set()
