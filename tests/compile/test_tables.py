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
    assert all(listed[number][0] <= value for number in found)


def test_a_number_has_one_place_however_it_is_written() -> None:
    table = TABLES[Equals]([(Equals("a", "number", (1, Decimal("2.50"))), 7)])
    assert look_up(table, Decimal("1.0")) == look_up(table, Decimal("2.5")) == {7}
    assert look_up(table, 2) == set()
