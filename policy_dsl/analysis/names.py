"""The tools that two policies must be compared on: every tool that is listed or named, and for patterns the classes of
names that all of them treat alike.

A class is found by running all patterns at once over names, letter by letter: where they stand is a state, and each
state in which a name may end is a class, with the shortest name that leads there as its example. Exact, because a
letter that no pattern mentions behaves like every other such letter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from ..ast import PolicySet, ToolPattern

MAX_STATES: Final = 20_000
"""Sets of places in the patterns that are looked at; a policy that needs more has its unnamed tools left unknown."""

_FRESH: Final = "xyzqwjkvbgfpdumclhrnsioate0123456789_-"


@dataclass(frozen=True, slots=True)
class ToolClass:
    """Calls of one name at one server. A server that nothing mentions is like none (`server` None). `named` is false
    where the name is an example of a class that is nowhere written."""

    server: str | None
    tool: str
    named: bool


def tool_classes(old: PolicySet, new: PolicySet) -> tuple[list[ToolClass], bool]:
    """All classes, and whether that is all of them (false: there were more than could be told apart)."""
    patterns = [cast(ToolPattern, one) for policy in (old, new) for rule in policy.rules.values() for one in rule.tools]
    listed = [tool for policy in (old, new) for tool in policy.catalogue]
    servers = {one.server for one in patterns} | {tool.server for tool in listed}
    known: dict[ToolClass, None] = {}
    for tool in listed:
        for server in [tool.server] if tool.server is not None else [None, *sorted(servers - {None}, key=str)]:
            known.setdefault(ToolClass(server, tool.name, True))
    open_ended = not len(old.catalogue) or not len(new.catalogue)
    if not open_ended:
        return sorted(known, key=_order), True
    literal = {one.tool for one in patterns if "*" not in one.tool} | {tool.name for tool in listed}
    names, complete = _classes(sorted({one.tool for one in patterns} | literal), literal)
    for name, named in names:
        for server in [None, *sorted(servers - {None}, key=str)]:
            known.setdefault(ToolClass(server, name, named))
    return sorted(known, key=_order), complete


def _order(one: ToolClass) -> tuple[bool, str, str]:
    return not one.named, one.tool, one.server or ""


def _classes(globs: Sequence[str], literal: set[str]) -> tuple[list[tuple[str, bool]], bool]:
    letters = sorted({letter for glob in globs for letter in glob} - {"*", "/"})
    fresh = next((letter for letter in _FRESH if letter not in letters), "\u00e9")
    start = _closed(globs, ((index, 0) for index in range(len(globs))))
    found: dict[frozenset[int], str] = {}
    seen = {start}
    waiting = deque([(start, "")])
    while waiting:
        state, name = waiting.popleft()
        for letter in [fresh, *letters]:
            further = _closed(globs, _steps(globs, state, letter))
            ends = frozenset(index for index, at in further if at == len(globs[index]))
            found.setdefault(ends, name + letter)
            if further not in seen:
                seen.add(further)
                waiting.append((further, name + letter))
        if len(seen) > MAX_STATES:
            return [(name, True) for name in sorted(literal)], False
    return [(name, name in literal) for name in found.values()], True


def _steps(globs: Sequence[str], state: frozenset[tuple[int, int]], letter: str) -> Iterable[tuple[int, int]]:
    for index, at in state:
        if at < len(globs[index]):
            if globs[index][at] == "*":
                yield index, at
            elif globs[index][at] == letter:
                yield index, at + 1


def _closed(globs: Sequence[str], places: Iterable[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """With every place that a `*` of no letters leads to."""
    found = set()
    waiting = list(places)
    while waiting:
        index, at = waiting.pop()
        if (index, at) not in found:
            found.add((index, at))
            if at < len(globs[index]) and globs[index][at] == "*":
                waiting.append((index, at + 1))
    return frozenset(found)
