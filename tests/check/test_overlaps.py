"""policy_dsl/check/overlaps.py: a rule that never grants can go, and rules of different layers are not compared."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import EMPTY_CATALOGUE, Facts, check, parse, policy_set, reference_decide

TESTS = st.lists(st.sampled_from(["x == 1", "x > 1", "y == 1", "has y"]), min_size=1, max_size=3, unique=True)
WHEN = TESTS.map(" and ".join)
PRIORITY = st.sampled_from(["", "", " priority 1"])
TOOLS = st.sampled_from(["get_a", "get_*", "s/get_a"])
RULES = st.builds("forbid {}{} when {}".format, TOOLS, PRIORITY, WHEN) | st.builds(
    "{} {}(...){} when {}".format, st.sampled_from(["allow", "ask"]), TOOLS, PRIORITY, WHEN
)
SCOPED = RULES | st.builds('for agent "a" {{ {} }}'.format, RULES)
CALLS = [{"x": x, **y} for x in (1, 2, "1") for y in ({}, {"y": 1}, {"y": None})]


@given(st.lists(SCOPED, min_size=2, max_size=5))
@settings(print_blob=True, max_examples=300)
def test_a_rule_that_never_grants_can_go(rules: list[str]) -> None:
    policy = policy_set([parse("language 1\n" + "\n".join(rules) + "\n")])
    lines = sorted(finding.span.line for finding in check(policy) if finding.code == "never-grants")
    for line in lines:
        kept = [rule if number != line else "" for number, rule in enumerate(rules, 2)]
        without = policy_set([parse("language 1\n" + "\n".join(kept) + "\n")])
        for facts, server, call in product([Facts(), Facts(agent="a", key="a")], [None, "s"], CALLS):
            before = reference_decide(policy, EMPTY_CATALOGUE, "get_a", call, facts, server)
            after = reference_decide(without, EMPTY_CATALOGUE, "get_a", call, facts, server)
            assert before.effect == after.effect, (line, server, call, facts)


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ("allow get_a(x) priority 1 when x > 1", "forbid get_a when x < 5"),  # no overlap
        ("allow get_a(x) when x == 1", "forbid get_a priority 5"),  # not shadowed
        ("forbid get_a when x == 1", "allow get_a(x) when x == 1"),  # no never-grants
        ("allow get_a(x) when x == 1", "allow get_a(x) when x == 1"),  # no twins
    ],
)
def test_rules_of_different_layers_are_not_compared(upper: str, lower: str) -> None:
    def codes(layer: str) -> set[str]:
        files = [parse(f"language 1\n{upper}\n", "a.lw"), parse(f"language 1\nlayer {layer}\n{lower}\n", "b.lw")]
        return {finding.code for finding in check(policy_set(files))} - {"untyped"}

    assert codes("team") == set()
    assert codes("organisation") & {"overlap", "shadowed", "never-grants"}
