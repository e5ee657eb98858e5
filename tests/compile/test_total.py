"""No value of a call makes generated code raise, and both engines agree on it: hypothesis looks for one that does."""

from __future__ import annotations

from collections import UserDict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import EMPTY_CATALOGUE, Catalogue, Facts, compile_policy, parse, policy_set, reference

POLICY = """\
language 1
set payees = { "GB29NWBK60161331926819", 5, true }
allow act(a, b?, c(x, y?), ...) as plain
  when a == "x" or a in payees or a in 0.5 .. 9 or a starts with "/srv" or a matches /[a-z]+@x/
allow act(...) as deep
  when each of c.x (it == b or length of it > 2 or it.y in mail under { "corp.example" })
   and any of b ((it is integer and it + 1 < 9) or it from user)
allow act(a, b, c) as closed when a == b and c.x[0].y != b and a != null and c is object
ask act(...) as texts
  when a contains b or b ends with a ignoring case or a starts with b after nfkc or c contains null
ask act(...) as shells when (a under { "/srv", "/" } and b runs one of { "ls" }) or b runs none of { "rm" }
require approval for act as sums when a * b - 3 >= c.x or length of c == length of a
forbid act as urls when a in https at { "api.corp.example" } unless absent b or missing c.x
forbid other when a == 1
allow other(...) when not (a != true and b > 2)
"""
RULES = "".join(
    f'allow many(a, ...) when a == "{n}" and b in 0 .. {n}\n'
    f'forbid many when b in {n} .. {n + 1} and a starts with "/{n}/"\n'
    for n in range(20)
)
TOOLS = [
    {"name": name, "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}}}
    for name in ("act", "other", "many")
]
POLICIES = {"rich": POLICY, "many": f"language 1\n{RULES}"}

texts = st.sampled_from(["x", "", "/srv/a", "me@x", "ls", "null", "1"]) | st.text(st.characters(), max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.integers()
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.floats()
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xy") | texts, inner, max_size=3),
    max_leaves=8,
)
arguments = st.dictionaries(st.sampled_from("abc") | texts, values, max_size=5)


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("name", POLICIES)
def test_any_arguments_are_decided_alike(name: str, typed: bool) -> None:
    catalogue = Catalogue.from_tools(TOOLS) if typed else EMPTY_CATALOGUE
    policy = policy_set([parse(POLICIES[name], "policy.lw")], catalogue)
    program = compile_policy(policy, catalogue)

    @settings(max_examples=150, deadline=None, print_blob=True)
    @given(arguments, st.sampled_from(["act", "other", "many", "*", ""]), st.lists(texts, max_size=2))
    def decide(given_arguments: dict[str, Any], tool: str, words: list[str]) -> None:
        facts = Facts(user_words=tuple(words))
        expected = reference.decide(policy, catalogue, tool, given_arguments, facts)
        assert program.decide(tool, given_arguments, facts) == expected
        bare = program.decide_bare(tool, given_arguments, facts)
        assert (bare.effect, bare.rule, bare.reason, bare.message) == (
            expected.effect,
            expected.rule,
            expected.reason,
            expected.message,
        )

    decide()


def test_arguments_may_be_any_mapping() -> None:
    policy = policy_set([parse(POLICY, "policy.lw")], EMPTY_CATALOGUE)
    program = compile_policy(policy)
    for given_arguments in ({"a": "x", "c": {"x": 1}}, {"a": Decimal(1)}, {}):
        mapping: UserDict[str, Any] = UserDict(given_arguments)
        assert program.decide("act", mapping) == program.decide("act", given_arguments)
