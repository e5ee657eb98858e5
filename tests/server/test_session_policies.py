"""server/session_policies.py: whose words are drafted from, and when."""

from __future__ import annotations

import asyncio
from typing import Any

from guardrail import Guard, Principal, Session, ToolCall
from policy_dsl import Catalogue, compile_policy, parse, policy_set
from server.propose import propose_entities
from server.session_policies import SessionPolicies
from server.sessions import RunState

TOOLS = Catalogue.from_tools(
    [
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
)
OPERATORS = Guard(
    compile_policy(policy_set([parse("language 1\nallow send_money(recipient, amount) as pay\n", "own.lw")], TOOLS))
)
SECOND = Guard(compile_policy(policy_set([parse("language 1\nforbid send_money as never\n", "own.lw")], TOOLS)))
TOLD = {"recipient": "GB29NWBK60161331926819", "amount": 12}
OTHER = {"recipient": "US133000000121212121212", "amount": 12}


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
