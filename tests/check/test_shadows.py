"""policy_dsl/check/shadows.py: taking a rule away that never decides changes no decision."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import EMPTY_CATALOGUE, Facts, check, parse, policy_set, reference_decide

TOOLS = st.sampled_from(["get_a", "get_*", "*", "s/get_a", "s/*"])
WHEN = st.sampled_from(["", "", " when x == 1"])
PRIORITY = st.sampled_from(["", "", " priority 1", " priority 2"])
RULES = st.builds(
    "{} {}{}{}".format, st.sampled_from(["forbid", "require approval for"]), TOOLS, PRIORITY, WHEN
) | st.builds(
    "{} {}{}{}{}".format, st.sampled_from(["allow", "ask"]), TOOLS, st.sampled_from(["(...)", "(x?)"]), PRIORITY, WHEN
)
SCOPED = RULES | st.builds('for agent "a" {{ {} }}'.format, RULES)
FACTS = [Facts(), Facts(agent="a", key="a")]


@given(st.lists(SCOPED, min_size=2, max_size=5))
@settings(print_blob=True, max_examples=300)
def test_a_shadowed_rule_can_go(rules: list[str]) -> None:
    rules = [rule for rule in rules if "(x?)" not in rule or "when" not in rule]
    policy = policy_set([parse("language 1\n" + "\n".join(rules) + "\n")])
    lines = sorted(finding.span.line for finding in check(policy) if finding.code == "shadowed")
    for line in lines:
        kept = [rule if number != line else "" for number, rule in enumerate(rules, 2)]
        without = policy_set([parse("language 1\n" + "\n".join(kept) + "\n")])
        for facts, tool, server, x in product(FACTS, ["get_a", "get_b", "send"], [None, "s"], [{}, {"x": 1}, {"x": 2}]):
            before = reference_decide(policy, EMPTY_CATALOGUE, tool, x, facts, server)
            after = reference_decide(without, EMPTY_CATALOGUE, tool, x, facts, server)
            assert before.effect == after.effect, (line, tool, server, x, facts)
