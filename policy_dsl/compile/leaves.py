"""The leaves of a condition as rails: comparisons, sets, texts, types and presence.

Each writer tests the type before the value, and only as far as the asked rail needs: `x == "a"` is true exactly where
Python's `==` is (a text equals nothing but a text), and false only for another text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ast import (
    EXACT,
    Compare,
    FromUser,
    Holds,
    IsType,
    JsonType,
    Like,
    ListLiteral,
    Literal,
    MailSet,
    Matches,
    Member,
    MultipleOf,
    Operand,
    Presence,
    RangeSet,
    Runs,
    TextOptions,
    Under,
    WebSet,
)
from ..values import text
from ..values.number import is_number
from .logic import conjunction, disjunction, negation
from .operands import Place
from .sets import Sets


def guarded(rail: bool, guard: str, test: str) -> str:
    """A leaf that is an error unless `guard` holds, and else as `test` says."""
    return conjunction((guard, test if rail else negation(test)))


def answered(rail: bool, call: str) -> str:
    """A leaf that a function decides: True, False, or None for an error."""
    return f"{call} is {rail}"


def subject(operand: Operand, place: Place) -> str:
    """A local variable even for a written value, so that leaves may ask its type in the same words."""
    name = place.operand(operand)
    return place.frame.let(name) if isinstance(operand, Literal | ListLiteral) else name


def _folded(value: str, options: TextOptions) -> str:
    return value if options == EXACT else text.fold(value, options.ignore_case, options.nfkc)


def _changed(local: str, options: TextOptions) -> str:
    return local if options == EXACT else f"fold({local}, {options.ignore_case}, {options.nfkc})"


# --- types and presence ---------------------------------------------------------------------------------------------


def _presence(condition: Presence, rail: bool, place: Place, sets: Sets) -> str:
    local = place.operand(condition.operand)
    nowhere = f"{local} is ABSENT or {local} is ASTRAY"
    somewhere = f"{local} is not ABSENT and {local} is not ASTRAY"
    if condition.kind == "absent":
        return nowhere if rail else somewhere
    there = (condition.kind == "has") is rail
    return f"{local} is not None and {somewhere}" if there else f"{local} is None or {nowhere}"


def _is_type(condition: IsType, rail: bool, place: Place, sets: Sets) -> str:
    local = subject(condition.operand, place)
    if condition.type is JsonType.TEXT:
        fits = place.is_text(local)
    elif condition.type is JsonType.NUMBER:
        fits = place.is_number(local)
    else:
        fits = _TYPE_TESTS[condition.type].format(local)
    return fits if rail else conjunction((f"has_kind({local})", negation(fits)))


_TYPE_TESTS = {
    JsonType.INTEGER: "is_integer({0})",
    JsonType.BOOLEAN: "type({0}) is bool",
    JsonType.LIST: "type({0}) is list",
    JsonType.OBJECT: "type({0}) is dict",
    JsonType.NULL: "{0} is None",
}


def _from_user(condition: FromUser, rail: bool, place: Place, sets: Sets) -> str:
    return answered(rail, f"said({place.operand(condition.operand)}, facts.user_words)")


# --- comparisons ----------------------------------------------------------------------------------------------------

_SWAPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _compare(condition: Compare, rail: bool, place: Place, sets: Sets) -> str:
    left, right = condition.left, condition.right
    op: str = condition.op
    if isinstance(left, Literal) and (left.value is None or not isinstance(right, Literal)):
        left, op, right = right, _SWAPPED[op], left
    local = subject(left, place)
    if op in ("==", "!="):
        return _equal(local, right, condition.text, (op == "==") is rail, place)
    op = op if rail else _OPPOSITE[op]
    if isinstance(right, Literal):
        if not is_number(right.value):
            return "False"
        return conjunction((place.is_number(local), f"{local} {op} {place.operand(right)}"))
    other = subject(right, place)
    return conjunction((place.is_number(local), place.is_number(other), f"{local} {op} {other}"))


def _equal(local: str, right: Operand, options: TextOptions, rail: bool, place: Place) -> str:
    if not isinstance(right, Literal):
        return answered(rail, f"equal({local}, {subject(right, place)}, {options.ignore_case}, {options.nfkc})")
    value = right.value
    if value is None:
        return f"{local} is None" if rail else f"{local} is not None and is_json({local})"
    if type(value) is bool:
        return f"{local} is {value is rail}"
    sign = "==" if rail else "!="
    if type(value) is not str:
        return conjunction((place.is_number(local), f"{local} {sign} {place.operand(right)}"))
    name = place.frame.constants.name(_folded(value, options))
    if rail and options == EXACT:
        return f"{local} == {name}"
    return conjunction((place.is_text(local), f"{_changed(local, options)} {sign} {name}"))


def _multiple_of(condition: MultipleOf, rail: bool, place: Place, sets: Sets) -> str:
    local = subject(condition.operand, place)
    step = place.frame.constants.name(condition.step)
    return guarded(rail, place.is_number(local), f"is_multiple({local}, {step})")


# --- sets -----------------------------------------------------------------------------------------------------------


def _member(condition: Member, rail: bool, place: Place, sets: Sets) -> str:
    local = subject(condition.operand, place)
    within = sets.resolve(condition.within)
    name = place.frame.constants.name
    match within:
        case RangeSet(low, high):
            return guarded(rail, place.is_number(local), f"{name(low)} <= {local} <= {name(high)}")
        case MailSet(domains, subdomains):
            test = "mail_under" if subdomains else "mail_at"
            return guarded(rail, place.is_text(local), f"{test}({local}, {name(sets.hosts(domains))})")
        case WebSet(hosts, subdomains):
            test = "web_under" if subdomains else "web_at"
            return guarded(rail, place.is_text(local), f"{test}({local}, {name(sets.hosts(hosts))})")
    # One part for each JSON type the set has members of: a value of no such type is on neither rail.
    members = sets.grouped(within, condition.text)
    parts = []
    if members.texts:
        test = _is_in(_changed(local, condition.text), members.texts, rail, place)
        parts.append(conjunction((place.is_text(local), test)))
    if members.numbers:
        parts.append(conjunction((place.is_number(local), _is_in(local, members.numbers, rail, place))))
    if members.truths:
        parts += [f"{local} is {truth}" for truth in (True, False) if (truth in members.truths) is rail]
    if members.null and rail:
        parts.append(f"{local} is None")
    return disjunction(parts)


def _is_in(compared: str, members: frozenset[Any], rail: bool, place: Place) -> str:
    name = place.frame.constants.name
    if len(members) == 1:
        return f"{compared} {'==' if rail else '!='} {name(next(iter(members)))}"
    return f"{compared} {'in' if rail else 'not in'} {name(members)}"


# --- texts ----------------------------------------------------------------------------------------------------------


def _matches(condition: Matches, rail: bool, place: Place, sets: Sets) -> str:
    local = subject(condition.operand, place)
    pattern = sets.pattern(condition.pattern)
    test = place.frame.constants.name(pattern.search if condition.search else pattern.fullmatch)
    return guarded(rail, place.is_text(local), f"{test}({local})")


def _like(condition: Like, rail: bool, place: Place, sets: Sets) -> str:
    local = subject(condition.operand, place)
    test = place.frame.constants.name(sets.glob(condition.glob, condition.text))
    return guarded(rail, place.is_text(local), f"{test}({_changed(local, condition.text)})")


def _holds(condition: Holds, rail: bool, place: Place, sets: Sets) -> str:
    local = subject(condition.operand, place)
    options = condition.text
    if condition.kind == "contains" or not isinstance(condition.part, Literal):
        part = subject(condition.part, place)
        # An argument that is null is no part of anything; a written null may be an element.
        written = isinstance(condition.part, Literal) or condition.kind != "contains"
        somewhere = [] if written else [f"{part} is not None"]
        call = f"{_FUNCTIONS[condition.kind]}({local}, {part}, {options.ignore_case}, {options.nfkc})"
        return conjunction((*somewhere, answered(rail, call)))
    if type(condition.part.value) is not str:
        return "False"
    part = place.frame.constants.name(_folded(condition.part.value, options))
    return guarded(rail, place.is_text(local), f"{_changed(local, options)}.{_METHODS[condition.kind]}({part})")


_FUNCTIONS = {"starts with": "starts_with", "ends with": "ends_with", "contains": "contains"}
_METHODS = {"starts with": "startswith", "ends with": "endswith"}


def _under(condition: Under, rail: bool, place: Place, sets: Sets) -> str:
    local = subject(condition.operand, place)
    roots = place.frame.constants.name(sets.texts(condition.roots))
    return guarded(rail, place.is_text(local), f"under({local}, {roots})")


def _runs(condition: Runs, rail: bool, place: Place, sets: Sets) -> str:
    local = subject(condition.operand, place)
    programs = place.frame.constants.name(sets.texts(condition.programs))
    test = "runs_one" if condition.kind == "one of" else "runs_none"
    return guarded(rail, place.is_text(local), f"{test}({local}, {programs})")


LEAVES: dict[type, Callable[[Any, bool, Place, Sets], str]] = {
    Compare: _compare,
    Member: _member,
    Matches: _matches,
    Like: _like,
    MultipleOf: _multiple_of,
    Holds: _holds,
    Under: _under,
    Runs: _runs,
    IsType: _is_type,
    Presence: _presence,
    FromUser: _from_user,
}
