"""server/mcp/subscribing.py: `subscriptions/listen`, the stream of what changes, for clients of 2026-07-28; and such a
server behind clients with a session (following.py, peer.py)."""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mcp import Client
from mcp.client.subscriptions import ResourceUpdated, ToolsListChanged
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError

from guardrail import Principal
from server.exchange import Caller, Scope, Whole
from server.mcp import serve_pipes
from server.mcp.messages import Notification, RpcError
from server.mcp.subscribing import MOST_OF_PRINCIPAL, MOST_RESOURCES, read_wanted
from server.mcp.talking import Talk
from server.mcp.told import MOST_UNREAD, Told, Wanted

POLICY = """language 1
allow desk/change(...)
allow desk/"resources.subscribe"(uri) when uri starts with "note://"
allow desk/"resources.read"(uri) when uri starts with "note://"
"""
ID = "io.modelcontextprotocol/subscriptionId"
TOOLS, RESOURCE = "notifications/tools/list_changed", "notifications/resources/updated"


def listen(gate: Any, notifications: Any, server: str | None = "desk") -> tuple[int, Any]:
    """The status, and every message of the stream once it is over, or the one message of a refusal."""
    status, _, answer = gate.modern("subscriptions/listen", {"notifications": notifications}, server)
    if not isinstance(answer, str):
        return status, answer
    return status, [json.loads(line[6:]) for line in answer.splitlines() if line.startswith("data: ")]


def stream(*messages: Any, ended: bool = True) -> Callable[[Any], Whole]:
    """The whole answer of a scripted server: the events, each stamped as its own where it says nothing else."""

    def answer(message: Any) -> Whole:
        own = {ID: message["id"]}
        told = [{"jsonrpc": "2.0", "method": method, "params": {"_meta": own, **params}} for method, params in messages]
        last = {"jsonrpc": "2.0", "id": message["id"], "result": {"resultType": "complete", "_meta": own}}
        said = [*told, last] if ended else told
        return Whole(
            200, b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in said), {}, "text/event-stream"
        )

    return answer


def acknowledged(*uris: str, tools: bool = True) -> tuple[str, dict[str, Any]]:
    filtered = {"toolsListChanged": tools, "resourceSubscriptions": list(uris)}
    return "notifications/subscriptions/acknowledged", {"notifications": filtered}


HAS = {"tools": {"listChanged": True}, "resources": {"subscribe": True, "listChanged": True}}


@pytest.fixture
def behind(start: Any, scripted: Any) -> tuple[Any, Any]:
    """A gate, and the scripted server of 2026-07-28 behind it."""
    script, url = scripted
    script.tools({"name": "change"})
    script.answers["server/discover"] = {"supportedVersions": ["2026-07-28"], "capabilities": HAS}
    return start(POLICY, {"desk": {"url": url, "subscriptions": True}}), script


# --- the attacks ------------------------------------------------------------------------------------------------------


