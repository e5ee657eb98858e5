"""evals/lisa/methods/judged.py: the real litellm against a scripted server that speaks the OpenAI API. Skipped without
litellm (extra `llm`)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from typing import Any

import pytest

from evals.lisa.methods import AskedModel
from evals.lisa.methods.judged import EFFECT

pytestmark = pytest.mark.filterwarnings("ignore")  # litellm's own, which change with every release


class Scripted:
    """Gives its answers one after the other; an int is an HTTP status without an answer."""

    def __init__(self, *answers: str | int) -> None:
        self.requests: list[dict[str, Any]] = []
        left, requests = list(answers), self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                answer = left.pop(0)
                message = {"role": "assistant", "content": answer}
                choice = {"index": 0, "finish_reason": "stop", "message": message}
                body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
                self.send_response(answer if isinstance(answer, int) else 200)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    if find_spec("litellm") is None:
        pytest.skip("litellm is not installed (extra `llm`)")
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    server = Scripted('{"effect": "allow"}', "Sure!", '{"effect": "allow", "more": 1}', 500)
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_an_answer_is_the_schemas_or_nothing(scripted: Scripted) -> None:
    model = AskedModel("openai/scripted", scripted.url, timeout=20)
    assert model("Decide.", {"call": "x"}, EFFECT) == {"effect": "allow"}
    assert model("Decide.", {"call": "x"}, EFFECT) is None
    assert model("Decide.", {"call": "x"}, EFFECT) is None
    assert model("Decide.", {"call": "x"}, EFFECT) is None
    first = scripted.requests[0]
    assert first["messages"] == [
        {"role": "system", "content": "Decide."},
        {"role": "user", "content": '{"call": "x"}'},
    ]
    assert first["response_format"]["json_schema"]["strict"] is True
