"""Exact numbers: int and Decimal, never float, and never a truth value.

Comparison needs no help: Python compares int and Decimal by value. Arithmetic is exact or an error.
"""

from __future__ import annotations

import re
from decimal import Clamped, Context, Decimal, Inexact, InvalidOperation, Overflow, Underflow
from typing import Final, TypeGuard

Number = int | Decimal

MAX_DIGITS: Final = 1_000
"""Precedent: the largest precision that PostgreSQL's numeric can declare."""

_LIMIT: Final = 10**MAX_DIGITS
_CONTEXT: Final = Context(
    prec=MAX_DIGITS, Emin=-10_000, Emax=10_000, traps=[Inexact, InvalidOperation, Overflow, Underflow, Clamped]
)


class InexactError(ArithmeticError):
    """A result that 1,000 digits do not hold exactly."""


def is_number(value: object) -> TypeGuard[Number]:
    """Whether `value` is a number of the language; a float is not, nor is true, nor a Decimal that is not finite."""
    return type(value) is int or (type(value) is Decimal and value.is_finite())


def is_integer(value: object) -> bool:
    """Whether `value` is a number without a fraction: `3` and `3.0` are (JSON Schema 2020-12 section 6.1.1)."""
    if type(value) is Decimal:
        return value.is_finite() and value == value.to_integral_value()
    return type(value) is int


def is_multiple(value: Number, step: Number) -> bool:
    """Whether `value` is a whole number of times `step`, exactly; nothing but 0 is a multiple of 0."""
    (digits, power), (step_digits, step_power) = _scaled(value), _scaled(step)
    if digits == 0 or step_digits == 0:
        return digits == 0
    if power >= step_power:
        return digits * pow(10, power - step_power, step_digits) % step_digits == 0
    # A number of n digits has no more than n-1 zeros at its end.
    shift = step_power - power
    return shift < len(str(digits)) and digits % (step_digits * 10**shift) == 0


def _scaled(value: Number) -> tuple[int, int]:
    """The magnitude as digits and a power of ten."""
    if type(value) is int:
        return abs(value), 0
    _, digits, power = Decimal(value).as_tuple()
    return int("".join(map(str, digits))), int(power)


_SPELLED: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")


def read(text: str) -> Number | None:
    """The number that the whole text spells as JSON does (RFC 8259 section 6), None where it spells none.

    `-12.50` is one; ` 5`, `+5`, `05`, `1,000` and `５` are none, nor is what 1,000 digits do not hold exactly.
    """
    if len(text) > 2 * MAX_DIGITS or not _SPELLED.fullmatch(text):
        return None
    try:
        number = _CONTEXT.create_decimal(text)
    except (Inexact, InvalidOperation, Overflow, Underflow, Clamped):
        return None
    return int(text) if text.lstrip("-").isdigit() else number


def add(left: Number, right: Number) -> Number:
    """Exact `left + right`; InexactError where 1,000 digits are too few."""
    if type(left) is int and type(right) is int:
        return _bounded(left + right)
    return _exactly("add", left, right)


def sub(left: Number, right: Number) -> Number:
    """Exact `left - right`; InexactError where 1,000 digits are too few."""
    if type(left) is int and type(right) is int:
        return _bounded(left - right)
    return _exactly("subtract", left, right)


def mul(left: Number, right: Number) -> Number:
    """Exact `left * right`; InexactError where 1,000 digits are too few."""
    if type(left) is int and type(right) is int:
        if left.bit_length() + right.bit_length() > 2 * _LIMIT.bit_length():  # the product itself would be costly
            raise InexactError("a number of more than 1,000 digits")
        return _bounded(left * right)
    return _exactly("multiply", left, right)


def _bounded(number: int) -> int:
    if -_LIMIT < number < _LIMIT:
        return number
    raise InexactError("a number of more than 1,000 digits")


def _exactly(operation: str, left: Number, right: Number) -> Decimal:
    try:
        result: Decimal = getattr(_CONTEXT, operation)(_decimal(left), _decimal(right))
    except (Inexact, InvalidOperation, Overflow, Underflow, Clamped):
        raise InexactError("a number of more than 1,000 digits") from None
    return result


def _decimal(number: Number) -> Decimal:
    return Decimal(_bounded(number)) if type(number) is int else Decimal(number)
