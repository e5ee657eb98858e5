"""training/shadow.py: counts that a hand can check, by model, policy and rule."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policy_dsl.knowledge import Share
from training import DataError
from training.shadow import shadow


def record(effect: str, rule: str | None, model: str = "m", policy: str = "sha256:a", **more: Any) -> dict[str, Any]:
    return {
        "format": "leastward/policy-decision-record/1",
        "id": "dec-1",
        "kind": "decision",
        "call": {"tool": "pay"},
        "decision": {"effect": effect, "rule": rule, "reason": "rule" if rule else "no-rule"},
        "decided_by": {"policy_hash": policy},
        "model": {"upstream": "u", "name": model},
        **more,
    }


def lines(*trees: Any) -> list[str]:
    return [json.dumps(tree) for tree in trees]


def test_shares_by_model_policy_and_rule() -> None:
    report = shadow(
        lines(
            record("allow", "small"),
            record("forbid", "small"),
            record("ask", "large", policy="sha256:b"),
            record("forbid", None, model="n"),
            {"record": record("forbid", "small"), "model": "forbid"},
            record("forbid", "x", kind="malformed-answer"),
            record("allow", "x", call=None),
        )
    )
    assert report.share() == Share.counted(3, 5)
    assert report.share(model="n") == Share.counted(1, 1)
    assert report.share(rule="small") == Share.counted(1, 3)
    assert report.share(policy="sha256:b", rule="large") == Share.counted(1, 1)
    assert report.share(rule="never") is None
    tree = report.tree()
    assert list(tree["by_rule"]) == ["(no-rule)", "large", "small"]
    assert tree["effects"] == {
        "allow -> allow": 1, "allow -> ask": 1, "allow -> forbid": 2, "forbid -> forbid": 1
    }  # fmt: skip
    assert tree["skipped"] == 2
    assert "| `small` | 1 | 3 | 33.3% [6.1%, 79.2%] |" in report.markdown()


def test_no_decision_is_said_and_not_divided_by() -> None:
    assert shadow(["", "\n"]).markdown().startswith("There is no decision on a call.")


def test_a_name_from_a_model_breaks_no_table() -> None:
    told = shadow(lines(record("allow", "a", model="x|`\n\x1b[2J<script>"))).markdown()
    assert [line for line in told.splitlines() if "script" in line] == [
        "| `x\\|'\\n\\x1b[2J<script>` | 0 | 1 | 0.0% [0.0%, 79.3%] |"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"record": 3}',
        json.dumps(record("permit", "a")),
        json.dumps({"record": record("allow", "a"), "model": "yes"}),
        json.dumps(record("allow", "a", decision=None)),
        json.dumps(record("allow", "a") | {"model": []}),
        json.dumps(record("allow", "a") | {"model": "m"}),
    ],
)
def test_a_line_of_no_known_form_is_refused_with_its_place(line: str) -> None:
    with pytest.raises(DataError, match="records:2"):
        shadow([*lines(record("allow", "a")), line])
