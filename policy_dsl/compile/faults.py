"""Why a condition is an error: the same conditions as closures that answer True, False or the Fault itself.

Asked only where an error changed the outcome and has to be named. Connectives and quantifiers look at their parts from
left to right, as written; where a part settles the result no Fault shows, else the first one does. A Fault stands at
the shortest path that already fails, and at no path where the policy itself wrote the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from typing import Literal as OneOf

from ..ast import (
    And,
    Argument,
    Arithmetic,
    Compare,
    Condition,
    Constant,
    Element,
    FromUser,
    Holds,
    IsType,
    JsonType,
    LengthOf,
    ListLiteral,
    Literal,
    MailSet,
    Matches,
    Member,
    Not,
    Operand,
    Or,
    Presence,
    Quantified,
    RangeSet,
    Runs,
    Under,
    ValueSet,
    WebSet,
)
from ..facts import Facts
from ..types import path_name
from ..values.number import is_number
from . import runtime
from .sets import Sets


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` is stable; `place` is the dotted path of the value that was stumbled on."""

    code: OneOf["missing", "null", "wrong-type", "empty-list", "inexact"]
    place: str


class _Spot(NamedTuple):
    """A value and where it stands."""

    value: Any
    place: str


class _Call(NamedTuple):
    """What a condition is asked about; `elements` are those of the quantifiers around, by name."""

    arguments: Mapping[str, Any]
    facts: Facts
    elements: Mapping[str, _Spot]


Answer = bool | Fault
Judge = Callable[[Mapping[str, Any], Facts], Answer]
_Ask = Callable[[_Call], Answer]
_Read = Callable[[_Call], _Spot | Fault]


def judge(condition: Condition, sets: Sets) -> Judge:
    """The condition as a function of the arguments and the facts."""
    ask = _condition(condition, sets)
    return lambda arguments, facts: ask(_Call(arguments, facts, {}))


# --- conditions -----------------------------------------------------------------------------------------------------


def _condition(condition: Condition, sets: Sets) -> _Ask:
    match condition:
        case And(items):
            return _fold([_condition(item, sets) for item in items], settles=False)
        case Or(items):
            return _fold([_condition(item, sets) for item in items], settles=True)
        case Not(item):
            return _not(_condition(item, sets))
        case Constant(value):
            return lambda call: value
        case Quantified():
            return _quantified(condition, sets)
        case Presence():
            return _presence(condition)
        case Compare("==" | "!="):
            return _equal(condition)
        case Holds():
            return _holds(condition)
        case Member(operand, within):
            return _member(operand, sets.resolve(within), condition, sets)
        case _:
            return _leaf(condition, sets)


def _fold(asks: Iterable[_Ask], *, settles: bool) -> _Ask:
    parts = tuple(asks)

    def ask(call: _Call) -> Answer:
        return _folded((part(call) for part in parts), settles)

    return ask


def _folded(answers: Iterable[Answer], settles: bool) -> Answer:
    first: Answer = not settles
    for answer in answers:
        if answer is settles:
            return settles
        if isinstance(answer, Fault) and not isinstance(first, Fault):
            first = answer
    return first


def _not(ask: _Ask) -> _Ask:
    def negated(call: _Call) -> Answer:
        answer = ask(call)
        return answer if isinstance(answer, Fault) else not answer

    return negated


def _quantified(condition: Quantified, sets: Sets) -> _Ask:
    read, body = _typed(condition.source, "list"), _condition(condition.body, sets)
    each, name = condition.kind == "each", condition.name

    def ask(call: _Call) -> Answer:
        source = read(call)
        if isinstance(source, Fault):
            return source
        if each and not source.value:
            return Fault("empty-list", source.place)
        spots = (_Spot(value, f"{source.place}[{index}]") for index, value in enumerate(source.value))
        return _folded((body(call._replace(elements={**call.elements, name: spot})) for spot in spots), not each)

    return ask


def _presence(condition: Presence) -> _Ask:
    read, kind = _read(condition.operand), condition.kind

    def ask(call: _Call) -> Answer:
        spot = read(call)
        if kind == "absent":
            return isinstance(spot, Fault)
        there = not isinstance(spot, Fault) and spot.value is not None
        return there is (kind == "has")

    return ask


