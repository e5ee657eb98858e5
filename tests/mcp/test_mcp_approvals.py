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
    gate, script = gate
    seen: list[str] = []

    async def asks(context: Any, params: ElicitRequestParams) -> ElicitResult:
        seen.append(params.message)
        (waiting,) = gate.with_key("approver").ask("GET", "/v1/approvals").tree["pending"]
        await asyncio.to_thread(decided, gate, waiting["id"], True)
        return ElicitResult(action="accept", content={})

    result = with_client(gate, mode, asks, lambda client: client.call_tool("echo", CALL["arguments"]))
    assert result.content[0].text == "hello world"
    assert len(seen) == 1
    assert json.dumps("hello world") in seen[0]
    assert script.called() == [CALL]


# --- a tool that asks its client something itself ---------------------------------------------------------------------

FORM = {"mode": "form", "message": "Which room?", "requestedSchema": {"type": "object", "properties": {}}}
ROOM: dict[str, Any] = {"action": "accept", "content": {"room": "42"}}
TOLD = '"elicitation.create"(message?, action, content?(...))'


def asking_server(script: Any) -> None:
    """It wants to know a room before it answers, and knows its own state again."""
    script.tools({"name": "echo", "description": "says it again"})

    def answer(message: Any) -> Any:
        params = message["params"]
        if "inputResponses" not in params:
            asked = {"room": {"method": "elicitation/create", "params": FORM}}
            return {"resultType": "input_required", "inputRequests": asked, "requestState": "of the server"}
        assert params["requestState"] == "of the server"
        return {"content": [{"type": "text", "text": f"room {params['inputResponses']['room']['content']['room']}"}]}

    script.answers["tools/call"] = answer


@pytest.fixture
def nested(start_gate: Any, scripted: Any) -> Any:
    """Starts a gate with the asking server behind it, under a policy."""
    script, url = scripted
    asking_server(script)
    servers = {"servers": {"shop": {"url": url, "questions": ["elicitation"]}}}

    def start(policy: str) -> Any:
        return start_gate(policy, keys=PEOPLE, mcp=servers, approvals={"wait_seconds": 0.1})

    return start, script


def step(gate: Any, state: str | None = None, answers: Any = None) -> Any:
    more = {} if state is None else {"requestState": state}
    status, tree = sent(
        gate, more if answers is None else {**more, "inputResponses": answers}, elicitation={"form": {}}
    )
    assert status == 200, tree
    return tree["result"]


def yes(gate: Any) -> str:
    """Approve the one call that waits; the page that a person saw."""
    (waiting,) = gate.with_key("approver").ask("GET", "/v1/approvals").tree["pending"]
    decided(gate, waiting["id"], True)
    return str(waiting["call"])


def answers_sent(script: Any) -> list[Any]:
    return [one.get("inputResponses") for one in script.called()]


def test_a_call_that_waits_for_a_person_and_asks_its_client_too(nested: Any) -> None:
    """One yes lets it go to its question, another brings the answers; the answers are those that were given before the
    second person looked, whatever the client sends with the state."""
    start, script = nested
    gate = start(f"language 1\nask shop/echo(text)\nallow shop/{TOLD}\n")
    held = step(gate)
    assert list(held["inputRequests"]) == ["approval"]
    yes(gate)
    asked = step(gate, held["requestState"], {"approval": ROOM})
    assert list(asked["inputRequests"]) == ["room"]
    again = step(gate, asked["requestState"], {"room": ROOM})
    assert list(again["inputRequests"]) == ["approval"]
    assert answers_sent(script) == [None], "the answers wait for a yes of their own call"
    assert list(step(gate, again["requestState"])["inputRequests"]) == ["approval"]
    yes(gate)
    other = {"room": {"action": "accept", "content": {"room": "of the attacker"}}}
    done = step(gate, again["requestState"], other)
    assert done["content"][0]["text"] == "room 42"
    assert answers_sent(script) == [None, {"room": ROOM}]
    for state in (held["requestState"], asked["requestState"], again["requestState"]):
        assert list(step(gate, state, {"room": ROOM})["inputRequests"]) == ["approval"], "a state is no second yes"
    assert len(script.called()) == 2


