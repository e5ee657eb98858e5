"""policy_dsl/importers (progent.py, progent_reading.py, progent_states.py, schema.py, page.py, refusal.py) by
progent.yaml: what each kind of rule becomes, word for word, and how it then decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from guardrail import ANYONE, Guard, Session, ToolCall, run_tests
from policy_dsl import EMPTY_CATALOGUE, Catalogue, compile_policy, format, parse, policy_set
from policy_dsl.importers import ImportRefused, import_progent

CASES = yaml.safe_load((Path(__file__).parent / "progent.yaml").read_text())
NAMED = [pytest.param(case, id=case["note"]) for case in CASES]


def imported(case: dict[str, Any]) -> str:
    tools = Catalogue.from_tools(case["tools"]) if "tools" in case else EMPTY_CATALOGUE
    return import_progent([("p.json", json.dumps(case["policies"]))], tools=tools, strict=case.get("strict", False))


@pytest.mark.parametrize("case", [case for case in NAMED if "text" in case.values[0]])
def test_the_text(case: dict[str, Any]) -> None:
    text = imported(case)
    assert text.partition("language 1\n")[2].strip("\n") == case["text"].strip("\n")
    assert format(parse(text)) == text


@pytest.mark.parametrize("case", [case for case in NAMED if "calls" in case.values[0]])
def test_what_it_decides(case: dict[str, Any]) -> None:
    guard = Guard(compile_policy(policy_set([parse(imported(case), "p.lw")])))
    decided = [
        [arguments, guard.decide(ToolCall("act", arguments, "c"), Session(ANYONE)).effect]
        for arguments, _ in case["calls"]
    ]
    assert decided == case["calls"]


@pytest.mark.parametrize("case", [case for case in NAMED if "tests" in case.values[0]])
def test_what_happens_in_a_session(case: dict[str, Any]) -> None:
    policy = policy_set([parse(f"{imported(case)}\n{case['tests']}", "p.lw")])
    outcomes = list(run_tests(policy, Guard(compile_policy(policy))))
    assert outcomes
    assert [outcome for outcome in outcomes if not outcome.passed] == []


@pytest.mark.parametrize("case", [case for case in NAMED if "refused" in case.values[0]])
def test_the_refusal(case: dict[str, Any]) -> None:
    with pytest.raises(ImportRefused) as refused:
        imported(case)
    assert refused.value.render() == case["refused"]


def test_no_text_but_strict_json_is_read() -> None:
    with pytest.raises(ImportRefused, match="a name stands twice"):
        import_progent([("p.json", '{"a": [], "a": []}')])


ODD = ["ask", "in", "call", "result", "time", "if", "it", "a b", "a-", "1", "#", '"q', "é", "x.y", "None", "tools"]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", ODD)
def test_any_name_of_a_tool_an_argument_or_a_member_can_be_said(name: str, strict: bool) -> None:
    schema = {name: {"enum": ["a"]}, "l": {"items": {"properties": {name: {"const": "z"}}}}}
    text = import_progent([("p.json", json.dumps({name: [[1, 0, schema, 0]]}))], strict=strict)
    guard = Guard(compile_policy(policy_set([parse(text, "p.lw")])))
    for value, effect in (("a", "allow"), ("b", "forbid")):
        call = ToolCall(name, {name: value, "l": [{name: "z"}]}, "c")
        assert guard.decide(call, Session(ANYONE)).effect == effect


def test_what_the_language_cannot_hold_is_refused_too() -> None:
    schema: dict[str, Any] = {"const": 1}
    for _ in range(55):
        schema = {"items": schema}
    with pytest.raises(ImportRefused, match="what it comes to is no policy: nested deeper than 64"):
        import_progent([("p.json", json.dumps({"act": [[1, 0, {"x": schema}, 0]]}))])
