"""training/engines/vllm.py against a stand-in that does with the weights it is sent what vLLM does: it loads them and
draws. vLLM itself is driven by `make test-vllm` (tests/vllm/rollouts.py)."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

from training import Data, DataError, Example, Graded, Reward, completion, prompt  # noqa: E402  # after the skip
from training.cases import Knobs, of_knobs  # noqa: E402
from training.engines import Served, begin  # noqa: E402
from training.model import Shape, add_lora, tiny, word_tokenizer  # noqa: E402
from training.stages import GRPO, Rollouts, Running, draw_here, run  # noqa: E402


class StandIn:
    """What the server was asked, and the weights it draws with."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer, self.model = tokenizer, None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.spoils: bytes | None = None
        self.gets = {"/health": b"", "/v1/models": b'{"data": [{"id": "trained"}]}'}
        self.is_developing = True
        self.lock = threading.Lock()

    def answer(self, path: str, body: dict[str, Any]) -> bytes:
        with self.lock:
            self.asked.append((path, body))
            if self.spoils is not None and path == "/v1/completions":
                return self.spoils
            if path == "/collective_rpc":
                folder = body["kwargs"]["weights_path"]
                self.model = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
                return b"{}"
            if path == "/reset_prefix_cache":
                return b""
            generator = torch.Generator().manual_seed(body["seed"])
            rows = [body["prompt"]] * body["n"]
            drawn = draw_here(self.model, self.tokenizer, rows, body["max_tokens"], body["temperature"], generator)
            return json.dumps({"choices": [{"token_ids": one} for one in drawn]}).encode()


@pytest.fixture(scope="module")
def data() -> Data:
    return of_knobs(Knobs(environment=1, tasks=1, arguments=1, depth=2), 7, train=20, test=8)


@pytest.fixture(scope="module")
def tokenizer(data: Data) -> Any:
    return word_tokenizer([prompt(one, data, "document") + completion(one) for one in data.train], data.documents)


@pytest.fixture
def model(tokenizer: Any) -> Any:
    return tiny(Shape(layers=2, width=16, heads=2, inner=32), tokenizer, 0)


