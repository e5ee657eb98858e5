"""policy_dsl/importers (cedar.py, cedar_conditions.py, cedar_tests.py, cedar_terms.py, cedar_reading.py, cedar.lark) by
cedar.yaml: what each kind of policy becomes, word for word, and each refusal to the underline."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from lark import Lark

from guardrail import Guard, run_tests
from policy_dsl import compile_policy, format, parse, policy_set
from policy_dsl.importers import ImportRefused, import_cedar

CASES = yaml.safe_load((Path(__file__).parent / "cedar.yaml").read_text())
NAMED = [pytest.param(case, id=case["note"]) for case in CASES]


@pytest.mark.parametrize("case", [case for case in NAMED if "text" in case.values[0]])
def test_the_text(case: dict[str, Any]) -> None:
    text = import_cedar([("p.cedar", case["cedar"])])
    assert text.partition("language 1\n")[2].strip("\n") == case["text"].strip("\n")
    assert format(parse(text)) == text


@pytest.mark.parametrize("case", [case for case in NAMED if "tests" in case.values[0]])
def test_what_it_decides(case: dict[str, Any]) -> None:
    text = import_cedar([("p.cedar", case["cedar"])])
    policy = policy_set([parse(f"{text}\n{case['tests']}", "p.lw")])
    outcomes = run_tests(policy, Guard(compile_policy(policy)))
    assert outcomes
    assert [outcome for outcome in outcomes if not outcome.passed] == []


@pytest.mark.parametrize("case", [case for case in NAMED if "refused" in case.values[0]])
def test_the_refusal(case: dict[str, Any]) -> None:
    with pytest.raises(ImportRefused) as refused:
        import_cedar([("p.cedar", case["cedar"].strip("\n"))])
    assert refused.value.render() == case["refused"].strip("\n")


def test_the_arguments_may_be_the_whole_context() -> None:
    text = import_cedar([("p.cedar", "permit(principal, action, resource) when { context.n < 3 };")], root="context")
    assert text.endswith("allow *(...) when n < 3\n")


def test_the_grammar_has_no_conflict_and_no_two_terminals_that_collide() -> None:
    text = files("policy_dsl.importers").joinpath("cedar.lark").read_text(encoding="utf-8")
    Lark(text, parser="lalr", strict=True, maybe_placeholders=True)
