"""What an operand comes to for one call, and where in the arguments it stands: a Spot, or the Fault that stopped it.

A Fault stands at the shortest path that already fails, and at no path where the policy itself wrote the value. What is
no argument has a place of its own: `result.id`, `claim "mfa"`, `principal user`, `session`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from typing import Literal as OneOf

from .. import spelling
from ..ast import (
    Argument,
    Arithmetic,
    Claim,
    Element,
    LengthOf,
    ListLiteral,
    Literal,
    NumberOf,
    Operand,
    PrincipalPart,
    ResultValue,
    Tally,
)
from ..facts import Facts
from ..types import path_name
from ..values.number import is_number
from . import runtime


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` is stable; `place` is the dotted path of the value that was stumbled on."""

    code: OneOf[
        "missing",
        "null",
        "wrong-type",
        "empty-list",
        "out-of-range",
        "inexact",
        "unreadable",
        "unknown-time",
        "claimed",
        "forgotten",
    ]
    place: str


class Spot(NamedTuple):
    """A value and where it stands."""

    value: Any
    place: str


class Call(NamedTuple):
    """What a condition is asked about; `elements` are those of the quantifiers around, by name."""

    arguments: Mapping[str, Any]
    facts: Facts
    elements: Mapping[str, Spot]
    result: Any = runtime.ABSENT


Read = Callable[[Call], Spot | Fault]

WANTED: dict[str, Callable[[object], bool]] = {
    "text": lambda value: type(value) is str,
    "number": is_number,
    "list": lambda value: type(value) is list,
    "text or number": lambda value: type(value) is str or is_number(value),
    "sized": lambda value: type(value) in (str, list, dict),
    "json": runtime.has_kind,
}
"""What a test may want of an operand."""


def typed(operand: Operand, wanted: str) -> Read:
    """Reads the operand; a Fault where it is not as WANTED."""
    reading, fits = read(operand), WANTED[wanted]

    def fitting(call: Call) -> Spot | Fault:
        spot = reading(call)
        return spot if isinstance(spot, Fault) or fits(spot.value) else mistyped(spot)

    return fitting


def mistyped(spot: Spot) -> Fault:
    return Fault("null" if spot.value is None else "wrong-type", spot.place)


def read(operand: Operand) -> Read:
    """Reads the operand, of whatever type."""
    match operand:
        case Literal(value):
            return lambda call: Spot(value, "")
        case ListLiteral(items):
            return lambda call: Spot([item.value for item in items], "")
        case Argument((name, *steps)):
            return lambda call: _walk(_top(call.arguments, cast(str, name)), steps)
        case Element(element, steps):
            return lambda call: _walk(call.elements[element], steps)
        case LengthOf(inner):
            sized = typed(inner, "sized")
            return lambda call: spot if isinstance(spot := sized(call), Fault) else spot._replace(value=len(spot.value))
        case Arithmetic(op, left, right):
            return _computed(op, typed(left, "number"), typed(right, "number"))
        case NumberOf(inner):
            return _spelled(typed(inner, "text"))
        case Tally(tracker, keys):
            return _tallied(tracker, [read(key) for key in keys])
        case Claim(claim):
            return lambda call: _known(call.facts.claims.get(claim, runtime.ABSENT), f"claim {spelling.text(claim)}")
        case PrincipalPart(part):
            return lambda call: _known(_part(call.facts, part), f"principal {part}")
        case ResultValue(steps):
            return lambda call: _walk(_known(call.result, "result"), steps)
    raise TypeError(f"no operand of a policy set: {operand}")


def _known(value: object, place: str) -> Spot | Fault:
    return Fault("missing", place) if value is runtime.ABSENT else Spot(value, place)


def _part(facts: Facts, part: str) -> object:
    value = {"tenant": facts.tenant, "agent": facts.agent, "user": facts.user}[part]
    return runtime.ABSENT if value is None else value


def _spelled(reading: Read) -> Read:
    def number(call: Call) -> Spot | Fault:
        spot = reading(call)
        if isinstance(spot, Fault):
            return spot
        value = runtime.number_of(spot.value)
        return Fault("unreadable", spot.place) if value is runtime.ASTRAY else Spot(value, spot.place)

    return number


def _tallied(tracker: int, readings: Sequence[Read]) -> Read:
    def tally(call: Call) -> Spot | Fault:
        keys = key_values(readings, call)
        if isinstance(keys, Fault):
            return keys
        found = call.facts.history.tally(tracker, keys, call.facts.now)
        return Fault(found, SESSION) if isinstance(found, str) else Spot(found, SESSION)

    return tally


def key_values(readings: Sequence[Read], call: Call) -> tuple[Any, ...] | Fault:
    """What some keys come to, or the first Fault among them."""
    values = []
    for reading in readings:
        spot = reading(call)
        if isinstance(spot, Fault):
            return spot
        values.append(spot.value)
    return tuple(values)


SESSION = "session"
"""Where an error stands that is the session's own."""


def _computed(op: str, left: Read, right: Read) -> Read:
    compute = {"+": runtime.add, "-": runtime.subtract, "*": runtime.multiply}[op]

    def reading(call: Call) -> Spot | Fault:
        one, other = left(call), right(call)
        if isinstance(one, Fault):
            return one
        if isinstance(other, Fault):
            return other
        value, place = compute(one.value, other.value), one.place or other.place
        return Fault("inexact", place) if value is runtime.ASTRAY else Spot(value, place)

    return reading


def _top(arguments: Mapping[str, Any], name: str) -> Spot | Fault:
    place = path_name(name)
    return Spot(arguments[name], place) if name in arguments else Fault("missing", place)


def _walk(spot: Spot | Fault, steps: Iterable[str | int]) -> Spot | Fault:
    for step in steps:
        if isinstance(spot, Fault):
            return spot
        value, place = spot
        if type(value) is not (dict if isinstance(step, str) else list):
            return mistyped(spot)
        place += f".{path_name(step)}" if isinstance(step, str) else f"[{step}]"
        there = 0 <= step < len(value) if isinstance(step, int) else step in value
        spot = Spot(value[cast(Any, step)], place) if there else Fault("missing", place)
    return spot