def _equal(condition: Compare) -> _Ask:
    left, right = _read(condition.left), _read(condition.right)
    options, wanted = condition.text, condition.op == "=="
    null = any(isinstance(operand, Literal) and operand.value is None for operand in (condition.left, condition.right))

    def ask(call: _Call) -> Answer:
        spots = []
        for read in (left, right):
            spot = read(call)
            if isinstance(spot, Fault):
                return spot
            if not runtime.is_json(spot.value):
                return Fault("wrong-type", spot.place)
            spots.append(spot)
        one, other = spots
        if null:
            return (one.value is None and other.value is None) is wanted
        equal = runtime.equal(one.value, other.value, options.ignore_case, options.nfkc)
        if equal is not None:
            return equal is wanted
        nulls = [spot for spot in spots if spot.value is None]
        return Fault("null", nulls[0].place) if nulls else Fault("wrong-type", one.place or other.place)

    return ask


def _holds(condition: Holds) -> _Ask:
    read_whole, read_part = _read(condition.operand), _read(condition.part)
    options = condition.text
    contains, null = condition.kind == "contains", isinstance(condition.part, Literal) and condition.part.value is None
    test = {"starts with": runtime.starts_with, "ends with": runtime.ends_with, "contains": runtime.contains}

    def ask(call: _Call) -> Answer:
        whole, part = read_whole(call), read_part(call)
        if isinstance(whole, Fault):
            return whole
        if contains and type(whole.value) is list:
            if not runtime.is_json(whole.value):
                return Fault("wrong-type", whole.place)
            if isinstance(part, Fault):
                return part
            if not runtime.is_json(part.value) or (part.value is None and not null):
                return _mistyped(part)
        elif type(whole.value) is not str:
            return _mistyped(whole)
        elif isinstance(part, Fault):
            return part
        elif type(part.value) is not str:
            return _mistyped(part)
        return bool(test[condition.kind](whole.value, part.value, options.ignore_case, options.nfkc))

    return ask


def _member(operand: Operand, within: ValueSet, condition: Member, sets: Sets) -> _Ask:
    match within:
        case RangeSet(low, high):
            return _tested(operand, "number", lambda value, call: low <= value <= high)
        case MailSet(names, subdomains) | WebSet(names, subdomains):
            mail = isinstance(within, MailSet)
            tests = (runtime.mail_at, runtime.mail_under) if mail else (runtime.web_at, runtime.web_under)
            hosts, test = sets.hosts(names), tests[subdomains]
            return _tested(operand, "text", lambda value, call: test(value, hosts))
    members, options, read = sets.grouped(within, condition.text), condition.text, _read(operand)

    def ask(call: _Call) -> Answer:
        spot = read(call)
        if isinstance(spot, Fault):
            return spot
        value = spot.value
        if value is None and members.null:
            return True
        if type(value) is bool and members.truths:
            return value in members.truths
        if type(value) is str and members.texts:
            return runtime.fold(value, options.ignore_case, options.nfkc) in members.texts
        if is_number(value) and members.numbers:
            return value in members.numbers
        return _mistyped(spot)

    return ask


def _leaf(condition: Condition, sets: Sets) -> _Ask:
    match condition:
        case Compare(op, left, right):
            return _ordered(op, _typed(left, "number"), _typed(right, "number"))
        case Matches(operand, source):
            fullmatch = sets.pattern(source).fullmatch
            return _tested(operand, "text", lambda value, call: fullmatch(value))
        case Under(operand, roots):
            listed = sets.texts(roots)
            return _tested(operand, "text", lambda value, call: runtime.under(value, listed))
        case Runs(kind, operand, programs):
            listed = sets.texts(programs)
            test = runtime.runs_one if kind == "one of" else runtime.runs_none
            return _tested(operand, "text", lambda value, call: test(value, listed))
        case FromUser(operand):
            return _tested(operand, "text or number", lambda value, call: _said(value, call.facts))
        case IsType(operand, wanted):
            return _tested(operand, "json", lambda value, call: _TYPES[wanted](value))
    raise TypeError(f"no condition of a policy set: {condition}")


