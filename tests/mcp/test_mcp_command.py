"""server/cli/mcp.py: a server on pipes behind `leastward mcp -- CMD`, and the pins of changed tools, by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import ElicitResult

from server.cli import main
from server.store import Store

COMMAND = [sys.executable, "-c", "import sys; from server.cli import main; sys.exit(main())", "mcp"]
ROOT = Path(__file__).resolve().parents[2]
SERVER = [sys.executable, str(Path(__file__).with_name("stdio_server.py"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leastward.yaml").write_text(
        "upstreams: {main: {url: 'http://127.0.0.1:9/v1'}}\npolicies: ['*.lw']\ndatabase: gate.db\n"
    )
    (tmp_path / "policy.lw").write_text('language 1\nallow wrapped/echo(text) when text != "secret"\n')
    return tmp_path


def messages(*calls: dict[str, Any]) -> str:
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
    lines = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        *(
            {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call}
            for number, call in enumerate(calls, 1)
        ),
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


@pytest.mark.parametrize("way", ["pipe", pytest.param("file", marks=pytest.mark.long)])
def test_a_server_on_pipes_behind_the_gate(folder: Path, way: str) -> None:
    """Every request is answered though the input ends at once; nothing but MCP is on standard output."""
    asked = messages({"name": "echo", "arguments": {"text": "hi"}}, {"name": "echo", "arguments": {"text": "secret"}})
    given: dict[str, Any] = {"input": asked.encode()}
    if way == "file":
        (folder / "asked").write_text(asked)
    with contextlib.ExitStack() as stack:
        if way == "file":
            given = {"stdin": stack.enter_context((folder / "asked").open("rb"))}
        ended = subprocess.run(
            [*COMMAND, "--", *SERVER], cwd=folder, capture_output=True, timeout=60, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, **given,
        )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    answers = {message["id"]: message["result"] for message in map(json.loads, ended.stdout.splitlines())}
    assert answers[0]["protocolVersion"] == "2025-06-18"
    assert answers[1]["content"] == [{"type": "text", "text": "hi"}]
    assert answers[2]["_meta"]["leastward/refusal"]["code"] == "no-rule"
    assert ("wrapped", "echo") in [row[:2] for row in Store.open(folder / "gate.db").pins.read()]


def test_an_input_that_is_nothing_ends_it(folder: Path) -> None:
    ended = subprocess.run(
        [*COMMAND, "--", *SERVER], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, b""), ended.stderr


@pytest.mark.parametrize("mode", ["2026-07-28", pytest.param("legacy", marks=pytest.mark.long)])
def test_a_person_approves_over_http_what_waits_on_the_pipes(
    folder: Path, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`leastward mcp --http` as an agent's host starts it: a real process, the official SDK's client on its pipes, and
    `leastward approve` on its address. Looking is no approval, and the yes is good for one call."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with (folder / "leastward.yaml").open("a") as config:
        config.write(f"listen: {{port: {port}}}\n")
    (folder / "policy.lw").write_text("language 1\nask wrapped/echo(text)\n")
    with Store.open(folder / "gate.db") as store:
        key, _ = store.issue_key("local", "desk", ["approve"])
    looks: list[str] = []

    async def asks(context: Any, params: Any) -> ElicitResult:
        """The user looks twice, and says yes the second time."""
        looks.append(params.message)
        if len(looks) == 2:
            pending = await asyncio.to_thread(approve, "--json")
            name = json.loads(pending)["pending"][0]["id"]
            assert name in params.message
            assert f"{name} is approved" in await asyncio.to_thread(approve, name)
        return ElicitResult(action="accept", content={})

    def approve(*words: str) -> str:
        assert main(["approve", *words, "--url", f"http://127.0.0.1:{port}", "--key", key]) == 0
        return capsys.readouterr().out

    async def run() -> tuple[str, bool]:
        command = [*COMMAND, "--http", "--", *SERVER]
        environment = {"PYTHONPATH": str(ROOT)}
        started = StdioServerParameters(command=command[0], args=command[1:], cwd=folder, env=environment)
        line = stdio_client(started)
        async with asyncio.timeout(60), Client(line, mode=mode, elicitation_callback=asks) as client:
            first = await client.call_tool("echo", {"text": "hi"})
            unknown = await client.call_tool("end", {})
            return first.content[0].text, unknown.is_error

    assert asyncio.run(run()) == ("hi", True)
    assert len(looks) == 2
    assert '"hi"' in looks[0]


@pytest.mark.parametrize(
    "words", [[], ["pins", "accept"], ["--"], ["pins", "sometimes"], ["--name", "A__B", "--", "true"]]
)
def test_what_is_called_wrongly(
    folder: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["mcp", *words]) == 2
    assert capsys.readouterr().err.startswith("leastward mcp: ")


def test_the_pins_of_a_changed_tool(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`pins` says what changed, an invisible character spelled out, and `accept` takes it."""
    from server.mcp import PinBook

    monkeypatch.chdir(folder)
    book = PinBook(Store.open(folder / "gate.db").pins)
    book.check("shop", {"echo": {"name": "echo", "description": "says it"}})
    assert main(["mcp", "pins"]) == 0
    assert capsys.readouterr().out == "every tool is as it was accepted\n"
    changed = {"echo": {"name": "echo", "description": "says it\u200b"}}
    assert book.check("shop", changed) == {"echo": "tool-changed"}
    assert main(["mcp", "pins"]) == 1
    (seen,) = book.changes()
    assert capsys.readouterr().out == (
        f'{seen.name}: changed\n  - description: "says it"\n  + description: "says it\\u200b"\n'
    )
    assert main(["mcp", "pins", "--json"]) == 1
    (change,) = json.loads(capsys.readouterr().out)
    assert (change["server"], change["tool"], change["shown"]["description"]) == ("shop", "echo", "says it\u200b")
    assert change["name"] == seen.name
    for other in ("shop/other@000000000000", "shop/echo", "shop/echo@000000000000"):
        assert main(["mcp", "pins", "accept", other]) == 1
    capsys.readouterr()
    assert main(["mcp", "pins", "accept", seen.name]) == 0
    assert capsys.readouterr().out == f"accepted {seen.name}\n"
    assert book.check("shop", changed) == {}
