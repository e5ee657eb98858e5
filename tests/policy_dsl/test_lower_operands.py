"""Parse tree to operands: what words stand for where a value may stand, and names that are not what they look like."""

from __future__ import annotations

from typing import Any

import pytest

from policy_dsl import Argument, Arithmetic, Compare, Element, LengthOf, Literal, ParseError, Rule, parse
from policy_dsl.ast import Claim, CounterValue, LabelResults, NumberOf, PrincipalPart, ResultValue

A, B = Argument(("a",)), Argument(("b",))


def _left(written: str) -> Any:
    (rule,) = parse(f"language 1\nforbid f when {written} == 1").statements
    assert isinstance(rule, Rule)
    assert isinstance(rule.when, Compare)
    return rule.when.left


@pytest.mark.parametrize(
    ("written", "operand"),
    [
        ("number of a", NumberOf(A)),
        ("number\n  of a.b", NumberOf(Argument(("a", "b")))),
        ("number of (a + b)", NumberOf(Arithmetic("+", A, B))),
        ("number of a + b", Arithmetic("+", NumberOf(A), B)),
        ("number", Argument(("number",))),
        ("counter spent", CounterValue("spent")),
        ("counter spent + a", Arithmetic("+", CounterValue("spent"), A)),
        ("counter paid[a, b + 1]", CounterValue("paid", (A, Arithmetic("+", B, Literal(1))))),
        ('claim "dept"', Claim("dept")),
        ("principal user", PrincipalPart("user")),
        ("principal tenant", PrincipalPart("tenant")),
        (".call", Argument(("call",))),
        (".result.call", Argument(("result", "call"))),
        ("a.result", Argument(("a", "result"))),
        ('."counter"', Argument(("counter",))),
        ("length of a", LengthOf(A)),
    ],
)
def test_an_operand_becomes(written: str, operand: Any) -> None:
    assert repr(_left(written)) == repr(operand)


@pytest.mark.parametrize("word", ["session", "time", "counter", "call", "result", "claim", "principal", "if"])
def test_a_word_stays_an_argument_behind_a_dot(word: str) -> None:
    assert _left(f".{word}.x") == Argument((word, "x"))
    parse(f"language 1\nallow f({word}) when each of xs (it.{word} == .{word})")


def test_the_answer_is_known_where_a_label_asks() -> None:
    (label,) = parse("language 1\nlabel results of f as s when length of result.rows > result.n[0]").statements
    assert isinstance(label, LabelResults)
    assert isinstance(label.when, Compare)
    assert label.when.left == LengthOf(ResultValue(("rows",)))
    assert label.when.right == ResultValue(("n", 0))


def test_an_element_hides_no_argument_behind_a_dot() -> None:
    (rule,) = parse("language 1\nforbid f when each of xs as x (number of x == number of .x)").statements
    assert isinstance(rule, Rule)
    body = getattr(rule.when, "body", None)
    assert isinstance(body, Compare)
    assert (body.left, body.right) == (NumberOf(Element("x")), NumberOf(Argument(("x",))))


def test_depth_is_bounded() -> None:
    for written in ("number of " * 100 + "a", "counter n[" * 100 + "a" + "]" * 100):
        with pytest.raises(ParseError) as caught:
            _left(written)
        assert caught.value.code == "too-deep"
