"""Session policies at real gates: what was drafted from a user's words holds after a restart and at another replica."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from server.exchange import Scope

POLICY = "language 1\nallow send_money(recipient, amount) as pay\n"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "send_money",
            "parameters": {
                "type": "object",
                "properties": {
                    "recipient": {"type": "string", "description": "IBAN of the recipient"},
                    "amount": {"type": "number"},
                },
                "required": ["recipient", "amount"],
            },
        },
    }
]
KEY = {"scopes": [Scope.CALL], "speaks_for_user": True}
NOWHERE = {"url": "http://127.0.0.1:1/x", "posts": {"send_money": "/send"}, "networks": ["127.0.0.0/8"]}
DRAFTED = {"tools": TOOLS, "key": KEY, "drafts": {"by": "entities"}, "http_tools": {"bank": NOWHERE}}
TOLD, OTHER = "GB29NWBK60161331926819", "US133000000121212121212"


def told(gate: Any, outside: Any) -> None:
    gate.model.script = [outside.saying({"text": "I will."})]
    assert gate.client.chat(f"Pay 12 to {TOLD} please.", tools=TOOLS).status == 200


def released(client: Any, recipient: str) -> bool:
    """Whether a payment leaves for a server that is not there: at a door where nobody says what the user wants."""
    answer = client.ask("POST", "/tools/bank/send_money", {"recipient": recipient, "amount": 12})
    assert answer.code in ("tool-unreachable", "rule")
    return bool(answer.code == "tool-unreachable")


def test_a_restart_gives_nothing_back_that_a_draft_took(outside: Any, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    with outside.running_gate(tmp_path / "own", POLICY, **DRAFTED) as gate:
        key = gate.key
        assert released(gate.client, OTHER)
        told(gate, outside)
        assert (released(gate.client, TOLD), released(gate.client, OTHER)) == (True, False)
        shutil.copytree(tmp_path / "own", tmp_path / "crashed")  # all that is durable now
    for folder in ("own", "crashed"):
        with outside.running_gate(tmp_path / folder, POLICY, **DRAFTED) as gate:
            client = outside.client(gate.port, key)
            assert (released(client, TOLD), released(client, OTHER)) == (True, False)


def test_another_replica_holds_to_the_draft(outside: Any, tmp_path: Path, postgres_server: Any) -> None:
    url = postgres_server.copy()
    with ExitStack() as stack:
        gates = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            gates.append(stack.enter_context(outside.running_gate(tmp_path / name, POLICY, database=url, **DRAFTED)))
        one, two = gates
        there = outside.client(two.port, one.key)
        outside.wait_for(lambda: there.ask("GET", "/tools").status != 401)
        assert released(there, OTHER)
        told(one, outside)
        outside.wait_for(lambda: not released(there, OTHER))
        assert released(there, TOLD)
