"""policy_dsl/reference/found.py: JSON values, their types, and when two are the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.ast import EXACT, TextOptions
from policy_dsl.reference.found import Found, is_json, kind_of, same, walk
from policy_dsl.reference.kleene import Fault
from policy_dsl.strict_json import encode, parse

NUMBERS = st.integers(-9, 9) | st.sampled_from([Decimal("1.0"), Decimal("0.5")])
SCALARS = st.none() | st.booleans() | NUMBERS | st.text("ab")
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner), max_leaves=8)


@pytest.mark.parametrize(
    ("one", "other", "want"),
    [
        (1, Decimal("1.0"), True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        (None, False, False),
        ([1], [True], False),
        ([1, 2], [1], False),
        ([[1]], [[Decimal(1)]], True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([], {}, False),
        ("A", "a", False),
    ],
)
def test_same(one: Any, other: Any, want: bool) -> None:
    assert same(one, other, EXACT) is want
    assert same(other, one, EXACT) is want


def test_texts_inside_lists_compare_as_written() -> None:
    assert same(["A"], ["a"], TextOptions(ignore_case=True))
    assert not same(["\uff21"], ["a"], TextOptions(ignore_case=True))
    assert same(["\uff21"], ["a"], TextOptions(ignore_case=True, nfkc=True))


@given(VALUES, VALUES)
def test_sameness_is_that_of_the_printed_text(one: Any, other: Any) -> None:
    assert same(one, parse(encode(one)), EXACT)
    assert is_json(one)
    if encode(one) == encode(other):
        assert same(one, other, EXACT)


@pytest.mark.parametrize("value", [1.0, float("nan"), Decimal("NaN"), (1,), b"a", {1}, object()])
def test_what_the_strict_parser_cannot_give(value: Any) -> None:
    assert kind_of(value) is None
    assert not is_json([{"a": value}])


@pytest.mark.parametrize(
    ("steps", "want"),
    [
        (("a", 0, "b c"), Found(1, 'a[0]."b c"')),
        (("a", 1), Fault("missing", "a[1]")),
        (("a", "b"), Fault("wrong-type", "a")),
        (("n", "b"), Fault("null", "n")),
        (("n", 0), Fault("null", "n")),
        (("s", 0), Fault("wrong-type", "s")),
        (("x", 0, "y"), Fault("missing", "x")),
        (("A",), Fault("missing", "A")),
    ],
)
def test_walk(steps: tuple[str | int, ...], want: object) -> None:
    assert walk(Found({"a": [{"b c": 1}], "n": None, "s": "ab"}), steps) == want
