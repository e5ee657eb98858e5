"""Approvals over MCP through a whole gate: asked as an InputRequiredResult, given over HTTP, run once."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from mcp import Client
from mcp_types import ElicitRequestParams, ElicitResult

from server.exchange import Scope

POLICY = """language 1
allow shop/echo(text)
require approval for shop/echo as long_one when text starts with "hello " message "Long ones need a person."
"""
PEOPLE = {
    "approver": {"agent": "console", "user": "eve", "scopes": [Scope.APPROVE]},
    "other": {"agent": "another bot"},
}
MODERN = "2026-07-28"
CALL: dict[str, Any] = {"name": "echo", "arguments": {"text": "hello world"}}


def sent(gate: Any, more: dict[str, Any] | None = None, who: str | None = None, **capabilities: Any) -> tuple[int, Any]:
    """One tools/call of 2026-07-28."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    }
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": MODERN,
        "mcp-method": "tools/call",
        "mcp-name": "echo",
    }
    params = {**CALL, **(more or {}), "_meta": meta}
    client = gate.client if who is None else gate.with_key(who)
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = client.ask("POST", "/mcp/shop", body, headers)
    return answer.status, answer.tree


@pytest.fixture
def gate(start_gate: Any, scripted: Any) -> Any:
    script, url = scripted
    script.tools({"name": "echo", "description": "says it again"})
    script.answers["tools/call"] = {"content": [{"type": "text", "text": "hello world"}]}
    return start_gate(
        POLICY, keys=PEOPLE, mcp={"servers": {"shop": {"url": url}}}, approvals={"wait_seconds": 0.1}
    ), script


def asked(gate: Any) -> tuple[str, str]:
    """A call that waits: its approval, and the state that its client comes back with."""
    _, tree = sent(gate, elicitation={"form": {}})
    result = tree["result"]
    assert result["resultType"] == "input_required"
    (request,) = result["inputRequests"].values()
    assert request["method"] == "elicitation/create"
    (waiting,) = gate.with_key("approver").ask("GET", "/v1/approvals").tree["pending"]
    assert waiting["id"] in request["params"]["message"]
    return waiting["id"], result["requestState"]


def decided(gate: Any, approval: str, approve: bool) -> None:
    answer = gate.with_key("approver").ask("POST", f"/v1/approvals/{approval}", {"approve": approve})
    assert answer.status == 200, answer.tree


def test_a_call_that_a_person_approved_runs_once(gate: Any) -> None:
    gate, script = gate
    approval, state = asked(gate)
    back = {"requestState": state, "inputResponses": {"approval": {"action": "accept", "content": {}}}}
    # Whoever answers the question has approved nothing.
    _, tree = sent(gate, back, elicitation={"form": {}})
    assert tree["result"]["resultType"] == "input_required"
    assert script.called() == []
    decided(gate, approval, True)
    status, tree = sent(gate, back, elicitation={"form": {}})
    assert (status, tree["result"]["content"][0]["text"]) == (200, "hello world")
    assert script.called() == [CALL]
    # The same state again is no second yes.
    _, tree = sent(gate, back, elicitation={"form": {}})
    assert tree["result"]["resultType"] == "input_required" or tree["result"]["isError"]
    assert script.called() == [CALL]
    assert [record["effect"] for record in gate.records()][:3] == ["ask", "ask", "allow"]


def test_a_no_is_a_refusal(gate: Any) -> None:
    gate, script = gate
    approval, state = asked(gate)
    decided(gate, approval, False)
    _, tree = sent(gate, {"requestState": state}, elicitation={"form": {}})
    assert tree["result"]["_meta"]["leastward/refusal"]["code"] == "approval-denied"
    assert script.called() == []


def test_a_state_is_of_one_call_one_principal_and_this_gate(gate: Any) -> None:
    gate, script = gate
    approval, state = asked(gate)
    decided(gate, approval, True)
    other_call = {"requestState": state, "arguments": {"text": "hello worlds"}}
    forged = {"requestState": state[:-2] + ("AA" if state[-2:] != "AA" else "BB")}
    attempts: list[tuple[dict[str, Any], str | None]] = [
        (other_call, None),
        (forged, None),
        ({"requestState": ""}, None),
        ({"requestState": state}, "other"),
    ]
    for more, who in attempts:
        status, tree = sent(gate, more, who, elicitation={"form": {}})
        assert (status, tree["error"]["data"]["code"]) == (400, "bad-state")
    assert script.called() == []


@pytest.mark.parametrize("capabilities", [pytest.param({}, marks=pytest.mark.long), {"elicitation": {"url": {}}}])
def test_a_client_that_cannot_wait_is_told_the_approval(gate: Any, capabilities: dict[str, Any]) -> None:
    """Its next call of the same is the approved one."""
    gate, script = gate
    _, tree = sent(gate, **capabilities)
    told = tree["result"]["_meta"]["leastward/refusal"]
    decided(gate, told["approval"], True)
    _, tree = sent(gate, **capabilities)
    assert tree["result"]["content"][0]["text"] == "hello world"
    assert script.called() == [CALL]


def test_a_call_waits_for_its_person_and_a_repeat_runs_once(start_gate: Any, scripted: Any, outside: Any) -> None:
    """A client that cannot be asked: its call waits, and the same call once more is asked about anew."""
    script, url = scripted
    script.tools({"name": "echo", "description": "says it again"})
    script.answers["tools/call"] = {"content": [{"type": "text", "text": "hello world"}]}
    servers = {"servers": {"shop": {"url": url}}}
    gate = start_gate(POLICY, keys=PEOPLE, mcp=servers, approvals={"wait_seconds": 30})

    def answer(approve: bool) -> None:
        approver = gate.with_key("approver")
        outside.wait_for(lambda: bool(approver.ask("GET", "/v1/approvals").tree["pending"]), 15)
        decided(gate, approver.ask("GET", "/v1/approvals").tree["pending"][0]["id"], approve)

    for approve in (True, False):
        person = threading.Thread(target=answer, args=(approve,))
        person.start()
        _, tree = sent(gate)
        person.join()
        assert tree["result"].get("isError", False) is not approve
    assert script.called() == [CALL]


@pytest.mark.parametrize("mode", [MODERN, "legacy"])
def test_the_sdks_client_waits_and_comes_back(gate: Any, mode: str) -> None:
    """It asks its user, who gives the approval elsewhere, and sends the call again by itself; one with a session is
    asked while its call is under way."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    gate, script = gate
    seen: list[str] = []

    async def asks(context: Any, params: ElicitRequestParams) -> ElicitResult:
        seen.append(params.message)
        (waiting,) = gate.with_key("approver").ask("GET", "/v1/approvals").tree["pending"]
        await asyncio.to_thread(decided, gate, waiting["id"], True)
        return ElicitResult(action="accept", content={})

    async def run() -> Any:
        headers = {"authorization": f"Bearer {gate.key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
            line = streamable_http_client(f"http://127.0.0.1:{gate.port}/mcp/shop", http_client=http)
            async with Client(line, mode=mode, elicitation_callback=asks) as client:
                return await client.call_tool("echo", CALL["arguments"])

    result = asyncio.run(run())
    assert result.content[0].text == "hello world"
    assert len(seen) == 1
    assert json.dumps("hello world") in seen[0]
    assert script.called() == [CALL]