@pytest.mark.parametrize("asked_before", [True, False])
def test_an_answer_that_waits_for_a_person(nested: Any, asked_before: bool) -> None:
    """The person sees the answer and the question; the answer that they saw is the one that goes."""
    start, script = nested
    gate = start(f"language 1\nallow shop/echo(text)\nask shop/{TOLD}\n")
    state = step(gate)["requestState"] if asked_before else None
    held = step(gate, state, {"room": ROOM})
    assert list(held["inputRequests"]) == ["approval"]
    other = {"room": {"action": "accept", "content": {"room": "of the attacker"}}}
    assert list(step(gate, held["requestState"], other)["inputRequests"]) == ["approval"]
    assert [one for one in answers_sent(script) if one] == []
    shown = yes(gate)
    assert "elicitation.create" in shown
    assert '"42"' in shown
    assert ("Which room?" in shown) == asked_before
    if asked_before:
        done = step(gate, held["requestState"], other)
        assert done["content"][0]["text"] == "room 42"
    else:  # what the server never asked in this call it does not know: it asks now
        script.answers["tools/call"] = {"content": [{"type": "text", "text": "room 42"}]}
        assert step(gate, held["requestState"], other)["content"][0]["text"] == "room 42"
    assert [one for one in answers_sent(script) if one] == [{"room": ROOM}]


def test_a_no_to_an_answer_is_a_refusal(nested: Any) -> None:
    start, script = nested
    gate = start(f"language 1\nallow shop/echo(text)\nask shop/{TOLD}\n")
    held = step(gate, step(gate)["requestState"], {"room": ROOM})
    (waiting,) = gate.with_key("approver").ask("GET", "/v1/approvals").tree["pending"]
    decided(gate, waiting["id"], False)
    refused = step(gate, held["requestState"])
    assert refused["_meta"]["leastward/refusal"]["code"] == "approval-denied"
    assert answers_sent(script) == [None]


def test_a_state_for_an_answer_is_of_one_call_and_one_principal(nested: Any) -> None:
    start, script = nested
    gate = start(f"language 1\nallow shop/echo(text)\nask shop/{TOLD}\n")
    held = step(gate, step(gate)["requestState"], {"room": ROOM})
    yes(gate)
    attempts: list[tuple[dict[str, Any], str | None]] = [
        ({"requestState": held["requestState"], "arguments": {"text": "hello worlds"}}, None),
        ({"requestState": held["requestState"]}, "other"),
    ]
    for more, who in attempts:
        status, tree = sent(gate, more, who, elicitation={"form": {}})
        assert (status, tree["error"]["data"]["code"]) == (400, "bad-state")
    assert answers_sent(script) == [None]


@pytest.mark.parametrize("mode", [MODERN, "legacy"])
def test_the_sdks_client_goes_through_both(nested: Any, mode: str) -> None:
    """Its user is asked by the gate and by the server; every message says who asks."""
    start, script = nested
    gate = start(f"language 1\nask shop/echo(text)\nallow shop/{TOLD}\n")
    seen: list[str] = []

    async def asks(context: Any, params: ElicitRequestParams) -> ElicitResult:
        seen.append(params.message.partition(" (")[0].partition("\n")[0])
        if "Which room?" in params.message:
            return ElicitResult(action="accept", content={"room": "42"})
        await asyncio.to_thread(yes, gate)
        return ElicitResult(action="accept", content={})

    result = with_client(gate, mode, asks, lambda client: client.call_tool("echo", CALL["arguments"]))
    assert result.content[0].text == "room 42"
    first, second = "A person has to approve this call first", "The MCP server `shop` asks: Which room?"
    assert seen == ([first, second, first] if mode == MODERN else [first, second])
    assert len(script.called()) == 2


@pytest.mark.parametrize("mode", [MODERN, "legacy"])
def test_a_resource_that_a_person_has_to_see_first(start_gate: Any, scripted: Any, mode: str) -> None:
    script, url = scripted
    script.answers["server/discover"] = {"supportedVersions": [MODERN], "capabilities": {"resources": {}}}
    script.answers["resources/read"] = {"contents": [{"uri": "note://a", "text": "the note"}]}
    servers = {"servers": {"shop": {"url": url}}}
    gate = start_gate('language 1\nask shop/"resources.read"(uri)\n', keys=PEOPLE, mcp=servers)
    read: list[int] = []

    async def asks(context: Any, params: ElicitRequestParams) -> ElicitResult:
        read.append(sum(message.get("method") == "resources/read" for message in script.seen))
        await asyncio.to_thread(yes, gate)
        return ElicitResult(action="accept", content={})

    result = with_client(gate, mode, asks, lambda client: client.read_resource("note://a"))
    assert result.contents[0].text == "the note"
    assert read == [0], "asked once, and before it was read"


def with_client(gate: Any, mode: str, asks: Any, body: Any) -> Any:
    """What the official SDK's client makes of it, whose user is asked with `asks`."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async def run() -> Any:
        headers = {"authorization": f"Bearer {gate.key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
            line = streamable_http_client(f"http://127.0.0.1:{gate.port}/mcp/shop", http_client=http)
            async with Client(line, mode=mode, elicitation_callback=asks) as client:
                return await body(client)

    return asyncio.run(run())
