"""Where a word stands in its file, and the plain values that policies and calls are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

Scalar = str | int | Decimal | bool | None

Json = Scalar | list["Json"] | dict[str, "Json"]
"""A JSON value as the strict parser gives it: numbers are int or Decimal, never float."""


class JsonType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a source text: character offsets [start, end), and the 1-based line and column of `start`."""

    start: int
    end: int
    line: int
    column: int


NOWHERE = Span(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Comment:
    """`# text` with its place; `own_line` is false where it follows code."""

    text: str
    own_line: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}


@dataclass(frozen=True, slots=True)
class Duration:
    """`10 minutes`: `amount` is a whole number of at least 1, `unit` one of second, minute, hour, day, week."""

    amount: int
    unit: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def seconds(self) -> int:
        return self.amount * _SECONDS[self.unit]
