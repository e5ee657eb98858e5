"""Which rules may speak at all: tool patterns against a tool's name, scopes against who acts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Generic, TypeVar

from ..ast import Hide, Rewrite, Rule, Scope, ToolPattern
from ..facts import Facts

About = TypeVar("About", bound=Rule | Rewrite | Hide)
Ruled = tuple[str, Rule]


class Patterns(Generic[About]):
    """Rules, or what else is about tools, by those tools. Names compare exactly; `*` never crosses a `/`."""

    def __init__(self, statements: Mapping[str, About]) -> None:
        self._named: dict[str, list[tuple[str | None, tuple[str, About]]]] = {}
        self._globs: list[tuple[Callable[[str], object], str | None, tuple[str, About]]] = []
        for id, statement in statements.items():
            for pattern in statement.tools:
                if not isinstance(pattern, ToolPattern):
                    raise TypeError(f"`{pattern.name}` is no tool: the rules of a policy set name tools")
                if "*" in pattern.tool:
                    self._globs.append((_glob(pattern.tool), pattern.server, (id, statement)))
                else:
                    self._named.setdefault(pattern.tool, []).append((pattern.server, (id, statement)))

    def __bool__(self) -> bool:
        return bool(self._named or self._globs)

    def named(self) -> Iterator[tuple[str | None, str]]:
        """The tools that are named in full, with the server where one is written."""
        return ((server, tool) for tool, listed in self._named.items() for server in {of for of, _ in listed})

    def fitting(self, server: str | None, tool: str) -> list[tuple[str, About]]:
        """Those with a pattern that fits, in order of id. One with a server fits only calls known to be to it."""
        named = [found for of, found in self._named.get(tool, ()) if of is None or of == server]
        globbed = [found for fits, of, found in self._globs if (of is None or of == server) and fits(tool)]
        return sorted(dict([*named, *globbed]).items(), key=itemgetter(0))


def _glob(pattern: str) -> Callable[[str], bool]:
    """Whether a name is the pattern's parts with any text but `/` between them. Leftmost places are enough: linear."""
    before, *between, after = pattern.split("*")

    def fits(tool: str) -> bool:
        if not (len(tool) >= len(before) + len(after) and tool.startswith(before) and tool.endswith(after)):
            return False
        start, end = len(before), len(tool) - len(after)
        for part in between:
            found = tool.find(part, start, end)
            if found < 0 or "/" in tool[start:found]:
                return False
            start = found + len(part)
        return "/" not in tool[start:end]

    return fits


def binds(scope: Scope, facts: Facts) -> bool:
    """Every kind that is written holds; within a kind, any of its names."""
    return (
        (not scope.tenants or facts.tenant in scope.tenants)
        and (not scope.agents or facts.agent in scope.agents)
        and (not scope.users or facts.user in scope.users)
        and (not scope.roles or not facts.roles.isdisjoint(scope.roles))
        and (not scope.via or not set(facts.via).isdisjoint(scope.via))
    )


def fits(patterns: Iterable[object], server: str | None, tool: str) -> bool:
    """Whether one of the tool patterns of a PolicySet fits; one with a server fits only calls known to be to it."""
    return any(
        isinstance(one, ToolPattern)
        and one.server in (None, server)
        and (_glob(one.tool)(tool) if "*" in one.tool else one.tool == tool)
        for one in patterns
    )
