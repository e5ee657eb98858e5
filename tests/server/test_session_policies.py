"""server/session_policies.py: whose words are drafted from, when, and that a draft holds after a restart and at another
replica."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from guardrail import Guard, Principal, Session, ToolCall
from policy_dsl import Catalogue, compile_policy, parse, policy_set
from server.exchange import Scope
from server.propose import propose_entities
from server.session_policies import SessionPolicies
from server.sessions import RunState

LISTED = [
    {
        "type": "function",
        "function": {
            "name": "send_money",
            "description": "Send money to an account.",
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
TOOLS = Catalogue.from_tools(LISTED)
OPERATORS = Guard(
    compile_policy(policy_set([parse("language 1\nallow send_money(recipient, amount) as pay\n", "own.lw")], TOOLS))
)
SECOND = Guard(compile_policy(policy_set([parse("language 1\nforbid send_money as never\n", "own.lw")], TOOLS)))
TOLD = {"recipient": "GB29NWBK60161331926819", "amount": 12}
OTHER = {"recipient": "US133000000121212121212", "amount": 12}

POLICY = "language 1\nallow send_money(recipient, amount) as pay\n"
KEY = {"scopes": [Scope.CALL], "speaks_for_user": True}
NOWHERE = {"url": "http://127.0.0.1:1/x", "posts": {"send_money": "/send"}, "networks": ["127.0.0.0/8"]}
DRAFTED = {"tools": LISTED, "key": KEY, "drafts": {"by": "entities"}, "http_tools": {"bank": NOWHERE}}


def _state() -> RunState:
    return RunState(Session(Principal("acme", "bot")), 0.0)


def _effect(guard: Guard, state: RunState, arguments: dict[str, Any]) -> str:
    return guard.decide(ToolCall("send_money", arguments), state.session).effect


def test_before_the_user_speaks_the_operators_policy_stands_alone() -> None:
    policies = SessionPolicies(propose_entities)
    assert asyncio.run(policies.guard(_state(), OPERATORS)) is OPERATORS


def test_a_draft_holds_until_the_user_says_more() -> None:
    policies, state = SessionPolicies(propose_entities), _state()
    state.session.user_said(["Pay 12 to GB29NWBK60161331926819 please."])
    guard = asyncio.run(policies.guard(state, OPERATORS))
    assert (_effect(guard, state, TOLD), _effect(guard, state, OTHER)) == ("allow", "forbid")
    assert asyncio.run(policies.guard(state, OPERATORS)) is guard
    state.session.user_said(["And 12 to US133000000121212121212."])
    wider = asyncio.run(policies.guard(state, OPERATORS))
    assert (_effect(wider, state, TOLD), _effect(wider, state, OTHER)) == ("allow", "allow")


def test_another_policy_of_the_operators_is_drafted_under_anew() -> None:
    policies, state = SessionPolicies(propose_entities), _state()
    state.session.user_said(["Pay 12 to GB29NWBK60161331926819 please."])
    asyncio.run(policies.guard(state, OPERATORS))
    guard = asyncio.run(policies.guard(state, SECOND))
    assert _effect(guard, state, TOLD) == "forbid"


# --- at real gates ----------------------------------------------------------------------------------------------------


def told(gate: Any, outside: Any) -> None:
    gate.model.script = [outside.saying({"text": "I will."})]
    assert gate.client.chat(f"Pay 12 to {TOLD['recipient']} please.", tools=LISTED).status == 200


def released(client: Any, arguments: Mapping[str, Any]) -> bool:
    """Whether a payment leaves for a server that is not there: at a door where nobody says what the user wants."""
    answer = client.ask("POST", "/tools/bank/send_money", arguments)
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
