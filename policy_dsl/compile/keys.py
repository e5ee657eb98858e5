"""What of a rule an index can use: one conjunct of its `when` that fails for almost every call.

A key is a *necessary* condition: where the argument has the key's type and the key does not hold, the conjunct, and so
the whole condition, is false, whatever else is missing or of a wrong type. Where the argument does not have that type
the conjunct is an error: then an allow cannot match, and a forbid must be asked (false AND error is false).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from typing import Literal as OneOf

from ..ast import (
    EXACT,
    And,
    Argument,
    Compare,
    Condition,
    Holds,
    Literal,
    Matches,
    Member,
    Operand,
    RangeSet,
    Rule,
    SetLiteral,
    Under,
)
from ..values.number import is_number
from .sets import Sets

Number = int | Decimal

MANY_MEMBERS = 512
"""A set with more members is no key: a table with every member of every rule's set would dwarf the policy."""

FEW_SHARE = 4
"""A value that no more rules than this share is as good a key as any."""

MANY_SHARE = 32
"""Ranges are no key where more rules than this share a number: a table of all pieces grows with pieces times rules."""


@dataclass(frozen=True, slots=True)
class Equals:
    """The argument is one of these texts, or one of these numbers."""

    argument: str
    type: OneOf["text", "number"]
    values: tuple[str | Number, ...]


