"""server/mcp/process_line.py and standard_io.py: servers that are processes, and the gate itself on a pair of pipes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guardrail import Principal
from server.exchange import Caller, Scope
from server.mcp import serve_pipes
from server.mcp.process_line import INHERITED

SERVER = {"command": sys.executable, "args": [str(Path(__file__).with_name("stdio_server.py"))]}
POLICY = """language 1
allow pipes/echo(text) when text != "secret"
allow pipes/environment()
allow pipes/end()
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, running: Any) -> Iterator[Any]:
    os.environ["LEASTWARD_TEST_SECRET"] = "of the gate"
    try:
        server = {**SERVER, "env": {"FOR_THE_SERVER": "yes"}}
        with running(tmp_path_factory.mktemp("gate"), POLICY, {"pipes": server}) as gate:
            yield gate
    finally:
        del os.environ["LEASTWARD_TEST_SECRET"]


def test_a_process_is_called_like_any_server(gate: Any) -> None:
    result = gate.call("echo", {"text": "hi"}, "pipes")
    assert result["content"][0]["text"] == "hi"
    assert gate.call("echo", {"text": "secret"}, "pipes")["isError"]
    status, _, tree = gate.modern("tools/list", {}, "pipes")
    assert (status, [tool["name"] for tool in tree["result"]["tools"]]) == (200, ["echo", "end", "environment"])


def test_a_process_gets_none_of_the_gates_secrets(gate: Any) -> None:
    names = set(json.loads(gate.call("environment", {}, "pipes")["content"][0]["text"]))
    assert "LEASTWARD_TEST_SECRET" not in names
    assert "FOR_THE_SERVER" in names
    assert names - set(INHERITED) <= {"FOR_THE_SERVER", "LC_CTYPE"}


def test_a_process_that_ends_is_an_error_of_the_tool_and_is_started_anew(gate: Any) -> None:
    result = gate.call("end", {}, "pipes")
    assert result["_meta"]["leastward/refusal"]["code"] == "server-broke-off"
    assert gate.call("echo", {"text": "again"}, "pipes")["content"][0]["text"] == "again"


def test_a_program_that_is_not_there(start: Any) -> None:
    gate = start(POLICY, {"pipes": {"command": "no-such-program-at-all"}})
    assert gate.call("echo", {"text": "x"}, "pipes")["_meta"]["leastward/refusal"]["code"] == "server-unavailable"


LINES = [
    (
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
        b'"clientInfo":{"name":"c","version":"1"}}}'
    ),
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
    b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"}}}',
    b'{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"echo","arguments":{"text":"secret"}}}',
    b'{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a","text":"b"}}}',
    b'[{"jsonrpc":"2.0","id":5,"method":"ping"}]',
    (
        b'{"jsonrpc":"2.0","id":6,"method":"tools/list","params":{"_meta":{'
        b'"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
    ),
    b'{"jsonrpc":"2.0","id":7,"method":"logging/setLevel","params":{"level":"debug"}}',
]


def test_the_gate_on_pipes(gate: Any, door_in_loop: Any) -> None:
    written: list[dict[str, Any]] = []

    async def run() -> None:
        reader = asyncio.StreamReader()
        caller = Caller(Principal(tenant="t", agent="pipes"), frozenset({Scope.CALL}), "pipes")
        run = gate.store.default_run(caller.principal)
        done = asyncio.Event()

        async def write(line: bytes) -> None:
            assert line.endswith(b"\n")
            assert line.count(b"\n") == 1
            written.append(json.loads(line))
            if len(written) == len(LINES) - 1:
                done.set()

        async with door_in_loop(gate, {"pipes": SERVER}) as door:
            serving = asyncio.ensure_future(serve_pipes(door, "pipes", caller, run, reader, write))
            reader.feed_data(b"\n".join(LINES) + b"\n")
            async with asyncio.timeout(20):
                await done.wait()
            reader.feed_eof()
            await serving

    asyncio.run(run())
    by_id = {message["id"]: message for message in written}
    assert by_id[1]["result"]["protocolVersion"] == "2025-06-18"
    assert by_id[2]["result"]["content"] == [{"type": "text", "text": "hi"}]
    assert by_id[3]["result"]["isError"]
    assert by_id[6]["result"]["cacheScope"] == "private"
    assert by_id[7]["error"]["code"] == -32601
    assert [message["error"]["code"] for message in written if message["id"] is None] == [-32700, -32600]


@pytest.mark.long
def test_a_process_of_the_official_sdk(start: Any, tmp_path: Path) -> None:
    script = tmp_path / "sdk.py"
    script.write_text(
        "from mcp.server.mcpserver import MCPServer\n"
        "server = MCPServer('pipes')\n"
        "@server.tool()\n"
        "def echo(text: str) -> str:\n"
        "    return text\n"
        "server.run()\n"
    )
    gate = start(POLICY, {"pipes": {"command": sys.executable, "args": [str(script)], "connect_timeout": 60.0}})
    assert gate.call("echo", {"text": "hi"}, "pipes")["content"][0]["text"] == "hi"
