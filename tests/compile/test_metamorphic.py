"""What must hold of any policy, whatever it says: properties of deciding that need no second engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from policy_dsl import ast, compile_policy

STRICTNESS = {"allow": 0, "ask": 1, "forbid": 2}
WORLDS = 8


@pytest.fixture(scope="module", params=[*range(4), *(pytest.param(n, marks=pytest.mark.long) for n in range(4, 16))])
def some_worlds(worlds: Callable[[str], Iterator[Any]], request: pytest.FixtureRequest) -> list[Any]:
    return list(islice(worlds(f"metamorphic {request.param}"), WORLDS))


def with_rule(policy: ast.PolicySet, id: str, rule: ast.Rule) -> ast.PolicySet:
    """One rule more, in the topmost layer that says anything: a layer above that one would have to grant, too. What was
    learned makes no layer one that says anything."""
    spoken = {one.layer for one in policy.rules.values() if one.is_written and not one.shadow}.union(policy.otherwise)
    topmost = next((layer for layer in ast.LAYERS if layer in spoken), ast.LAYERS[0])
    return replace(policy, rules={**policy.rules, id: replace(rule, layer=topmost)})


def rule(effect: ast.Effect, tool: str = "*", **parts: Any) -> ast.Rule:
    everything = {"tools": (ast.ToolPattern(None, tool),), "signature": None, "when": None, "unless": None}
    return ast.Rule(effect, **{**everything, **parts})


def test_the_order_of_rules_never_matters(some_worlds: list[Any]) -> None:
    for world in some_worlds:
        turned = replace(world.policy, rules=dict(reversed(world.policy.rules.items())))
        one, other = (compile_policy(policy, world.catalogue) for policy in (world.policy, turned))
        assert [one.decide(*call) for call in world.calls] == [other.decide(*call) for call in world.calls]


def test_a_forbid_on_top_forbids_what_it_is_about_and_touches_nothing_else(some_worlds: list[Any]) -> None:
    for world in some_worlds:
        before = compile_policy(world.policy, world.catalogue)
        stricter = with_rule(world.policy, "zz", rule(ast.Effect.FORBID, "read_*", priority=99))
        after = compile_policy(stricter, world.catalogue)
        for call in world.calls:
            if call[0] in ("read_a", "read_b"):
                assert after.decide(*call).effect == "forbid"
            else:
                assert after.decide(*call) == before.decide(*call)


@pytest.mark.parametrize("effect", [ast.Effect.FORBID, ast.Effect.REQUIRE_APPROVAL])
def test_a_rule_that_withholds_never_releases_more(some_worlds: list[Any], effect: ast.Effect) -> None:
    withheld = ast.Compare("==", ast.Argument(("a",)), ast.Literal("ab"))
    for world in some_worlds:
        before = compile_policy(world.policy, world.catalogue)
        for when in (withheld, ast.Not(withheld), None):
            stricter = with_rule(world.policy, "zz", rule(effect, when=when, priority=5))
            after = compile_policy(stricter, world.catalogue)
            for call in world.calls:
                # What was ask may come out as forbid by a forbid, and an allow as ask: never the other way round.
                assert STRICTNESS[after.decide(*call).effect] >= STRICTNESS[before.decide(*call).effect]


def test_a_rule_for_somebody_else_changes_nothing(some_worlds: list[Any]) -> None:
    for world in some_worlds:
        stranger = rule(ast.Effect.FORBID, scope=ast.Scope(users=("stranger",)), priority=99)
        before, after = (
            compile_policy(policy, world.catalogue)
            for policy in (world.policy, with_rule(world.policy, "zz", stranger))
        )
        assert [after.decide(*call) for call in world.calls] == [before.decide(*call) for call in world.calls]


def test_where_nobody_wrote_a_rule_the_first_layer_has_to_grant(some_worlds: list[Any]) -> None:
    """Found by a long run: the topmost layer of what memory learned had to, and so it was another one with a learnable
    more, or with a rule for somebody else."""
    for world in some_worlds:
        learned = {id: one for id, one in world.policy.rules.items() if not one.is_written}
        bare = replace(world.policy, rules=learned, otherwise={})
        replace(world, policy=bare).check()
        stranger = with_rule(bare, "zz", rule(ast.Effect.FORBID, scope=ast.Scope(users=("stranger",))))
        before, after = (compile_policy(policy, world.catalogue) for policy in (bare, stranger))
        assert [after.decide(*call) for call in world.calls] == [before.decide(*call) for call in world.calls]


def test_without_a_rule_nothing_is_released(some_worlds: list[Any]) -> None:
    for world in some_worlds:
        program = compile_policy(replace(world.policy, rules={}), world.catalogue)
        assert {program.decide(*call).effect for call in world.calls} == {"forbid"}


def test_a_lower_layer_never_releases_more(some_worlds: list[Any]) -> None:
    anything = ast.Signature((), open=True)
    lower = (
        rule(ast.Effect.ALLOW, signature=anything, layer="run"),
        rule(ast.Effect.ASK, signature=anything, layer="run", when=ast.Presence("has", ast.Argument(("a",)))),
        rule(ast.Effect.FORBID, "read_*", layer="run"),
    )
    for world in some_worlds:
        enforced = {id: replace(one, shadow=False) for id, one in world.policy.rules.items()}
        enforced["aa"] = rule(ast.Effect.FORBID, "nothing")
        before = compile_policy(replace(world.policy, rules=enforced), world.catalogue)
        for one in lower:
            after = compile_policy(replace(world.policy, rules={**enforced, "zz": one}), world.catalogue)
            for call in world.calls:
                assert STRICTNESS[after.decide(*call).effect] >= STRICTNESS[before.decide(*call).effect]


def test_shadow_rules_change_nothing(some_worlds: list[Any]) -> None:
    for world in some_worlds:
        without = {id: one for id, one in world.policy.rules.items() if not one.shadow}
        one, other = (
            compile_policy(policy, world.catalogue) for policy in (world.policy, replace(world.policy, rules=without))
        )
        assert other.shadow is None
        assert (one.shadow is None) is (len(without) == len(world.policy.rules))
        in_force = {id: replace(rule, shadow=False) for id, rule in world.policy.rules.items()}
        as_if = compile_policy(replace(world.policy, rules=in_force), world.catalogue)
        for call in world.calls:
            assert one.decide(*call) == other.decide(*call)
            assert one.shadow is None or one.shadow(*call) == as_if.decide(*call)
