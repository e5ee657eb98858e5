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
from ..outcome import Outcome
from .views import Compiler, View, Views


class Program:
    """A compiled PolicySet. Safe to use from several threads; immutable but for what it remembers.

    `decide(tool, arguments, facts=NOBODY, server=None)` and `decide_bare` (the same without `errors`) are functions in
    slots, because calling an object costs 70 ns more than calling a function.
    """

    __slots__ = ("_view_of", "catalogue", "decide", "decide_bare", "policy_hash")

    decide: Callable[..., Outcome]
    decide_bare: Callable[..., Outcome]

    def __init__(self, policy: PolicySet, catalogue: Catalogue) -> None:
        self.policy_hash = policy.hash
        self.catalogue = catalogue
        views = Views(Compiler(policy, catalogue))
        self._view_of = views.of
        if views.matter:
            self.decide_bare, self.decide = _for_anybody(views.of)
        else:
            self.decide_bare, self.decide = _for_everybody(views.of(NOBODY))

    def prepare(self) -> int:
        """Compile every tool that the policy or the catalogue names, for who has no scoped rule; how many those are."""
        return self._view_of(NOBODY).prepare()

    def may_grant(self, tool: str, facts: Facts = NOBODY, server: str | None = None) -> bool:
        """Whether there are arguments at all with which a rule could grant a call of this tool to this principal."""
        return self._view_of(facts).grants(server, tool)

    def source(self, tool: str, facts: Facts = NOBODY, server: str | None = None) -> str:
        """The generated Python that decides calls of one tool for one principal, with its constants as comments."""
        return self._view_of(facts).verdict(server, tool).source()


def compile_policy(policy: PolicySet, catalogue: Catalogue | None = None) -> Program:
    """The Program that decides as `policy` says.

    `catalogue` is the authority on tools and their arguments: the policy's own where none is given.
    """
    return Program(policy, policy.catalogue if catalogue is None else catalogue)


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
