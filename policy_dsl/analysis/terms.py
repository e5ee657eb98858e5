"""Operands as terms of the solver: whether they have a value, of which kind, and which.

A term's `there` is false exactly where the operand is an error. Where z3 cannot compute an operand (a length in the
characters that z3 lacks is fine, a product that 1,000 digits do not hold is not) the solver is free to call it an
error, under one name for one operand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..ast import (
    Argument,
    Arithmetic,
    Claim,
    Element,
    Json,
    JsonType,
    LengthOf,
    ListLiteral,
    Literal,
    NumberOf,
    Operand,
    PrincipalPart,
    Tally,
    TextOptions,
    Tracker,
)
from ..types import json_kind
from ..values import number, text
from .solver import Formula, conjunction, disjunction, is_sayable, text_term, z3
from .tree import KINDS, Node
from .world import World

NOTHING_THERE: Final = object()
"""What reading an operand gives where it is an error."""

SCALARS: Final = (JsonType.TEXT, JsonType.NUMBER, JsonType.BOOLEAN, JsonType.NULL)
"""What a key of a counter can be; any other is an error (facts.HistoryFault, `wrong-type`)."""

Read = Callable[[Callable[[Node], Any]], Any]
"""Computes an operand from the concrete values of nodes; NOTHING_THERE for an error."""

Elements = Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Term:
    """`key` is equal for two operands only where they are the same value in every world. `node` is the place it is
    read from, `value` what the policy wrote (`is_written`)."""

    key: str
    there: Formula
    kinds: Mapping[JsonType, Formula]
    read: Read
    numeral: Any = None
    truth: Any = None
    node: Node | None = None
    value: Json = None
    is_written: bool = False

    def is_kind(self, kind: JsonType) -> Formula:
        return conjunction((self.there, self.kinds[kind]))

    def is_any(self, kinds: Iterable[JsonType]) -> Formula:
        return conjunction((self.there, disjunction(self.kinds[kind] for kind in kinds)))

    @property
    def number(self) -> Any:
        """The value of a term that is a number."""
        return self.numeral if self.node is None else self.node.number

    @property
    def flag(self) -> Any:
        """The value of a term that is true or false."""
        return self.truth if self.node is None else self.node.flag


@dataclass(slots=True)
class Terms:
    """Makes terms. `trackers` are those that both policies' Tally and Seen were renumbered to."""

    world: World
    trackers: tuple[Tracker, ...]
    inexact: list[Any] = field(default_factory=list)

    def term(self, operand: Operand, elements: Elements) -> Term:
        match operand:
            case Literal(value):
                return _written(value)
            case ListLiteral(items):
                return _written([item.value for item in items])
            case Argument(path):
                return _placed(self.world.arguments, path)
            case Element(name, path):
                return _placed(elements[name], path)
            case Claim() | PrincipalPart():
                return _placed(self.world.fact(operand), ())
            case LengthOf(inner):
                return self._length(self.term(inner, elements))
            case NumberOf(inner):
                return self._numeral(self.term(inner, elements))
            case Arithmetic():
                return self._arithmetic(operand, elements)
            case Tally(tracker, keys):
                return self._tally(tracker, [self.term(key, elements) for key in keys])
        raise AssertionError(f"a rule of a PolicySet holds no {type(operand).__name__}")

    def _length(self, inner: Term) -> Term:
        sized = (JsonType.TEXT, JsonType.LIST, JsonType.OBJECT)
        there = conjunction((inner.there, disjunction(inner.kinds[kind] for kind in sized)))
        if inner.is_written:
            measured = z3.RealVal(len(inner.value)) if isinstance(inner.value, str | list) else z3.RealVal(0)
        elif inner.node is None:  # numbers and lengths have no length: `there` is false for them
            measured = z3.RealVal(0)
        else:
            measured = z3.ToReal(z3.If(_bool(inner.kinds[JsonType.TEXT]), z3.Length(inner.node.text), inner.node.size))

        def read(of: Callable[[Node], Any]) -> Any:
            found = inner.read(of)
            return len(found) if isinstance(found, str | list | dict) else NOTHING_THERE

        return _number(f"length of {inner.key}", there, measured, read)

    def _numeral(self, inner: Term) -> Term:
        def read(of: Callable[[Node], Any]) -> Any:
            found = inner.read(of)
            spelled = number.read(found) if isinstance(found, str) else None
            return NOTHING_THERE if spelled is None else spelled

        key = f"number of {inner.key}"
        if inner.is_written or inner.node is None:
            spelled = number.read(inner.value) if isinstance(inner.value, str) else None
            return _number(key, spelled is not None, z3.RealVal(str(spelled or 0)), read)
        spells, value = self.world.views.numeral(inner.node)
        return _number(key, conjunction((inner.is_kind(JsonType.TEXT), spells)), value, read)

    def _arithmetic(self, operand: Arithmetic, elements: Elements) -> Term:
        left, right = self.term(operand.left, elements), self.term(operand.right, elements)
        key = f"({left.key} {operand.op} {right.key})"
        exactly = {"+": number.add, "-": number.sub, "*": number.mul}[operand.op]

        def read(of: Callable[[Node], Any]) -> Any:
            one, other = left.read(of), right.read(of)
            if not number.is_number(one) or not number.is_number(other):
                return NOTHING_THERE
            try:
                return exactly(one, other)
            except number.InexactError:
                return NOTHING_THERE

        numbers = conjunction((left.is_kind(JsonType.NUMBER), right.is_kind(JsonType.NUMBER)))
        if numbers is False:
            return _number(key, False, z3.RealVal(0), read)
        one, other = left.number, right.number
        value = {"+": one + other, "-": one - other, "*": one * other}[operand.op]
        exact = z3.Bool(f"{key} is exact")
        self.inexact.append(exact)
        return _number(key, conjunction((numbers, exact)), value, read)

    def _tally(self, place: int, keys: list[Term]) -> Term:
        tracker = self.trackers[place]
        key = ", ".join(term.key for term in keys)
        about = ("counter", place, "")
        node = self.world.count(about, tracker, key, tuple(keys))
        there = conjunction((node.there, *(term.is_any(SCALARS) for term in keys)))
        return Term(node.name, there, _only(JsonType.NUMBER), lambda of: of(node), node=node)


