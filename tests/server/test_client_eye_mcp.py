"""The official SDK's MCP client through the whole gate with its keys, in both kinds of protocol: what it is answered is
what `/v1/decisions` says was allowed, and the server behind got exactly that (tests/mcp has the door by itself)."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from server.exchange import Scope

POLICY = """language 1
allow shop/pay(...) as pay when to == "ann"
allow shop/note(...) as note
rewrite shop/note set to = "nobody" when to == "eve"
ask shop/ask_first(...) as asks
forbid shop/drop as never message "Never."
"""
TOOLS = ("pay", "note", "drop", "ask_first", "unnamed")
ROUNDS = 10


def answer(asked: Any, outside: Any) -> Any:
    """An MCP server that answers each call with the call."""
    if "id" not in asked.tree:
        return outside.whole(b"", 202)
    params = asked.tree.get("params", {})
    echo = json.dumps([params.get("name"), params.get("arguments")])
    result = {
        "server/discover": {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}},
        "tools/list": {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]},
        "tools/call": {"content": [{"type": "text", "text": echo}]},
    }[asked.tree["method"]]
    return outside.whole({"jsonrpc": "2.0", "id": asked.tree["id"], "result": result})


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
def test_the_sdk_sees_what_was_recorded(start_gate: Callable[..., Any], outside: Any, mode: str) -> None:
    mcp = pytest.importorskip("mcp")
    httpx2 = pytest.importorskip("httpx2")
    from mcp.client.streamable_http import streamable_http_client

    behind = outside.model(lambda asked: answer(asked, outside))
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    calls = [(chance.choice(TOOLS), {"to": chance.choice(["ann", "eve", "\u00e9\u0000"])}) for _ in range(ROUNDS)]
    gate = start_gate(
        POLICY,
        keys={"auditor": {"agent": "auditor", "scopes": [Scope.AUDIT]}},
        mcp={"servers": {"shop": {"url": f"http://127.0.0.1:{behind.port}/mcp", "protocol": "2026-07-28"}}},
    )

    async def ask() -> list[Any]:
        headers = {"authorization": f"Bearer {gate.key}"}
        url = f"http://127.0.0.1:{gate.port}/mcp/shop"
        async with (
            asyncio.timeout(30),
            httpx2.AsyncClient(headers=headers) as line,
            mcp.Client(streamable_http_client(url, http_client=line), mode=mode) as client,
        ):
            return [await client.call_tool(tool, arguments) for tool, arguments in calls]

    results = asyncio.run(ask())
    behind.close()
    reached = [asked.tree["params"] for asked in behind.asked if asked.tree.get("method") == "tools/call"]
    got = [json.loads(result.content[0].text) for result in results if not result.is_error]
    assert got == [[one["name"], one["arguments"]] for one in reached]
    for (tool, arguments), result in zip(calls, results, strict=True):
        named = result.meta["leastward/refusal"] if result.is_error else result.meta
        decision = named["decision" if result.is_error else "leastward/decision"]
        record = gate.with_key("auditor").ask("GET", f"/v1/decisions/{decision}").tree
        assert (record["tool"], record["payload"]) == (f"shop/{tool}", arguments)
        assert (record["effect"] == "allow") != result.is_error
        if not result.is_error:
            sent = {"to": "nobody"} if tool == "note" and arguments["to"] == "eve" else arguments
            assert json.loads(result.content[0].text) == [tool, sent]
