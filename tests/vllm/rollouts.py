"""A real vLLM server as who draws the rollouts: it draws what the trainer would, before and after a step of training.

Run by `make test-vllm`, after drive.py. A recipe fine-tunes a Llama of 2 layers, so that its greedy answers are not
decided by rounding, and goes on with PolicyRollout; the server starts on other weights than these. Exits with 1 where
fewer than 19 of 20 greedy answers are equal: float32 sums in another order may turn one.
Usage: rollouts.py DIR     (as tests/vllm/setup.sh made it)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from drive import free_port, running
from msgspec.structs import replace

from training import DataError, prompt, write
from training.cases import Knobs, of_knobs
from training.engines import Served
from training.recipe import ModelPart, Recipe, ServedPart, StagePart, run_recipe
from training.stages import draw_here

ASKED, LONGEST, LEAST = 20, 64, 19


def equal(served: Served, model: Any, tokenizer: Any, asked: list[list[int]]) -> int:
    generator = torch.Generator().manual_seed(0)
    theirs = served(model, tokenizer, asked, LONGEST, 0.0, generator)
    ours = draw_here(model, tokenizer, asked, LONGEST, 0.0, generator)
    return sum(one == other for one, other in zip(theirs, ours, strict=True))


def main(folder: Path) -> int:
    torch.set_num_threads(1)  # the server has the other core
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as work:
        place = Path(work)
        data = of_knobs(Knobs(environment=1, tasks=1, arguments=1, depth=2), 7, train=400, test=ASKED)
        write(place / "data", data)
        sft = StagePart(kind="sft", steps=40, rate=3e-3, batch=8)
        grpo = StagePart(kind="grpo", steps=3, rate=1e-3, batch=4, plain=4, in_view=4, longest=LONGEST)
        recipe = Recipe(
            data=str(place / "data"),
            model=ModelPart(layers=2, width=64, heads=2, inner=128),
            stages=(sft, grpo),
            served=ServedPart(url=url, folder=str(place / "served")),
        )
        try:
            run_recipe(recipe, place / "run")
        except DataError as error:
            print(error)
        (start,) = (place / "served").iterdir()
        command = [
            str(folder / "venv" / "bin" / "vllm"), "serve", str(start), "--served-model-name",
            "trained", "--host", "127.0.0.1", "--port", str(port), "--enforce-eager", "--max-model-len", "1024",
            "--dtype", "float32", "--max-num-seqs", "32",
        ]  # fmt: skip
        env = {
            "VLLM_SERVER_DEV_MODE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1",
        }  # fmt: skip
        with running(command, f"{url}/health", 900, place / "vllm.log", env) as seconds:
            print(f"vLLM ready after {seconds:.0f} s")
            served = Served(url, "trained", place / "compared")
            first = run_recipe(replace(recipe, stages=(sft,)), place / "run")
            asked = [
                first.tokenizer(prompt(one, data, "identifier"), add_special_tokens=False)["input_ids"]
                for one in data.test
            ]
            before = equal(served, first.model, first.tokenizer, asked)
            trained = run_recipe(recipe, place / "run")
            after = equal(served, trained.model, trained.tokenizer, asked)
    steps = trained.metrics[1][-1]["step"]
    print(f"greedy answers equal: {before} of {ASKED}, after {steps} steps {after} of {ASKED}")
    return 0 if min(before, after) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
