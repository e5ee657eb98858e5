"""server/lsp/protocol.py and server/cli/lsp.py: `leastward lsp` as an editor speaks to it, frame by frame."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from server.cli import main

HERE = Path(__file__).parent
TRANSCRIPTS = sorted((HERE / "transcripts").glob("*.txt"))
LSP = [sys.executable, "-c", "import sys; from server.cli import main; sys.exit(main(['lsp']))"]


class Editor:
    """One end of the protocol: frames over pipes (LSP 3.17, Base Protocol)."""

    def __init__(self, to: IO[bytes], come: IO[bytes]) -> None:
        self._to, self._come = to, come
        self._asked = 0
        self._notified: deque[dict[str, Any]] = deque()

    def tell(self, method: str, params: Any) -> None:
        self._send({"jsonrpc": "2.0", "method": method, **({} if params is None else {"params": params})})

    def ask(self, method: str, params: Any) -> Any:
        self._asked += 1
        message = {"jsonrpc": "2.0", "id": self._asked, "method": method}
        self._send({**message, **({} if params is None else {"params": params})})
        while (got := self._receive()).get("id") != self._asked:
            self._notified.append(got)
        assert "error" not in got, got
        return got["result"]

    def notified(self, method: str, uri: str) -> Any:
        """The next notification of that method about that file."""
        while True:
            got = self._notified.popleft() if self._notified else self._receive()
            if got.get("method") == method and got["params"]["uri"] == uri:
                return got["params"]

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        self._to.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._to.flush()

    def _receive(self) -> dict[str, Any]:
        length = 0
        while line := self._come.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the server has ended"
        message: dict[str, Any] = json.loads(self._come.read(length))
        return message


def _stands_in(wanted: Any, got: Any) -> bool:
    """Whether every member that is wanted is there; a list has exactly the items wanted."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(name in got and _stands_in(wanted[name], got[name]) for name in wanted)
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(_stands_in, wanted, got))
    return bool(wanted == got)


def _lines(path: Path, folder: str) -> Iterator[tuple[str, str, Any]]:
    """`>>` or `<<`, the method if one is written, and the JSON."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line[:2] in (">>", "<<"):
            words = line[3:].replace("FOLDER", folder)
            method, body = words.split(" ", 1) if words[0].isalpha() and words != "null" else ("", words)
            yield line[:2], method, json.loads(body)


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(transcript: Path, tmp_path: Path) -> None:
    pytest.importorskip("pygls", reason="the extra `lsp` is not installed")
    (tmp_path / "bank.tools.json").write_text((HERE / "bank.tools.json").read_text(encoding="utf-8"))
    with subprocess.Popen(LSP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        editor = Editor(process.stdin, process.stdout)
        answer: Any = None
        for sign, method, body in _lines(transcript, tmp_path.as_uri()):
            if sign == ">>" and method.endswith("!"):
                editor.tell(method.removesuffix("!"), body)
            elif sign == ">>":
                answer = editor.ask(method, body)
            else:
                got = editor.notified(method, body["uri"]) if method else answer
                assert _stands_in(body, got), f"wanted {body}\n   got {got}"
        process.stdin.close()
        assert process.wait(30) == 0


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pygls", None)
    monkeypatch.setitem(sys.modules, "pygls.lsp.server", None)
    monkeypatch.delitem(sys.modules, "server.lsp.protocol", raising=False)
    assert main(["lsp"]) == 2
    assert "pip install 'leastward[lsp]'" in capsys.readouterr().err
