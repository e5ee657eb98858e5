"""server/recorded.py: what stands in a Record, and that nothing is told before it does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from policy_dsl import Program

POLICY = "language 1\nallow pay(...) as ok\nforbid drop as never when x == 1\n"
KEY = {"tenant": "acme", "agent": "bot", "user": "ada", "roles": ["ops", "finance"]}


def test_a_record_says_who_what_and_by_what(start_gate: Callable[..., Any], outside: Any) -> None:
    gate = start_gate(POLICY, key=KEY, text_calls=["hermes", "llama"])
    gate.model.script = [outside.saying({"calls": [["pay", '{"b": 1, "a": 2.50}'], ["drop", "{}"], ["pay", "?"]]})]
    answer = gate.client.chat()
    first, second, third = gate.records()
    assert {name: first[name] for name in first if name not in ("at", "arguments", "incarnation", "position")} == {
        "kind": "decision", "id": answer.headers["x-leastward-decision"].split(", ")[0], "sequence": 1, "v": 4,
        "tenant": "acme", "agent": "bot", "user": "ada", "roles": ["finance", "ops"],
        "run": answer.headers["x-leastward-run"], "door": "chat", "tool": "pay", "call_id": "call_1",
        "effect": "allow", "rule": "ok", "reason": "rule", "errors": [], "memory_version": 0,
        "policy_hash": gate.ready()[1]["policy"]["hash"], "mode": "enforce", "text_calls": "hermes,llama",
        "upstream": "scripted", "model": "gpt-4o", "payload": {"b": 1, "a": 2.5},
        "released": None, "intent": None, "approvals": [], "shadow": None, "ends_session": False, "act": None,
        "memory": None, "judge": None,
    }  # fmt: skip
    assert (second["effect"], second["rule"], second["reason"]) == ("forbid", "never", "rule-error")
    assert second["errors"] == [{"code": "missing", "place": "x", "rule": "never"}]
    assert (third["reason"], third["arguments"], third["payload"]) == ("bad-json-arguments", None, None)


def test_equal_arguments_have_unequal_digests(start_gate: Callable[..., Any], outside: Any) -> None:
    gate = start_gate(POLICY)
    gate.model.script = [outside.saying({"calls": [["pay", '{"to":"ann"}']] * 2})]
    gate.client.chat()
    assert len({record["arguments"] for record in gate.records()}) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_a_guard_that_breaks_refuses_and_is_recorded(
    start_gate: Callable[..., Any], outside: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    stream: bool,
) -> None:  # fmt: skip
    def broken(*_: object) -> object:
        raise RecursionError("secret")

    gate = start_gate(POLICY, refusals={"style": "message"})
    monkeypatch.setattr(Program, "decide", broken)
    gate.model.script = [outside.saying({"calls": [["pay", '{"to":"ann"}']]})]
    answer = gate.client.chat(stream=stream)
    assert answer.status == 200
    assert b"refused pay: guard-error. (decision dec-" in answer.body
    assert b"ann" not in answer.body
    assert b"secret" not in answer.body
    assert [(record["effect"], record["reason"]) for record in gate.records()] == [("forbid", "guard-error")]
    assert any(record.levelno == logging.ERROR and "guard failed" in record.getMessage() for record in caplog.records)
