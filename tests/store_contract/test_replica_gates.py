"""Two whole gates on one PostgreSQL: what one is asked the other answers, and one yes is one release."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from server.exchange import Scope

POLICY = """language 1
allow pay(to, amount) as small when to == "ann"
require approval for pay as big when amount > 100
"""
TOOLS = [{"type": "function", "function": {"name": "pay", "parameters": {"type": "object"}}}]
KEYS = {"approver": {"agent": "console", "scopes": [Scope.APPROVE]}}


@pytest.fixture
def gates(postgres_server: Any, outside: Any, tmp_path: Path) -> Iterator[list[Any]]:
    url = postgres_server.copy()
    with ExitStack() as stack:
        started = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            started.append(
                stack.enter_context(
                    outside.running_gate(tmp_path / name, POLICY, keys=KEYS, database=url, refusals={"rounds": 0})
                )
            )
        yield started


def calls_in(body: bytes) -> list[Any]:
    message = json.loads(body)["choices"][0]["message"]
    return [call["function"]["name"] for call in message.get("tool_calls", [])]


def test_one_yes_is_one_release_whichever_gate_is_asked(gates: list[Any], outside: Any) -> None:
    one, two = gates
    body = {"model": "m", "messages": [{"role": "user", "content": "pay"}], "tools": TOOLS}
    agent = outside.client(two.port, one.key)
    outside.wait_for(lambda: agent.ask("GET", "/tools").status != 401)
    one.model.script = [outside.saying({"calls": [["pay", '{"to":"ann","amount":101}']]})]
    first = one.client.ask("POST", "/v1/chat/completions", body)
    assert calls_in(first.body) == []
    approver = two.with_key("approver")
    [pending] = approver.ask("GET", "/v1/approvals").tree["pending"]
    assert approver.ask("POST", f"/v1/approvals/{pending['id']}", {"approve": True}).status == 200
    for gate in gates:
        gate.model.script = [outside.saying({"text": "nothing more"})] * 20
    answers: list[list[Any]] = []

    def ask(port: int) -> None:
        answers.append(calls_in(outside.client(port, one.key).ask("POST", "/v1/chat/completions", body).body))

    threads = [threading.Thread(target=ask, args=(gate.port,)) for gate in gates * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [[]] * 9 + [["pay"]]


def test_a_revoked_key_is_useless_at_every_gate(gates: list[Any], outside: Any) -> None:
    one, two = gates
    secret, info = one.house.store.issue_key("t", "other", [Scope.CALL])
    clients = [outside.client(gate.port, secret) for gate in gates]
    outside.wait_for(lambda: all(client.ask("GET", "/tools").status != 401 for client in clients))
    two.house.store.revoke_key(info.id)
    outside.wait_for(lambda: all(client.ask("GET", "/tools").status == 401 for client in clients))
