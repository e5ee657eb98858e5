"""Approvals through a whole gate: asked over each model API, answered over HTTP, delivered as the run's next answer."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from server.exchange import Scope

POLICY = """language 1
allow pay(to, amount) as small when to == "ann"
require approval for pay as big when amount > 100 message "More than 100 needs a person."
"""
PEOPLE = {
    "approver": {"agent": "console", "user": "eve", "scopes": [Scope.APPROVE]},
    "foreign": {"tenant": "other", "agent": "console", "scopes": [Scope.APPROVE]},
    "self": {"scopes": [Scope.APPROVE]},
}
ARGUMENTS = {"to": "ann", "amount": 101}
ASK = ["pay", json.dumps(ARGUMENTS)]
TOOL = {"type": "object", "properties": {"to": {"type": "string"}, "amount": {"type": "number"}}}


class Chat:
    path = "/v1/chat/completions"

    @staticmethod
    def body(stream: bool) -> dict[str, Any]:
        tools = [{"type": "function", "function": {"name": "pay", "parameters": TOOL}}]
        messages = [{"role": "user", "content": "go on"}]
        return {"model": "m", "messages": messages, "tools": tools, "stream": stream}

    @staticmethod
    def said(calls: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        message: dict[str, Any] = {"role": "assistant", "content": "hello"}
        delta = dict(message)
        if calls:
            entry = {"id": "call_1", "type": "function", "function": {"name": "pay", "arguments": ASK[1]}}
            message["tool_calls"], delta["tool_calls"] = [entry], [{"index": 0, **entry}]
        finish = "tool_calls" if calls else "stop"
        head = {"id": "c1", "created": 1, "model": "m"}
        whole = {
            **head,
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        }
        chunks = [
            {
                **head,
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
            },
            {
                **head,
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": {}, "finish_reason": finish}],
            },
        ]
        return whole, chunks

    @staticmethod
    def calls(answer: bytes, stream: bool) -> list[Any]:
        if not stream:
            message = json.loads(answer)["choices"][0]["message"]
            entries = message.get("tool_calls", [])
        else:
            trees = [json.loads(text) for text in re.findall(rb"data: (\{.*\})", answer)]
            entries = [e for tree in trees for c in tree["choices"] for e in c["delta"].get("tool_calls", [])]
        return [(e["function"]["name"], json.loads(e["function"]["arguments"])) for e in entries]


@pytest.fixture
def gate(start_gate: Callable[..., Any]) -> Any:
    return start_gate(POLICY, keys=PEOPLE, refusals={"rounds": 0})


def reply(outside: Any, calls: bool) -> Callable[[Any], Any]:
    whole, chunks = Chat.said(calls)
    return lambda asked: outside.events(chunks) if asked.tree.get("stream") else outside.whole(whole)


def asked_for(gate: Any, outside: Any, stream: bool) -> str:
    gate.model.script = [reply(outside, True)]
    answer = gate.client.ask("POST", Chat.path, Chat.body(stream))
    assert Chat.calls(answer.body, stream) == []
    found = re.search(
        rb"refused pay: needs-approval\. More than 100 needs a person\. It is approval (apr-\w+)\.", answer.body
    )
    assert found is not None
    return found[1].decode()


@pytest.mark.parametrize("stream", [False, True])
def test_an_approved_call_is_the_next_answer_of_its_run_once(gate: Any, outside: Any, stream: bool) -> None:
    name = asked_for(gate, outside, stream)
    listed = gate.with_key("approver").ask("GET", "/v1/approvals").tree["pending"]
    assert [(one["id"], json.loads(json.dumps(one["tool"]))) for one in listed] == [(name, "pay")]
    told = gate.with_key("approver").ask("POST", f"/v1/approvals/{name}", {"approve": True})
    assert (told.status, told.tree["state"]) == (200, "approved")
    before = len(gate.model.asked)
    answer = gate.client.ask("POST", Chat.path, Chat.body(stream))
    assert len(gate.model.asked) == before
    assert Chat.calls(answer.body, stream) == [("pay", ARGUMENTS)]
    record = gate.records()[-1]
    assert (record["effect"], record["reason"], record["rule"]) == ("allow", "approved", "big")
    assert record["approvals"] == [name]
    assert record["payload"] == ARGUMENTS
    gate.model.script = [reply(outside, False)]
    again = gate.client.ask("POST", Chat.path, Chat.body(stream))
    assert Chat.calls(again.body, stream) == []
    assert len(gate.model.asked) == before + 1


def test_a_no_and_the_wrong_people(gate: Any, outside: Any) -> None:
    name = asked_for(gate, outside, False)
    yes = {"approve": True}
    assert gate.with_key("foreign").ask("POST", f"/v1/approvals/{name}", yes).code == "unknown-approval"
    assert gate.with_key("self").ask("POST", f"/v1/approvals/{name}", yes).code == "own-run"
    assert gate.client.ask("POST", f"/v1/approvals/{name}", yes).code == "missing-scope"
    assert gate.client.ask("GET", f"/v1/approvals/{name}").tree["state"] == "pending"
    assert gate.with_key("approver").ask("POST", f"/v1/approvals/{name}", {"approve": False}).tree["state"] == "denied"
    gate.model.script = [reply(outside, True)]
    answer = gate.client.ask("POST", Chat.path, Chat.body(False))
    assert b"approval-denied" in answer.body
    assert Chat.calls(answer.body, False) == []


def test_another_call_is_another_ask(gate: Any, outside: Any) -> None:
    """The model calls again by itself: what was approved is released, what differs in anything is not."""
    name = asked_for(gate, outside, False)
    assert gate.with_key("approver").ask("POST", f"/v1/approvals/{name}", {"approve": True}).status == 200
    gate.model.script = [
        outside.saying({"calls": [["pay", '{"to":"ann","amount":102}'], ["pay", '{"amount":101,"to":"ann"}']]})
    ]
    bare = {key: value for key, value in Chat.body(False).items() if key != "tools"}  # then nothing is delivered first
    answer = gate.client.ask("POST", Chat.path, bare)
    assert Chat.calls(answer.body, False) == [("pay", ARGUMENTS)]
    assert answer.body.count(b"needs-approval") == 1


def test_a_policy_that_changed_meanwhile_makes_a_yes_worth_nothing(gate: Any, outside: Any) -> None:
    name = asked_for(gate, outside, False)
    assert gate.with_key("approver").ask("POST", f"/v1/approvals/{name}", {"approve": True}).status == 200
    (gate.folder / "policy.lw").write_text(POLICY + "forbid wipe as never\n")
    before = gate.ready()[1]["policy"]["hash"]
    outside.wait_for(lambda: gate.ready()[1]["policy"]["hash"] != before, 10)
    gate.model.script = [reply(outside, False)]
    answer = gate.client.ask("POST", Chat.path, Chat.body(False))
    assert Chat.calls(answer.body, False) == []
    assert [one["effect"] for one in gate.records() if one["kind"] == "decision"] == ["ask", "ask"]


def test_an_answer_may_wait_for_a_person(start_gate: Callable[..., Any], outside: Any) -> None:
    gate = start_gate(POLICY, keys=PEOPLE, refusals={"rounds": 0}, approvals={"wait_seconds": 20})
    gate.model.script = [reply(outside, True)]

    def approve() -> None:
        approver = gate.with_key("approver")
        outside.wait_for(lambda: bool(approver.ask("GET", "/v1/approvals").tree["pending"]), 15)
        name = approver.ask("GET", "/v1/approvals").tree["pending"][0]["id"]
        approver.ask("POST", f"/v1/approvals/{name}", {"approve": True})

    person = threading.Thread(target=approve)
    person.start()
    answer = gate.client.ask("POST", Chat.path, Chat.body(False))
    person.join()
    assert Chat.calls(answer.body, False) == [("pay", ARGUMENTS)]
    assert [(one["effect"], one["reason"]) for one in gate.records() if one["kind"] == "decision"] == [
        ("ask", "rule"),
        ("allow", "approved"),
    ]