def test_nothing_comes_that_was_not_asked_for_and_granted(behind: Any) -> None:
    """A server that speaks before its acknowledgement, of others' resources, under another stream's id, of kinds that
    nobody asked for, and with words of its own."""
    gate, script = behind
    script.answers["subscriptions/listen"] = stream(
        (TOOLS, {}),
        acknowledged("note://mine", "note://unasked", "file:///etc/passwd"),
        (RESOURCE, {"uri": "note://unasked"}),
        (RESOURCE, {"uri": "file:///etc/passwd"}),
        (RESOURCE, {"uri": "note://mine", "_meta": {ID: 10_000}}),
        (RESOURCE, {"uri": "note://mine", "_meta": {}}),
        (RESOURCE, {"uri": ["note://mine"]}),
        ("notifications/prompts/list_changed", {}),
        ("notifications/message", {"level": "error", "data": "obey"}),
        (RESOURCE, {"uri": "note://mine", "title": "obey", "extra": {"words": "obey"}}),
    )
    wanted = {"resourceSubscriptions": ["note://mine", "file:///etc/passwd"], "promptsListChanged": True}
    status, said = listen(gate, wanted)
    assert status == 200
    first, *told, last = said
    assert first["method"] == "notifications/subscriptions/acknowledged"
    assert first["params"]["notifications"] == {"resourceSubscriptions": ["note://mine"]}
    ((refused),) = first["params"]["_meta"]["leastward/refused"]
    assert (refused["uri"], refused["code"]) == ("file:///etc/passwd", "no-rule")
    own = {"_meta": {ID: 1}}
    assert told == [{"jsonrpc": "2.0", "method": RESOURCE, "params": {"uri": "note://mine", **own}}]
    assert last == {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete", **own}}
    (asked,) = [one["params"] for one in script.seen if one.get("method") == "subscriptions/listen"]
    assert asked["notifications"] == {"resourceSubscriptions": ["note://mine"]}
    effects = [(one["tool"], one["effect"]) for one in gate.records()]
    assert effects == [("desk/resources.subscribe", "allow"), ("desk/resources.subscribe", "forbid")]


def test_a_resource_is_not_told_of_once_the_policy_is_another(behind: Any) -> None:
    """The stream ends before the change that comes next; the client listens again, and is decided anew."""
    gate, script = behind

    def slow(message: Any) -> Whole:
        (gate.folder / "gate.lw").write_text("language 1\nallow desk/change(...)\n")
        gate.policies.load()
        return stream(acknowledged("note://mine"), (RESOURCE, {"uri": "note://mine"}))(message)

    script.answers["subscriptions/listen"] = slow
    _, said = listen(gate, {"resourceSubscriptions": ["note://mine"]})
    assert [one.get("method") for one in said] == ["notifications/subscriptions/acknowledged", None]
    _, said = listen(gate, {"resourceSubscriptions": ["note://mine"]})
    assert said[0]["params"]["notifications"] == {}


def test_a_server_that_breaks_off_is_no_end(behind: Any) -> None:
    gate, script = behind
    script.answers["subscriptions/listen"] = stream(acknowledged(), (TOOLS, {}), ended=False)
    _, said = listen(gate, {"toolsListChanged": True})
    assert [one.get("method") for one in said[:2]] == ["notifications/subscriptions/acknowledged", TOOLS]
    assert said[2]["error"]["data"]["code"] == "server-broke-off"


def test_a_server_that_says_the_same_without_end(behind: Any) -> None:
    """A change says "look again": what waits to be told takes up all of its kind."""
    gate, script = behind
    script.answers["subscriptions/listen"] = stream(acknowledged(), *[(TOOLS, {})] * 3_000)
    _, said = listen(gate, {"toolsListChanged": True})
    told = [one for one in said if one.get("method") == TOOLS]
    assert 1 <= len(told) < 300


def test_a_client_that_does_not_read_is_not_told_more() -> None:
    unread = MOST_UNREAD
    said: list[bytes] = []

    async def run() -> None:
        nonlocal unread
        talk = Talk(said.append, None, lambda: unread)
        asking: Any = SimpleNamespace(talk=talk)
        one = Told(asking, {}, Wanted(frozenset({"toolsListChanged"}), ()), [])
        one.acknowledged({"toolsListChanged": True})
        for _ in range(1_000):
            one.heard(Notification(TOOLS, {}))
        waiting = asyncio.ensure_future(one.has_room())
        await asyncio.sleep(0)
        assert not waiting.done()
        unread = 0
        await asyncio.wait_for(waiting, 10)
        one.tell()

    asyncio.run(run())
    assert [json.loads(line)["method"] for line in said] == ["notifications/subscriptions/acknowledged", TOOLS]


@pytest.mark.parametrize(
    ("notifications", "code"),
    [
        ({"toolsListChanged": 1}, -32602),
        ({"resourceSubscriptions": "note://mine"}, -32602),
        ({"resourceSubscriptions": [1]}, -32602),
        ({"resourceSubscriptions": [f"note://{number}" for number in range(MOST_RESOURCES + 1)]}, -32602),
        ([], -32602),
    ],
)
def test_a_filter_that_cannot_be_read(behind: Any, notifications: Any, code: int) -> None:
    status, tree = listen(behind[0], notifications)
    assert (status, tree["error"]["code"]) == (400, code)


def test_where_there_is_no_stream(start: Any, behind: Any, scripted: Any, tmp_path: Path) -> None:
    gate, script = behind
    script.answers["subscriptions/listen"] = (
        json.dumps({"jsonrpc": "2.0", "id": "@ID", "error": {"code": -32603, "message": "obey"}})
        .replace('"@ID"', "@ID")
        .encode()
    )
    _, tree = listen(gate, {"toolsListChanged": True})
    assert tree["error"]["data"]["code"] == "server-error"
    assert "obey" not in json.dumps(tree)
    found = gate.modern("server/discover", {}, "desk")[2]["result"]["capabilities"]
    assert found == {"tools": {"listChanged": True}, "resources": {"subscribe": True, "listChanged": True}}


def test_without_the_setting_there_is_no_such_method(start: Any, scripted: Any) -> None:
    script, url = scripted
    script.answers["server/discover"] = {"supportedVersions": ["2026-07-28"], "capabilities": HAS}
    gate = start(POLICY, {"desk": {"url": url}})
    for server in ("desk", None):
        status, tree = listen(gate, {"toolsListChanged": True}, server)
        assert (status, tree["error"]["code"]) == (404, -32601)
    assert gate.modern("server/discover", {}, "desk")[2]["result"]["capabilities"] == {"tools": {}, "resources": {}}
    assert gate.modern("server/discover", {}, None)[2]["result"]["capabilities"] == {"tools": {}}


def test_what_is_read_of_a_filter() -> None:
    wanted = read_wanted({"toolsListChanged": True, "taskIds": ["t"], "resourceSubscriptions": ["a:b", "a:b"]})
    assert wanted.tree == {"toolsListChanged": True, "resourceSubscriptions": ["a:b"]}
    assert wanted.within({"resourceSubscriptions": "a:b"}) == Wanted(frozenset({"toolsListChanged"}), ())
    assert wanted.within(None).tree == {"toolsListChanged": True}, "what the policy changes is told of by the gate"
    with pytest.raises(RpcError):
        read_wanted({"promptsListChanged": "yes"})


# --- the client's eye -------------------------------------------------------------------------------------------------


def desk() -> MCPServer:
    server: MCPServer = MCPServer("desk")

    @server.tool()
    async def change(uri: str, ctx: Context) -> str:
        await ctx.notify_resource_updated(uri)
        await ctx.notify_tools_changed()
        return "changed"

    @server.resource("note://{name}")
    def note(name: str) -> str:
        return name

    return server


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, running: Any, serving: Any) -> Iterator[Any]:
    with serving(desk().streamable_http_app()) as port:
        servers = {"desk": {"url": f"http://127.0.0.1:{port}/mcp", "subscriptions": True}}
        with running(tmp_path_factory.mktemp("gate"), POLICY, servers) as gate:
            yield gate


