"""policy_dsl/compile/rewrites.py: what the corpus of decisions cannot show: values kept apart, bounds, scopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policy_dsl import EMPTY_CATALOGUE, Facts, ast, compile_policy, reference

TEXT = ast.Argument(("body",))


def program_of(*changes: ast.Change, **parts: Any) -> Any:
    rewrite = ast.Rewrite((ast.ToolPattern(None, "act"),), changes, None, **parts)
    return compile_policy(ast.PolicySet((), {}, {}, {}, (), "", EMPTY_CATALOGUE, rewrites={"w": rewrite}))


def rewritten(program: Any, arguments: dict[str, Any]) -> Any:
    found = program.rewrite("act", arguments)
    expected = reference.rewrite(program.policy, "act", arguments, Facts())
    assert repr(found) == repr(expected)
    return found


def test_the_call_as_it_came_is_left_alone() -> None:
    arguments = {"a": {"b": [1]}, "c": [{"d": "x1"}]}
    program = program_of(ast.SetArgument(("e",), ast.Argument(("a",))), ast.RedactArgument(("c", 0, "d"), "[0-9]", "#"))
    found = rewritten(program, arguments).arguments
    assert found == {"a": {"b": [1]}, "c": [{"d": "x#"}], "e": {"b": [1]}}
    found["e"]["b"].append(2)
    found["a"]["b"].append(3)
    assert arguments == {"a": {"b": [1]}, "c": [{"d": "x1"}]}
    assert (found["a"], found["e"]) == ({"b": [1, 3]}, {"b": [1, 2]})


def test_a_written_list_is_a_new_one_each_time() -> None:
    program = program_of(ast.SetArgument(("bcc",), ast.ListLiteral(())))
    first = rewritten(program, {}).arguments
    first["bcc"].append("eve")
    assert rewritten(program, {}).arguments == {"bcc": []}


def test_places_of_lists_are_those_of_the_call_as_it_came() -> None:
    program = program_of(
        ast.RemoveArgument(("xs", 0)),
        ast.SetArgument(("xs", 1), ast.Literal("b")),
        ast.RemoveArgument(("xs", 2)),
        ast.RemoveArgument(("xs", 9)),
    )
    assert rewritten(program, {"xs": [0, 1, 2, 3]}).arguments == {"xs": ["b", 3]}
    refusal = rewritten(program, {"xs": [0]}).refusal
    assert [(error.code, error.place) for error in refusal.errors] == [("missing", "xs[1]")]


@pytest.mark.parametrize(
    ("change", "arguments", "code", "place"),
    [
        (ast.SetArgument(("a", "b"), ast.Literal(1)), {"a": "x"}, "wrong-type", "a"),
        (ast.SetArgument(("a", "b"), ast.Literal(1)), {"a": None}, "null", "a"),
        (ast.SetArgument(("a", "b"), ast.Literal(1)), {}, "missing", "a"),
        (ast.SetArgument(("a",), ast.Argument(("b",))), {"b": [1.5]}, "wrong-type", "b"),
        (ast.SetArgument(("a",), ast.NumberOf(ast.Argument(("b",)))), {"b": "x"}, "unreadable", "b"),
        (ast.RemoveArgument(("a", "b")), {"a": "x"}, "wrong-type", "a"),
        (ast.RedactArgument(("body",), "x", ""), {"body": 4711}, "wrong-type", "body"),
        (ast.RedactArgument(("body",), "x", ""), {"body": [["x"]]}, "wrong-type", "body[0]"),
        (ast.RedactArgument(("body",), "x", ""), {"body": "x" * 1_001}, "out-of-range", "body"),
    ],
)
def test_what_cannot_be_written_refuses_the_call(
    change: ast.Change, arguments: dict[str, Any], code: str, place: str
) -> None:
    found = rewritten(program_of(change), arguments)
    assert found.arguments is None
    assert [(error.code, error.place) for error in found.refusal.errors] == [(code, place)]


@pytest.mark.parametrize("arguments", [{}, {"a": None}, {"a": {}}, {"a": {"b": None}}])
def test_nothing_to_redact_is_no_rewriting(arguments: dict[str, Any]) -> None:
    assert rewritten(program_of(ast.RedactArgument(("a", "b"), "x", "")), arguments) is None


def test_a_replacement_is_no_template() -> None:
    program = program_of(ast.RedactArgument(("body",), "(a)(b)?", r"\1\g<0>$1"))
    assert rewritten(program, {"body": "xab"}).arguments == {"body": r"x\1\g<0>$1"}


def test_whom_and_what_a_rewrite_is_about(compiled: Callable[..., Any]) -> None:
    program, _ = compiled('allow *(...)\nfor agent "bot" { rewrite { srv/act, read_* } set a = 1 as w }')
    bot = Facts(agent="bot", key="bot")
    assert program.rewrite("act", {}, bot, "srv").rules == ("w",)
    assert program.rewrite("read_x", {}, bot).rules == ("w",)
    assert program.rewrite("act", {}, bot) is None
    assert program.rewrite("read_x", {}) is None
