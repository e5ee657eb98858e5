"""What an operand comes to for one call: a value and where it stands, or the Fault that stopped it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from ..ast import (
    Argument,
    Arithmetic,
    CallValue,
    Claim,
    CounterValue,
    Element,
    Json,
    JsonType,
    LengthOf,
    ListLiteral,
    Literal,
    NumberOf,
    Operand,
    PrincipalPart,
    ResultValue,
    Tally,
)
from ..facts import NOBODY, Facts
from ..spelling import text
from ..values import number
from .found import Found, kind_of, of_type, walk, wrong
from .kleene import Fault

SESSION = "session"
"""Where an error stands that is the session's own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the tool answered."""

    value: Json


@dataclass(frozen=True, slots=True)
class Operands:
    """One call's values; `elements` holds what the quantifiers around a test stand on, by name; `result` is None while
    the call has no answer."""

    arguments: Mapping[str, Json]
    facts: Facts = NOBODY
    elements: Mapping[str, Found] = field(default_factory=dict)
    result: Answer | None = None

    def value(self, operand: Operand) -> Found | Fault:
        match operand:
            case Literal(value):
                return Found(value)
            case ListLiteral(items):
                return Found([item.value for item in items])
            case Argument(steps):
                return walk(Found(dict(self.arguments)), steps)
            case Element(name, steps):
                return walk(self.elements[name], steps)
            case ResultValue(steps):
                answer = self.result
                return Fault("missing", "result") if answer is None else walk(Found(answer.value, "result"), steps)
            case LengthOf(inner):
                return self._length(inner)
            case NumberOf(inner):
                return self._number(inner)
            case Arithmetic():
                return self._arithmetic(operand)
            case Claim(name):
                place = f"claim {text(name)}"
                return Found(self.facts.claims[name], place) if name in self.facts.claims else Fault("missing", place)
            case PrincipalPart(part):
                who = {"tenant": self.facts.tenant, "agent": self.facts.agent, "user": self.facts.user}[part]
                return Fault("missing", f"principal {part}") if who is None else Found(who, f"principal {part}")
            case Tally(tracker, keys):
                return self._tally(tracker, keys)
            case CounterValue() | CallValue():
                raise AssertionError(f"a PolicySet has no {type(operand).__name__}: {operand}")

    def typed(self, operand: Operand, kind: JsonType) -> Found | Fault:
        found = self.value(operand)
        return found if isinstance(found, Fault) else of_type(found, kind)

    def keys(self, operands: tuple[Operand, ...]) -> tuple[Any, ...] | Fault:
        """This call's values for the keys of a tracker, or the first Fault among them."""
        found = [self.value(operand) for operand in operands]
        fault = next((one for one in found if isinstance(one, Fault)), None)
        return fault if fault is not None else tuple(cast(Found, one).value for one in found)

    def _tally(self, tracker: int, operands: tuple[Operand, ...]) -> Found | Fault:
        keys = self.keys(operands)
        if isinstance(keys, Fault):
            return keys
        tally = self.facts.history.tally(tracker, keys, self.facts.now)
        return Fault(tally, SESSION) if isinstance(tally, str) else Found(tally, SESSION)

    def _length(self, operand: Operand) -> Found | Fault:
        found = self.value(operand)
        if isinstance(found, Fault):
            return found
        if kind_of(found.value) not in (JsonType.TEXT, JsonType.LIST, JsonType.OBJECT):
            return wrong(found)
        return Found(len(cast(str, found.value)), found.place)

    def _number(self, operand: Operand) -> Found | Fault:
        found = self.typed(operand, JsonType.TEXT)
        if isinstance(found, Fault):
            return found
        spelled = number.read(cast(str, found.value))
        return Fault("unreadable", found.place) if spelled is None else Found(spelled, found.place)

    def _arithmetic(self, operand: Arithmetic) -> Found | Fault:
        left = self.typed(operand.left, JsonType.NUMBER)
        right = self.typed(operand.right, JsonType.NUMBER)
        if isinstance(left, Fault):
            return left
        if isinstance(right, Fault):
            return right
        place = left.place or right.place
        exactly = {"+": number.add, "-": number.sub, "*": number.mul}[operand.op]
        try:
            return Found(exactly(cast(Decimal, left.value), cast(Decimal, right.value)), place)
        except number.InexactError:
            return Fault("inexact", place)
