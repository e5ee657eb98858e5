"""training/field.py: which recorded decisions become cases, and by whose word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from training import DataError, Reward, completion, from_records
from training.cases import Engine

POLICY = "language 1\nallow pay(amount) as small when amount <= 500\nforbid pay as learned-1 when amount == 13\n"
NAME = "<|policy:mine@00000000|>"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.of_text(POLICY, [])


def _line(engine: Engine, amount: int, effect: str, **more: Any) -> dict[str, Any]:
    record = {
        "format": "leastward/policy-decision-record/1",
        "id": f"dec-{amount}",
        "kind": "decision",
        "at": "2026-11-20T10:00:00Z",
        "principal": {"tenant": "acme", "agent": None, "user": "ann", "roles": []},
        "call": {"tool": "pay"},
        "decision": {"effect": effect, "rule": None},
        "decided_by": {"policy_hash": engine.policy.hash},
    }
    return {"record": record, "arguments": {"amount": amount}, **more}


def test_a_disagreement_becomes_a_case_labelled_by_the_engine(engine: Engine) -> None:
    found = from_records([json.dumps(_line(engine, 700, "forbid", model="allow"))], engine, NAME)
    (example,) = found.examples
    assert (example.effect, example.rule, example.policy, example.split) == ("forbid", None, NAME, "train")
    assert example.context["facts"] == {"tenant": "acme", "user": "ann"}
    assert Reward({NAME: engine})(example, completion(example)).total == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"amount": 700, "effect": "forbid", "model": "forbid"}, "agreed"),
        ({"amount": 700, "effect": "forbid"}, "agreed"),
        ({"amount": 7, "effect": "forbid", "model": "allow"}, "not-reproduced"),
        ({"amount": 7, "effect": "allow", "model": "ask", "arguments": None}, "no-arguments"),
        ({"amount": 13, "effect": "allow", "report": {"wanted": "forbid", "accepted": False}}, "not-accepted"),
        ({"amount": 14, "effect": "allow", "report": {"wanted": "forbid", "accepted": True}}, "not-in-policy"),
    ],
)
def test_what_becomes_no_case_is_told_why(engine: Engine, line: dict[str, Any], why: str) -> None:
    found = from_records([json.dumps(_line(engine, **line))], engine, NAME)
    assert found.examples == ()
    assert [left.why for left in found.left] == [why]


def test_an_accepted_report_is_taught_once_the_policy_says_it(engine: Engine) -> None:
    line = _line(engine, 13, "allow", report={"wanted": "forbid", "accepted": True})
    (example,) = from_records([json.dumps(line), ""], engine, NAME).examples
    assert (example.effect, example.rule) == ("forbid", "learned-1")


def test_another_policy_and_a_record_without_a_call_are_left(engine: Engine) -> None:
    other = _line(engine, 700, "forbid", model="allow")
    other["record"]["decided_by"]["policy_hash"] = "sha256:0"
    act = _line(engine, 700, "forbid", model="allow")
    act["record"]["kind"] = "act"
    found = from_records([json.dumps(other), json.dumps(act)], engine, NAME)
    assert [left.why for left in found.left] == ["other-policy", "no-call"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"record": {"format": "other"}}',
        '{"record": {"format": "leastward/policy-decision-record/1"}}',
    ],
)
def test_a_line_of_another_form_is_an_error_with_its_place(engine: Engine, text: str) -> None:
    with pytest.raises(DataError, match=r"export\.jsonl:1"):
        from_records([text], engine, NAME, "export.jsonl")


def test_an_effect_that_is_none_is_an_error(engine: Engine) -> None:
    with pytest.raises(DataError, match="records:1` has an effect that is none"):
        from_records([json.dumps(_line(engine, 1, "allow", model="perhaps"))], engine, NAME)
