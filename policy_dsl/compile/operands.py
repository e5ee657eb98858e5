"""Operands as local variables: every operand of a condition becomes one name that leaf tests may repeat freely.

An operand that cannot be evaluated (nothing there, a step into what has no members, an inexact sum, a counter that the
session cannot tell) is the ABSENT or ASTRAY object, which passes no test of type. So a leaf needs no error handling of
its own: neither of its rails holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..ast import (
    Argument,
    Arithmetic,
    Claim,
    Element,
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
from .frame import Frame

IS_NUMBER = "(type({0}) is int or type({0}) is Decimal and {0}.is_finite())"
IS_TEXT = "type({0}) is str"
_SUM = {"+": "add", "-": "subtract", "*": "multiply"}
_PARTS = {"tenant": "tenant", "agent": "agent", "user": "user"}


@dataclass(slots=True)
class Place:
    """Where in a condition the writer stands: inside which quantifiers, and what it computes for each element there."""

    frame: Frame
    elements: dict[str, str] = field(default_factory=dict)
    depth: int = 0
    lets: dict[str, str] = field(default_factory=dict)
    tests: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Both rails of the test of each `if`, by its identity: an `if` inside the test of another is written once."""

    def inside(self, name: str) -> Place:
        """The place inside one more quantifier, whose element is called `name`."""
        return Place(self.frame, {**self.elements, name: f"e{self.depth}"}, self.depth + 1)

    def operand(self, operand: Operand) -> str:
        """The name that holds the operand's value."""
        match operand:
            case Literal(value):
                return "None" if value is None else self.frame.constants.name(value)
            case ListLiteral(items):
                return self.frame.constants.name([item.value for item in items])
            case Argument((name,)):
                return self.frame.argument(str(name))
            case Argument(path):
                return self._let(f"dig({self.frame.argument(str(path[0]))}, {_steps(path[1:])})", operand)
            case Element(name, ()):
                return self.elements[name]
            case Element(name, path):
                return self._let(f"dig({self.elements[name]}, {_steps(path)})", operand)
            case LengthOf(inner):
                return self._let(f"length({self.operand(inner)})", operand)
            case Arithmetic(op, left, right):
                return self._let(f"{_SUM[op]}({self.operand(left)}, {self.operand(right)})", operand)
            case NumberOf(inner):
                return self._let(f"number_of({self.operand(inner)})", operand)
            case Tally(tracker, ()):
                told = self.frame.let(f"facts.history.tally({int(tracker)}, (), facts.now)")
                return self.frame.let(f"ASTRAY if type({told}) is str else {told}")
            case Tally(tracker, keys):
                return self._let(f"tally(facts, {int(tracker)}, {self.operands(keys)})", operand)
            case Claim(name):
                return self._let(f"facts.claims.get({self.frame.constants.name(name)}, ABSENT)", operand)
            case PrincipalPart(part):
                return self._let(f"(ABSENT if facts.{_PARTS[part]} is None else facts.{_PARTS[part]})", operand)
            case ResultValue(()):
                return self.frame.result()
            case ResultValue(path):
                return self._let(f"dig({self.frame.result()}, {_steps(path)})", operand)
        raise TypeError(f"no operand of a policy set: {operand}")

    def operands(self, operands: Iterable[Operand]) -> str:
        """Some operands as a Python tuple."""
        return "(" + "".join(f"{self.operand(operand)}, " for operand in operands) + ")"

    def _let(self, source: str, operand: Operand) -> str:
        return self.bind(source, inside=mentions_element(operand))

    def bind(self, source: str, *, inside: bool) -> str:
        """A name for a value computed before it is needed; `inside`, anew for each element of the quantifier."""
        if not inside or not self.depth:
            return self.frame.let(source)
        for local, other in self.lets.items():
            if other == source:
                return local
        local = f"w{self.depth}_{len(self.lets)}"
        self.lets[local] = source
        return local

    def is_text(self, local: str) -> str:
        kind = self.frame.kind_of(local)
        if kind is not None:
            return "True" if kind is JsonType.TEXT else "False"
        source = IS_TEXT.format(local)
        return self.frame.flag("text", local, source) if self.frame.has(local) else source

    def is_number(self, local: str) -> str:
        # A known number is still asked: the schema's test lets a Decimal NaN pass, which no order test survives.
        source = IS_NUMBER.format(local)
        return self.frame.flag("number", local, source) if self.frame.has(local) else source

    def fetches(self) -> str:
        """What a generated loop over elements computes for each: ` for w1_0 in (length(e0),)`."""
        # `for x in (y,)` inside a comprehension is compiled to an assignment (CPython 3.9 and later).
        return "".join(f" for {local} in ({source},)" for local, source in self.lets.items())


def _steps(path: tuple[str | int, ...]) -> str:
    """The path as a Python tuple; members are spelled, as in Frame.argument."""
    return "(" + "".join(f"{ascii(str(step)) if isinstance(step, str) else int(step)}, " for step in path) + ")"


def mentions_element(operand: Operand) -> bool:
    match operand:
        case Element():
            return True
        case LengthOf(inner) | NumberOf(inner):
            return mentions_element(inner)
        case Tally(_, keys):
            return any(mentions_element(key) for key in keys)
        case Arithmetic(_, left, right):
            return mentions_element(left) or mentions_element(right)
    return False
