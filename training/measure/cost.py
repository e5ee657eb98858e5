"""What a policy in the prompt costs: tokens, the time until its first answer token, completions a second.

Times are of this machine and of this moment. They are given for both views from one run, so that what counts is their
ratio; the batch sizes are those of the issue, 1, 8 and 64.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ..example import Data, Example
from ..prompting import View, prompt

BATCHES: Final = (1, 8, 64)
ROUNDS: Final = 5
VIEWS: Final[tuple[View, ...]] = ("identifier", "rule", "document")


class Cost(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Of one view: mean tokens of a prompt; by batch the median, least and greatest milliseconds of reading the prompts
    (`prefill_ms`), and tokens drawn a second over `longest` tokens each (`tokens_per_s`)."""

    prompt_tokens: float
    prefill_ms: dict[str, tuple[float, float, float]]
    tokens_per_s: dict[str, float]


def cost_of(
    model: Any, tokenizer: Any, examples: Sequence[Example], data: Data, longest: int = 32, rounds: int = ROUNDS
) -> dict[str, Cost]:
    """By view. `examples` are repeated where a batch has more places than there are."""
    import torch

    from ..model import sample

    device = model.get_input_embeddings().weight.device
    wait = torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
    was_training = model.training
    model.eval()
    found: dict[str, Cost] = {}
    for view in VIEWS:
        rows = [tokenizer(prompt(one, data, view), add_special_tokens=False)["input_ids"] for one in examples]
        cost = Cost(prompt_tokens=statistics.mean(map(len, rows)), prefill_ms={}, tokens_per_s={})
        for batch in BATCHES:
            prompts = [rows[place % len(rows)] for place in range(batch)]
            generator = torch.Generator(device).manual_seed(0)
            sample(model, tokenizer, prompts, 1, 0.0, generator)  # the first call warms up
            times = []
            for _ in range(rounds):
                wait()
                begun = time.perf_counter()
                sample(model, tokenizer, prompts, 1, 0.0, generator)
                wait()
                times.append((time.perf_counter() - begun) * 1e3)
            cost.prefill_ms[str(batch)] = (statistics.median(times), min(times), max(times))
            begun = time.perf_counter()
            drawn = sample(model, tokenizer, prompts, longest, 1.0, generator)
            wait()
            cost.tokens_per_s[str(batch)] = drawn.tokens.numel() / (time.perf_counter() - begun)
        found[view] = cost
    model.train(was_training)
    return found
