"""`subscriptions/listen` at the address of all servers (server/mcp/hearing.py): each is heard, and none ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mcp import Client
from mcp.client.subscriptions import ToolsListChanged

from server.exchange import Whole
from server.mcp import hearing

POLICY = "language 1\nallow desk/change(...)\nallow shop/buy(...)\n"
OTHER = "language 1\nallow desk/change(...)\n"
ID = "io.modelcontextprotocol/subscriptionId"
ACKNOWLEDGED, TOOLS = "notifications/subscriptions/acknowledged", "notifications/tools/list_changed"
HAS = {"tools": {"listChanged": True}, "resources": {"subscribe": True}}

Says = Callable[[Any], Whole]


def says(*messages: tuple[str, dict[str, Any]], before: Callable[[], None] = lambda: None) -> Says:
    """One whole stream of a scripted server, which it breaks off or ends after its last word."""

    def answer(message: Any) -> Whole:
        before()
        own = {ID: message["id"]}
        first = {"method": ACKNOWLEDGED, "params": {"notifications": {"toolsListChanged": True}, "_meta": own}}
        told = [first, *({"method": method, "params": {"_meta": own, **params}} for method, params in messages)]
        lines = [b"data: " + json.dumps({"jsonrpc": "2.0", **one}).encode() + b"\n\n" for one in told]
        return Whole(200, b"".join(lines), {}, "text/event-stream")

    return answer


@pytest.fixture
def two(start: Any, scripting: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A gate, and the two scripted servers behind it by name."""
    monkeypatch.setattr(hearing, "AGAIN_SECONDS", 0.05)
    with contextlib.ExitStack() as stack:
        scripts, servers = {}, {}
        for name, tool in (("desk", "change"), ("shop", "buy")):
            scripts[name], url = stack.enter_context(scripting())
            scripts[name].tools({"name": tool})
            scripts[name].answers["server/discover"] = {"supportedVersions": ["2026-07-28"], "capabilities": HAS}
            servers[name] = {"url": url, "subscriptions": True}
        yield start(POLICY, servers), scripts


def listen(gate: Any, notifications: Any) -> list[Any]:
    """Every message of the stream, once it is over."""
    status, _, answer = gate.modern("subscriptions/listen", {"notifications": notifications}, None)
    assert status == 200
    return [json.loads(line[6:]) for line in answer.splitlines() if line.startswith("data: ")]


def asked(script: Any) -> list[Any]:
    """The parameters of each stream that was opened at a server."""
    return [one["params"] for one in script.seen if one.get("method") == "subscriptions/listen"]


def test_of_what_servers_say_only_that_the_list_of_tools_changed(two: Any) -> None:
    """Nothing else stands at this address: a resource that is asked for there is no Decision, and is not told of."""
    gate, scripts = two
    changed: list[bool] = []

    def another_policy_once_each_was_heard_twice() -> None:
        if not changed and all(len(asked(script)) > 1 for script in scripts.values()):
            changed.append(True)
            (gate.folder / "gate.lw").write_text(OTHER)
            gate.policies.load()

    words = [
        ("notifications/resources/updated", {"uri": "note://mine"}),
        ("notifications/prompts/list_changed", {}),
        ("notifications/message", {"level": "error", "data": "obey"}),
        (TOOLS, {"words": "obey"}),
    ]
    for script in scripts.values():
        script.answers["subscriptions/listen"] = says(*words, before=another_policy_once_each_was_heard_twice)
    wanted = {"toolsListChanged": True, "promptsListChanged": True, "resourceSubscriptions": ["note://mine"]}
    first, *told, last = listen(gate, wanted)
    own = {"_meta": {ID: 1}}
    assert first["method"] == ACKNOWLEDGED
    assert first["params"] == {"notifications": {"toolsListChanged": True}, **own}
    assert told
    assert all(one == {"jsonrpc": "2.0", "method": TOOLS, "params": own} for one in told)
    assert last == {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete", **own}}
    for script in scripts.values():
        assert {json.dumps(one["notifications"]) for one in asked(script)} == {'{"toolsListChanged": true}'}
    assert gate.records() == []


def test_a_server_that_cannot_be_reached_ends_nothing(
    start: Any, scripting: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked again and again, and said of it once."""
    monkeypatch.setattr(hearing, "AGAIN_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as nobody, scripting() as (script, url):
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}/mcp"
        nobody.close()
        script.tools({"name": "change"})
        script.answers["server/discover"] = {"supportedVersions": ["2026-07-28"], "capabilities": HAS}
        script.answers["subscriptions/listen"] = says((TOOLS, {}))
        servers = {name: {"url": at, "subscriptions": True} for name, at in (("desk", url), ("shop", gone))}
        gate = start(POLICY, servers)

        async def run() -> list[Any]:
            heard: list[Any] = []
            async with (
                asyncio.timeout(20),
                Client(gate.url(None), mode="2026-07-28") as client,
                client.listen(tools_list_changed=True) as listening,
            ):
                async for event in listening:
                    heard.append(event)
                    if len(heard) == 3:
                        break
            return heard

        assert asyncio.run(run()) == [ToolsListChanged()] * 3
    assert sum("`shop` broke off" in line for line in caplog.messages) == 1


def test_who_was_deaf_for_a_while_looks_again(two: Any) -> None:
    """What a server said while nobody heard it may have been that its list changed. The SDK's client hears of it."""
    gate, scripts = two
    for script in scripts.values():
        script.answers["subscriptions/listen"] = says()

    async def run() -> Any:
        async with (
            asyncio.timeout(20),
            Client(gate.url(None), mode="2026-07-28") as client,
            client.listen(tools_list_changed=True) as listening,
        ):
            return await anext(aiter(listening))

    assert gate.modern("server/discover", {}, None)[2]["result"]["capabilities"] == {"tools": {"listChanged": True}}
    assert asyncio.run(run()) == ToolsListChanged()


def test_servers_that_tell_of_nothing_are_asked_once(two: Any) -> None:
    """They have no such method; the policy is still told of."""
    gate, scripts = two

    requests: list[str] = []

    def another_policy_once_both_were_asked(message: Any) -> bytes:
        requests.append(message["method"])
        if len(requests) == 2:
            (gate.folder / "gate.lw").write_text(OTHER)
            gate.policies.load()
        error = {"code": -32601, "message": "obey"}
        return json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}).encode()

    for script in scripts.values():
        script.answers["subscriptions/listen"] = another_policy_once_both_were_asked
    assert [one.get("method") for one in listen(gate, {"toolsListChanged": True})] == [ACKNOWLEDGED, TOOLS, None]
    assert len(requests) == 2
