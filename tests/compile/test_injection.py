"""The attack on a compiler: text of a policy that becomes code. Names of everything, values and calls try it.

Also the test of policy_dsl/compile/frame.py and of shapes.py, which spell everything that generated code is made of.
"""

from __future__ import annotations

import ast as python
import builtins
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from policy_dsl import EMPTY_CATALOGUE, Program, ast, compile_policy
from policy_dsl.compile.frame import Constants, Frame
from policy_dsl.compile.shapes import NAMES, run

ATTACKS = (
    "x'\n    import builtins; builtins.PLANTED = 1\n#",
    "x\"); __import__('builtins').PLANTED = 1; (\"",
    "'''\nbuiltins.PLANTED = 1\n'''",
    "{__import__('builtins').__dict__.update(PLANTED=1)}",
    "\\', ABSENT); PLANTED = 1 #",
    "a\u2028PLANTED = 1",
    "\u202eABSENT",
    "\ud800",
    "k0",
    "a_x",
    "ABSENT",
    "__class__",
    "x" * 100 + "'\n    import builtins; builtins.PLANTED = 1\n",
)
OWN_WORDS = {"a", "facts", "ask", "rank", "on_error", "miss", "best", "found", "each", "type", "len", "any", "all"}
FACTS = {"history", "tally", "user_words", "roles", "claims", "now", "tenant", "agent", "user"}
OWN_WORDS |= {"str", "int", "bool", "list", "dict"}


def hostile_policy(text: str, copies: int) -> ast.PolicySet:
    """The text in every place of a rule that holds text; with many copies the rules are found through tables."""

    def rule(effect: ast.Effect, number: int) -> ast.Rule:
        argument = ast.Argument((text,))
        conditions: tuple[ast.Condition, ...] = (
            ast.Compare("==", argument, ast.Literal(text)),
            ast.Member(argument, ast.SetLiteral((text, f"{text}{number}"))),
            ast.Holds("starts with", argument, ast.Literal(text)),
            ast.Holds("contains", argument, ast.Literal(text), ast.TextOptions(ignore_case=True)),
            ast.Under(argument, ast.SetLiteral((text,))),
            ast.Runs("one of", argument, ast.SetLiteral((text,))),
            ast.Presence("has", ast.Argument((text, text, 0))),
            ast.Quantified("any", argument, text, ast.Compare("==", ast.Element(text, (text,)), ast.Literal(text))),
            ast.HasRole(text),
            ast.Like(argument, text),
            ast.SessionHas(ast.Label(text, text)),
            ast.SessionExceeds((ast.Label(text, text),)),
            ast.Seen(0, (argument, ast.Literal(text))),
            ast.IfThen(ast.Compare("==", ast.Claim(text), ast.Literal(text)), ast.HasRole(text)),
            ast.Compare("<", ast.Tally(0, (ast.NumberOf(argument),)), ast.NumberOf(ast.Literal(text))),
        )
        return ast.Rule(
            effect=effect,
            tools=(ast.ToolPattern(text, text), ast.ToolPattern(None, text)),
            signature=ast.Signature((ast.NamedArgument(text, True),), False) if effect is ast.Effect.ALLOW else None,
            when=ast.Or(conditions) if number % 2 else ast.And((conditions[number % 3], ast.Or(conditions))),
            unless=None,
            message=text,
        )

    effects = (ast.Effect.ALLOW, ast.Effect.FORBID, ast.Effect.REQUIRE_APPROVAL)
    rules = {f"{text}{effect}{number}": rule(effect, number) for effect in effects for number in range(copies)}
    return ast.PolicySet((), dict(sorted(rules.items())), {}, {"organisation": text}, (), text, EMPTY_CATALOGUE)


@pytest.mark.parametrize("copies", [1, 20])
@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_text_of_a_policy_never_becomes_code(text: str, copies: int) -> None:
    program = compile_policy(hostile_policy(text, copies))
    for server in (None, text):
        for arguments in ({}, {text: text}, {text: [{text: text}]}, {text: 1}, {"other": text}):
            assert program.decide(text, arguments, server=server).effect in ("ask", "forbid")
            program.decide_bare(text, arguments, server=server)
    assert not hasattr(builtins, "PLANTED")
    source = program.source(text)
    assert source.isascii()
    assert_only_known_names(source)


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_names_of_calls_never_become_code(compiled: Callable[..., tuple[Program, Any]], text: str) -> None:
    program, _ = compiled("allow *(...)\nforbid read when x == 1")
    for server in (None, text):
        assert program.decide(text, {text: text, "x": text}, server=server).effect in ("allow", "forbid")
        assert_only_known_names(program.source(text, server=server))
    assert not hasattr(builtins, "PLANTED")


def assert_only_known_names(source: str) -> None:
    """The generated source, read by Python, has only locals of our own spelling and no attribute but a few methods."""
    for node in python.walk(python.parse(source)):
        if isinstance(node, python.Name):
            assert _is_ours(node.id), node.id
        if isinstance(node, python.Attribute):
            assert node.attr in {"get", "is_finite", "startswith", "endswith", *FACTS}
        assert not isinstance(node, python.Import | python.ImportFrom | python.Delete | python.Global)


def _is_ours(name: str) -> bool:
    generated = name[:1] in "akvwe" and name[1:].replace("_", "").isalnum()
    return generated or name.startswith(("text_", "number_")) or name in OWN_WORDS or name in NAMES


def test_a_name_is_a_local_only_where_it_is_a_plain_word() -> None:
    frame = Frame(Constants(spelled=True), {})
    words = [frame.argument(name) for name in ("recipient", "class", "a b", "\u00e9t\u00e9", "__x", "x" * 50, "x\n")]
    assert words == ["a_recipient", "a_class", "a2", "a3", "a4", "a5", "a6"]
    assert frame.argument("a b") == "a2"
    assert all(line.isascii() and "\n" not in line for line in frame.fresh())
    assert frame.fresh() == []


def test_only_short_plain_values_are_spelled() -> None:
    spelled, kept = Constants(spelled=True), Constants(spelled=False)
    assert [spelled.name(value) for value in ("a'\n\u00e9", 5, True)] == ['"a\'\\n\\xe9"', "5", "True"]
    listed = ["x" * 61, 10**15, Decimal("1.0"), ("a",)]
    assert [spelled.name(value) for value in (*listed, *listed)] == ["k0", "k1", "k2", "k3"] * 2
    assert [kept.name(value) for value in ("a", 5)] == ["k0", "k1"]


def test_generated_code_can_name_nothing_that_reaches_further() -> None:
    for name in ("__import__", "open", "eval", "exec", "getattr", "globals"):
        with pytest.raises(NameError):
            run(f"def reach():\n    return {name}\n", "reach", ())()
