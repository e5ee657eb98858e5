"""server/routes_calls.py: caller, run and body reach what stands behind the edge."""

from __future__ import annotations

from typing import Any

import pytest

from server.exchange import Scope

CHAT = "/v1/chat/completions"


def test_without_a_run_the_principals_own_is_used(gate: Any) -> None:
    gate.ask("POST", CHAT, b"{}")
    gate.ask("POST", CHAT, b"{}")
    (caller, first, _), (_, second, _) = gate.behind.seen
    assert caller.principal.agent == "a"
    assert first == second == gate.store.default_run(caller.principal)


def test_a_minted_run_is_used(gate: Any) -> None:
    key = gate.issue(Scope.CALL, Scope.RUNS)
    status, headers, _ = gate.ask("POST", "/v1/runs", b"", key=key)
    assert status == 200
    run = headers["x-leastward-run"]
    assert gate.ask("POST", CHAT, b"{}", {"x-leastward-run": run}, key=key)[0] == 200
    assert gate.behind.seen[-1][1].id == run


def test_another_principals_run_is_unknown(gate: Any, code_of: Any) -> None:
    _, headers, _ = gate.ask("POST", "/v1/runs", b"", key=gate.issue(Scope.RUNS, agent="other"))
    status, _, body = gate.ask("POST", CHAT, b"{}", {"x-leastward-run": headers["x-leastward-run"]})
    assert (status, code_of(body)) == (404, "unknown-run")
    assert gate.behind.seen == []


@pytest.mark.parametrize("path", [CHAT, "/v1/decide", "/v1/models"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-leastward-run", "../../other"),
        ("x-leastward-run", ""),
        ("x-leastward-run", "run-0123456789012345678901234"),
        ("x-leastward-run", "run-0123456789012345678901234A"),
        ("x-leastward-run", "x" * 5000),
        ("x-session-id", "../../other"),
        ("x-session-id", "a..b"),
        ("x-session-id", "a/b"),
        ("x-session-id", "a b"),
        ("x-session-id", "a%2fb"),
        ("x-session-id", ""),
        ("x-session-id", "\xe4"),
        ("session-id", "../other"),
        ("mcp-session-id", "../other"),
        ("x-conversation-id", "../other"),
    ],
)
def test_malformed_hints_are_refused(path: str, name: str, value: str, gate: Any, code_of: Any) -> None:
    method, body = ("GET", None) if path == "/v1/models" else ("POST", b"{}")
    key = gate.issue(Scope.CALL, Scope.DECIDE)
    status, _, answer = gate.ask(method, path, body, {name: value}, key=key)
    assert (status, code_of(answer)) == (400, "malformed-header")
    assert gate.behind.seen == []


def test_a_well_formed_hint_means_nothing(gate: Any) -> None:
    gate.ask("POST", CHAT, b"{}", {"x-session-id": "conversation-1"})
    gate.ask("POST", CHAT, b"{}", {"x-session-id": "conversation-2"})
    assert gate.behind.seen[0][1] == gate.behind.seen[1][1]


def test_an_unknown_run(gate: Any, code_of: Any) -> None:
    status, _, body = gate.ask("POST", CHAT, b"{}", {"x-leastward-run": "run-00000000000000000000000000"})
    assert (status, code_of(body)) == (404, "unknown-run")
