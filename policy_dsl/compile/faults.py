"""Why a condition is an error: the same conditions as closures that answer True, False or the Fault itself.

Asked only where an error changed the outcome and has to be named. Connectives and quantifiers look at their parts from
left to right, as written; where a part settles the result no Fault shows, else the first one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..ast import (
    And,
    Compare,
    Condition,
    Constant,
    FromUser,
    Holds,
    IfThen,
    IsType,
    JsonType,
    Like,
    Literal,
    MailSet,
    Matches,
    Member,
    MultipleOf,
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
from ..values.number import is_number
from . import runtime
from .context_faults import context_ask
from .sets import Sets
from .spots import Call, Fault, Read, Spot, mistyped, read, typed

Answer = bool | Fault
Judge = Callable[..., Answer]
_Ask = Callable[[Call], Answer]


def judge(condition: Condition, sets: Sets) -> Judge:
    """The condition as a function of the arguments, the facts and, where there is one, the result."""
    ask = _condition(condition, sets)
    return lambda arguments, facts, result=runtime.ABSENT: ask(Call(arguments, facts, {}, result))


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
        case IfThen(test, then, otherwise):
            last = Constant(True) if otherwise is None else otherwise
            return _if_then(*(_condition(part, sets) for part in (test, then, last)))
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

    def ask(call: Call) -> Answer:
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
    def negated(call: Call) -> Answer:
        answer = ask(call)
        return answer if isinstance(answer, Fault) else not answer

    return negated


def _if_then(test: _Ask, then: _Ask, otherwise: _Ask) -> _Ask:
    """`(not A or B) and (A or C)`, with A asked once."""

    def ask(call: Call) -> Answer:
        tested = test(call)
        denied = tested if isinstance(tested, Fault) else not tested
        halves = ((denied, then), (tested, otherwise))
        return _folded((_folded((first, part(call)), True) for first, part in halves), False)

    return ask


def _quantified(condition: Quantified, sets: Sets) -> _Ask:
    reading, body = typed(condition.source, "list"), _condition(condition.body, sets)
    each, name = condition.kind == "each", condition.name

    def ask(call: Call) -> Answer:
        source = reading(call)
        if isinstance(source, Fault):
            return source
        if each and not source.value:
            return Fault("empty-list", source.place)
        spots = (Spot(value, f"{source.place}[{index}]") for index, value in enumerate(source.value))
        return _folded((body(call._replace(elements={**call.elements, name: spot})) for spot in spots), not each)

    return ask


def _presence(condition: Presence) -> _Ask:
    reading, kind = read(condition.operand), condition.kind

    def ask(call: Call) -> Answer:
        spot = reading(call)
        if kind == "absent":
            return isinstance(spot, Fault)
        there = not isinstance(spot, Fault) and spot.value is not None
        return there is (kind == "has")

    return ask


def _equal(condition: Compare) -> _Ask:
    left, right = read(condition.left), read(condition.right)
    options, wanted = condition.text, condition.op == "=="
    null = any(isinstance(operand, Literal) and operand.value is None for operand in (condition.left, condition.right))

    def ask(call: Call) -> Answer:
        spots = []
        for reading in (left, right):
            spot = reading(call)
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
    read_whole, read_part = read(condition.operand), read(condition.part)
    options = condition.text
    contains, null = condition.kind == "contains", isinstance(condition.part, Literal) and condition.part.value is None
    test = {"starts with": runtime.starts_with, "ends with": runtime.ends_with, "contains": runtime.contains}

    def ask(call: Call) -> Answer:
        whole, part = read_whole(call), read_part(call)
        if isinstance(whole, Fault):
            return whole
        if contains and type(whole.value) is list:
            if not runtime.is_json(whole.value):
                return Fault("wrong-type", whole.place)
            if isinstance(part, Fault):
                return part
            if not runtime.is_json(part.value) or (part.value is None and not null):
                return mistyped(part)
        elif type(whole.value) is not str:
            return mistyped(whole)
        elif isinstance(part, Fault):
            return part
        elif type(part.value) is not str:
            return mistyped(part)
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
    members, options, reading = sets.grouped(within, condition.text), condition.text, read(operand)

    def ask(call: Call) -> Answer:
        spot = reading(call)
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
        return mistyped(spot)

    return ask


def _leaf(condition: Condition, sets: Sets) -> _Ask:
    match condition:
        case Compare(op, left, right):
            return _ordered(op, typed(left, "number"), typed(right, "number"))
        case Matches(operand, source, search):
            pattern = sets.pattern(source)
            matching = pattern.search if search else pattern.fullmatch
            return _tested(operand, "text", lambda value, call: matching(value))
        case Like(operand, glob, options):
            like = sets.glob(glob, options)
            return _tested(
                operand, "text", lambda value, call: like(runtime.fold(value, options.ignore_case, options.nfkc))
            )
        case MultipleOf(operand, step):
            return _tested(operand, "number", lambda value, call: runtime.is_multiple(value, step))
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
    return context_ask(condition, sets)


def _said(value: object, facts: Facts) -> bool:
    return bool(runtime.said(value, facts.user_words))


def _ordered(op: str, left: Read, right: Read) -> _Ask:
    compare = _ORDERS[op]

    def ask(call: Call) -> Answer:
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


def _tested(operand: Operand, wanted: str, test: Callable[[Any, Call], bool]) -> _Ask:
    """A test of one operand that is an error unless that is of the wanted kind."""
    reading = typed(operand, wanted)

    def ask(call: Call) -> Answer:
        spot = reading(call)
        return spot if isinstance(spot, Fault) else test(spot.value, call)

    return ask
