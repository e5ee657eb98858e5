"""A generated function while it is being written: what it fetches first, what it knows of that, its constants.

Injection is impossible by construction: a name becomes part of a local variable only where it is a plain ASCII word;
every other text of a policy enters the source through `ascii()` of an exact `str`, or not at all (as a constant).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..ast import JsonType

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")

_SHORT = 60
"""Characters of a text that still stands in the source itself; a longer one is a numbered constant."""

_SMALL = 10**15
"""Integers below it stand in the source themselves."""

Known = Mapping[str, JsonType]
"""Top-level arguments whose one JSON type the tool's schema has made sure of before any rule is asked."""


class Constants:
    """Values that generated code refers to by name: `k0`, `k1`. One object has one name."""

    def __init__(self, *, spelled: bool) -> None:
        self.values: list[object] = []
        self._names: dict[int, str] = {}
        self._spelled = spelled

    def name(self, value: object) -> str:
        """How the source writes `value`. Where values may be `spelled`, short texts and small integers stand there."""
        if self._spelled and _is_plain(value):
            return ascii(value)
        found = self._names.get(id(value))
        if found is None:
            found = self._names[id(value)] = f"k{len(self.values)}"
            self.values.append(value)  # keeps the object alive, so that its id stays its own
        return found


def _is_plain(value: object) -> bool:
    if type(value) is str:
        return len(value) <= _SHORT
    return type(value) is bool or (type(value) is int and abs(value) < _SMALL)


class Frame:
    """One function of `(a, facts)`: its local variables, in the order in which they were first needed.

    `answered`: a function of `(a, facts, result)`, about a call that has its answer.
    """

    def __init__(self, constants: Constants, known: Known, *, answered: bool = False) -> None:
        self.constants = constants
        self._known = known
        self._answered = answered
        self._sources: dict[str, str] = {}
        self._assigned = 0
        self._names: dict[str, str] = {}
        self._kinds: dict[str, JsonType] = {}

    def fresh(self) -> list[str]:
        """The assignments that what was written since the last time needs in front of it."""
        fresh = [f"{local} = {source}" for local, source in list(self._sources.items())[self._assigned :]]
        self._assigned = len(self._sources)
        return fresh

    def argument(self, name: str) -> str:
        """The local that holds a top-level argument, ABSENT where the call has none of that name."""
        local = self._names.get(name)
        if local is None:
            local = f"a_{name}" if _WORD.fullmatch(name) else f"a{len(self._names)}"
            self._names[name] = local
            # A member name is no secret and no constant of a rule: it is always spelled, so that shapes can be shared.
            self._sources[local] = f"a.get({str(name)!a}, ABSENT)"
            if name in self._known:
                self._kinds[local] = self._known[name]
        return local

    def result(self) -> str:
        """The name of the answer to the call."""
        if not self._answered:
            raise TypeError("a call that is being decided has no result")
        return "result"

    def let(self, source: str) -> str:
        """A local for a value computed from earlier ones; the same source is computed once."""
        for local, other in self._sources.items():
            if other == source:
                return local
        local = f"v{len(self._sources)}"
        self._sources[local] = source
        return local

    def flag(self, kind: str, local: str, source: str) -> str:
        """A boolean local about another one: `text_recipient` is about `a_recipient`, `text__v7` about `v7`."""
        name = f"{kind}_{local[2:]}" if local.startswith("a_") else f"{kind}__{local}"
        self._sources.setdefault(name, source)
        return name

    def kind_of(self, local: str) -> JsonType | None:
        """The JSON type that the tool's schema guarantees, None where it guarantees none."""
        return self._kinds.get(local)

    def has(self, local: str) -> bool:
        """Whether `local` is a variable of the function itself, not one of a quantifier inside it."""
        return local in self._sources
