"""TRL (GRPOTrainer, from 1.16): its rows, its reward and PolicyRollout as its `rollout_func`.

    trainer = GRPOTrainer(
        model, reward_function(data), train_dataset=Dataset.from_list(rows(data)), processing_class=tokenizer,
        rollout_func=policy_rollout(data, tokenizer, longest=96), args=GRPOConfig(loss_type="dapo", num_generations=16),
    )

TRL hands every prompt in as often as a group is large. The second half of each group is drawn with the document in view
and handed back as if it were drawn without it (TriMPI, arXiv 2510.09474): TRL then takes the ratio without the document
for both. With vLLM its correction of sampling against training probabilities has to be off, because it would compare
one prompt's with another's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ..example import Data, DataError, Example, read
from ..prompting import prompt
from ..reward import Reward
from .sharded import gathered


def rows(data: Data) -> list[dict[str, str]]:
    """One for each training case: the prompt as text, and the case itself for the reward and the rollouts."""
    return [
        {"prompt": prompt(one, data, "identifier"), "example": msgspec.json.encode(one).decode()} for one in data.train
    ]


def reward_function(data: Data) -> Callable[..., list[float]]:
    """TRL's reward of completions, as texts; the column `example` comes along."""
    reward = Reward.of(data)

    def guard(completions: Sequence[str], example: Sequence[str], **_: Any) -> list[float]:
        cases = [msgspec.json.decode(one, type=Example) for one in example]
        return [reward(case, text).total for case, text in zip(cases, completions, strict=True)]

    return guard


def policy_rollout(data: Data, tokenizer: Any, longest: int = 96) -> Callable[[list[str], Any], dict[str, Any]]:
    """The rollout function over prompts of `rows`. DataError for a prompt that is none of them, and for groups of odd
    size. `logprobs` are those that a completion was drawn with; without vLLM TRL does not read them."""
    import torch

    from ..model import sample

    shown = {prompt(one, data, "identifier"): prompt(one, data, "document") for one in data.train}

    def rollout(prompts: list[str], trainer: Any) -> dict[str, Any]:
        size = trainer.num_generations
        if size % 2 or len(prompts) % size:
            raise DataError(f"half of each group is drawn with the document: {size} completions have no half")
        unknown = next((one for one in prompts if one not in shown), None)
        if unknown is not None:
            raise DataError(f"`{unknown[-80:]}` is no prompt of the data")
        model = trainer.accelerator.unwrap_model(trainer.model)
        device = model.get_input_embeddings().weight.device
        generator = torch.Generator(device).manual_seed(trainer.args.seed * 1_000_003 + trainer.state.global_step)
        in_view = [place % size >= size // 2 for place in range(len(prompts))]
        asked = [shown[one] if view else one for one, view in zip(prompts, in_view, strict=True)]
        answers: list[list[int]] = [[] for _ in prompts]
        logprobs: list[list[float]] = [[] for _ in prompts]
        was_training = model.training
        model.eval()
        for view in (False, True):
            places = [place for place, one in enumerate(in_view) if one is view]
            ids = [_ids(tokenizer, asked[place]) for place in places]
            with gathered(model):
                drawn = sample(model, tokenizer, ids, longest, 1.0, generator)
            for place, tokens, keep, found in zip(places, drawn.tokens, drawn.mask, drawn.logprobs, strict=True):
                answers[place], logprobs[place] = tokens[keep].tolist(), found[keep].tolist()
        model.train(was_training)
        plain = [_ids(tokenizer, one) for one in prompts]
        return {"prompt_ids": plain, "completion_ids": answers, "logprobs": logprobs}

    return rollout


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def main(argv: Sequence[str] | None = None) -> int:
    """`accelerate launch -m training.engines.trl DATA WEIGHTS OUT`: PolicyRollout by TRL, on as many devices as
    accelerate is told of. Exit code 0, 1 where it cannot be trained."""
    parser = argparse.ArgumentParser(prog="python -m training.engines.trl", description=main.__doc__)
    parser.add_argument("data", metavar="DATA", help="a data folder")
    parser.add_argument(
        "weights", metavar="WEIGHTS", help="a folder of safetensors with its tokenizer, or a .gguf file"
    )
    parser.add_argument("out", metavar="OUT", help="where the trained model goes")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rate", type=float, default=1e-6)
    parser.add_argument("--group", type=int, default=16, help="completions a prompt; half of them see the document")
    parser.add_argument("--batch", type=int, default=16, help="completions a device and step, whole groups in all")
    parser.add_argument("--longest", type=int, default=96, help="tokens of a completion")
    options = parser.parse_args(argv)
    try:
        _train(options)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _train(options: argparse.Namespace) -> None:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    from ..model import add_identifiers, load

    data = read(options.data)
    model, tokenizer = load(options.weights)
    add_identifiers(model, tokenizer, data.documents)
    numbers = GRPOConfig(
        output_dir=options.out,
        max_steps=options.steps,
        learning_rate=options.rate,
        num_generations=options.group,
        per_device_train_batch_size=options.batch,
        max_completion_length=options.longest,
        loss_type="dapo",
        epsilon=0.2,
        epsilon_high=0.28,
        beta=0.0,
        save_strategy="no",
        report_to=[],
        use_cpu=not _has_device(),
        bf16=_has_device(),
    )
    trainer = GRPOTrainer(
        model,
        reward_function(data),
        args=numbers,
        train_dataset=Dataset.from_list(rows(data)),
        processing_class=tokenizer,
        rollout_func=policy_rollout(data, tokenizer, options.longest),
    )
    trainer.train()
    trainer.save_model(options.out)


def _has_device() -> bool:
    import torch

    return bool(torch.cuda.is_available())


if __name__ == "__main__":
    sys.exit(main())
