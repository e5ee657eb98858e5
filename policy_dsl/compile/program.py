"""The Program: a PolicySet as two functions.

Flow: who acts picks a View (the rules whose scopes bind); in it, tool and server pick a Verdict; the Verdict decides by
the arguments. Each step is one look-up in a dict once it has been taken before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..ast import PolicySet
from ..catalogue import Catalogue
from ..facts import NOBODY, Facts
from ..outcome import Outcome, Rewriting
from .binding import Patterns, binds
from .rewrites import Rewrites
from .views import Compiler, View, Views


class Program:
    """A compiled PolicySet. Safe to use from several threads; immutable but for what it remembers.

    `decide(tool, arguments, facts=NOBODY, server=None)` and `decide_bare` (the same without `errors`) are functions in
    slots, because calling an object costs 70 ns more than calling a function. So are `shadow`, which decides as if
    shadow rules were rules like any other (None for a policy without them), `ceiling`, which decides as if learnables
    were allows (None for a policy without them; never stricter than `decide`), and `rewrite`, which says what the
    policy's rewrites make of a call (None where they leave it as it is).
    """

    __slots__ = (
        "_ceiling_of",
        "_hidden",
        "_view_of",
        "catalogue",
        "ceiling",
        "decide",
        "decide_bare",
        "policy",
        "policy_hash",
        "rewrite",
        "shadow",
    )

    decide: Callable[..., Outcome]
    decide_bare: Callable[..., Outcome]
    rewrite: Callable[..., Rewriting | None]
    shadow: Callable[..., Outcome] | None
    ceiling: Callable[..., Outcome] | None

    def __init__(self, policy: PolicySet, catalogue: Catalogue) -> None:
        self.policy = policy
        self.policy_hash = policy.hash
        self.catalogue = catalogue
        enforced = {id: rule for id, rule in policy.rules.items() if not rule.shadow}
        compiler = Compiler(policy, enforced, catalogue)
        views = Views(compiler)
        self._view_of = views.of
        self.decide_bare, self.decide = _functions(views)
        self.rewrite = Rewrites(policy, compiler.sets, compiler.layers.otherwise).rewrite
        self.shadow = None
        if len(enforced) < len(policy.rules):
            _, self.shadow = _functions(Views(Compiler(policy, policy.rules, catalogue)))
        self.ceiling, self._ceiling_of = None, None
        if policy.learnable:
            highest = Views(Compiler(policy, {**enforced, **policy.learnable}, catalogue))
            _, self.ceiling = _functions(highest)
            self._ceiling_of = highest.of
        self._hidden = Patterns({str(place): hide for place, hide in enumerate(policy.hidden)})

    def prepare(self) -> int:
        """Compile every tool that the policy or the catalogue names, for who has no scoped rule; how many those are."""
        return self._view_of(NOBODY).prepare()

    def may_grant(self, tool: str, facts: Facts = NOBODY, server: str | None = None) -> bool:
        """Whether there may be arguments with which a call of this tool is granted to this principal: some rule could
        grant it, and no forbid without a condition, of that rule's priority or a higher one, stands against it."""
        return self._view_of(facts).grants(server, tool)

    def may_learn(self, tool: str, facts: Facts = NOBODY, server: str | None = None) -> bool:
        """Whether there may be arguments with which memory may open a call of this tool to this principal: a learnable
        fits, and no forbid without a condition stands against it. What is granted anyway is left to `may_grant`."""
        return self._ceiling_of is not None and self._ceiling_of(facts).learns(server, tool)

    def askers(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        facts: Facts = NOBODY,
        server: str | None = None,
        *,
        opened: bool = False,
    ) -> tuple[str, ...]:
        """The ids of all rules that ask about a call which `decide` asks about (`ceiling`, where it is `opened`): the
        one that the Outcome names and those that ask beside it, in order of id."""
        of = self._ceiling_of if opened and self._ceiling_of is not None else self._view_of
        return of(facts).askers(server, tool)(arguments, facts)

    def hides(self, tool: str, facts: Facts = NOBODY, server: str | None = None) -> bool:
        """Whether this principal must not see the tool in any list of tools."""
        return bool(self._hidden) and any(binds(hide.scope, facts) for _, hide in self._hidden.fitting(server, tool))

    def source(self, tool: str, facts: Facts = NOBODY, server: str | None = None) -> str:
        """The generated Python that decides calls of one tool for one principal, with its constants as comments."""
        return self._view_of(facts).verdict(server, tool).voice.source()


def compile_policy(policy: PolicySet, catalogue: Catalogue | None = None) -> Program:
    """The Program that decides as `policy` says.

    `catalogue` is the authority on tools and their arguments: the policy's own where none is given.
    """
    return Program(policy, policy.catalogue if catalogue is None else catalogue)


def _functions(views: Views) -> tuple[Callable[..., Outcome], Callable[..., Outcome]]:
    """`decide_bare` and `decide`."""
    return _for_anybody(views.of) if views.matter else _for_everybody(views.of(NOBODY))


def _for_everybody(view: View) -> tuple[Callable[..., Outcome], Callable[..., Outcome]]:
    """The two functions of a policy without scopes."""
    bare_of, full_of, verdict_of = view.bare.get, view.full.get, view.verdict

    def decide_bare(
        tool: str, arguments: Mapping[str, Any], facts: Facts = NOBODY, server: str | None = None
    ) -> Outcome:
        bare = bare_of(tool if server is None else (server, tool))
        return bare(arguments, facts) if bare is not None else verdict_of(server, tool).bare(arguments, facts)

    def decide(tool: str, arguments: Mapping[str, Any], facts: Facts = NOBODY, server: str | None = None) -> Outcome:
        full = full_of(tool if server is None else (server, tool))
        return full(arguments, facts) if full is not None else verdict_of(server, tool).full(arguments, facts)

    return decide_bare, decide


def _for_anybody(view_of: Callable[[Facts], View]) -> tuple[Callable[..., Outcome], Callable[..., Outcome]]:
    """The two functions of a policy with scopes."""

    def decide_bare(
        tool: str, arguments: Mapping[str, Any], facts: Facts = NOBODY, server: str | None = None
    ) -> Outcome:
        view = view_of(facts)
        bare = view.bare.get(tool if server is None else (server, tool))
        return bare(arguments, facts) if bare is not None else view.verdict(server, tool).bare(arguments, facts)

    def decide(tool: str, arguments: Mapping[str, Any], facts: Facts = NOBODY, server: str | None = None) -> Outcome:
        view = view_of(facts)
        full = view.full.get(tool if server is None else (server, tool))
        return full(arguments, facts) if full is not None else view.verdict(server, tool).full(arguments, facts)

    return decide_bare, decide