def _said(value: object, facts: Facts) -> bool:
    return bool(runtime.said(value, facts.user_words))


def _ordered(op: str, left: _Read, right: _Read) -> _Ask:
    compare = _ORDERS[op]

    def ask(call: _Call) -> Answer:
        one, other = left(call), right(call)
        if isinstance(one, Fault):
            return one
        return other if isinstance(other, Fault) else compare(one.value, other.value)

    return ask


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}

_TYPES: dict[JsonType, Callable[[object], bool]] = {
    JsonType.TEXT: lambda value: type(value) is str,
    JsonType.NUMBER: is_number,
    JsonType.INTEGER: runtime.is_integer,
    JsonType.BOOLEAN: lambda value: type(value) is bool,
    JsonType.LIST: lambda value: type(value) is list,
    JsonType.OBJECT: lambda value: type(value) is dict,
    JsonType.NULL: lambda value: value is None,
}

_WANTED: dict[str, Callable[[object], bool]] = {
    "text": _TYPES[JsonType.TEXT],
    "number": is_number,
    "list": _TYPES[JsonType.LIST],
    "text or number": lambda value: type(value) is str or is_number(value),
    "sized": lambda value: type(value) in (str, list, dict),
    "json": runtime.has_kind,
}


def _tested(operand: Operand, wanted: str, test: Callable[[Any, _Call], bool]) -> _Ask:
    """A test of one operand that is an error unless that is of the wanted kind."""
    read = _typed(operand, wanted)

    def ask(call: _Call) -> Answer:
        spot = read(call)
        return spot if isinstance(spot, Fault) else test(spot.value, call)

    return ask


# --- operands -------------------------------------------------------------------------------------------------------


def _typed(operand: Operand, wanted: str) -> _Read:
    read, fits = _read(operand), _WANTED[wanted]

    def typed(call: _Call) -> _Spot | Fault:
        spot = read(call)
        return spot if isinstance(spot, Fault) or fits(spot.value) else _mistyped(spot)

    return typed


def _mistyped(spot: _Spot) -> Fault:
    return Fault("null" if spot.value is None else "wrong-type", spot.place)


def _read(operand: Operand) -> _Read:
    match operand:
        case Literal(value):
            return lambda call: _Spot(value, "")
        case ListLiteral(items):
            return lambda call: _Spot([item.value for item in items], "")
        case Argument((name, *steps)):
            return lambda call: _walk(_top(call.arguments, cast(str, name)), steps)
        case Element(name, steps):
            return lambda call: _walk(call.elements[name], steps)
        case LengthOf(inner):
            sized = _typed(inner, "sized")
            return lambda call: spot if isinstance(spot := sized(call), Fault) else spot._replace(value=len(spot.value))
        case Arithmetic(op, left, right):
            return _computed(op, _typed(left, "number"), _typed(right, "number"))
    raise TypeError(f"no operand: {operand}")


def _computed(op: str, left: _Read, right: _Read) -> _Read:
    compute = {"+": runtime.add, "-": runtime.subtract, "*": runtime.multiply}[op]

    def read(call: _Call) -> _Spot | Fault:
        one, other = left(call), right(call)
        if isinstance(one, Fault):
            return one
        if isinstance(other, Fault):
            return other
        value, place = compute(one.value, other.value), one.place or other.place
        return Fault("inexact", place) if value is runtime.ASTRAY else _Spot(value, place)

    return read


def _top(arguments: Mapping[str, Any], name: str) -> _Spot | Fault:
    place = path_name(name)
    return _Spot(arguments[name], place) if name in arguments else Fault("missing", place)


def _walk(spot: _Spot | Fault, steps: Iterable[str | int]) -> _Spot | Fault:
    for step in steps:
        if isinstance(spot, Fault):
            return spot
        value, place = spot
        if type(value) is not (dict if isinstance(step, str) else list):
            return _mistyped(spot)
        place += f".{path_name(step)}" if isinstance(step, str) else f"[{step}]"
        there = 0 <= step < len(value) if isinstance(step, int) else step in value
        spot = _Spot(value[cast(Any, step)], place) if there else Fault("missing", place)
    return spot
