"""Text, numbers and names as they are written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from policy_dsl import Literal, ParseError, Rule, parse
from policy_dsl.lower_leaves import MAX_DIGITS


def _value(written: str) -> Any:
    (rule,) = parse(f"language 1\nforbid f when a == {written}").statements
    assert isinstance(rule, Rule)
    right = getattr(rule.when, "right", None)
    assert isinstance(right, Literal)
    return right.value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("1_000", 1000),
        ("12_345_678", 12345678),
        ("1_000.123456", Decimal("1000.123456")),
        ("0.10", Decimal("0.10")),
        ("9" * MAX_DIGITS, int("9" * MAX_DIGITS)),
        ("true", True),
        ("null", None),
        (r'"\u00e9\n\/\\\""', 'é\n/\\"'),
        (r'"\ud83d\ude00"', "😀"),
    ],
)
def test_values(written: str, value: Any) -> None:
    assert repr(_value(written)) == repr(value)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("00", "bad-number"),
        ("-01", "bad-number"),
        ("1__0", "bad-number"),
        ("1_0", "bad-number"),
        ("0.1_0", "bad-number"),
        ("9" * (MAX_DIGITS + 1), "bad-number"),
        (r'"\x"', "bad-escape"),
        (r'"\u12"', "bad-escape"),
        (r'"\udc00"', "lone-surrogate"),
        ('"a\tb"', "open-text"),
    ],
)
def test_faults(written: str, code: str) -> None:
    with pytest.raises(ParseError) as caught:
        _value(written)
    assert caught.value.code == code