def test_the_sdks_client_listens_to_the_sdks_server(gate: Any) -> None:
    async def run() -> tuple[Any, list[Any]]:
        heard: list[Any] = []
        async with asyncio.timeout(20), Client(gate.url("desk"), mode="2026-07-28") as client:
            uris = ["note://mine", "file:///etc/passwd"]
            async with client.listen(tools_list_changed=True, resource_subscriptions=uris) as listening:
                for uri in ("note://theirs", "note://mine"):
                    await client.call_tool("change", {"uri": uri})
                async for event in listening:
                    heard.append(event)
                    if isinstance(event, ResourceUpdated):
                        return listening.honored, heard
        return None, heard

    honoured, heard = asyncio.run(run())
    assert honoured.tools_list_changed
    assert honoured.resource_subscriptions == ["note://mine"]
    assert set(heard) <= {ToolsListChanged(), ResourceUpdated(uri="note://mine")}


def test_one_principal_has_so_many_streams_and_gets_them_back(gate: Any) -> None:
    async def run() -> Any:
        async with asyncio.timeout(20), Client(gate.url("desk"), mode="2026-07-28") as client:
            opened = [client.listen(tools_list_changed=True) for _ in range(MOST_OF_PRINCIPAL)]
            for one in opened:
                await one.__aenter__()
            try:
                async with client.listen(tools_list_changed=True):
                    return None
            except MCPError as error:
                return error.error
            finally:
                for one in opened:
                    await one.__aexit__(None, None, None)

    assert asyncio.run(run()).data["code"] == "too-many-streams"
    for _ in range(100):  # a stream that a client leaves is over when the gate has noticed
        if _listens_once(gate):
            return
        time.sleep(0.05)
    raise AssertionError("the streams are not given back")


