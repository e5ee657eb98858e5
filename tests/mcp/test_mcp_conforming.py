"""What the conformance suite found (tests/mcp_conformance), and the ends of sessions, held here without it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from server.exchange import Whole
from server.mcp import PinBook
from server.mcp.pins import declaration
from server.store import Store

POLICY = """language 1
allow shop/echo(...)
allow shop/"resources.read"(uri)
"""

ECHO = {"name": "echo", "description": "says it again"}


def behind(start: Any, scripted: Any, **server: Any) -> tuple[Any, Any]:
    script, url = scripted
    script.tools(ECHO)
    return start(POLICY, {"shop": {"url": url, **server}}), script


def error_of(code: int, data: dict[str, Any]) -> bytes:
    error = {"code": code, "message": "the server's words", "data": data}
    return json.dumps({"jsonrpc": "2.0", "id": 0, "error": error}).encode().replace(b'"id": 0', b'"id": @ID')


def test_white_space_around_a_header_is_none_of_its_value(start: Any, scripted: Any) -> None:
    gate, script = behind(start, scripted)
    script.answers["tools/call"] = {"content": []}
    padded = {"mcp-name": "echo \t", "mcp-method": "  tools/call"}
    status, _, _ = gate.modern("tools/call", {"name": "echo", "arguments": {}}, **padded)
    assert status == 200
    status, _, tree = gate.modern("tools/call", {"name": "echo", "arguments": {}}, **{"mcp-name": "ec ho"})
    assert (status, tree["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize(
    ("required", "declared", "missing"),
    [
        ({"sampling": {}}, {}, {"sampling": {}}),
        ({"sampling": {}, "roots": {"x": "words"}, "a tool": {}}, {"sampling": {}}, {"roots": {}}),
        ({"sampling": {}}, {"sampling": {}}, None),
        ({"a tool": {}}, {}, None),
        (["sampling"], {}, None),
    ],
)
def test_a_capability_that_the_server_misses(
    start: Any, scripted: Any, required: Any, declared: dict[str, Any], missing: dict[str, Any] | None
) -> None:
    """The client is told if it has not got it either; only names that the protocol knows come through."""
    gate, script = behind(start, scripted)
    script.answers["tools/call"] = error_of(-32021, {"requiredCapabilities": required})
    params = {"name": "echo", "arguments": {}}
    status, _, tree = gate.modern("tools/call", params, capabilities=declared)
    if missing is None:
        assert (status, tree["result"]["isError"]) == (200, True)
        return
    assert (status, tree["error"]["code"]) == (400, -32021)
    assert tree["error"]["data"] == {"requiredCapabilities": missing}
    assert "words" not in json.dumps(tree)
    assert [record["effect"] for record in gate.records()] == ["allow"]


def test_a_resource_that_is_not_there_is_named(start: Any, scripted: Any) -> None:
    gate, script = behind(start, scripted)
    script.answers["server/discover"] = {"supportedVersions": ["2026-07-28"], "capabilities": {"resources": {}}}
    script.answers["resources/read"] = error_of(-32602, {"uri": "another:one", "more": "words"})
    status, _, tree = gate.modern("resources/read", {"uri": "a:b"})
    assert (status, tree["error"]["code"]) == (200, -32602)
    assert tree["error"]["data"] == {"code": "server-error", "uri": "a:b"}


def test_the_session_that_a_server_keeps_is_ended(tmp_path: Path, running: Any, scripted: Any) -> None:
    """When the gate ends, and not before: DELETE with the session's id."""
    script, url = scripted
    script.modern = False
    script.tools(ECHO)
    script.answers["tools/call"] = {"content": []}
    opened = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "s"}}
    script.answers["initialize"] = lambda message: Whole(
        200,
        json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": opened}).encode(),
        {"mcp-session-id": "kept"},
    )
    with running(tmp_path, POLICY, {"shop": {"url": url}}) as gate:
        gate.call("echo", {})
        assert script.deleted == []
    assert script.deleted == ["kept"]


def test_two_books_never_undo_each_others_pins(tmp_path: Path) -> None:
    """Gates that see new tools at the same time, on one database."""
    books = [PinBook(Store.open(tmp_path / "gate.db").pins) for _ in range(4)]

    def look(number: int) -> None:
        for tool in range(20):
            shown = declaration({"name": f"t{tool}", "inputSchema": {"type": "object"}})
            assert books[number].check(f"s{number}", {shown["name"]: shown}) == {}

    threads = [threading.Thread(target=look, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    found = Counter(row.server for row in Store.open(tmp_path / "gate.db").pins.read())
    assert found == {f"s{number}": 20 for number in range(4)}
