"""server/opening.py: pins of MCP servers' tools, at two whole gates on one PostgreSQL.

A listing may be 30 s old (server/mcp/opening.py); what is waited for here comes sooner, as replicas tell each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from server.cli import main

POLICY = "language 1\nallow s/echo(...)\n"
ECHO = {"name": "echo", "description": "says it again", "inputSchema": {"type": "object"}}
CHANGED = {**ECHO, "description": "says it again\u200b"}


@pytest.fixture
def gates(postgres_server: Any, outside: Any, scripted: Any, tmp_path: Path) -> Iterator[list[Any]]:
    settings = {"database": postgres_server.copy(), "mcp": {"servers": {"s": {"url": scripted[1]}}}}
    with ExitStack() as stack:
        started = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            outside.write_config(tmp_path / name, POLICY, 1, 1, **settings)
            started.append(stack.enter_context(outside.running_gate(tmp_path / name, POLICY, **settings)))
        yield started


def test_a_tool_that_changed_is_withheld_and_accepted_at_both(
    gates: list[Any],
    outside: Any,
    scripted: Any,
    as_mcp: Callable[[Any], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, two = ((as_mcp(gate), {"authorization": f"Bearer {gate.key}"}) for gate in gates)
    script, _ = scripted
    script.tools(ECHO)
    script.answers["tools/call"] = {"content": [{"type": "text", "text": "hi"}]}

    def code(of: Any) -> str | None:
        gate, key = of
        result = gate.call("echo", {}, "s", **key)
        return None if "isError" not in result else str(result["_meta"]["leastward/refusal"]["code"])

    for gate in gates:  # a key is honoured within half a second
        outside.wait_for(lambda gate=gate: gate.client.ask("GET", "/tools").status != 401)
    assert (code(one), code(two)) == (None, None)
    script.tools(CHANGED)

    # Who asks one gate for the list gets a new one; the other gate has one that is not 30 s old.
    shown = one[0].modern("tools/list", {}, "s", **one[1])[2]["result"]["tools"]
    assert shown == []
    outside.wait_for(lambda: code(two) == "tool-changed", 20)
    assert code(one) == "tool-changed"

    (seen,) = (row for row in one[0].store.pins.read("s") if row.shown is not None)
    assert seen.tool == "echo"
    monkeypatch.chdir(gates[1].folder)
    assert main(["mcp", "pins"]) == 1
    name = capsys.readouterr().out.split(":")[0]
    assert main(["mcp", "pins", "accept", name]) == 0
    outside.wait_for(lambda: (code(one), code(two)) == (None, None), 20)