def _listens_once(gate: Any) -> bool:
    async def run() -> bool:
        async with asyncio.timeout(20), Client(gate.url("desk"), mode="2026-07-28") as client:
            try:
                async with client.listen(tools_list_changed=True):
                    return True
            except MCPError:
                return False

    return asyncio.run(run())


# --- servers and clients of other kinds -------------------------------------------------------------------------------


def test_a_client_with_a_session_hears_of_a_server_of_2026_07_28(behind: Any) -> None:
    """Nothing of `resources/subscribe` reaches a server that has no such method."""
    gate, script = behind
    heard = [(RESOURCE, {"uri": "note://theirs"}), (RESOURCE, {"uri": "note://mine", "title": "obey"})]
    script.answers["subscriptions/listen"] = stream(acknowledged("note://mine"), *heard)
    headers = gate.opened(server="desk")
    line = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=20)
    line.request("GET", "/mcp/desk", headers={**headers, "accept": "text/event-stream"})
    answer = line.getresponse()
    message = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": "note://mine"}}
    assert gate.post(message, "desk", **headers)[2]["result"] == {}
    found = b""
    while b"note://mine" not in found:
        found += answer.readline()
    answer.close()
    line.close()
    assert b"theirs" not in found
    assert b"obey" not in found
    methods = [one.get("method") for one in script.seen]
    assert "resources/subscribe" not in methods
    wanted = [one["params"]["notifications"] for one in script.seen if one.get("method") == "subscriptions/listen"]
    assert wanted[-1]["resourceSubscriptions"] == ["note://mine"]


OLD = [sys.executable, str(Path(__file__).with_name("stdio_server.py"))]


def test_on_pipes_in_front_of_a_server_with_a_handshake(running: Any, door_in_loop: Any, tmp_path: Path) -> None:
    """The host's stream is of 2026-07-28, the server knows `resources/subscribe` alone; cancelling ends the stream."""
    said: list[Any] = []

    async def run(gate: Any) -> None:
        server = {"command": OLD[0], "args": OLD[1:], "subscriptions": True}
        async with door_in_loop(gate, {"desk": server}) as door:
            reader, caller = asyncio.StreamReader(), Caller(Principal("t", "a"), frozenset({Scope.CALL}), "a")

            async def write(line: bytes) -> None:
                said.append(json.loads(line))

            run = gate.store.default_run(caller.principal)
            serving = asyncio.ensure_future(serve_pipes(door, "desk", caller, run, reader, write))
            reader.feed_data(_line(7, "subscriptions/listen", notifications={"resourceSubscriptions": ["note://a"]}))
            await _until(lambda: any("acknowledged" in one.get("method", "") for one in said))
            reader.feed_data(_line(8, "tools/call", name="change", arguments={"text": "note://a"}))
            await _until(lambda: any(one.get("method") == RESOURCE for one in said))
            reader.feed_data(json.dumps(_cancelled(7)).encode() + b"\n")
            reader.feed_data(_line(9, "tools/call", name="change", arguments={"text": "note://a"}))
            await _until(lambda: any(one.get("id") == 9 for one in said))
            reader.feed_data(_line(10, "subscriptions/listen", notifications={"toolsListChanged": True}))
            await _until(lambda: sum("acknowledged" in one.get("method", "") for one in said) == 2)
            reader.feed_eof()
            await asyncio.wait_for(serving, 5)

    with running(tmp_path, POLICY, {}) as gate:
        asyncio.run(run(gate))
    changes = [one["params"] for one in said if one.get("method") == RESOURCE]
    assert changes == [{"uri": "note://a", "_meta": {ID: 7}}]
    assert not any(one.get("id") == 7 for one in said), "a cancelled request is not answered"


def _line(number: int, method: str, **params: Any) -> bytes:
    said = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": said}}
    return json.dumps(message).encode() + b"\n"


def _cancelled(number: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 what is waited for is a line of another task
            await asyncio.sleep(0.01)
