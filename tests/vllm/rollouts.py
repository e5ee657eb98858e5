"""A real vLLM server as who draws the rollouts: it draws what the trainer would, before and after a step of training.

Run by `make test-vllm`, after drive.py. A Llama of 2 layers is fine-tuned for some steps, so that its greedy answers
are not decided by rounding; the server starts on other weights than these. Exits with 1 where fewer than 19 of 20
greedy answers are equal: float32 sums in another order may turn one.
Usage: rollouts.py DIR     (as tests/vllm/setup.sh made it)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from drive import free_port, running

from training import Reward, completion, prompt
from training.cases import Knobs, of_knobs
from training.engines import Served, begin
from training.model import Shape, tiny, word_tokenizer
from training.stages import GRPO, Rollouts, Running, draw_here, run, sft

ASKED, LONGEST, LEAST = 20, 64, 19


def equal(served: Served, model: Any, tokenizer: Any, asked: list[list[int]]) -> int:
    generator = torch.Generator().manual_seed(0)
    theirs = served(model, tokenizer, asked, LONGEST, 0.0, generator)
    ours = draw_here(model, tokenizer, asked, LONGEST, 0.0, generator)
    return sum(one == other for one, other in zip(theirs, ours, strict=True))


def main(folder: Path) -> int:
    torch.set_num_threads(1)  # the server has the other core
    data = of_knobs(Knobs(environment=1, tasks=1, arguments=1, depth=2), 7, train=400, test=ASKED)
    texts = [prompt(one, data, "document") + completion(one) for one in (*data.train, *data.test)]
    tokenizer = word_tokenizer([*texts, *data.documents.values()], data.documents)
    model = tiny(Shape(layers=2, width=64, heads=2, inner=128), tokenizer, 0)
    asked = [tokenizer(prompt(one, data, "identifier"), add_special_tokens=False)["input_ids"] for one in data.test]
    with tempfile.TemporaryDirectory() as work:
        place = Path(work)
        begin(model, tokenizer, place / "start")
        run(sft(data, tokenizer, None, 8), model, Running(40, 3e-3, 0), place / "sft", "sft")
        port = free_port()
        command = [
            str(folder / "venv" / "bin" / "vllm"), "serve", str(place / "start"), "--served-model-name", "trained",
            "--host", "127.0.0.1", "--port", str(port), "--enforce-eager", "--max-model-len", "1024", "--dtype",
            "float32", "--max-num-seqs", "32",
        ]  # fmt: skip
        env = {
            "VLLM_SERVER_DEV_MODE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1",
        }  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        with running(command, f"{url}/health", 900, place / "vllm.log", env) as seconds:
            print(f"vLLM ready after {seconds:.0f} s")
            served = Served(url, "trained", place / "weights")
            before = equal(served, model, tokenizer, asked)
            stage = Rollouts(
                data, tokenizer, Reward.of(data), GRPO(4, plain=4, in_view=4, longest=LONGEST), draw=served
            )
            trained = run(stage, model, Running(3, 1e-3, 0, warmup=1), place / "grpo", "grpo")
            after = equal(served, model, tokenizer, asked)
    print(f"greedy answers equal: {before} of {ASKED}, after {trained[-1]['step']} steps {after} of {ASKED}")
    return 0 if min(before, after) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