@dataclass(frozen=True, slots=True)
class Begins:
    """The argument is a text that begins with one of these."""

    argument: str
    beginnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The argument is a number in a closed range."""

    argument: str
    low: Number
    high: Number


Key = Equals | Begins | Between
_Entry = tuple[str, str, str | Number]


class Keyed(NamedTuple):
    """A key and the conjunct that its table says all of: None where the conjunct asks for more."""

    key: Key
    held: Condition | None


def keys(rule: Rule, sets: Sets) -> list[Keyed]:
    """All keys of a rule, in the order written; the bounds `x >= 1 and x < 9` together are one range."""
    conjuncts = list(_conjuncts(rule.when))
    single = [
        Keyed(key, None if isinstance(conjunct, Under | Matches) or isinstance(key, Between) else conjunct)
        for conjunct in conjuncts
        for key in _key(conjunct, sets)
    ]
    return single + [Keyed(key, None) for key in _bounded(conjuncts)]


def _conjuncts(condition: Condition | None) -> Iterable[Condition]:
    if isinstance(condition, And):
        for item in condition.items:
            yield from _conjuncts(item)
    elif condition is not None:
        yield condition


def _key(conjunct: Condition, sets: Sets) -> list[Key]:
    find = _BY_TYPE.get(type(conjunct))
    return [] if find is None else find(conjunct, sets)


def _of_compare(conjunct: Compare, sets: Sets) -> list[Key]:
    if conjunct.op != "==" or conjunct.text != EXACT:
        return []
    name, value = _compared(conjunct.left, conjunct.right)
    if name is None:
        name, value = _compared(conjunct.right, conjunct.left)
    return [] if name is None else _equals(name, [value])


def _of_member(conjunct: Member, sets: Sets) -> list[Key]:
    name = _named(conjunct.operand)
    if name is None or conjunct.text != EXACT:
        return []
    resolved = sets.resolve(conjunct.within)
    if isinstance(resolved, RangeSet):
        return [Between(name, resolved.low, resolved.high)] if resolved.low <= resolved.high else []
    return _equals(name, sets.members(resolved)) if isinstance(resolved, SetLiteral) else []


def _of_holds(conjunct: Holds, sets: Sets) -> list[Key]:
    name, beginning = _compared(conjunct.operand, conjunct.part)
    exact = conjunct.kind == "starts with" and conjunct.text == EXACT
    return [] if name is None or not exact or type(beginning) is not str else _begins(name, [beginning])


def _of_under(conjunct: Under, sets: Sets) -> list[Key]:
    name = _named(conjunct.operand)
    return [] if name is None else _begins(name, [root.rstrip("/") for root in sets.texts(conjunct.roots)])


def _of_matches(conjunct: Matches, sets: Sets) -> list[Key]:
    name = _named(conjunct.operand)
    if name is None or conjunct.search:
        return []
    pattern = sets.pattern(conjunct.pattern)
    if pattern.kind in ("literal", "alternation"):
        return _equals(name, pattern.literals)
    return _begins(name, pattern.literals) if pattern.kind == "prefix" else []


# By type, because a match statement asks one class after the other, for every conjunct of every rule.
_BY_TYPE: dict[type, Callable[[Any, Sets], list[Key]]] = {
    Compare: _of_compare,
    Member: _of_member,
    Holds: _of_holds,
    Under: _of_under,
    Matches: _of_matches,
}


def _named(operand: Operand) -> str | None:
    """The name of a top-level argument."""
    if type(operand) is not Argument or len(operand.path) != 1:
        return None
    name = operand.path[0]
    return name if type(name) is str else None


def _compared(operand: Operand, other: Operand) -> tuple[str | None, object]:
    """The name of a top-level argument and the written value that it is compared with; no name where it is not so."""
    return (_named(operand), other.value) if type(other) is Literal else (None, None)


def _bounded(conjuncts: Iterable[Condition]) -> list[Key]:
    lows: dict[str, Number] = {}
    highs: dict[str, Number] = {}
    for conjunct in conjuncts:
        if type(conjunct) is not Compare or conjunct.op not in _SWAPPED:
            continue
        op: str = conjunct.op
        name, value = _compared(conjunct.left, conjunct.right)
        if name is None:
            op = _SWAPPED[op]
            name, value = _compared(conjunct.right, conjunct.left)
        if name is None or not is_number(value):
            continue
        if op in ("<", "<="):
            highs[name] = min(value, highs.get(name, value))
        else:
            lows[name] = max(value, lows.get(name, value))
    return [Between(name, low, highs[name]) for name, low in lows.items() if name in highs and low <= highs[name]]


_SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _equals(name: str, members: Sequence[object]) -> list[Key]:
    """A key only where all members are texts or all are numbers: else a value of another type is no plain false."""
    if not 0 < len(members) <= MANY_MEMBERS:
        return []
    texts = [member for member in members if type(member) is str]
    if len(texts) == len(members):
        return [Equals(name, "text", tuple(dict.fromkeys(texts)))]
    numbers = [member for member in members if is_number(member)]
    return [Equals(name, "number", tuple(dict.fromkeys(numbers)))] if len(numbers) == len(members) else []


def _begins(name: str, beginnings: Sequence[str]) -> list[Key]:
    usable = beginnings and all(beginnings) and len(beginnings) <= MANY_MEMBERS
    return [Begins(name, tuple(beginnings))] if usable else []


# --- the choice -----------------------------------------------------------------------------------------------------


def choose(candidates: Sequence[Sequence[Keyed]]) -> list[Keyed | None]:
    """For each rule the key that the fewest others share, None where even that one is shared by half of the rules.

    Ranges are counted among the rules only that no value of their own tells apart: `to == "u7" and amount < 100` is
    found by `to`, so its wide range does not stand in the way of others' narrow ones.
    """
    values = Counter(entry for keys_of_rule in candidates for keyed in keys_of_rule for entry in _entries(keyed.key))
    by_value = [_least(keys_of_rule, lambda key: _shared(key, values)) for keys_of_rule in candidates]
    ranges = _Ranges(
        keyed.key
        for keys_of_rule, (count, _) in zip(candidates, by_value, strict=True)
        for keyed in keys_of_rule
        if count > FEW_SHARE
    )
    most = max(1, len(candidates) // 2)
    chosen: list[Keyed | None] = []
    for keys_of_rule, value in zip(candidates, by_value, strict=True):
        count, keyed = value if value[0] <= FEW_SHARE else min(value, _least(keys_of_rule, ranges.shared), key=_count)
        chosen.append(keyed if count <= most else None)
    return chosen


_NO_KEY = 1 << 60
"""More rules than any policy has."""

_Counted = tuple[int, Keyed | None]


def _count(counted: _Counted) -> int:
    return counted[0]


def _least(keys_of_rule: Sequence[Keyed], shared: Callable[[Key], int]) -> _Counted:
    return min(((shared(keyed.key), keyed) for keyed in keys_of_rule), key=_count, default=(_NO_KEY, None))


def _shared(key: Key, values: Mapping[_Entry, int]) -> int:
    """How many rules hold some value of the key; a range has none."""
    return max((values[entry] for entry in _entries(key)), default=_NO_KEY)


def _entries(key: Key) -> list[_Entry]:
    match key:
        case Equals(argument, kind, listed):
            return [(argument, kind, value) for value in listed]
        case Begins(argument, beginnings):
            return [(argument, "begins", beginning) for beginning in beginnings]
        case Between():
            return []


class _Ranges:
    """How many of some ranges share a number with a given one."""

    def __init__(self, all_keys: Iterable[Key]) -> None:
        lows: dict[str, list[Number]] = {}
        highs: dict[str, list[Number]] = {}
        for key in all_keys:
            if isinstance(key, Between):
                lows.setdefault(key.argument, []).append(key.low)
                highs.setdefault(key.argument, []).append(key.high)
        self._lows = {name: sorted(bounds) for name, bounds in lows.items()}
        self._highs = {name: sorted(bounds) for name, bounds in highs.items()}

    def shared(self, key: Key) -> int:
        if not isinstance(key, Between):
            return _NO_KEY
        lows, highs = self._lows[key.argument], self._highs[key.argument]
        apart = bisect_left(highs, key.low) + len(lows) - bisect_right(lows, key.high)
        overlapping = len(lows) - apart
        return overlapping if overlapping <= MANY_SHARE else _NO_KEY
