"""policy_dsl/values/number.py: exact numbers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.values import number
from policy_dsl.values.number import InexactError, Number

NUMBERS = st.integers(-(10**400), 10**400) | st.decimals(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("value", [0, -1, 10**400, Decimal("-0"), Decimal("1.50"), Decimal("1E+400")])
def test_numbers(value: Number) -> None:
    assert number.is_number(value)


@pytest.mark.parametrize("value", [True, False, 1.0, float("nan"), Decimal("NaN"), Decimal("-Infinity"), "1", None, []])
def test_no_numbers(value: object) -> None:
    assert not number.is_number(value)
    assert not number.is_integer(value)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (3, True),
        (Decimal("3"), True),
        (Decimal("3.0"), True),
        (Decimal("3E+2"), True),
        (Decimal("30E-1"), True),
        (Decimal("-0"), True),
        (Decimal("3.5"), False),
        (Decimal("1E-400"), False),
        (Decimal("1E+999999"), True),
    ],
)
def test_integers(value: Number, want: bool) -> None:
    assert number.is_integer(value) is want


@pytest.mark.parametrize(
    ("operation", "exactly"),
    [(number.add, Fraction.__add__), (number.sub, Fraction.__sub__), (number.mul, Fraction.__mul__)],
)
@given(left=NUMBERS, right=NUMBERS)
def test_exact_or_an_error(
    operation: Callable[[Number, Number], Number],
    exactly: Callable[[Fraction, Fraction], Fraction],
    left: Number,
    right: Number,
) -> None:
    try:
        result = operation(left, right)
    except InexactError:
        return
    assert number.is_number(result)
    assert Fraction(result) == exactly(Fraction(left), Fraction(right))


def test_tenths_add_up() -> None:
    assert number.add(Decimal("0.1"), Decimal("0.2")) == Decimal("0.3")
    assert number.mul(Decimal("98.70"), 100) == 9870


@pytest.mark.parametrize(
    ("operation", "left", "right"),
    [
        (number.add, Decimal("1E+600"), Decimal("1E-600")),
        (number.add, 10**1000 - 1, 1),
        (number.sub, -(10**1000 - 1), 1),
        (number.mul, 10**600, 10**600),
        (number.mul, Decimal("1E+9000"), Decimal("1E+9000")),
        (number.mul, Decimal("1E-9000"), Decimal("1E-9000")),
        (number.add, Decimal("1E+999999999"), 1),
        (number.mul, 10**1_000_000, 10**1_000_000),
        (number.mul, 10**100_000, Decimal("0.1")),
    ],
    ids=lambda _: "",  # the numbers are too long to print
)
def test_too_large_to_be_exact(operation: Callable[[Number, Number], Number], left: Number, right: Number) -> None:
    with pytest.raises(InexactError):
        operation(left, right)


@given(st.integers(-(10**30), 10**30), st.integers(-40, 40), st.integers(1, 10**6), st.integers(-40, 40))
def test_a_multiple_is_a_whole_quotient(digits: int, power: int, step_digits: int, step_power: int) -> None:
    value, step = Decimal(digits).scaleb(power), Decimal(step_digits).scaleb(step_power)
    assert number.is_multiple(value, step) is ((Fraction(value) / Fraction(step)).denominator == 1)


def test_multiples_of_numbers_of_any_size() -> None:
    assert number.is_multiple(Decimal("1E+999999999"), Decimal("0.05"))
    assert not number.is_multiple(Decimal("1E-999999999"), 7)
    assert not number.is_multiple(Decimal("1E+999999999"), 7)
    assert number.is_multiple(0, 7)
    assert number.is_multiple(10**400, 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("-12.50", Decimal("-12.50")), ("0", 0), ("-0.0", Decimal("-0.0")), ("1e3", Decimal(1000)),
        ("1" * 1_000, int("1" * 1_000)), ("1" * 1_001, None), ("1e99999", None), ("0." + "1" * 1_001, None),
    ],
)  # fmt: skip
def test_a_text_that_spells_a_number(text: str, value: Number | None) -> None:
    assert number.read(text) == value


@pytest.mark.parametrize(
    "text", ["", " 1", "1\n", "+1", "01", "1.", ".5", "1,000", "\uff11", "\u0661", "NaN", "0x1", "1_0"]
)
def test_a_text_that_spells_none(text: str) -> None:
    assert number.read(text) is None


@given(st.text(max_size=12))
def test_reading_is_total(text: str) -> None:
    found = number.read(text)
    assert found is None or number.is_number(found)
