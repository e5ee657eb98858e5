"""server/mcp/talking.py, following.py and logged.py: what a client with a session is asked and told meanwhile."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
from mcp import Client
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ElicitResult
from pydantic import BaseModel

from server.exchange import Whole
from server.mcp.line import PeerError
from server.mcp.logged import MOST_BYTES, is_wanted, read_logged
from server.mcp.messages import Reply
from server.mcp.results import ResultError
from server.mcp.talking import MOST_ASKED, Replies, Talk

POLICY = """language 1
allow desk/ask(...)
allow desk/"elicitation.create"(message, action, content?(...)) when missing content or content.name != "secret"
allow desk/"resources.subscribe"(uri)
allow desk/"resources.read"(uri)
"""
PASSED = {"questions": ["elicitation"], "logging": True, "subscriptions": True}


class Name(BaseModel):
    name: str


def desk() -> MCPServer:
    server: MCPServer = MCPServer("desk")

    @server.tool()
    async def ask(ctx: Context) -> str:
        found = await ctx.elicit("Your name?", Name)
        return f"hello {found.data.name}" if found.action == "accept" else found.action

    return server


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, running: Any, serving: Any) -> Iterator[Any]:
    with serving(desk().streamable_http_app()) as port:
        servers = {"desk": {"url": f"http://127.0.0.1:{port}/mcp", **PASSED}}
        with running(tmp_path_factory.mktemp("gate"), POLICY, servers) as gate:
            yield gate


@pytest.mark.parametrize(("name", "said"), [("Ann", "hello Ann"), ("secret", None)])
def test_the_sdks_client_is_asked_by_the_sdks_server(gate: Any, name: str, said: str | None) -> None:
    """An answer that the policy withholds never reaches the server, which is told so."""
    seen: list[str] = []

    async def asks(context: Any, params: Any) -> ElicitResult:
        seen.append(params.message)
        return ElicitResult(action="accept", content={"name": name})

    async def run() -> Any:
        async with Client(gate.url("desk"), mode="legacy", elicitation_callback=asks) as client:
            return await client.call_tool("ask", {})

    result = asyncio.run(run())
    assert seen, result
    assert seen == ["The MCP server `desk` asks: Your name?"]
    if said is not None:
        assert result.content[0].text == said
    else:
        assert result.is_error
        assert "secret" not in str(result)
    answers = [record["effect"] for record in gate.records() if record["tool"] == "desk/elicitation.create"]
    assert answers[-1] == ("allow" if said else "forbid")


def test_a_client_that_cannot_be_asked(gate: Any) -> None:
    headers = gate.opened(server="desk")
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask", "arguments": {}}}
    _, _, tree = gate.post(message, "desk", **headers)
    assert tree["result"]["isError"]


def test_an_answer_to_no_question_is_not_taken(gate: Any) -> None:
    headers = gate.opened(server="desk")
    reply = {"jsonrpc": "2.0", "id": "0123456789abcdef", "result": {"action": "accept"}}
    assert gate.post(reply, "desk", **headers)[0] == 400
    assert gate.post(reply, "desk", **{**headers, "x-agent": "b"})[0] == 404


def test_changes_of_what_a_client_subscribed_to(start: Any, scripted: Any) -> None:
    """Over the GET stream come names, and those alone that this client asked for."""
    script, url = scripted
    script.modern = False
    script.tools({"name": "ask"})
    opened = {"protocolVersion": "2025-11-25", "capabilities": {"resources": {"subscribe": True}, "tools": {}}}
    body = {"jsonrpc": "2.0", "id": 1, "result": {**opened, "serverInfo": {"name": "s"}}}
    script.answers["initialize"] = lambda message: Whole(
        200, json.dumps({**body, "id": message["id"]}).encode(), {"mcp-session-id": "kept"}
    )
    script.answers["resources/subscribe"] = {}
    heard = [{"uri": "a:theirs"}, {"uri": ["a:mine"]}, {"uri": "a:mine", "_meta": {"words": "words"}}]
    events = [{"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": one} for one in heard]
    stream = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    gate = start(POLICY, {"desk": {"url": url, **PASSED}})
    headers = gate.opened(server="desk")
    line = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=20)
    line.request("GET", "/mcp/desk", headers={**headers, "accept": "text/event-stream"})
    answer = line.getresponse()
    assert answer.status == 200
    script.answers["GET"] = Whole(200, stream, {}, "text/event-stream")
    message = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": "a:mine"}}
    assert gate.post(message, "desk", **headers)[2]["result"] == {}
    found = b""
    while b"a:mine" not in found:
        found += answer.readline()
    answer.close()
    line.close()
    told = json.loads(found.split(b"data: ")[1])
    assert told["params"] == {"uri": "a:mine"}
    assert b"theirs" not in found


def test_log_messages_are_told_in_order_from_the_level_on(start: Any, scripted: Any) -> None:
    script, url = scripted
    script.tools({"name": "ask"})
    script.content_type = "text/event-stream"
    logs = [("debug", "no"), ("error", "one"), ("warning", "two")]
    lines = [{"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": a, "data": b}} for a, b in logs]

    def wrapped(result: Any) -> Any:
        def answer(message: Any) -> bytes:
            last = {"jsonrpc": "2.0", "id": message["id"], "result": result}
            said = [*lines, last] if message["method"] == "tools/call" else [last]
            return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in said)

        return answer

    discovered = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}, "logging": {}}}
    script.answers |= {
        "server/discover": wrapped(discovered),
        "tools/list": wrapped(script.answers["tools/list"]),
        "tools/call": wrapped({"content": []}),
    }
    gate = start(POLICY, {"desk": {"url": url, "logging": True}})
    params = {"name": "ask", "arguments": {}, "_meta": {"io.modelcontextprotocol/logLevel": "warning"}}
    _, _, text = gate.modern("tools/call", params, "desk")
    told = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert [one["params"]["data"] for one in told[:-1]] == ["one", "two"]
    assert told[-1]["result"]["content"] == []
    _, _, tree = gate.modern("tools/call", {"name": "ask", "arguments": {}}, "desk")
    assert tree["result"]["content"] == []


@pytest.mark.parametrize(
    "params", [{}, {"data": "x" * MOST_BYTES}, {"data": 1, "logger": 1}, {"data": 1, "logger": "l" * 129}]
)
def test_a_log_message_that_is_left_out(params: dict[str, Any]) -> None:
    with pytest.raises(ResultError):
        read_logged({"level": "info", **params})


def test_levels_in_order() -> None:
    assert is_wanted({"level": "alert"}, "error")
    assert not is_wanted({"level": "info"}, "error")
    assert not is_wanted({"level": ["info"]}, "debug")


def test_replies_belong_to_one_question() -> None:
    async def run() -> None:
        replies, said = Replies(), []
        talk = Talk(said.append, replies)
        asking = asyncio.ensure_future(talk.ask("roots/list", {}, 5))
        await asyncio.sleep(0)
        name = json.loads(said[0])["id"]
        assert not replies.came(Reply("other", {}, None))
        assert replies.came(Reply(name, {"roots": []}, None))
        assert not replies.came(Reply(name, {"roots": []}, None))
        assert await asking == {"roots": []}
        refused = asyncio.ensure_future(talk.ask("roots/list", {}, 5))
        await asyncio.sleep(0)
        assert replies.came(Reply(json.loads(said[1])["id"], {}, {"code": 1}))
        with pytest.raises(PeerError):
            await refused
        with pytest.raises(PeerError):
            await talk.ask("roots/list", {}, 0.01)
        for _ in range(MOST_ASKED):
            replies.wait()
        with pytest.raises(PeerError):
            replies.wait()
        with pytest.raises(PeerError):
            await Talk(said.append).ask("roots/list", {}, 5)
        replies.close()

    asyncio.run(run())


def test_what_cannot_be_read_is_recorded(gate: Any) -> None:
    """Twice the same name, a batch, a header that says something else."""
    before = len(malformed(gate))
    gate.post(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', "desk")
    gate.post(b"[]", "desk")
    gate.modern("tools/call", {"name": "ask", "arguments": {}}, "desk", **{"mcp-name": "other"})
    gate.modern("tools/none", {}, "desk")
    assert [record["reason"] for record in malformed(gate)][before:] == [
        "duplicate-key",
        "malformed-request",
        "header-mismatch",
    ]


def malformed(gate: Any) -> list[dict[str, Any]]:
    with gate.store.rows() as rows:
        every = [json.loads(row.body) for row in rows]
    return [record for record in every if record.get("kind") == "malformed-request"]
