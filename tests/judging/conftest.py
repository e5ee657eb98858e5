"""What the tests of server/judging share: questions, and a model server that gives the answers of a script."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import Any

import pytest

from guardrail import Question
from guardrail.judging import about

Ask = Callable[..., Question]


@pytest.fixture
def ask() -> Ask:
    def question(tool: str = "post", **more: Any) -> Question:
        arguments = more.pop("arguments", {"text": "hello"})
        return Question(about(None, tool, arguments), tool, None, arguments, **more)

    return question


class ScriptedModel:
    """Gives its answers one after the other: a text, an HTTP status, or a number of seconds to wait before nothing."""

    def __init__(self, answers: list[str | int | float]) -> None:
        self.answers = answers
        self.requests: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                outer.requests.append(json.loads(self.rfile.read(length)))
                answer = outer.answers.pop(0)
                if isinstance(answer, float):
                    time.sleep(answer)
                    answer = 503
                message = {"role": "assistant", "content": answer}
                choice = {"index": 0, "finish_reason": "stop", "message": message}
                usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
                body: dict[str, Any] = {"id": "c", "object": "chat.completion", "created": 1, "model": "scripted"}
                body |= {"choices": [choice], "usage": usage}
                self.send_response(answer if isinstance(answer, int) else 200)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps({"error": {"message": "no"}} if isinstance(answer, int) else body).encode())

            def log_message(self, *_: object) -> None:
                pass

            def log_error(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"


@pytest.fixture
def scripted_judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ScriptedModel]]:
    if find_spec("litellm") is None:
        pytest.skip("litellm is not installed (extra `llm`)")
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch a price list from the network
    started: list[ScriptedModel] = []

    def start(*answers: str | int | float) -> ScriptedModel:
        one = ScriptedModel(list(answers))
        threading.Thread(target=one.server.serve_forever, daemon=True).start()
        started.append(one)
        return one

    yield start
    for one in started:
        one.server.shutdown()
        one.server.server_close()
