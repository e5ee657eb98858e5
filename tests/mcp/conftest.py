"""A real MCP gate on HTTP: the official SDK's server behind it, the official SDK's client in front, a real store, real
policies, and the real choke point. Only the edge is small: a test names its principal in a header."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from mcp.server.mcpserver import Context, MCPServer

from guardrail import Principal
from server.answering import send_answer
from server.edge import EdgeError, refused
from server.exchange import Caller, Scope, Whole
from server.mcp import Door, McpFront, open_servers
from server.policies import Policies
from server.recorded import RecordedDecisions
from server.recording import Conduct
from server.routes_mcp import mcp_error
from server.sessions import SessionBook
from server.settings_mcp import McpSettings
from server.store import Store, StoreError
from server.tool_gate import ToolGate

MODERN, LEGACY, OLD = "2026-07-28", "2025-11-25", "2025-06-18"


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")


@contextlib.contextmanager
def serving(app: Any) -> Iterator[int]:
    """`app` on a loopback port, in a thread with a loop of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive()


# --- a server of the official SDK -------------------------------------------------------------------------------------


@dataclass
class Shop:
    """What the server behind the gate was called with."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    began: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)


def shop_server(shop: Shop) -> MCPServer:
    server: MCPServer = MCPServer("shop")

    @server.tool()
    def echo(text: str) -> str:
        shop.calls.append(("echo", {"text": text}))
        return text

    @server.tool()
    def add(a: int, b: int) -> int:
        shop.calls.append(("add", {"a": a, "b": b}))
        return a + b

    @server.tool()
    def fail() -> str:
        shop.calls.append(("fail", {}))
        raise ValueError("out of stock")

    @server.tool()
    def remove(name: str) -> str:
        shop.calls.append(("remove", {"name": name}))
        return "removed"

    @server.tool()
    async def slow(steps: int, ctx: Context) -> str:
        shop.calls.append(("slow", {"steps": steps}))
        shop.began.set()
        try:
            for step in range(steps):
                await ctx.report_progress(step + 1, steps, "a sentence of the server's")
                await asyncio.sleep(0.01 if steps < 100 else 0.1)
        except asyncio.CancelledError:
            shop.cancelled.set()
            raise
        return "done"

    @server.resource("note://{name}")
    def note(name: str) -> str:
        shop.calls.append(("note", {"name": name}))
        return f"the note {name}"

    @server.prompt()
    def greeting(name: str) -> str:
        shop.calls.append(("greeting", {"name": name}))
        return f"greet {name}"

    return server


# --- a server whose every byte is the test's --------------------------------------------------------------------------


@dataclass
class Scripted:
    """An MCP server on HTTP that answers each method with what stands in `answers`: a result tree, the bytes of a whole
    body, or a function of the request. `modern` is whether it knows server/discover."""

    answers: dict[str, Any] = field(default_factory=dict)
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    content_type: str = "application/json"
    modern: bool = True

    def tools(self, *tools: Mapping[str, Any]) -> None:
        self.answers["tools/list"] = {"tools": [{"inputSchema": {"type": "object"}, **tool} for tool in tools]}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body = await _body(receive)
        if scope["method"] == "DELETE":
            self.deleted.append(dict(scope["headers"])[b"mcp-session-id"].decode())
            await send_answer(Whole(200, b""), send)
            return
        if scope["method"] == "GET":
            await send_answer(self.answers.get("GET") or Whole(405, b""), send)
            return
        message = json.loads(body) if body else {}
        self.seen.append(message)
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        method = message.get("method")
        if "id" not in message:
            await send_answer(Whole(202, b""), send)
            return
        answer = self.answers.get(str(method))
        if callable(answer):
            answer = answer(message)
        if answer is None and method == "server/discover" and self.modern:
            answer = {"supportedVersions": [MODERN], "capabilities": {"tools": {}}}
        if answer is None and method == "initialize" and not self.modern:
            answer = {"protocolVersion": LEGACY, "capabilities": {"tools": {}}, "serverInfo": {"name": "s"}}
        if answer is None:
            error = {"code": -32601, "message": "no such method"}
            answer = json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}).encode()
        if isinstance(answer, Whole):
            await send_answer(answer, send)
            return
        if not isinstance(answer, bytes):
            answer = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": answer}).encode()
        await send_answer(Whole(200, answer.replace(b"@ID", str(message["id"]).encode()), {}, self.content_type), send)

    def called(self) -> list[dict[str, Any]]:
        """The parameters of every tools/call that reached the server, without `_meta`."""
        found = [message["params"] for message in self.seen if message.get("method") == "tools/call"]
        return [{name: value for name, value in params.items() if name != "_meta"} for params in found]


async def _lifespan(receive: Any, send: Any, close: Callable[[], Awaitable[None]] | None = None) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    if close is not None:
        await close()
    await send({"type": "lifespan.shutdown.complete"})


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


# --- the gate ---------------------------------------------------------------------------------------------------------


@dataclass
class McpGate:
    """A gate that listens on 127.0.0.1:`port`."""

    port: int
    store: Store
    folder: Path
    policies: Policies

    def url(self, server: str | None = "shop") -> str:
        return f"http://127.0.0.1:{self.port}/mcp" + ("" if server is None else f"/{server}")

    def post(self, message: Any, server: str | None = "shop", **headers: str) -> tuple[int, dict[str, str], Any]:
        """One message as it is, or as bytes; the answer's status, headers, and JSON (or text for a stream)."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        lines = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(line):
            line.request("POST", "/mcp" + ("" if server is None else f"/{server}"), body, lines)
            answer = line.getresponse()
            text = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        is_json = found.get("content-type", "").startswith("application/json") and text
        return answer.status, found, json.loads(text) if is_json else text.decode()

    def modern(
        self, method: str, params: Mapping[str, Any] | None = None, server: str | None = "shop", **more: Any
    ) -> tuple[int, dict[str, str], Any]:
        """One request of 2026-07-28 with the headers that it needs."""
        capabilities, gone = more.pop("capabilities", {}), more.pop("without", ())
        meta = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        }
        sent = {**(params or {}), "_meta": {**meta, **(params or {}).get("_meta", {})}}
        headers = {"mcp-protocol-version": MODERN, "mcp-method": method}
        named = sent.get("uri" if method == "resources/read" else "name")
        if isinstance(named, str) and method in ("tools/call", "prompts/get", "resources/read"):
            headers["mcp-name"] = named
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": sent}
        chosen = {name: value for name, value in {**headers, **more}.items() if name not in gone}
        return self.post(message, server, **chosen)

    @contextlib.contextmanager
    def streaming(self, name: str, arguments: Mapping[str, Any]) -> Iterator[socket.socket]:
        """A call whose progress is asked for, on a bare socket."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            "progressToken": "p",
        }
        params = {"name": name, "arguments": dict(arguments), "_meta": meta}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
        head = (
            f"POST /mcp/shop HTTP/1.1\r\nhost: x\r\naccept: */*\r\nmcp-protocol-version: {MODERN}\r\n"
            f"mcp-method: tools/call\r\nmcp-name: {name}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as line:
            line.sendall(head.encode() + body)
            yield line

    def call(self, name: str, arguments: Mapping[str, Any], server: str | None = "shop", **more: Any) -> dict[str, Any]:
        """The result of a tools/call that was answered with HTTP 200."""
        status, _, tree = self.modern("tools/call", {"name": name, "arguments": dict(arguments)}, server, **more)
        assert status == 200, tree
        result: dict[str, Any] = tree["result"]
        return result

    def opened(self, version: str = LEGACY, server: str | None = "shop", **headers: str) -> dict[str, str]:
        """The headers of a new session of an older client."""
        params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        status, found, tree = self.post(message, server, **headers)
        assert status == 200, tree
        assert tree["result"]["protocolVersion"] == version
        return {"mcp-session-id": found["mcp-session-id"], "mcp-protocol-version": version, **headers}

    def records(self) -> list[dict[str, Any]]:
        """Every Record, oldest first."""
        with self.store.rows() as rows:
            every = [json.loads(row.body) for row in rows]
        return [record for record in every if record.get("kind") == "decision"]


class Edge:
    """Headers to a Caller, and a front's Answer to HTTP: what server/app.py does, without keys."""

    def __init__(self, store: Store, front: McpFront) -> None:
        self._store = store
        self._front = front

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send, self._front.close)
            return
        agent = dict(scope["headers"]).get(b"x-agent", b"a").decode()
        caller = Caller(Principal(tenant="t", agent=agent), frozenset({Scope.CALL}), agent)
        name = scope["path"].removeprefix("/mcp").removeprefix("/") or None
        leaving: asyncio.Task[None] | None = None
        try:
            if scope["method"] == "DELETE":
                answer = self._front.delete(name, scope["headers"], caller)
            elif scope["method"] == "GET":
                run = self._store.default_run(caller.principal)
                answer = await self._front.get(name, scope["headers"], caller, run, lambda: True)
            else:
                body = await _body(receive)
                current = asyncio.current_task()
                leaving = asyncio.ensure_future(_left(receive, current))
                run = self._store.default_run(caller.principal)
                answer = await self._front.post(name, scope["headers"], body, caller, run, lambda: True)
        except EdgeError as error:
            answer = refused(error, mcp_error)
        except StoreError:
            answer = Whole(503, mcp_error(503, "the gate cannot reach its records", code="unavailable"))
        try:
            await send_answer(answer, send)
        finally:
            if leaving is not None:
                leaving.cancel()


