"""GRPO, and PolicyRollout (TriMPI, arXiv 2510.09474): groups of completions, the Guard's reward, a clipped loss.

With `in_view` 0 this is GRPO with DAPO's clip-higher and a mean over tokens. With `in_view` > 0 that many more of a
group are drawn with the document in the prompt; advantages are pooled over both, and the ratio is taken without the
document for both, which is biased on purpose. Departures: a group that is all alike is dropped, not drawn again
(DAPO draws up to 20 times), and one batch of rollouts serves one step of `updates_per_rollout` updates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..example import Data
from ..model.sampling import sample
from ..prompting import prompt
from ..reward import Reward
from .loop import Update
from .losses import advantages, clipped, informative, inner_logits, token_logprobs


@dataclass(frozen=True, slots=True)
class GRPO:
    """Numbers of the stage. `plain` + `in_view` completions a prompt, `prompts` a step, `longest` tokens each."""

    prompts: int = 16
    plain: int = 8
    in_view: int = 0
    longest: int = 96
    temperature: float = 1.0
    low: float = 0.2
    high: float = 0.28
    updates_per_rollout: int = 1
    inner_layer: int | None = None
    """BuPO: for the first `inner_steps` steps, the log-probabilities of this layer (from 0)."""
    inner_steps: int = 0


@dataclass(slots=True)
class Rollouts:
    """The stage over `data.train`."""

    data: Data
    tokenizer: Any
    reward: Reward
    numbers: GRPO
    _last: dict[str, float] = field(default_factory=dict)

    def updates(self, model: Any, step: int, generator: torch.Generator) -> Iterator[Update]:
        """Draws, grades, and yields the updates; none where every group is all alike."""
        of = self.numbers
        picked = torch.randint(len(self.data.train), (of.prompts,), generator=generator, device=generator.device)
        examples = [self.data.train[place] for place in picked.tolist()]
        plain = [self._ids(prompt(example, self.data, "identifier")) for example in examples]
        shown = [self._ids(prompt(example, self.data, "document")) for example in examples] if of.in_view else []
        completions, rewards, fine = [], [], 0
        for asked, count in ((plain, of.plain), (shown, of.in_view)):
            if not count:
                continue
            repeated = [row for row in asked for _ in range(count)]
            model.eval()
            drawn = sample(model, self.tokenizer, repeated, of.longest, of.temperature, generator)
            model.train()
            rows = [row[keep].tolist() for row, keep in zip(drawn.tokens, drawn.mask, strict=True)]
            texts = self.tokenizer.batch_decode(rows)
            graded = [self.reward(examples[place // count], text) for place, text in enumerate(texts)]
            fine += sum(one.effect and one.rule for one in graded)
            completions.append([rows[place : place + count] for place in range(0, len(rows), count)])
            rewards.append(torch.tensor([one.total for one in graded]).view(-1, count))
        pooled = torch.cat(rewards, 1)
        useful = informative(pooled)
        self._last = {
            "reward": float(pooled.mean()),
            "right": fine / pooled.numel(),
            "useful": float(useful.float().mean()),
        }
        kept = [place for place, use in enumerate(useful.tolist()) if use]
        if not kept:
            return
        asked = [plain[place] for place in kept for half in completions for _ in half[place]]
        answers = [row for place in kept for half in completions for row in half[place]]
        weight = advantages(pooled)[kept].flatten().to(generator.device)
        tokens, attention, mask = _joined(asked, answers, self.tokenizer.eos_token_id, generator.device)
        layer = of.inner_layer if step < of.inner_steps else None
        with torch.no_grad():
            old = _logprobs(model, tokens, attention, layer)
        for _ in range(of.updates_per_rollout):
            yield [
                lambda: clipped(_logprobs(model, tokens, attention, layer), old, weight, mask[:, 1:], of.low, of.high)
            ]

    def metrics(self) -> dict[str, float]:
        """Mean reward, share with the right effect and rule, share of groups that differ; of the last step."""
        return self._last

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _joined(asked: list[list[int]], answers: list[list[int]], end: int, device: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Right-padded (tokens, attention, mask of the answer), each [B, T]."""
    width = max(len(one) + len(other) for one, other in zip(asked, answers, strict=True))
    tokens, attention, mask = [], [], []
    for one, other in zip(asked, answers, strict=True):
        left = width - len(one) - len(other)
        tokens.append(one + other + [end] * left)
        attention.append([1] * (width - left) + [0] * left)
        mask.append([False] * len(one) + [True] * len(other) + [False] * left)
    return (
        torch.tensor(tokens, device=device),
        torch.tensor(attention, device=device),
        torch.tensor(mask, device=device),
    )


def _logprobs(model: Any, tokens: Tensor, attention: Tensor, layer: int | None) -> Tensor:
    out = model(input_ids=tokens, attention_mask=attention, use_cache=False, output_hidden_states=layer is not None)
    logits = out.logits if layer is None else inner_logits(model, out.hidden_states, layer)
    return token_logprobs(logits[:, :-1], tokens[:, 1:])
