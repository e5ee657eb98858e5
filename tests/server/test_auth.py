"""server/auth.py: keys, and the open loopback address."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from guardrail import Principal
from server.auth import LOCAL_CALLER, Doorkeeper
from server.edge import EdgeError
from server.exchange import Caller, Scope

SECRET = "lw-" + "k" * 43
CALLER = Caller(Principal(tenant="t", agent="a"), frozenset({Scope.CALL}), "key-1")


def doorkeeper(*, open_loopback: bool = False) -> Doorkeeper:
    return Doorkeeper({SECRET: CALLER}.get, open_loopback=open_loopback)


def test_a_key_is_its_caller() -> None:
    assert doorkeeper().caller({b"authorization": b"Bearer " + SECRET.encode()}, Scope.CALL) is CALLER
    assert doorkeeper().caller({b"authorization": b"bearer " + SECRET.encode()}, Scope.CALL) is CALLER


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer  " + SECRET.encode(),
        b"Bearer " + SECRET.encode() + b" ",
        b"Bearer " + SECRET.encode() + b", Bearer x",
        b"Basic " + SECRET.encode(),
        b"BEARER " + SECRET.encode(),
        SECRET.encode(),
        b"Bearer " + SECRET.upper().encode(),
        b"Bearer " + SECRET[:-1].encode(),
        b"Bearer \xff" + SECRET.encode(),
        b"Bearer " + b"a" * 10_000,
    ],
)
@pytest.mark.parametrize("scope", list(Scope))
def test_everything_else_is_nobody(value: bytes | None, scope: Scope) -> None:
    headers = {} if value is None else {b"authorization": value}
    with pytest.raises(EdgeError) as caught:
        doorkeeper().caller(headers, scope)
    assert caught.value.status == 401


def test_a_bearer_token_costs_one_look_up() -> None:
    asked: list[str] = []

    def caller_for(secret: str) -> Caller | None:
        asked.append(secret)
        return None

    for token in ("x", SECRET, "lw-"):
        with pytest.raises(EdgeError):
            Doorkeeper(caller_for).caller({b"authorization": b"Bearer " + token.encode()}, Scope.CALL)
    assert asked == ["x", SECRET, "lw-"]


def test_a_scope_that_the_key_does_not_have() -> None:
    with pytest.raises(EdgeError) as caught:
        doorkeeper().caller({b"authorization": b"Bearer " + SECRET.encode()}, Scope.RUNS)
    assert (caught.value.status, caught.value.code) == (403, "missing-scope")


@pytest.mark.parametrize("host", [b"127.0.0.1:4747", b"localhost", b"LOCALHOST:1", b"[::1]:4747", b"127.9.9.9"])
@pytest.mark.parametrize("token", [None, b"Bearer sk-anything", b"Bearer none"])
def test_open_loopback(host: bytes, token: bytes | None) -> None:
    headers = {b"host": host, **({} if token is None else {b"authorization": token})}
    caller = doorkeeper(open_loopback=True).caller(headers, Scope.CALL)
    assert caller is LOCAL_CALLER
    assert caller.scopes == {Scope.CALL, Scope.RUNS, Scope.DECIDE}
    assert not caller.speaks_for_user
    with pytest.raises(EdgeError) as caught:
        doorkeeper(open_loopback=True).caller(headers, Scope.AUDIT)
    assert caught.value.status == 403


@pytest.mark.parametrize(
    "host", [b"", b"evil.example", b"127.0.0.1.evil.example", b"localhost.evil.example:4747", b"0.0.0.0"]
)
def test_open_loopback_under_another_name_is_dns_rebinding(host: bytes) -> None:
    with pytest.raises(EdgeError) as caught:
        doorkeeper(open_loopback=True).caller({b"host": host}, Scope.CALL)
    assert (caught.value.status, caught.value.code) == (403, "not-loopback")


def test_open_loopback_still_knows_its_own_keys() -> None:
    door = doorkeeper(open_loopback=True)
    host = {b"host": b"localhost"}
    assert door.caller({**host, b"authorization": b"Bearer " + SECRET.encode()}, Scope.CALL) is CALLER
    with pytest.raises(EdgeError) as caught:  # a key of ours that is revoked or misspelt is not waved through
        door.caller({**host, b"authorization": b"Bearer lw-" + b"x" * 43}, Scope.CALL)
    assert caught.value.status == 401
    with pytest.raises(EdgeError):
        door.caller({**host, b"authorization": b"Basic eDp5"}, Scope.CALL)


def test_open_loopback_end_to_end(start: Any) -> None:
    gate = start(listen={"open_loopback": True})
    assert gate.ask("POST", "/v1/chat/completions", b"{}", key=None)[0] == 200
    assert gate.ask("POST", "/v1/chat/completions", b"{}", key="sk-anything")[0] == 200
    assert gate.ask("POST", "/v1/chat/completions", b"{}", {"host": "evil.example"}, key=None)[0] == 403
    assert gate.ask("GET", "/v1/decisions/dec-1", key=None)[0] == 403
    assert {caller.key_id for caller, _, _ in gate.behind.seen} == {"open-loopback"}


def test_a_revoked_key_stops_working(gate: Any, wait_for: Any) -> None:
    secret = gate.issue(Scope.CALL, agent="on its way out")
    assert gate.ask("GET", "/v1/models", key=secret)[0] == 200
    key_id = gate.store.caller_for(secret).key_id
    gate.store.revoke_key(key_id)
    wait_for(lambda: gate.ask("GET", "/v1/models", key=secret)[0] == 401, 3.0)


def test_no_key_is_logged(gate: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        gate.behind.fail = True
        gate.ask("POST", "/v1/chat/completions", b"{}")
        gate.ask("POST", "/v1/chat/completions", b"{}", key="lw-" + "s" * 43)
    assert gate.key not in caplog.text
    assert "s" * 43 not in caplog.text
