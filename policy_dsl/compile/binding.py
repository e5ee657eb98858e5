"""Which rules may speak at all: tool patterns against a tool's name, scopes against who acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..ast import Rule, Scope, ToolPattern
from ..facts import Facts

Ruled = tuple[str, Rule]


class Patterns:
    """The rules of a policy by the tools they are about. Names compare exactly; `*` never crosses a `/`."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._named: dict[str, list[tuple[str | None, Ruled]]] = {}
        self._globs: list[tuple[Callable[[str], object], str | None, Ruled]] = []
        for id, rule in rules.items():
            for pattern in rule.tools:
                if not isinstance(pattern, ToolPattern):
                    raise TypeError(f"`{pattern.name}` is a group: the rules of a policy set name tools")
                if "*" in pattern.tool:
                    self._globs.append((_glob(pattern.tool), pattern.server, (id, rule)))
                else:
                    self._named.setdefault(pattern.tool, []).append((pattern.server, (id, rule)))

    def named(self) -> Iterator[tuple[str | None, str]]:
        """The tools that rules name in full, with the server where one is written."""
        return ((server, tool) for tool, listed in self._named.items() for server in {of for of, _ in listed})

    def fitting(self, server: str | None, tool: str) -> list[Ruled]:
        """The rules with a pattern that fits, in order of id. One with a server fits only calls known to be to it."""
        named = [ruled for of, ruled in self._named.get(tool, ()) if of is None or of == server]
        globbed = [ruled for fits, of, ruled in self._globs if (of is None or of == server) and fits(tool)]
        return sorted(dict([*named, *globbed]).items())


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
    )