@pytest.fixture
def server(tokenizer: Any) -> Iterator[tuple[str, StandIn]]:
    stand_in = StandIn(tokenizer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            is_there = stand_in.is_developing or self.path == "/v1/completions"
            self._tell(200, stand_in.answer(self.path, body)) if is_there else self._tell(404, b"{}")

        def do_GET(self) -> None:
            said = stand_in.gets.get(self.path)
            self._tell(404, b"") if said is None else self._tell(200, said)

        def _tell(self, status: int, said: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", stand_in
        listening.shutdown()
        thread.join()


class Uneven:
    """The reward's record with totals 1, 0, 1, 0: an untrained model earns the same everywhere, and would not train."""

    def __init__(self, reward: Reward) -> None:
        self.reward, self.asked = reward, 0

    def __call__(self, example: Example, text: str) -> Graded:
        self.asked += 1
        return replace(self.reward(example, text), total=float(self.asked % 2))


def ids(tokenizer: Any, data: Data, count: int) -> list[list[int]]:
    found = [tokenizer(prompt(one, data, "identifier"), add_special_tokens=False)["input_ids"] for one in data.test]
    return found[:count]


def test_the_server_draws_with_the_weights_of_now(
    data: Data, tokenizer: Any, model: Any, server: tuple[str, StandIn], tmp_path: Path
) -> None:
    url, stand_in = server
    served, generator = Served(url, "trained", tmp_path), torch.Generator().manual_seed(0)
    asked = ids(tokenizer, data, 3)
    before = served(model, tokenizer, asked, 12, 0.0, generator)
    assert before == draw_here(model, tokenizer, asked, 12, 0.0, generator)
    uneven: Any = Uneven(Reward.of(data))
    stage = Rollouts(data, tokenizer, uneven, GRPO(prompts=2, plain=2, in_view=2, longest=6), draw=served)
    run(stage, model, Running(2, 5e-2, 0, warmup=1), tmp_path / "run", "id")
    after = served(model, tokenizer, asked, 12, 0.0, generator)
    assert after == draw_here(model, tokenizer, asked, 12, 0.0, generator)
    assert after != before
    sent = [path for path, _ in stand_in.asked if path != "/v1/completions"]
    assert sent == ["/collective_rpc", "/reset_prefix_cache"] * 3, "once at first and once after each step"
    assert len(list(tmp_path.glob("weights-*"))) == 1, "older weights are removed"


def test_a_group_is_one_request_and_each_prompt_gets_its_own_answers(
    data: Data, tokenizer: Any, model: Any, server: tuple[str, StandIn], tmp_path: Path
) -> None:
    url, stand_in = server
    one, other = ids(tokenizer, data, 2)
    drawn = Served(url, "trained", tmp_path)(model, tokenizer, [one, other, one, one], 5, 1.0, torch.Generator())
    bodies = {tuple(body["prompt"]): body for path, body in stand_in.asked if path == "/v1/completions"}
    assert {key: body["n"] for key, body in bodies.items()} == {tuple(one): 3, tuple(other): 1}
    assert len({body["seed"] for body in bodies.values()}) == 2
    assert all((body["top_p"], body["top_k"], body["repetition_penalty"]) == (1.0, 0, 1.0) for body in bodies.values())
    assert len(drawn) == 4


def test_an_adapter_is_merged_and_a_tied_head_is_written_out(
    data: Data, tokenizer: Any, model: Any, tmp_path: Path
) -> None:
    add_lora(model, 2)
    begin(model, tokenizer, tmp_path / "start")
    config = json.loads((tmp_path / "start" / "config.json").read_text())
    assert config["tie_word_embeddings"] is False
    written = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "start", dtype=torch.float32)
    asked = torch.tensor(ids(tokenizer, data, 1))
    assert torch.equal(written.lm_head.weight, model.get_input_embeddings().weight)
    torch.testing.assert_close(written(asked).logits, model(asked).logits)
    assert model.config.tie_word_embeddings is True, "the trained model stays as it is"


@pytest.mark.parametrize(
    ("spoils", "told"),
    [
        (b"<html>", "gave no tokens: <html>"),
        (b'{"choices": []}', "gave 0 answers where 1 were asked for"),
        (b'{"choices": [{"text": "a"}]}', "gave no tokens"),
    ],
)
def test_what_is_no_answer_is_an_error(
    data: Data, tokenizer: Any, model: Any, server: tuple[str, StandIn], tmp_path: Path, spoils: bytes, told: str
) -> None:
    url, stand_in = server
    stand_in.spoils = spoils
    with pytest.raises(DataError, match=told):
        Served(url, "trained", tmp_path)(model, tokenizer, ids(tokenizer, data, 1), 4, 0.0, torch.Generator())


def test_a_server_that_is_not_there_is_an_error(data: Data, tokenizer: Any, model: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be asked"):
        Served("http://127.0.0.1:9", "trained", tmp_path)(
            model, tokenizer, ids(tokenizer, data, 1), 4, 0.0, torch.Generator()
        )


def how(url: str) -> str:
    host, port = url.removeprefix("http://").split(":")
    return (
        "\n  help: start one, from an environment of vLLM's own: VLLM_SERVER_DEV_MODE=1 vllm serve 'a start' "
        f"--served-model-name trained --host {host} --port {port}"
    )


def test_a_server_that_can_draw_is_looked_at_and_left_alone(server: tuple[str, StandIn], tmp_path: Path) -> None:
    url, stand_in = server
    Served(url, "trained", tmp_path).look("a start")
    assert stand_in.asked == [("/reset_prefix_cache", {})]


@pytest.mark.parametrize(
    ("gets", "is_developing", "told"),
    [
        ({}, True, "no vLLM server answers at `URL`"),
        ({"/health": b"", "/v1/models": b"[]"}, True, "`URL/v1/models` names no models"),
        (
            {"/health": b"", "/v1/models": b'{"data": [{"id": "a"}, {"id": "b"}]}'},
            True,
            "the server at `URL` serves `a`, `b` and not `trained`",
        ),
        (
            {"/health": b"", "/v1/models": b'{"data": [{"id": "trained"}]}'},
            False,
            "the server at `URL` takes no weights: it is not in its development mode",
        ),
    ],
)
def test_a_server_that_cannot_draw_is_told_apart(
    server: tuple[str, StandIn], tmp_path: Path, gets: dict[str, bytes], is_developing: bool, told: str
) -> None:
    url, stand_in = server
    stand_in.gets, stand_in.is_developing = gets, is_developing
    with pytest.raises(DataError) as caught:
        Served(url, "trained", tmp_path).look("a start")
    assert str(caught.value) == told.replace("URL", url) + how(url)


def test_what_speaks_no_http_is_no_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def chat() -> None:
            line, _ = listening.accept()
            with line:
                line.recv(1024)
                line.sendall(b"220 mail.example ready\r\n")

        thread = threading.Thread(target=chat)
        thread.start()
        with pytest.raises(DataError, match="no vLLM server answers"):
            Served(url, "trained", tmp_path).look("a start")
        thread.join()


def test_half_a_start_is_no_start(data: Data, tokenizer: Any, model: Any, tmp_path: Path) -> None:
    (tmp_path / "start.partial").mkdir()
    (tmp_path / "start.partial" / "of-a-run-that-was-killed").touch()
    begin(model, tokenizer, tmp_path / "start")
    assert [place.name for place in tmp_path.iterdir()] == ["start"]
    assert not (tmp_path / "start" / "of-a-run-that-was-killed").exists()
    with pytest.raises(OSError, match="not empty"):
        begin(model, tokenizer, tmp_path / "start")


def test_weights_that_an_interrupted_run_left_are_removed(
    data: Data, tokenizer: Any, model: Any, server: tuple[str, StandIn], tmp_path: Path
) -> None:
    (tmp_path / "weights-7").mkdir()
    Served(server[0], "trained", tmp_path)(model, tokenizer, ids(tokenizer, data, 1), 4, 0.0, torch.Generator())
    assert [place.name for place in tmp_path.iterdir()] == ["weights-1"]