def _placed(node: Node, path: tuple[str | int, ...]) -> Term:
    for step in path:
        node = node.member(step) if isinstance(step, str) else node.element(step)
    found = node
    return of_node(found)


def of_node(node: Node) -> Term:
    return Term(node.name, node.there, node.kinds, lambda of: of(node), None, None, node)


def _written(value: Json) -> Term:
    kind = json_kind(value)
    numeral = (
        z3.RealVal(f"{value:f}" if not isinstance(value, int) else str(value)) if kind is JsonType.NUMBER else None
    )
    flag = z3.BoolVal(value) if kind is JsonType.BOOLEAN else None
    assert kind is not None  # the parser gives nothing else
    return Term(repr(value), True, _only(kind), lambda of: value, numeral, flag, None, value, True)


def _is_int(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(key: str, there: Formula, value: Any, read: Read) -> Term:
    return Term(key, there, _only(JsonType.NUMBER), read, value)


def _only(wanted: JsonType) -> dict[JsonType, Formula]:
    return {kind: kind is wanted for kind in KINDS}


def _bool(formula: Formula) -> Any:
    return z3.BoolVal(formula) if isinstance(formula, bool) else formula


# --- texts ----------------------------------------------------------------------------------------------------------


def folded(world: World, term: Term, options: TextOptions) -> Any:
    """The text that stands for a term's in a comparison: a Python text for a written one, else a z3 string."""
    if term.is_written:
        return text.fold(str(term.value), options.ignore_case, options.nfkc)
    assert term.node is not None  # only places and written values are text
    exact = not (options.ignore_case or options.nfkc)
    return term.node.text if exact else world.views.fold(term.node, options)


def as_string(value: Any) -> Any | None:
    """A z3 string for what `folded` gives, None for a text that z3 cannot hold."""
    if not isinstance(value, str):
        return value
    return text_term(value) if is_sayable(value) else None
