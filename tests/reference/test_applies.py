"""policy_dsl/reference/applies.py: globs, signatures and scopes (the corpus of decisions has the rest)."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.ast import Effect, Json, NamedArgument, Rule, Scope, Signature, ToolPattern
from policy_dsl.facts import NOBODY, Facts
from policy_dsl.reference.applies import accepts, fits


def rule(pattern: str, signature: Signature | None = None, scope: Scope | None = None) -> Rule:
    tools = (ToolPattern(None, pattern),)
    return Rule(Effect.ALLOW, tools, signature, None, None, scope=scope or Scope())


@given(st.text("ab*/", max_size=6), st.text("ab/", max_size=8))
def test_a_glob_is_the_regular_expression_it_stands_for(glob: str, tool: str) -> None:
    expected = re.fullmatch(re.escape(glob).replace(r"\*", "[^/]*"), tool) is not None
    assert fits(rule(glob), tool, None, NOBODY) is expected


def test_many_stars_cost_little() -> None:
    assert not fits(rule("*a" * 50 + "b"), "a" * 400, None, NOBODY)


NAMES = st.text("ab", min_size=1, max_size=1)
TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers(0, 1),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner),
    max_leaves=5,
)


def holds_object(value: Json) -> bool:
    return "{" in repr(value)


@given(st.dictionaries(NAMES, TREES))
def test_a_closed_signature_lets_nothing_unnamed_through(arguments: dict[str, Any]) -> None:
    closed = Signature((NamedArgument("a", optional=True),), open=False)
    wanted = set(arguments) <= {"a"} and not holds_object(arguments.get("a"))
    assert accepts(rule("t", closed), arguments, None) is wanted


@given(st.sets(st.sampled_from(["r1", "r2"])), st.sampled_from([None, "u1", "u2"]))
def test_scopes(roles: set[str], user: str | None) -> None:
    facts = Facts(user=user, roles=frozenset(roles))
    scoped = rule("t", scope=Scope(users=("u1",), roles=("r1", "r3")))
    assert fits(scoped, "t", None, facts) is (user == "u1" and "r1" in roles)
