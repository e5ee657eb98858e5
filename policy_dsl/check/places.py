"""What the tests of a condition look at: places in a call, their types, and which tests an absence cannot reach.

A *place* is a path from an argument inwards; EACH stands for every element of a list, so what a quantifier's body tests
is a place too. A test of a place that is not there is an error, not false, so the passes ask which tests are *guarded*:
stand beside a `has` in an `and`, or beside a `missing` in an `or`, that decides first when the place is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from policy_dsl.ast import (
    And,
    Argument,
    Arithmetic,
    Compare,
    Condition,
    CounterValue,
    DerivedFrom,
    Element,
    FromResults,
    FromUser,
    Holds,
    IfThen,
    IsType,
    LengthOf,
    Like,
    ListLiteral,
    Literal,
    Matches,
    Member,
    MultipleOf,
    Not,
    NumberOf,
    Operand,
    Or,
    Presence,
    PrincipalPart,
    Quantified,
    Runs,
    Tally,
    Under,
)
from policy_dsl.types import ANYTHING, Integer, ListOf, Number, Object, Text, Type, Values, inside, path_name, union

EACH = None
Place = tuple[str | int | None, ...]
Elements = Mapping[str, Place]
"""What the quantifiers around a test call their elements."""

Leaf = (
    Compare
    | Member
    | Matches
    | Like
    | Holds
    | Under
    | Runs
    | IsType
    | MultipleOf
    | Presence
    | FromUser
    | FromResults
    | DerivedFrom
)
"""Tests of values. What asks about the session, the principal or the time reads no value of the call."""


@dataclass(frozen=True, slots=True)
class Tested:
    """One test without connectives. `positive`: it stands under an even number of `not`."""

    node: Leaf | Quantified
    elements: Elements
    positive: bool


def each_test(condition: Condition | None, elements: Elements | None = None, positive: bool = True) -> Iterator[Tested]:
    """Every test in the order written; a quantifier before the tests of its body."""
    elements = elements or {}
    match condition:
        case And(items) | Or(items):
            for item in items:
                yield from each_test(item, elements, positive)
        case Not(item):
            yield from each_test(item, elements, not positive)
        case IfThen(test, then, otherwise):
            yield from each_test(test, elements, not positive)
            yield from each_test(then, elements, positive)
            if otherwise is not None:
                yield from each_test(test, elements, positive)
                yield from each_test(otherwise, elements, positive)
        case Quantified(body=body):
            yield Tested(condition, elements, positive)
            yield from each_test(body, element_of(condition, elements), positive)
        case _ if isinstance(condition, Leaf):
            yield Tested(condition, elements, positive)


def element_of(node: Quantified, elements: Elements) -> Elements:
    source = place_of(node.source, elements)
    return elements if source is None else {**elements, node.name: (*source, EACH)}


def operands(node: Leaf | Quantified) -> tuple[Operand, ...]:
    """What the test reads, in the order written."""
    match node:
        case Compare(left=left, right=right):
            return (left, right)
        case Holds(operand=operand, part=part):
            return (operand, part)
        case Quantified(source=source):
            return (source,)
    return (node.operand,)


def reads(operand: Operand) -> Iterator[Argument | Element]:
    """The values of the call that an operand is made from."""
    match operand:
        case Argument() | Element():
            yield operand
        case LengthOf(inner) | NumberOf(inner):
            yield from reads(inner)
        case CounterValue(keys=keys):
            for key in keys:
                yield from reads(key)
        case Arithmetic(left=left, right=right):
            yield from reads(left)
            yield from reads(right)


def place_of(operand: Argument | Element, elements: Elements) -> Place | None:
    """None for an element whose quantifier is not around it."""
    if isinstance(operand, Argument):
        return operand.path
    source = elements.get(operand.name)
    return None if source is None else (*source, *operand.path)


def show(place: Place) -> str:
    """A place as the policy writes it; an element of a list as `recipients[]`."""
    text = ""
    for step in place:
        text += "[]" if step is EACH else f"[{step}]" if isinstance(step, int) else f".{path_name(step)}"
    return text.removeprefix(".")


def type_at(parameters: Object, place: Place) -> Type:
    """The declared type at a place; NOTHING where the tool has no such place."""
    found: Type = parameters
    for step in place:
        found = inside(found, 0 if step is EACH else step)
    return found


def type_of(operand: Operand, elements: Elements, parameters: Object) -> Type:
    match operand:
        case Literal(value):
            return Values((value,))
        case ListLiteral(items):
            return ListOf(union([Values((item.value,)) for item in items]) if items else ANYTHING)
        case LengthOf():
            return Integer()
        case Arithmetic() | NumberOf() | CounterValue() | Tally():
            return Number()
        case PrincipalPart():
            return Text()
        case Argument() | Element():
            place = place_of(operand, elements)
            return ANYTHING if place is None else type_at(parameters, place)
    return ANYTHING


# --- guards ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """One test reading one place, and the places whose absence another test decides first."""

    operand: Argument | Element
    place: Place
    guards: frozenset[Place]

    def guarded(self, prefix: Place) -> bool:
        """Whether the test is not reached when there is nothing at `prefix`, the start of its place."""
        return any(guard[: len(prefix)] == prefix for guard in self.guards)


def as_written(reading: Reading, steps: int) -> str:
    """The first steps of a reading's place in the words of the rule: an element by the name its quantifier gives it."""
    if isinstance(reading.operand, Argument):
        return show(reading.place[:steps])
    around = len(reading.place) - len(reading.operand.path)
    return show((reading.operand.name, *reading.place[around:steps]))


