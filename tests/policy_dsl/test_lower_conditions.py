"""Parse tree to conditions, operands and sets: what each test becomes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from policy_dsl import (
    And,
    Argument,
    Arithmetic,
    Compare,
    Element,
    FromUser,
    Holds,
    IsType,
    JsonType,
    LengthOf,
    ListLiteral,
    Literal,
    Matches,
    Member,
    Not,
    Or,
    ParseError,
    Presence,
    Quantified,
    RangeSet,
    Rule,
    RuleRef,
    Runs,
    SetLiteral,
    SetName,
    TextOptions,
    Under,
    parse,
)

A, B, C = (Argument((name,)) for name in "abc")
ONE, TWO = Literal(1), Literal(2)
S = SetName("s")


def _when(text: str) -> Any:
    (rule,) = parse(f"language 1\nforbid f when {text}").statements
    assert isinstance(rule, Rule)
    return rule.when


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("a == 1", Compare("==", A, ONE)),
        ("a >= -0.50", Compare(">=", A, Literal(Decimal("-0.50")))),
        ('a != "x" ignoring case', Compare("!=", A, Literal("x"), TextOptions(True, False))),
        ("a == b after nfkc", Compare("==", A, B, TextOptions(False, True))),
        ("a == [1, true, null]", Compare("==", A, ListLiteral((ONE, Literal(True), Literal(None))))),
        ("a in s", Member(A, S)),
        ("a not in s", Not(Member(A, S))),
        ("a in 1 .. 2.5", Member(A, RangeSet(1, Decimal("2.5")))),
        ('a in { "x", s } ignoring case after nfkc', Member(A, SetLiteral(("x",), ("s",)), TextOptions(True, True))),
        (r"a matches /x\/\d\\/", Matches(A, r"x/\d\\")),
        ("a not matches /x/", Not(Matches(A, "x"))),
        ("a contains b", Holds("contains", A, B)),
        ('a starts with "x" ignoring case', Holds("starts with", A, Literal("x"), TextOptions(True, False))),
        ('a not ends with "x"', Not(Holds("ends with", A, Literal("x")))),
        ('a under "/x"', Under(A, SetLiteral(("/x",)))),
        ("a not under s", Not(Under(A, S))),
        ('a runs one of { "ls" }', Runs("one of", A, SetLiteral(("ls",)))),
        ("a runs none of s", Runs("none of", A, S)),
        ("a is text", IsType(A, JsonType.TEXT)),
        ("a is not null", Not(IsType(A, JsonType.NULL))),
        ("has a", Presence("has", A)),
        ("not missing a.b", Not(Presence("missing", Argument(("a", "b"))))),
        ("absent a", Presence("absent", A)),
        ("a from user", FromUser(A)),
        ("a not from user", Not(FromUser(A))),
        ("a", RuleRef("a")),
        ("not a", Not(RuleRef("a"))),
        ("(a)", RuleRef("a")),
        (".a == 1", Compare("==", A, ONE)),
        ('.time."x y"[0].not == 1', Compare("==", Argument(("time", "x y", 0, "not")), ONE)),
        ("length of a.b in s", Member(LengthOf(Argument(("a", "b"))), S)),
        ("a + b * c == 1", Compare("==", Arithmetic("+", A, Arithmetic("*", B, C)), ONE)),
        ("a - b - c == 1", Compare("==", Arithmetic("-", Arithmetic("-", A, B), C), ONE)),
        ("(a - b) * c == 1", Compare("==", Arithmetic("*", Arithmetic("-", A, B), C), ONE)),
        ("a and b and c", And((RuleRef("a"), RuleRef("b"), RuleRef("c")))),
        ("a or (b and c)", Or((RuleRef("a"), And((RuleRef("b"), RuleRef("c")))))),
        ("not (a or b)", Not(Or((RuleRef("a"), RuleRef("b"))))),
        ("each of a in s", Quantified("each", A, "it", Member(Element("it"), S))),
        ("any of a not in s", Quantified("any", A, "it", Not(Member(Element("it"), S)))),
        ("any of a == it.b", Quantified("any", A, "it", Compare("==", Element("it"), Element("it", ("b",))))),
        (
            "each of a as i (i.b == 1 and .i == 2)",
            Quantified(
                "each", A, "i", And((Compare("==", Element("i", ("b",)), ONE), Compare("==", Argument(("i",)), TWO)))
            ),
        ),
        (
            "each of a as x (any of x.b as y (y == x[0]))",
            Quantified(
                "each",
                A,
                "x",
                Quantified("any", Element("x", ("b",)), "y", Compare("==", Element("y"), Element("x", (0,)))),
            ),
        ),
        (
            "each of a as i (i in s) and i == 1",
            And((Quantified("each", A, "i", Member(Element("i"), S)), Compare("==", Argument(("i",)), ONE))),
        ),
        ("each of a as i (other)", Quantified("each", A, "i", RuleRef("other"))),
    ],
)
def test_a_test_becomes(text: str, condition: Any) -> None:
    assert repr(_when(text)) == repr(condition)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100 + "a" + ")" * 100,
        " + ".join(["a"] * 100) + " == 1",
        "not (" * 100 + "a" + ")" * 100,
        "".join(f"each of a as x{n} (" for n in range(100)) + "b" + ")" * 100,
    ],
)
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        _when(text)
    assert caught.value.code == "too-deep"


def test_depth_far_beyond_the_stack_is_refused_the_same() -> None:
    with pytest.raises(ParseError) as caught:
        _when("(" * 20_000 + "a" + ")" * 20_000)
    assert caught.value.code == "too-deep"


def test_width_is_not_depth() -> None:
    assert len(_when(" and ".join(["a == 1"] * 500)).items) == 500


def test_signatures_and_json_are_bounded_too() -> None:
    for text in ("allow f" + "(a" * 100 + ")" * 100, 'test "t" { call f(a: ' + "[" * 100 + "]" * 100 + ") => allow }"):
        with pytest.raises(ParseError) as caught:
            parse(f"language 1\n{text}")
        assert caught.value.code == "too-deep"