async def _left(receive: Any, task: asyncio.Task[Any] | None) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    if task is not None:
        task.cancel()


Starts = Callable[..., McpGate]


@contextlib.contextmanager
def running_gate(
    folder: Path, policy: str, servers: Mapping[str, Any], *, tools: str | None = None, **door: Any
) -> Iterator[McpGate]:
    (folder / "gate.lw").write_text(policy)
    mcp = {name: door.pop(name) for name in ("accepts", "origins") if name in door}
    settings = McpSettings.model_validate({"servers": servers, **mcp})
    clock = door.pop("clock", lambda: datetime.now(UTC))
    server = {name: door.pop(name) for name in ("list_seconds",) if name in door}
    policies = Policies(["gate.lw"], tools, folder=folder, reloaded=lambda *_: None)
    policies.load()
    with Store.open(folder / "gate.db") as store:
        sessions = SessionBook()
        decisions = RecordedDecisions(store, clock, Conduct(), changes_of=sessions.changes)
        opened = open_servers(settings, folder, store.pins, 1 << 20, **server)
        around = door.pop("around", lambda gate: gate)
        tool_gate = around(ToolGate(policies, sessions, decisions))
        made = Door(opened, tool_gate, **door)
        front = McpFront(made, origins=frozenset(settings.origins))
        with serving(Edge(store, front)) as port:
            yield McpGate(port, store, folder, policies)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starts]:
    """Start a gate with a policy and servers of the test's own."""
    with contextlib.ExitStack() as stack:
        yield lambda policy, servers, **more: stack.enter_context(running_gate(tmp_path, policy, servers, **more))


