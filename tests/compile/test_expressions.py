"""policy_dsl/compile/expressions.py: single conditions and operands as functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest

from policy_dsl import NOBODY, ast, compile_policy
from policy_dsl.compile import ABSENT, compile_condition, compile_operand
from policy_dsl.reference import Answer
from policy_dsl.reference.conditions import Evaluator
from policy_dsl.reference.kleene import Fault

RESULT = ast.ResultValue(("id",))
IS_FIVE = ast.Compare("==", RESULT, ast.Argument(("n",)))


def test_a_condition_of_a_call_and_its_answer() -> None:
    test = compile_condition(IS_FIVE, {})
    assert test({"n": 5}, NOBODY, {"id": 5}) is True
    assert test({"n": 5}, NOBODY, {"id": 6}) is False
    assert test({"n": 5}, NOBODY, {}) is None
    assert test({"n": 5}, NOBODY, "text") is None
    assert test({"n": 5}) is None
    assert Evaluator({"n": 5}).truth(IS_FIVE) == Fault("missing", "result")
    assert Evaluator({"n": 5}, result=Answer({})).truth(IS_FIVE) == Fault("missing", "result.id")


def test_sets_and_levels_come_from_the_policy(compiled: Callable[..., Any]) -> None:
    _, policy = compiled('set known = { "a" }\nallow act(...)')
    assert compile_condition(ast.Member(ast.Argument(("x",)), ast.SetName("known")), policy)({"x": "a"}) is True
    assert compile_condition(ast.Member(ast.Argument(("x",)), ast.SetName("known")), policy.sets)({"x": "b"}) is False


def test_an_operand_is_a_value_or_absent() -> None:
    whole = compile_operand(ast.ResultValue())
    assert whole({}, NOBODY, [1]) == [1]
    assert whole({}) is ABSENT
    total = compile_operand(ast.Arithmetic("+", RESULT, ast.Literal(1)))
    assert total({}, NOBODY, {"id": 1}) == 2
    assert total({}, NOBODY, {"id": "1"}) is ABSENT
    assert compile_operand(ast.LengthOf(ast.Argument(("a",))))({"a": 5}) is ABSENT


def test_a_call_that_is_being_decided_has_no_result(compiled: Callable[..., Any]) -> None:
    _, policy = compiled("allow act(...)")
    rule = ast.Rule(ast.Effect.FORBID, (ast.ToolPattern(None, "act"),), None, IS_FIVE, None)
    program = compile_policy(ast.PolicySet((), {"r": rule}, {}, {}, (), "", policy.catalogue))
    with pytest.raises(TypeError):
        program.decide("act", {})


def test_conditions_say_what_the_reference_says(worlds: Callable[..., Iterator[Any]]) -> None:
    asked = 0
    for world in islice(worlds("expressions"), 25):
        for rule in world.policy.rules.values():
            for condition in filter(None, (rule.when, rule.unless)):
                test = compile_condition(condition, world.policy)
                for _, arguments, facts, _ in world.calls:
                    evaluator = Evaluator(arguments, facts, sets=world.policy.sets, levels=world.policy.levels)
                    truth = evaluator.truth(condition)
                    assert test(arguments, facts) is (None if isinstance(truth, Fault) else truth)
                    asked += 1
    assert asked > 500
