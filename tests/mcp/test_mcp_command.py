"""server/cli/mcp.py: a server on pipes behind `leastward mcp -- CMD`, and the pins of changed tools, by hand."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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
