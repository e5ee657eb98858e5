"""Streams that are open for long: another policy is told of as lists that changed, a revoked key hears nothing more."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mcp import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from guardrail import Principal
from server.exchange import Caller, Scope
from server.mcp import serve_pipes

BEFORE = 'language 1\nallow desk/read(id)\nallow desk/send(id)\nallow desk/"resources.subscribe"(uri)\n'
AFTER = "language 1\nallow desk/read(id)\n"
TOOLS = "notifications/tools/list_changed"
MODERN = "2026-07-28"


@pytest.fixture
def gate(start_gate: Any, scripted: Any) -> Any:
    """A whole gate with keys; the server behind it has no `subscriptions/listen`."""
    script, url = scripted
    script.tools({"name": "read"}, {"name": "send"})
    script.answers["server/discover"] = {"supportedVersions": [MODERN], "capabilities": {"tools": {}}}
    return start_gate(BEFORE, keys={"lost": {"agent": "lost"}}, mcp={
        "servers": {"desk": {"url": url, "subscriptions": True}}
    })  # fmt: skip


def put(gate: Any, policy: str) -> None:
    (gate.folder / "policy.lw").write_text(policy, encoding="utf-8")


class Listening:
    """A stream on a socket of its own: what came, and whether it is over."""

    def __init__(self, gate: Any, key: str, body: Any, headers: dict[str, str]) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", gate.client.port, timeout=30)
        method = "GET" if body is None else "POST"
        sent = {"authorization": f"Bearer {key}", "accept": "application/json, text/event-stream", **headers}
        self._line.request(method, "/mcp/desk", body if body is None else json.dumps(body).encode(), sent)
        self._socket = self._line.sock
        self.came: list[Any] = []
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):  # where the test ends first
            for line in self._line.getresponse():
                if line.startswith(b"data: "):
                    self.came.append(json.loads(line[6:]))
            self.over.set()

    @property
    def methods(self) -> list[str | None]:
        return [one.get("method") for one in self.came]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(30)
        self._line.close()


@pytest.fixture
def listening(gate: Any) -> Iterator[Callable[..., Listening]]:
    opened: list[Listening] = []

    def start(key: str, kind: str) -> Listening:
        if kind == "modern":
            meta = {
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientCapabilities": {},
            }
            params = {"notifications": {"toolsListChanged": True, "resourceSubscriptions": ["note://a"]}, "_meta": meta}
            body = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}
            headers = {"mcp-protocol-version": MODERN, "mcp-method": "subscriptions/listen"}
            one = Listening(gate, key, body, {**headers, "content-type": "application/json"})
        else:
            one = Listening(gate, key, None, _session(gate, key))
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()


def _session(gate: Any, key: str) -> dict[str, str]:
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    headers = {"authorization": f"Bearer {key}", "accept": "application/json, text/event-stream"}
    answer = gate.client.ask("POST", "/mcp/desk", message, headers)
    assert answer.tree["result"]["capabilities"]["tools"] == {"listChanged": True}
    return {"mcp-session-id": answer.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}


def revoke(gate: Any, agent: str | None = None) -> None:
    for info in gate.house.store.list_keys():
        if agent in (None, info.agent):
            gate.house.store.revoke_key(info.id)


@pytest.mark.parametrize("kind", ["modern", "session"])
def test_a_revoked_key_hears_nothing_more(gate: Any, listening: Any, outside: Any, kind: str) -> None:
    kept, lost = gate.client.key, gate.keys["lost"]
    one, other = listening(lost, kind), listening(kept, kind)
    if kind == "modern":
        outside.wait_for(lambda: bool(one.came and other.came), 15)  # acknowledged
    revoke(gate, "lost")
    assert one.over.wait(15)
    assert not other.over.is_set()
    put(gate, AFTER)
    outside.wait_for(lambda: TOOLS in other.methods, 15)
    revoke(gate)
    assert other.over.wait(15)
    assert TOOLS not in one.methods


def test_a_stream_of_2026_07_28_ends_with_the_policy_it_was_granted_under(gate: Any, listening: Any) -> None:
    stream = listening(gate.client.key, "modern")
    time.sleep(1.2)  # it stands as long as nothing changes
    assert not stream.over.is_set()
    put(gate, AFTER)
    assert stream.over.wait(15)
    acknowledged, changed, last = stream.came
    assert acknowledged["params"]["notifications"]["toolsListChanged"] is True
    assert changed["method"] == TOOLS
    assert last["result"]["resultType"] == "complete"


def test_the_sdks_client_with_a_session_lists_anew(gate: Any) -> None:
    async def run() -> tuple[list[str], list[str]]:
        told = asyncio.Event()

        async def heard(message: Any) -> None:
            if getattr(getattr(message, "root", message), "method", None) == TOOLS:
                told.set()

        headers = {"authorization": f"Bearer {gate.client.key}"}
        async with asyncio.timeout(30), create_mcp_http_client(headers=headers) as http_client:
            transport = streamable_http_client(f"http://127.0.0.1:{gate.client.port}/mcp/desk", http_client=http_client)
            async with Client(transport, mode="legacy", message_handler=heard) as client:
                before = [one.name for one in (await client.list_tools()).tools]
                await asyncio.sleep(1.0)  # its GET stream is opened beside the first requests
                put(gate, AFTER)
                await told.wait()
                return before, [one.name for one in (await client.list_tools()).tools]

    assert asyncio.run(run()) == (["read", "send"], ["read"])


def test_on_pipes_a_session_is_told_too(running: Any, door_in_loop: Any, scripted: Any, tmp_path: Any) -> None:
    script, url = scripted
    script.tools({"name": "read"}, {"name": "send"})
    said: list[Any] = []

    async def run(gate: Any) -> None:
        async with door_in_loop(gate, {"desk": {"url": url, "subscriptions": True}}) as door:
            reader, caller = asyncio.StreamReader(), Caller(Principal("t", "a"), frozenset({Scope.CALL}), "a")

            async def write(line: bytes) -> None:
                said.append(json.loads(line))

            serving = asyncio.ensure_future(
                serve_pipes(door, "desk", caller, gate.store.default_run(caller.principal), reader, write)
            )
            params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
            reader.feed_data(_line({"id": 1, "method": "initialize", "params": params}))
            reader.feed_data(_line({"method": "notifications/initialized"}))
            async with asyncio.timeout(15):
                while not said:  # noqa: ASYNC110 what is waited for is a line of another task
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.7)
                (gate.folder / "gate.lw").write_text(AFTER)
                gate.policies.load()
                while len(said) < 2:  # noqa: ASYNC110 the same
                    await asyncio.sleep(0.01)
            reader.feed_eof()
            await asyncio.wait_for(serving, 5)

    with running(tmp_path, BEFORE, {}) as gate:
        asyncio.run(run(gate))
    assert said[0]["result"]["capabilities"]["tools"] == {"listChanged": True}
    assert said[1:] == [{"jsonrpc": "2.0", "method": TOOLS, "params": {}}]


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
