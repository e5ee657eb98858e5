"""What is compiled and remembered: for each set of binding scopes a View, in it for each tool a Verdict.

Names that only calls know are kept in bounded tables, so that no stream of invented names or principals can grow
memory. Names that the policy or the catalogue has are kept as long as their View.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from ..ast import PolicySet, Rule, Scope
from ..catalogue import Catalogue
from ..facts import Facts
from ..outcome import Outcome, Reason
from ..types import Object
from .askers import Askers, nobody
from .binding import Patterns, Ruled, binds
from .contender import Ground
from .layers import Layers
from .schema import known
from .sets import Sets
from .shapes import Shapes
from .verdicts import Decide, Verdict, Voice

Name = str | tuple[str, str]
"""A tool as calls name it: its name alone, or (server, tool) where the door knows the server."""

KEPT_NAMES = 1_024
"""Invented tool names that a View remembers; agents are offered a few hundred tools at most."""

KEPT_PRINCIPALS = 8_192
"""Principals whose View is remembered, and Views."""

KEPT_ALIKE = 1_024
"""Verdicts shared by all tools without a schema that the same rules fit."""

LONGEST_NAME = 256
"""A longer tool name is judged anew each time (the catalogue takes none longer)."""

K = TypeVar("K")
V = TypeVar("V")


class Kept(dict[K, V], Generic[K, V]):
    """A dict that drops its oldest entry when it is full. Reading takes no lock."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._lock = Lock()

    def keep(self, key: K, value: V) -> None:
        with self._lock:
            if len(self) >= self._most and key not in self:
                del self[next(iter(self))]
            self[key] = value


class Compiler:
    """What all Views of a program share."""

    def __init__(self, policy: PolicySet, rules: Mapping[str, Rule], catalogue: Catalogue) -> None:
        """`rules` are those of the policy that take part."""
        self.patterns = Patterns(rules)
        self.scopes = tuple(dict.fromkeys(rule.scope for rule in rules.values() if not rule.scope.is_everyone))
        self.catalogue = catalogue
        self.layers = Layers(rules, policy.otherwise)
        self.sets = Sets(policy.sets, policy.levels)
        self._shapes = Shapes()
        self._alike: Kept[tuple[str, ...], Verdict] = Kept(KEPT_ALIKE)
        self.names: frozenset[Name] = frozenset(
            tool if server is None else (server, tool)
            for server, tool in (*self.patterns.named(), *((tool.server, tool.name) for tool in catalogue))
        )

    def verdict(self, server: str | None, tool: str, bound: frozenset[Scope]) -> Verdict:
        """The verdict on calls of a tool where just these scopes bind."""
        listed = self.catalogue.get(server, tool)
        if listed is None and len(self.catalogue):
            return _constant(Outcome("forbid", None, Reason.UNKNOWN_TOOL, self.layers.otherwise))
        rules = self._bound(server, tool, bound)
        if listed is not None:
            return self._compiled(rules, listed.parameters)
        # Invented names that the same rules fit share a verdict: compiling one for each would be a way to stall us.
        fitting = tuple(id for id, _ in rules)
        found = self._alike.get(fitting)
        if found is None:
            found = self._compiled(rules, None)
            self._alike.keep(fitting, found)
        return found

    def _compiled(self, rules: list[Ruled], declared: Object | None) -> Verdict:
        return self.layers.verdict(rules, Ground(self.sets, self._shapes, declared, known(declared)))

    def askers(self, server: str | None, tool: str, bound: frozenset[Scope]) -> Askers:
        """Which rules ask about calls of a tool, where just these scopes bind."""
        listed = self.catalogue.get(server, tool)
        if listed is None and len(self.catalogue):
            return nobody
        declared = None if listed is None else listed.parameters
        rules = self._bound(server, tool, bound)
        return self.layers.askers(rules, Ground(self.sets, self._shapes, declared, known(declared)))

    def grants(self, server: str | None, tool: str, bound: frozenset[Scope]) -> bool:
        """Whether there could be a call of a tool that is granted, where just these scopes bind."""
        if self.catalogue.get(server, tool) is None and len(self.catalogue):
            return False
        return self.layers.grants(self._bound(server, tool, bound))

    def learns(self, server: str | None, tool: str, bound: frozenset[Scope]) -> bool:
        """The same, of calls that a learnable is about."""
        fitting = self._bound(server, tool, bound)
        return any(rule.origin == "learnable" for _, rule in fitting) and self.grants(server, tool, bound)

    def _bound(self, server: str | None, tool: str, bound: frozenset[Scope]) -> list[Ruled]:
        fitting = self.patterns.fitting(server, tool)
        return [(id, rule) for id, rule in fitting if rule.scope.is_everyone or rule.scope in bound]


