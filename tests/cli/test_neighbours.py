"""server/cli/neighbours.py: what the doctor asks of those beside the gate."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from server.cli.diagnosis import Diagnosis
from server.cli.neighbours import neighbours
from server.settings import load_settings


class Beside(BaseHTTPRequestHandler):
    """Answers a GET with what stands under its path, and wants the key `k` where there is one to want."""

    answers: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        body = self.answers.get(self.path)
        status = 404 if body is None else 200
        if self.path.startswith("/locked") and self.headers["authorization"] != "Bearer k":
            status = 401
        self.send_response(status)
        self.send_header("content-length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def beside() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Beside)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    models = json.dumps({"data": [{"id": "a"}, {"id": "b"}]}).encode()
    metadata = {"issuer": f"{address}/corp", "jwks_uri": f"{address}/keys"}
    Beside.answers = {
        "/v1/models": models,
        "/locked/models": models,
        "/text/models": b"<html>",
        "/corp/.well-known/openid-configuration": json.dumps(metadata).encode(),
        "/keys": b'{"keys": []}',
    }
    yield address
    server.shutdown()
    server.server_close()


def looked(tmp_path: Path, text: str) -> dict[str, Diagnosis]:
    path = tmp_path / "leastward.yaml"
    path.write_text(text)
    return {one.about: one for one in neighbours(load_settings(path, {}), tmp_path)}


@pytest.mark.parametrize(
    ("upstream", "state", "says"),
    [
        ('url: "BESIDE/v1"', "ok", "answers, models: 2"),
        ('url: "BESIDE/locked", api_key: k', "ok", "answers, models: 2"),
        ('url: "BESIDE/locked"', "warning", "refuses what the gate sends as its key (status 401)"),
        ('url: "BESIDE"', "warning", "answers `/models` with status 404; most addresses end with `/v1`"),
        ('url: "BESIDE/v2/"', "warning", "answers `/v2/models` with status 404"),
        ('url: "BESIDE/text"', "warning", "answers with something that is not strict JSON"),
        (
            'url: "http://127.0.0.1:1/v1"',
            "warning",
            "`http://127.0.0.1:1/v1` cannot be asked: the server cannot be rea",
        ),
    ],
)
def test_a_model_server(beside: str, tmp_path: Path, upstream: str, state: str, says: str) -> None:
    found = looked(tmp_path, f"upstreams: {{a: {{{upstream.replace('BESIDE', beside)}}}}}\n")
    assert found["upstreams.a"].state == state
    assert found["upstreams.a"].says.startswith(says)


@pytest.mark.parametrize(
    ("server", "state", "says"),
    [
        ("command: sh", "ok", "starts /"),
        ("command: ./here", "ok", "starts "),
        ("command: ./here, cwd: inner", "warning", "there is no program `./here`"),
        ("command: ./here, cwd: none", "warning", "`none` is no folder"),
        ("command: no-such-program", "warning", "there is no program `no-such-program`"),
        ("command: sh, env: {PATH: /none}", "warning", "there is no program `sh`"),
        ('url: "BESIDE/mcp"', "ok", "something listens at `"),
        ('url: "http://127.0.0.1:1/mcp"', "warning", "`http://127.0.0.1:1/mcp` cannot be reached: Connection refused"),
    ],
)
def test_an_mcp_server(beside: str, tmp_path: Path, server: str, state: str, says: str) -> None:
    (tmp_path / "here").write_text("#!/bin/sh\n")
    (tmp_path / "here").chmod(0o755)
    (tmp_path / "inner").mkdir()
    found = looked(tmp_path, f"mcp: {{servers: {{a: {{{server.replace('BESIDE', beside)}}}}}}}\n")["mcp.servers.a"]
    assert (found.state, found.says[: len(says)]) == (state, says)


@pytest.mark.parametrize(
    ("server", "state", "says"),
    [
        ('url: "BESIDE/x", networks: [127.0.0.0/8]', "ok", "tools: 1"),
        ('url: "BESIDE/x"', "bad", "the URL names an address that no setting opens; `networks` opens some"),
        (
            'url: "https://a.invalid/x"',
            "warning",
            "their server cannot be reached: the name of the tool's server leads no",
        ),
        ('url: "http://127.0.0.1:1/x", networks: [127.0.0.0/8]', "warning", "their server cannot be reached: "),
    ],
)
def test_a_server_of_http_tools(beside: str, tmp_path: Path, server: str, state: str, says: str) -> None:
    chosen = f"{server.replace('BESIDE', beside)}, posts: {{send: /send}}"
    found = looked(tmp_path, f"http_tools: {{a: {{{chosen}}}}}\n")["http_tools.a"]
    assert found.state == state
    assert says in found.says


@pytest.mark.parametrize(
    ("issuer", "state", "says"),
    [
        ("BESIDE/corp", "warning", "keys that signatures can be verified with: 0"),
        ("BESIDE/none", "warning", "its keys cannot be read: the key set's address answered with status 404"),
        ("http://127.0.0.1:1", "warning", "its keys cannot be read: the server cannot be reached"),
        ("not-an-address", "bad", "`://` is not a plain http or https base URL"),
    ],
)
def test_an_issuer(beside: str, tmp_path: Path, issuer: str, state: str, says: str) -> None:
    chosen = f'{{issuer: "{issuer.replace("BESIDE", beside)}", audience: b, tenant: t}}'
    found = looked(tmp_path, f"identity: {{issuers: {{a: {chosen}}}}}\n")["identity.issuers.a"]
    assert (found.state, found.says) == (state, says)


def test_a_configuration_without_others_asks_nobody(tmp_path: Path) -> None:
    assert looked(tmp_path, "mode: enforce\n") == {}
