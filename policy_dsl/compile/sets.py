"""The sets of a policy as Python constants: resolved, grouped by JSON type, folded as the test that uses them says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple, TypeVar

from ..ast import EXACT, MailSet, RangeSet, Scalar, SetLiteral, SetName, TextOptions, ValueSet, WebSet
from ..values import host, pattern, text

Listed = SetLiteral | SetName
Made = TypeVar("Made")


class Grouped(NamedTuple):
    """The members of a set by JSON type, so that `true` never meets 1. Numbers are one type: 1 and 1.0 are one."""

    texts: frozenset[str]
    numbers: frozenset[int | Decimal]
    truths: frozenset[bool]
    null: bool


class Sets:
    """The named sets of one policy, and the constants made of them: one object for each set and spelling."""

    def __init__(self, named: Mapping[str, ValueSet]) -> None:
        self._named = named
        # Keyed by identity: SetLiteral((1,)) and SetLiteral((True,)) are equal in Python and not in the language.
        self._made: dict[tuple[int, object], tuple[object, object]] = {}
        self._patterns: dict[str, pattern.Pattern] = {}

    def resolve(self, within: ValueSet) -> SetLiteral | RangeSet | MailSet | WebSet:
        while isinstance(within, SetName):
            within = self._named[within.name]
        return within

    def grouped(self, within: Listed, options: TextOptions = EXACT) -> Grouped:
        return self._once(within, options, lambda: _group(self.members(within), options))

    def texts(self, within: Listed) -> frozenset[str]:
        """The texts of a set of names (roots, programs)."""
        return self._once(within, "texts", lambda: frozenset(m for m in self.members(within) if type(m) is str))

    def hosts(self, within: Listed) -> frozenset[str]:
        """The host names of a set, each in its one spelling; what is none can never be matched and is left out."""
        return self._once(within, "hosts", lambda: frozenset(filter(None, map(host.canonical, self.texts(within)))))

    def pattern(self, source: str) -> pattern.Pattern:
        """The compiled pattern: one object for each text, so that equal patterns share one automaton."""
        if source not in self._patterns:
            self._patterns[source] = pattern.compile(source)
        return self._patterns[source]

    def members(self, within: Listed) -> tuple[Scalar, ...]:
        resolved = self.resolve(within)
        if not isinstance(resolved, SetLiteral):
            raise TypeError(f"`{within}` is no list of values")
        taken_over = (self.members(SetName(name)) for name in resolved.names)
        return (*resolved.items, *(member for members in taken_over for member in members))

    def _once(self, within: Listed, how: object, make: Callable[[], Made]) -> Made:
        resolved = self.resolve(within)
        key = (id(resolved), how)
        if key not in self._made:
            self._made[key] = (resolved, make())
        return self._made[key][1]  # type: ignore[return-value]  # one `how` always makes one type


def _group(members: tuple[Scalar, ...], options: TextOptions) -> Grouped:
    return Grouped(
        frozenset(text.fold(m, options.ignore_case, options.nfkc) for m in members if type(m) is str),
        frozenset(m for m in members if type(m) is int or type(m) is Decimal),
        frozenset(m for m in members if type(m) is bool),
        None in members,
    )
