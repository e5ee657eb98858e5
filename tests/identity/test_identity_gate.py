"""Tokens at a real gate: server/identity/opening.py, server/routes_identity.py, server/settings_identity.py."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from guardrail import Guard, Principal, Session, ToolCall
from policy_dsl import compile_policy, parse, policy_set
from server.exchange import Caller
from server.recording import Exchange
from server.sessions import SessionBook
from server.settings_identity import IdentitySettings

POLICY = """language 1
for role "finance" {
  allow pay(to, amount)
}
"""
CALL = {"calls": [["pay", '{"to":"ann","amount":1}']]}


@pytest.fixture
def gate(start_gate: Callable[..., Any], issuer: Any, iss: str, tmp_path: Path) -> Any:
    (tmp_path / "keys.json").write_bytes(issuer.document())
    corp = {"issuer": iss, "audience": "leastward", "tenant": "acme", "jwks_file": str(tmp_path / "keys.json")}
    return start_gate(POLICY, identity={"resource": "https://gate.example/", "issuers": {"corp": corp}})


def test_a_token_is_who_the_record_names(gate: Any, issuer: Any, outside: Any) -> None:
    until = int(time.time()) + 60
    for roles, effect in ((["finance"], "allow"), ([], "forbid")):
        gate.model.script = [outside.saying(CALL)] * 3
        token = issuer.token(roles=roles, exp=until)
        assert outside.client(gate.port, token).chat().status == 200
        record = gate.records()[-1]
        who = (record["tenant"], record["agent"], record["user"], record["roles"], record["effect"])
        assert who == ("acme", "bot", "ann", roles, effect)


def test_a_claim_is_that_of_the_token_that_came_with_the_request(
    start_gate: Callable[..., Any], issuer: Any, iss: str, tmp_path: Path, outside: Any
) -> None:
    """Claims are no part of a Principal: two tokens of one have one run, and may differ in what they claim."""
    (tmp_path / "keys.json").write_bytes(issuer.document())
    corp = {"issuer": iss, "audience": "leastward", "tenant": "acme", "jwks_file": str(tmp_path / "keys.json")}
    gate = start_gate(
        'language 1\nallow pay(to, amount) when claim "mfa" == true\n',
        identity={"issuers": {"corp": {**corp, "claims": ["mfa"]}}},
    )
    until = int(time.time()) + 60
    for claims, effect in (
        ({"mfa": True}, "allow"),
        ({"mfa": False}, "forbid"),
        ({}, "forbid"),
        ({"mfa": True}, "allow"),
    ):
        gate.model.script = [outside.saying(CALL)] * 3
        assert outside.client(gate.port, issuer.token(exp=until, **claims)).chat().status == 200
        assert gate.records()[-1]["effect"] == effect


def test_requests_of_one_run_beside_each_other_have_their_own_claims() -> None:
    guard = Guard(compile_policy(policy_set([parse("language 1\n")])))
    people = [Principal("acme", "bot", "ann", frozenset(), {"mfa": mfa}) for mfa in (True, False)]
    state = SessionBook().of("run-1", people[0], guard.plan)
    sides = [
        Exchange(f"dec-{at}", Caller(who, frozenset(), "k"), "run-1", state, guard, "chat")
        for at, who in enumerate(people)
    ]
    for at in (0, 1, 0, 1, 1, 0):
        assert sides[at].session is state.session
        assert sides[at].session.facts.claims == people[at].claims


def test_a_call_is_remembered_with_the_claims_that_it_was_made_with() -> None:
    text = 'language 1\nallow { pay, send }(...)\nforbid send when after released pay(claim "mfa" == false)\n'
    guard = Guard(compile_policy(policy_set([parse(text)])))
    with_mfa, without = (Principal("acme", "bot", "ann", frozenset(), {"mfa": mfa}) for mfa in (True, False))
    session = Session(with_mfa, plan=guard.plan)
    effects = []
    for who in (with_mfa, without):
        session.held_by(who)
        session.decided(ToolCall("pay", {}), guard.decide(ToolCall("pay", {}), session))
        effects.append(guard.decide(ToolCall("send", {}), session).effect)
    assert effects == ["allow", "forbid"]
    session.held_by(Principal("acme", "eve", "ann", frozenset(), {"mfa": True}))
    assert session.principal is without


def test_a_bad_token_is_told_where_to_ask(gate: Any, issuer: Any, outside: Any) -> None:
    stranger = outside.client(gate.port, issuer.token(exp=int(time.time()) - 60))
    answer = stranger.chat()
    assert (answer.status, answer.code) == (401, "invalid-key")
    assert "or a token of an issuer" in answer.tree["error"]["message"]
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="leastward", resource_metadata="https://gate.example/.well-known/oauth-protected-resource"'
    )
    about = stranger.ask("GET", "/.well-known/oauth-protected-resource")
    assert json.loads(about.body) == {
        "resource": "https://gate.example/",
        "authorization_servers": ["https://issuer.example"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["leastward:call"],
    }


def test_keys_of_the_gates_own_still_open(gate: Any, outside: Any) -> None:
    gate.model.script = [outside.saying({"text": "hello"})] * 2
    assert gate.client.chat().status == 200
    anthropic_style = {"x-api-key": gate.client.key}
    bare = outside.client(gate.port, None)
    assert bare.ask("POST", "/v1/chat/completions", {"model": "m", "messages": []}, anthropic_style).status == 200
    assert gate.client.ask("GET", "/v1/models", headers={"x-api-key": "lw-other"}).status == 401


def test_without_issuers_nobody_is_told_of_any(start_gate: Callable[..., Any], outside: Any) -> None:
    gate = start_gate(POLICY)
    answer = outside.client(gate.port, None).ask("GET", "/.well-known/oauth-protected-resource")
    assert (answer.status, answer.code) == (404, "unknown-route")


@pytest.mark.parametrize(
    ("issuer_part", "said"),
    [
        ({}, "either `tenant` or `tenant_claim`"),
        ({"tenant": "t", "tenant_claim": "c"}, "either `tenant` or `tenant_claim`"),
        ({"tenant": "t", "jwks": "https://a/k", "jwks_file": __file__}, "not both"),
        ({"tenant": "t", "algorithms": ["HS256"]}, "algorithms"),
        ({"tenant": "t", "audience": ""}, "audience"),
    ],
)
def test_settings_that_are_refused(issuer_part: dict[str, Any], said: str) -> None:
    whole = {"issuer": "https://a", "audience": "leastward", **issuer_part}
    with pytest.raises(ValidationError, match=said):
        IdentitySettings.model_validate({"issuers": {"corp": whole}})


def test_two_issuers_of_one_name() -> None:
    one = {"issuer": "https://a", "audience": "leastward", "tenant": "t"}
    with pytest.raises(ValidationError, match="same name"):
        IdentitySettings.model_validate({"issuers": {"a": one, "b": one}})
