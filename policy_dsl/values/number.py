"""Exact numbers: int and Decimal, never float, and never a truth value.

Comparison needs no help: Python compares int and Decimal by value. Arithmetic is exact or an error.
"""

from __future__ import annotations

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
