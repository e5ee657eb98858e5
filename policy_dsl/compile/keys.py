"""What of a rule an index can use: one conjunct of its `when` that fails for almost every call.

A key is a *necessary* condition: where the argument has the key's type and the key does not hold, the conjunct, and so
the whole condition, is false, whatever else is missing or of a wrong type. Where the argument does not have that type
the conjunct is an error: then an allow cannot match, and a forbid must be asked (false AND error is false).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal as OneOf
from typing import NamedTuple

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
    match conjunct:
        case Compare("==", Argument((str(name),)), Literal(value)) | Compare(
            "==", Literal(value), Argument((str(name),))
        ):
            return _equals(name, [value]) if conjunct.text == EXACT else []
        case Member(Argument((str(name),)), within) if conjunct.text == EXACT:
            resolved = sets.resolve(within)
            if isinstance(resolved, RangeSet):
                return [Between(name, resolved.low, resolved.high)] if resolved.low <= resolved.high else []
            return _equals(name, sets.members(resolved)) if isinstance(resolved, SetLiteral) else []
        case Holds("starts with", Argument((str(name),)), Literal(str(beginning))) if conjunct.text == EXACT:
            return _begins(name, [beginning])
        case Under(Argument((str(name),)), roots):
            return _begins(name, [root.rstrip("/") for root in sets.texts(roots)])
        case Matches(Argument((str(name),)), source):
            pattern = sets.pattern(source)
            if pattern.kind in ("literal", "alternation"):
                return _equals(name, pattern.literals)
            return _begins(name, pattern.literals) if pattern.kind == "prefix" else []
    return []


def _bounded(conjuncts: Iterable[Condition]) -> list[Key]:
    lows: dict[str, Number] = {}
    highs: dict[str, Number] = {}
    for conjunct in conjuncts:
        match conjunct:
            case Compare(written, Argument((str(name),)), Literal(value)):
                op: str = written
            case Compare(written, Literal(value), Argument((str(name),))):
                op = _SWAPPED.get(written, written)
            case _:
                continue
        if not is_number(value):
            continue
        if op in ("<", "<="):
            highs[name] = min(value, highs.get(name, value))
        elif op in (">", ">="):
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
    """For each rule the key that the fewest others share, None where even that one is shared by half of the rules."""
    popularity = _Popularity(keyed.key for keys_of_rule in candidates for keyed in keys_of_rule)
    most = max(1, len(candidates) // 2)
    chosen: list[Keyed | None] = []
    for keys_of_rule in candidates:
        counts = [popularity.of(keyed.key) for keyed in keys_of_rule]
        least = min(counts, default=most + 1)
        chosen.append(keys_of_rule[counts.index(least)] if least <= most else None)
    return chosen


class _Popularity:
    """How many of the keys hold together with a given one, at most."""

    def __init__(self, all_keys: Iterable[Key]) -> None:
        self._exact: Counter[tuple[str, str, str | Number]] = Counter()
        lows: dict[str, list[Number]] = {}
        highs: dict[str, list[Number]] = {}
        for key in all_keys:
            if isinstance(key, Between):
                lows.setdefault(key.argument, []).append(key.low)
                highs.setdefault(key.argument, []).append(key.high)
            else:
                self._exact.update(_entries(key))
        self._lows = {name: sorted(bounds) for name, bounds in lows.items()}
        self._highs = {name: sorted(bounds) for name, bounds in highs.items()}

    def of(self, key: Key) -> int:
        if not isinstance(key, Between):
            return max(self._exact[entry] for entry in _entries(key))
        lows, highs = self._lows[key.argument], self._highs[key.argument]
        apart = bisect_left(highs, key.low) + len(lows) - bisect_right(lows, key.high)
        overlapping = len(lows) - apart
        return overlapping if overlapping <= MANY_SHARE else _NEVER


_NEVER = 1 << 60
"""More rules than any policy has."""


def _entries(key: Equals | Begins) -> list[tuple[str, str, str | Number]]:
    if isinstance(key, Equals):
        return [(key.argument, key.type, value) for value in key.values]
    return [(key.argument, "begins", beginning) for beginning in key.beginnings]
