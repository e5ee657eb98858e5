"""policy_dsl/reference/conditions.py: what no policy text or strict JSON can say, but a tree of ast.py can."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from policy_dsl.ast import (
    And,
    Argument,
    Arithmetic,
    Compare,
    Condition,
    Constant,
    Element,
    FromUser,
    Holds,
    IsType,
    JsonType,
    LengthOf,
    Literal,
    Member,
    Not,
    Presence,
    Quantified,
    RangeSet,
    RuleRef,
    SetLiteral,
)
from policy_dsl.reference.conditions import Evaluator
from policy_dsl.reference.kleene import Fault, Truth

X = Argument(("x",))


def truth(condition: Condition, **arguments: Any) -> Truth:
    return Evaluator(arguments).truth(condition)


@pytest.mark.parametrize("value", [1.0, float("inf"), Decimal("NaN"), (1,)])
@pytest.mark.parametrize(
    "condition",
    [
        Compare("==", X, Literal(1)),
        Compare("!=", X, Literal(1)),
        Compare("==", X, X),
        Compare("==", X, Literal(None)),
        Compare("<", X, Literal(1)),
        Compare(">=", Literal(1), X),
        Member(X, SetLiteral((1,))),
        Member(X, SetLiteral(())),
        Member(X, RangeSet(0, 9)),
        Holds("contains", X, Literal(1)),
        Holds("contains", Argument(("list",)), X),
        Holds("starts with", X, Literal("a")),
        IsType(X, JsonType.NUMBER),
        IsType(X, JsonType.INTEGER),
        FromUser(X),
        Compare("==", LengthOf(X), Literal(1)),
        Compare("==", Arithmetic("+", X, Literal(1)), Literal(1)),
        Quantified("any", X, "it", Constant(True)),
    ],
)
def test_what_is_no_json_is_of_the_wrong_type(condition: Condition, value: Any) -> None:
    assert truth(condition, x=value, list=[1]) == Fault("wrong-type", "x")
    assert truth(Not(condition), x=value, list=[1]) == Fault("wrong-type", "x")


def test_what_is_no_json_is_still_there() -> None:
    assert truth(Presence("has", X), x=1.0) is True


@pytest.mark.parametrize("condition", [Compare("==", X, X), Compare("!=", X, Argument(("y",)))])
def test_a_float_inside_a_list(condition: Condition) -> None:
    assert truth(condition, x=[{"a": [1.0]}], y=[]) == Fault("wrong-type", "x")


def test_null_as_a_member() -> None:
    assert truth(Member(X, SetLiteral(("a", None))), x=None) is True
    assert truth(Member(X, SetLiteral(("a", None))), x="b") is False
    assert truth(Member(X, SetLiteral(("a", None))), x=1) == Fault("wrong-type", "x")


def test_an_empty_set_has_no_member_to_compare_with() -> None:
    assert truth(Member(X, SetLiteral(())), x="a") == Fault("wrong-type", "x")


def test_an_inner_quantifier_may_hide_an_outer_name() -> None:
    inner = Quantified("each", Element("it"), "it", Compare(">", Element("it"), Literal(0)))
    condition = Quantified("each", X, "it", inner)
    assert truth(condition, x=[[1], [2]]) is True
    assert truth(condition, x=[[1], ["2"]]) == Fault("wrong-type", "x[1][0]")


def test_what_two_operands_do_to_each_other_stands_at_the_first_argument() -> None:
    total = Arithmetic("*", Literal(Decimal("1E+600")), X)
    assert truth(Compare("==", total, Literal(1)), x=Decimal("1.5E+400")) is False
    one_more = Arithmetic("+", total, Literal(1))
    assert truth(Compare("==", one_more, Literal(1)), x=Decimal("1E+400")) == Fault("inexact", "x")
    assert truth(Compare("==", Literal("a"), X), x=1) == Fault("wrong-type", "x")


def test_a_policy_set_has_no_names_of_rules() -> None:
    with pytest.raises(AssertionError, match=r"RuleRef.*other"):
        truth(And((RuleRef("other"),)))