def readings(
    condition: Condition | None, elements: Elements | None = None, guards: frozenset[Place] = frozenset()
) -> Iterator[Reading]:
    """Every reading of a value, presence tests apart: they are never an error."""
    elements = elements or {}
    match condition:
        case And(items) | Or(items):
            decides = _false_without if isinstance(condition, And) else _true_without
            decided = [decides(item, elements) for item in items]
            for index, item in enumerate(items):
                beside = [places for other, places in enumerate(decided) if other != index]
                yield from readings(item, elements, guards.union(*beside))
        case Not(item):
            yield from readings(item, elements, guards)
        case IfThen(test, then, otherwise):
            either = Or((test, otherwise)) if otherwise is not None else None
            for part in (Or((Not(test), then)), either):
                yield from readings(part, elements, guards)
        case Quantified():
            yield from _read((condition.source,), elements, guards)
            yield from readings(condition.body, element_of(condition, elements), guards)
        case Presence():
            return
        case _ if isinstance(condition, Leaf):
            yield from _read(operands(condition), elements, guards)


def _read(read: tuple[Operand, ...], elements: Elements, guards: frozenset[Place]) -> Iterator[Reading]:
    for operand in read:
        for value in reads(operand):
            place = place_of(value, elements)
            if place is not None:
                yield Reading(value, place, guards)


def _false_without(condition: Condition, elements: Elements) -> frozenset[Place]:
    """Places without which the condition is false, not an error. A place that is null counts as missing."""
    match condition:
        case Presence("has", operand):
            return _at(operand, elements)
        case Not(item):
            return _true_without(item, elements)
        case And(items):
            return frozenset().union(*(_false_without(item, elements) for item in items))
        case Or(items):
            return frozenset.intersection(*(_false_without(item, elements) for item in items)) if items else frozenset()
    return frozenset()


def _true_without(condition: Condition, elements: Elements) -> frozenset[Place]:
    """Places without which the condition is true. `absent` is no such test: null is not absent, and no value either."""
    match condition:
        case Presence("missing", operand):
            return _at(operand, elements)
        case Not(item):
            return _false_without(item, elements)
        case Or(items):
            return frozenset().union(*(_true_without(item, elements) for item in items))
        case And(items):
            return frozenset.intersection(*(_true_without(item, elements) for item in items)) if items else frozenset()
    return frozenset()


def _at(operand: Argument | Element, elements: Elements) -> frozenset[Place]:
    place = place_of(operand, elements)
    return frozenset() if place is None else frozenset({place})
