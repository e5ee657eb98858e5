"""training/measure/answering.py, kept.py and cost.py with a model at hand, and with one behind a server."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from training import Data, DataError, completion, prompt  # noqa: E402  # after the skip
from training.cases import Knobs, of_knobs  # noqa: E402
from training.measure import cost_of, general_text, kept, of_model, of_server  # noqa: E402
from training.measure.kept import QUESTIONS  # noqa: E402
from training.model import Shape, tiny, word_tokenizer  # noqa: E402


@pytest.fixture(scope="module")
def data() -> Data:
    return of_knobs(Knobs(environment=1, tasks=1, arguments=1, depth=1), 7, train=30, test=12)


@pytest.fixture(scope="module")
def tokenizer(data: Data) -> Any:
    general = [*(text for begins, *rest in QUESTIONS for text in (begins, str(rest))), general_text(2000)]
    return word_tokenizer([*(prompt(one, data, "document") + completion(one) for one in data.train), *general], [])


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    return tiny(Shape(layers=2, width=32, heads=2, inner=64), tokenizer, 0)


def test_answers_come_in_the_order_of_the_prompts(data: Data, model: Any, tokenizer: Any) -> None:
    prompts = [prompt(one, data, view) for one in data.test[:4] for view in ("document", "none")]
    together = of_model(model, tokenizer, 5, batch=3)(prompts)
    assert together == [of_model(model, tokenizer, 5)([text])[0] for text in prompts]
    assert model.training


def test_perplexity_is_that_of_the_formula(model: Any, tokenizer: Any) -> None:
    text = general_text(600)
    found = kept(model, tokenizer, text)
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.no_grad():
        loss = model.eval()(input_ids=ids, labels=ids).loss
    model.train()
    assert ids.shape[1] <= 512, "one window"
    assert found.tokens == ids.shape[1] - 1
    assert found.perplexity == pytest.approx(math.exp(float(loss)), rel=1e-4)
    assert 0 <= found.right <= found.questions == len(QUESTIONS)
    with pytest.raises(ValueError, match="two tokens"):
        kept(model, tokenizer, "")


def test_a_document_costs_more_tokens_than_an_identifier(data: Data, model: Any, tokenizer: Any) -> None:
    found = cost_of(model, tokenizer, data.test[:4], data, longest=2, rounds=1)
    assert found["document"].prompt_tokens > found["rule"].prompt_tokens > found["identifier"].prompt_tokens
    assert set(found["document"].prefill_ms) == set(found["document"].tokens_per_s) == {"1", "8", "64"}


class _Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said: Any = {"choices": [{"text": asked["prompt"][::-1]}]} if asked["prompt"] else {"choices": []}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_is_asked_the_prompt_as_it_stands(url: str) -> None:
    assert of_server(url, "m", 5)(["abc", "de"]) == ["cba", "ed"]
    with pytest.raises(DataError, match="gave no completion"):
        of_server(url, "m", 5)([""])
