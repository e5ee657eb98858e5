"""policy_dsl/compile/verdicts.py, diagnosis.py and faults.py: the corpus of decisions, run by the compiled program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy_dsl import EMPTY_CATALOGUE, Catalogue, Facts, compile_policy, parse, policy_set
from policy_dsl.strict_json import parse_object

CORPUS = Path(__file__).parents[1] / "corpus" / "decide"


def cases() -> Iterator[Any]:
    for file in sorted(CORPUS.glob("*.yaml")):
        for case in yaml.safe_load(file.read_text()):
            yield pytest.param(case, id=f"{file.stem}: {case['case']}")


def facts(case: dict[str, Any]) -> Facts:
    who = {**case.get("principal", {})}
    who["roles"] = frozenset(who.get("roles", ()))
    return Facts(**who, key=str(sorted(who.items(), key=str)), user_words=tuple(case.get("user", ())))


@pytest.mark.parametrize("case", list(cases()))
def test_decides(case: dict[str, Any]) -> None:
    catalogue = Catalogue.from_tools(case["tools"], case.get("server")) if "tools" in case else EMPTY_CATALOGUE
    policy = policy_set([parse(case["policy"], "policy.lw")], catalogue)
    program = compile_policy(policy, catalogue)
    for call in case["calls"]:
        arguments = parse_object(call["args"])
        outcome = program.decide(call["tool"], arguments, facts(case), call.get("server"))
        bare = program.decide_bare(call["tool"], arguments, facts(case), call.get("server"))
        assert bare == replace(outcome, errors=())
        rule = call.get("rule")
        reason = call.get("reason", "no-rule" if rule is None else "rule")
        errors = [tuple(error) for error in call.get("errors", [])]
        got = [(error.rule, error.code, error.place) for error in outcome.errors]
        assert (outcome.effect, outcome.rule, outcome.reason, got) == (call["effect"], rule, reason, errors), call
        assert outcome.message == call.get("message", outcome.message), call