@pytest.fixture(scope="session")
def as_mcp() -> Callable[[Any], McpGate]:
    """What speaks MCP to a whole gate (tests/conftest.py), which wants a key."""
    return lambda gate: McpGate(gate.port, gate.house.store, gate.folder, gate.house.policies)


@contextlib.contextmanager
def a_script() -> Iterator[tuple[Scripted, str]]:
    script = Scripted()
    with serving(script) as port:
        yield script, f"http://127.0.0.1:{port}/mcp"


@pytest.fixture
def scripted() -> Iterator[tuple[Scripted, str]]:
    """A scripted server, and its address."""
    with a_script() as script:
        yield script


@pytest.fixture(scope="session")
def scripting() -> Callable[[], contextlib.AbstractContextManager[tuple[Scripted, str]]]:
    """For a scripted server that a whole module shares."""
    return a_script


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[Shop, str]]:
    """The SDK's server for a whole module, and its address."""
    seen = Shop()
    with serving(shop_server(seen).streamable_http_app()) as port:
        yield seen, f"http://127.0.0.1:{port}/mcp"


@pytest.fixture(name="wait_for")
def wait_for_fixture() -> Callable[..., None]:
    return wait_for


@pytest.fixture(scope="session")
def running() -> Callable[..., Any]:
    """For a gate that a whole module shares."""
    return running_gate


@pytest.fixture(scope="session")
def door_in_loop() -> Callable[..., contextlib.AbstractAsyncContextManager[Door]]:
    """A door in the running loop, over the store and the policies of a gate: what `leastward mcp -- CMD` has."""

    @contextlib.asynccontextmanager
    async def opened(gate: McpGate, servers: Mapping[str, Any]) -> AsyncIterator[Door]:
        settings = McpSettings.model_validate({"servers": servers})
        sessions = SessionBook()
        decisions = RecordedDecisions(gate.store, lambda: datetime.now(UTC), Conduct(), changes_of=sessions.changes)
        door = Door(
            open_servers(settings, gate.folder, gate.store.pins, 1 << 20), ToolGate(gate.policies, sessions, decisions)
        )
        try:
            yield door
        finally:
            await door.close()

    return opened


@pytest.fixture(name="serving", scope="session")
def serving_fixture() -> Callable[..., contextlib.AbstractContextManager[int]]:
    return serving