def _constant(outcome: Outcome) -> Verdict:
    def decide(a: object, facts: object) -> Outcome:
        return outcome

    def tell(outcome: Outcome, a: object, facts: object) -> Outcome:
        return outcome

    return Verdict(decide, decide, Voice(decide, tell, lambda: f"# always {outcome.reason.value}\n"))


class View:
    """The verdicts where one set of scopes binds. `bare` and `full` hold the functions of the tools seen so far."""

    def __init__(self, compiler: Compiler, bound: frozenset[Scope]) -> None:
        self._compiler = compiler
        self._bound = bound
        self._verdicts: dict[Name, Verdict] = {}
        self._invented: Kept[Name, Verdict] = Kept(KEPT_NAMES)
        self._granted: Kept[Name, bool] = Kept(KEPT_NAMES)
        self._learnt: Kept[Name, bool] = Kept(KEPT_NAMES)
        self._asking: Kept[Name, Askers] = Kept(KEPT_NAMES)
        self.bare: dict[Name, Decide] = {}
        self.full: dict[Name, Decide] = {}

    def verdict(self, server: str | None, tool: str) -> Verdict:
        """The verdict on calls of a tool, compiled on first use."""
        name = tool if server is None else (server, tool)
        found = self._verdicts.get(name) or self._invented.get(name)
        if found is None:
            found = self._compiler.verdict(server, tool, self._bound)
            if name in self._compiler.names:
                self._verdicts[name] = found
                self.bare[name] = found.bare
                self.full[name] = found.full
            elif len(tool) + len(server or "") <= LONGEST_NAME:
                self._invented.keep(name, found)
        return found

    def grants(self, server: str | None, tool: str) -> bool:
        """Whether there could be a call of a tool that is granted."""
        return self._remembered(self._granted, self._compiler.grants, server, tool)

    def learns(self, server: str | None, tool: str) -> bool:
        """Whether there could be one that a learnable grants."""
        return self._remembered(self._learnt, self._compiler.learns, server, tool)

    def askers(self, server: str | None, tool: str) -> Askers:
        """Which rules ask about a call of a tool that came out as an ask."""
        return self._remembered(self._asking, self._compiler.askers, server, tool)

    def _remembered(self, known: Kept[Name, V], ask: Callable[..., V], server: str | None, tool: str) -> V:
        name = tool if server is None else (server, tool)
        answer = known.get(name)
        if answer is None:
            answer = ask(server, tool, self._bound)
            if len(tool) + len(server or "") <= LONGEST_NAME:
                known.keep(name, answer)
        return answer

    def prepare(self) -> int:
        """Compile every tool that the policy or the catalogue names."""
        for name in self._compiler.names:
            server, tool = name if isinstance(name, tuple) else (None, name)
            self.verdict(server, tool)
        return len(self._compiler.names)


class _Seen(NamedTuple):
    facts: Facts
    view: View


class Views:
    """The View of each principal. `matter` is whether who acts makes a difference at all."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self.matter = bool(compiler.scopes)
        self._by_scopes: Kept[frozenset[Scope], View] = Kept(KEPT_PRINCIPALS)
        self._by_key: Kept[str, _Seen] = Kept(KEPT_PRINCIPALS)

    def of(self, facts: Facts) -> View:
        seen = self._by_key.get(facts.key)
        # A key that two different principals share would give one the other's rules, so it is only a place to look.
        if seen is not None and (seen.facts is facts or _same_principal(seen.facts, facts)):
            return seen.view
        bound = frozenset(scope for scope in self._compiler.scopes if binds(scope, facts))
        view = self._by_scopes.get(bound)
        if view is None:
            view = View(self._compiler, bound)
            self._by_scopes.keep(bound, view)
        self._by_key.keep(facts.key, _Seen(facts, view))
        return view


def _same_principal(left: Facts, right: Facts) -> bool:
    return (
        left.tenant == right.tenant
        and left.agent == right.agent
        and left.user == right.user
        and left.roles == right.roles
        and left.via == right.via
    )
