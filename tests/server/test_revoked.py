"""A key that was revoked while a request of it was under way: what comes back later is released to nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from server.exchange import Scope

POLICY = """language 1
allow pay(to)
ask wire(to)
"""
APPROVER = {"approver": {"agent": "console", "user": "eve", "scopes": [Scope.APPROVE]}}


@pytest.fixture
def start(start_gate: Callable[..., Any], outside: Any) -> Callable[..., tuple[Any, Callable[[], None]]]:
    """A gate, and what revokes its client's key and returns when the gate has followed."""

    def started(**settings: Any) -> tuple[Any, Callable[[], None]]:
        gate = start_gate(POLICY, keys=APPROVER, refusals={"rounds": 0}, **settings)
        store = gate.house.store

        def revoke() -> None:
            mine = next(one for one in store.list_keys() if one.agent == "bot")
            assert store.revoke_key(mine.id)
            outside.wait_for(lambda: store.caller_for(gate.key) is None, 2.0)

        return gate, revoke

    return started


def test_a_model_that_answers_too_late(start: Any, outside: Any) -> None:
    gate, revoke = start()

    def answering(asked: Any) -> Any:
        revoke()
        return outside.saying({"calls": [["pay", '{"to":"ann"}']]})(asked)

    gate.model.script = [answering]
    answer = gate.client.chat()
    assert b"tool_calls" not in answer.body
    record = gate.records()[-1]
    assert (record["effect"], record["reason"], record["rule"]) == ("forbid", "key-revoked", None)


def test_a_yes_that_comes_too_late(start: Any, outside: Any) -> None:
    gate, revoke = start(approvals={"wait_seconds": 20})
    gate.model.script = [outside.saying({"calls": [["wire", '{"to":"ann"}']]})]
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(gate.client.chat()))
    asking.start()
    approver = gate.with_key("approver")
    outside.wait_for(lambda: approver.ask("GET", "/v1/approvals").tree["pending"])
    revoke()
    (waiting,) = approver.ask("GET", "/v1/approvals").tree["pending"]
    assert approver.ask("POST", f"/v1/approvals/{waiting['id']}", {"approve": True}).status == 200
    asking.join(30)
    assert b"tool_calls" not in answers[0].body
    assert gate.records()[-1]["reason"] == "key-revoked"
    assert approver.ask("GET", f"/v1/approvals/{waiting['id']}").tree["used"] == 0
