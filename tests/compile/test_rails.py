"""policy_dsl/compile/rails.py, leaves.py, context.py, operands.py and logic.py: what is written for a condition.

`faults.py` and `context_faults.py` answer the same conditions by closures: the two rails and the closures must agree on
every value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from policy_dsl import NOBODY, ast, compile_policy, reference
from policy_dsl.compile.contender import condition_of
from policy_dsl.compile.faults import judge
from policy_dsl.compile.frame import Constants, Frame
from policy_dsl.compile.logic import conjunction, disjunction, negation
from policy_dsl.compile.operands import Place
from policy_dsl.compile.rails import write
from policy_dsl.compile.sets import Sets
from policy_dsl.compile.shapes import run
from policy_dsl.compile.spots import Fault
from policy_dsl.resolve import MAX_DEPTH

WRITTEN = {
    'a == "x"': ("a_a == 'x'", "text_a and a_a != 'x'"),
    "a == 5": ("number_a and a_a == 5", "number_a and a_a != 5"),
    "a == true": ("a_a is True", "a_a is False"),
    "a != true": ("a_a is False", "a_a is True"),
    "5 > a": ("number_a and a_a < 5", "number_a and a_a >= 5"),
    "a in 1 .. 9": ("number_a and 1 <= a_a <= 9", "number_a and (not 1 <= a_a <= 9)"),
    'a == "x" and b == "y"': ("a_a == 'x' and a_b == 'y'", "(text_a and a_a != 'x') or (text_b and a_b != 'y')"),
    'not (a == "x" or b == "y")': (
        "(text_a and a_a != 'x') and (text_b and a_b != 'y')",
        "a_a == 'x' or a_b == 'y'",
    ),
    'each of a (it == "x")': (
        "type(a_a) is list and len(a_a) > 0 and all(e0 == 'x' for e0 in a_a)",
        "type(a_a) is list and any(type(e0) is str and e0 != 'x' for e0 in a_a)",
    ),
    "if a == 1 then b == 2": (
        "(number_a and a_a != 1) or (number_b and a_b == 2)",
        "(number_a and a_a == 1) and (number_b and a_b != 2)",
    ),
    "a contains /x[0-9]/": ("text_a and k0(a_a)", "text_a and (not k0(a_a))"),
    "a is multiple of 5": ("number_a and is_multiple(a_a, 5)", "number_a and (not is_multiple(a_a, 5))"),
    'principal has role "r"': ("'r' in facts.roles", "'r' not in facts.roles"),
    "counter spent <= 9": ("number__v1 and v1 <= 9", "number__v1 and v1 > 9"),
    "after released act": ("seen(facts, 0, ()) is True", "seen(facts, 0, ()) is False"),
    "a from results of act": (
        "from_source(facts, a_a, 0, False) is True",
        "from_source(facts, a_a, 0, False) is False",
    ),
}

NEEDED = "counter spent = count of released pay per session\n"


def rails(condition: Any, sets: Sets) -> tuple[Frame, str, str]:
    frame = Frame(Constants(spelled=True), {})
    true, false = (write(condition, rail, Place(frame), sets) for rail in (True, False))
    return frame, true, false


@pytest.mark.parametrize("text", WRITTEN)
def test_what_is_written_can_be_read(compiled: Callable[..., tuple[Any, Any]], text: str) -> None:
    _, policy = compiled(f"{NEEDED if 'counter' in text else ''}forbid act as it when {text}")
    _, true, false = rails(policy.rules["it"].when, Sets(policy.sets))
    assert (true, false) == WRITTEN[text]


def test_the_rails_and_the_closures_agree(worlds: Callable[[str], Iterator[Any]]) -> None:
    judged = 0
    for world in islice(worlds("rails"), 60):
        sets = Sets(world.policy.sets)
        for rule in world.policy.rules.values():
            condition = condition_of(rule)
            frame, true, false = rails(condition, sets)
            lines = [*frame.fresh(), f"return ({true}), ({false})"]
            source = "def both(a, facts):\n" + "".join(f"    {line}\n" for line in lines)
            both = run(source, "both", frame.constants.values)
            closures = judge(condition, sets)
            for _, arguments, facts, _ in world.calls:
                answer = closures(arguments, facts)
                expected = (False, False) if isinstance(answer, Fault) else (answer, not answer)
                assert both(arguments, facts) == expected, (condition, arguments)
                judged += 1
    assert judged > 1_000


def test_a_part_known_to_be_true_is_not_asked(compiled: Callable[..., tuple[Any, Any]]) -> None:
    _, policy = compiled('forbid act when a == "x" and b == "y"')
    (rule,) = policy.rules.values()
    frame = Frame(Constants(spelled=True), {})
    held = rule.when.items[0]
    assert write(rule.when, True, Place(frame), Sets({}), held) == "a_b == 'y'"
    assert write(rule.when, False, Place(frame), Sets({}), held) == "text_b and a_b != 'y'"


def test_what_is_decided_while_compiling_disappears() -> None:
    assert conjunction(["True", "a"]) == "a"
    assert conjunction(["a", "False"]) == "False"
    assert conjunction([]) == "True"
    assert disjunction(["False", "a or b", "c"]) == "(a or b) or c"
    assert disjunction(["a", "True"]) == "True"
    assert disjunction([]) == "False"
    assert negation("not a") == "not (not a)"
    assert negation("True") == "False"


def test_conditions_as_deep_and_as_wide_as_a_policy_may_have_compile(compiled: Callable[..., tuple[Any, Any]]) -> None:
    _, policy = compiled("forbid act")
    (rule,) = policy.rules.values()
    it = ast.Element("it")
    deep: ast.Condition = ast.Compare("==", it, ast.Literal(1))
    value: Any = 1
    for level in range(MAX_DEPTH - 1):
        deep = (
            ast.Quantified("any", it, "it", deep),
            ast.And((deep, ast.Presence("has", it))),
            ast.Or((ast.Presence("missing", it), ast.Not(ast.Not(deep)))),
        )[level % 3]
        value = [value] if level % 3 == 0 else value
    deep = ast.Quantified("any", ast.Argument(("a",)), "it", deep)
    program = compile_policy(replace(policy, rules={"r": replace(rule, unless=deep)}))
    assert program.decide("act", {"a": [value]}).reason == "no-rule"
    assert program.decide("act", {"a": [[value]]}).reason == "rule-error"
    wide = " or ".join(f'a == "{n}" ignoring case' for n in range(2_000))
    program, _ = compiled(f"allow act(a) when {wide}")
    assert program.decide("act", {"a": "1999"}).effect == "allow"
    assert program.decide("act", {"a": "2000"}).effect == "forbid"


def test_an_if_inside_the_test_of_another_is_written_once(compiled: Callable[..., tuple[Any, Any]]) -> None:
    """Both rails of a test are asked on both rails of its `if`: written out, sixty of them would be 2**60 tests."""
    _, policy = compiled("forbid act")
    (rule,) = policy.rules.values()
    a = ast.Argument(("a",))
    deep: ast.Condition = ast.Compare("==", a, ast.Literal(0))
    for level in range(60):
        deep = ast.IfThen(deep, ast.Compare("!=", a, ast.Literal(level)), ast.Compare("==", a, ast.Literal(-level)))
    for when in (deep, ast.Quantified("any", ast.Argument(("xs",)), "it", deep)):
        program = compile_policy(replace(policy, rules={"r": replace(rule, when=when)}))
        assert len(program.source("act")) < 60_000
        expected = reference.decide(program.policy, program.catalogue, "act", {"a": 7, "xs": [1]}, NOBODY)
        assert program.decide("act", {"a": 7, "xs": [1]}) == expected
