"""What conditions compare with, as Python constants: sets resolved, grouped by JSON type and folded as the test that
uses them says; patterns, globs, hours of the day and labels made ready. One object for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from ..ast import (
    EXACT,
    Label,
    MailSet,
    RangeSet,
    Scalar,
    SetLiteral,
    SetName,
    TextOptions,
    TimeBetween,
    ValueSet,
    WebSet,
)
from ..values import clock, host, pattern, text
from ..values.glob import compile as compile_glob

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

    def __init__(self, named: Mapping[str, ValueSet], levels: Sequence[str] = ()) -> None:
        self._named = named
        self._levels = levels
        self._tests: dict[object, Any] = {}
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

    def glob(self, glob: str, options: TextOptions) -> Callable[[str], bool]:
        """The test of a value that is folded as the options say."""
        return self._test((glob, options), lambda: compile_glob(glob, options.ignore_case, options.nfkc))

    def between(self, hours: TimeBetween) -> Callable[[int], bool | None]:
        """The test of a moment, None where there is no clock."""
        return self._test(hours, lambda: _between(hours))

    def names_from(self, name: str) -> frozenset[str]:
        """The names of labels that are `name` or above it."""
        levels = self._levels
        found = frozenset(levels[levels.index(name) :] if name in levels else (name,))
        return self._test(("names from", found), lambda: found)

    def covered(self, clearance: Sequence[Label]) -> frozenset[tuple[str, str | None]]:
        """Every label that a clearance lets pass: those at or below one of its own, in its compartment or in none, and
        `untrusted`, which is no secret."""
        levels = self._levels
        found = frozenset(
            (name, compartment)
            for label in (*clearance, Label("untrusted"))
            for name in (levels[: levels.index(label.name) + 1] if label.name in levels else (label.name,))
            for compartment in (None, label.compartment)
        )
        return self._test(("covered", found), lambda: found)

    def _test(self, key: object, make: Callable[[], Made]) -> Made:
        if key not in self._tests:
            self._tests[key] = make()
        return self._tests[key]  # type: ignore[no-any-return]  # one key always makes one type

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


def _between(hours: TimeBetween) -> Callable[[int], bool | None]:
    wall_at = clock.clock(hours.zone).wall
    days = frozenset(hours.days) or frozenset(range(7))
    start, end = (0, 24 * 60) if hours.start is None or hours.end is None else (hours.start, hours.end)

    def test(now: int) -> bool | None:
        wall = wall_at(now) if now else None
        if wall is None:
            return None
        weekday, minute, _ = wall
        if start <= end:
            return start <= minute < end and weekday in days
        # The early hours belong to the evening before.
        return (minute >= start and weekday in days) or (minute < end and (weekday - 1) % 7 in days)

    return test


def _group(members: tuple[Scalar, ...], options: TextOptions) -> Grouped:
    return Grouped(
        frozenset(text.fold(m, options.ignore_case, options.nfkc) for m in members if type(m) is str),
        frozenset(m for m in members if type(m) is int or type(m) is Decimal),
        frozenset(m for m in members if type(m) is bool),
        None in members,
    )
